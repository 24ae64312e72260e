"""Measures the age of an event without the wall clock.

The wall clock of a machine may be wrong by years until it is set, so the age of an event is
measured with the clock that counts from the start of the machine. Two readings of it are comparable
only if they belong to the same start of the same machine, which the system identifies by a random
number.
"""

from __future__ import annotations

import functools
import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sortition._sending.spool.record import ClockReading

if TYPE_CHECKING:
    from sortition._sending.spool.record import Content, StoredEvent

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_BOOT_BYTES: Final = 8
# It also counts while the machine sleeps; elsewhere the monotonic clock is the closest one.
_UPTIME_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def now() -> ClockReading:
    """Read the clocks."""
    return ClockReading(_boot(), max(0, time.time_ns() // 1_000_000), uptime_ms())


def uptime_ms() -> int:
    """The time since the machine was started, in milliseconds."""
    if _UPTIME_CLOCK is None:
        return time.monotonic_ns() // 1_000_000
    return time.clock_gettime_ns(_UPTIME_CLOCK) // 1_000_000


def age_s(event: StoredEvent, content: Content, reading: ClockReading) -> float | None:
    """The minimum age of an event, in seconds.

    Time that could not be measured does not count: the time before the file came to this machine,
    or before this start of it.

    Args:
        event: The event.
        content: The content of its file.
        reading: The current reading of the clocks.

    Returns:
        The age; None if it is unknown.
    """
    if not any(reading.boot):
        return None
    clock = event.clock
    if clock is not None and clock.boot == reading.boot:
        since_ms = event.accepted_at_ms - clock.wall_ms + clock.uptime_ms
        return (reading.uptime_ms - since_ms) / 1000
    for later in content.clocks:
        if later.boot == reading.boot:
            return (reading.uptime_ms - later.uptime_ms) / 1000
    return None


@functools.cache
def _boot() -> bytes:
    """Identifies this start of this machine; zeros if the system does not tell."""
    try:
        text = _BOOT_ID.read_bytes().strip()
    except OSError:
        text = b""
    return hashlib.blake2b(text, digest_size=_BOOT_BYTES).digest() if text else bytes(_BOOT_BYTES)
