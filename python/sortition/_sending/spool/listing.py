"""What is in a spool's folder: looked at from outside, without changing anything."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from sortition._sending.spool import age, files
from sortition._sending.spool.process_folder import (
    FolderName,
    folders_in,
    is_alive,
    segments_in,
)
from sortition._sending.spool.record import content_of

if TYPE_CHECKING:
    from sortition._sending.spool.record import ClockReading, Content, StoredEvent

State: TypeAlias = Literal["alive", "ended", "unreadable"]
"""Whether the process that keeps events runs; or that nobody can tell, as the folder is not
readable, not the own user's alone, or without its lock."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What one client of one process keeps, or has left.

    Attributes:
        platform: ``vwo`` or ``pagesense``.
        account: The account.
        pid: The process id.
        state: Whether the process is alive.
        events: How many events are not settled.
        size: The bytes of its files.
        oldest_s: How long ago the oldest of these events was accepted, in seconds; None without
            any. Measured where the machine was not restarted since, otherwise by the wall clock.
        damaged: How many stretches of its files cannot be read.
    """

    platform: str
    account: str
    pid: int
    state: State
    events: int = 0
    size: int = 0
    oldest_s: float | None = None
    damaged: int = 0


def kept_in(path: str) -> list[Kept]:
    """What is in a spool's folder, by process.

    Raises:
        OSError: The folder cannot be read.
    """
    root = files.open_root(path)
    try:
        return [_kept(root, name) for name in folders_in(root)]
    finally:
        os.close(root)


def _kept(root: int, name: FolderName) -> Kept:
    whose = (name.owner.platform, name.owner.account, name.pid)
    try:
        folder = files.open_folder(name.text, root)
    except OSError:
        return Kept(*whose, "unreadable")
    try:
        alive = is_alive(folder)
        return _read(folder, whose, "alive" if alive else "ended")
    except OSError:
        return Kept(*whose, "unreadable")
    finally:
        os.close(folder)


def _read(folder: int, whose: tuple[str, str, int], state: State) -> Kept:
    events = size = damaged = 0
    ages: list[float] = []
    reading = age.now()
    for segment in segments_in(folder):
        try:
            data = files.read(segment, folder)
        except FileNotFoundError:
            # Its process has sent it in the meantime.
            continue
        content = content_of(data)
        size += len(data)
        events += len(content.events)
        # What is being written now is not whole, and not damaged either.
        damaged += content.damaged if state == "ended" else 0
        ages += (_age_s(event, content, reading) for event in content.events)
    oldest_s = max(0.0, *ages) if ages else None
    return Kept(*whose, state, events, size, oldest_s, damaged)


def _age_s(event: StoredEvent, content: Content, reading: ClockReading) -> float:
    clock = event.clock
    if clock is not None and clock.boot == reading.boot:
        measured_s = age.age_s(event, content, reading)
        if measured_s is not None:
            return measured_s
    return (reading.wall_ms - event.accepted_at_ms) / 1000
