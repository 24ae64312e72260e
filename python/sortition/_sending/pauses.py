"""Pauses between two attempts, which a flush and a close cut short."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Final

from sortition._base.clock import now_s
from sortition._sending import ledger as reasons

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._sending.drops import Drops
    from sortition._sending.queue import Queue

_LEAST_PAUSE_S: Final = 1.0
"""The shortest pause between two attempts, even if a caller flushes repeatedly."""


class Pauses:
    """Lets senders wait until an attempt may be repeated.

    Args:
        events: The queue.
        drops: The losses to report meanwhile.
        tell_drops: Reports them.
    """

    def __init__(self, events: Queue, drops: Drops, tell_drops: Callable[[], None]) -> None:
        self._queue = events
        self._drops = drops
        self._tell_drops = tell_drops
        self._pausing: set[queue.SimpleQueue[None]] = set()
        # Those whose pause takes no account of a report, because there was nothing to report.
        self._without_report: set[queue.SimpleQueue[None]] = set()

    def interrupt(self) -> None:
        """Make every pausing sender check whether it still has to wait."""
        for bell in list(self._pausing):
            _ring(bell)

    def note_drop(self) -> None:
        """Make pausing senders report a loss or a refusal in time."""
        for bell in list(self._without_report):
            _ring(bell)

    def wait(
        self, wait_s: float, ends_at: float, flushes: int, beat: Callable[[float], None]
    ) -> str | None:
        """Wait until the next attempt.

        Args:
            wait_s: How long, in seconds.
            ends_at: When the attempts end.
            flushes: The number of flushes when the last attempt began. A flush shortens the pause,
                but not to less than a second.
            beat: Called with the seconds until the sender's next sign of life.

        Returns:
            Why there is no further attempt; None if there is one.
        """
        events = self._queue
        failed_at = now_s()
        was_closing = events.is_closing
        bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._pausing.add(bell)
        try:
            while True:
                now = now_s()
                time_left_s = events.time_left_s()
                if time_left_s == 0:
                    return reasons.CLOSED
                if now >= ends_at:
                    return reasons.RETRIES_ENDED
                # A close gets one attempt at once, and more in the time that is left.
                if events.is_closing and not was_closing:
                    return None
                until = failed_at + wait_s
                if events.flush_count > flushes or was_closing:
                    until = min(until, failed_at + _LEAST_PAUSE_S)
                if now >= until:
                    return None
                # In this order, so that no refusal is missed.
                self._without_report.add(bell)
                tells_in_s = self._drops.due_in_s()
                if tells_in_s is not None:
                    self._without_report.discard(bell)
                if tells_in_s == 0:
                    self._tell_drops()
                    continue
                waits = [until - now, ends_at - now, time_left_s, tells_in_s]
                left_s = min(each for each in waits if each is not None)
                beat(left_s)
                wait_for(bell, left_s)
        finally:
            self._pausing.discard(bell)
            self._without_report.discard(bell)


def _ring(bell: queue.SimpleQueue[None]) -> None:
    # A bell that rings already wakes its sender; a busy service would fill it without bound.
    if bell.empty():
        bell.put(None)


def wait_for(bell: queue.SimpleQueue[None], timeout_s: float | None) -> bool:
    """Wait until a bell rings; whether it did within this time, in seconds."""
    try:
        bell.get(timeout=timeout_s if timeout_s is None else max(0.0, timeout_s))
    except queue.Empty:
        return False
    return True
