"""Telling of events that are lost or refused: the log, and the caller's ``on_drop``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._log import Log

    OnDrop: TypeAlias = Callable[[str, int], object]


def tell_of_drop(log: Log, on_drop: OnDrop | None, reason: str, count: int) -> None:
    """Tell of so many events at once.

    To be called with no lock of ours held: the caller's code may do anything.
    """
    log.recurring_error(
        ("dropped", reason), lambda: f"{count} events were lost: {reason.replace('_', ' ')}"
    )
    if on_drop is None:
        return
    try:
        on_drop(reason, count)
    except Exception as raised:  # noqa: BLE001 -- the caller's code may raise anything
        log.exception_of("on_drop", raised)
