"""Events with which the server keeps failing while it accepts others."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sortition._base.clock import now_s

if TYPE_CHECKING:
    from sortition._sending.queue import QueuedEvent

_MOST: Final = 100
"""How many events may be set aside; further ones hold up later events."""
_LEAST_PAUSE_S: Final = 1.0


@dataclass(eq=False, slots=True)
class Aside:
    """An event that was set aside.

    Attributes:
        event: The event.
        ends_at: When its retries end.
        failures: How often it has failed since it was set aside.
        failed_at: When it last failed.
        retry_at: When it is sent again.
        flushes: The number of flushes when it was last sent.
        may_have_arrived: Whether the server may have it.
    """

    event: QueuedEvent
    ends_at: float
    failures: int = 0
    failed_at: float = 0.0
    retry_at: float = 0.0
    flushes: int = 0
    may_have_arrived: bool = False

    def note_failure(self, wait_s: float, flushes: int, *, may_have_arrived: bool) -> None:
        """Note that the event failed and will be sent again after this many seconds."""
        self.failures += 1
        self.failed_at = now_s()
        self.retry_at = self.failed_at + wait_s
        self.flushes = flushes
        self.may_have_arrived |= may_have_arrived


class SetAside:
    """Keeps such events until they are retried. Safe to use from any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._events: list[Aside] = []
        # Events that are being retried keep their place.
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def take(self, aside: Aside, *, has_evidence: bool) -> bool:
        """Set an event aside; False if there are too many.

        Args:
            aside: The event.
            has_evidence: Whether the server has accepted another event meanwhile. Otherwise it may
                be down, and only one event is set aside, to try another.
        """
        with self._lock:
            if self._count >= (_MOST if has_evidence else 1):
                return False
            self._count += 1
            self._events.append(aside)
            return True

    def put_back(self, aside: Aside) -> None:
        """Put an event back that failed again."""
        with self._lock:
            self._events.append(aside)

    def forget(self) -> None:
        """Forget an event that has an outcome."""
        with self._lock:
            self._count -= 1

    def due(self, flushes: int, *, is_closing: bool) -> Aside | None:
        """An event to retry now, which the caller then puts back or forgets."""
        with self._lock:
            now = now_s()
            for aside in self._events:
                if now >= _due_at(aside, flushes, is_closing=is_closing):
                    self._events.remove(aside)
                    return aside
            return None

    def due_in_s(self, flushes: int, *, is_closing: bool) -> float | None:
        """The seconds until the next retry; None if there is none."""
        with self._lock:
            due = [_due_at(aside, flushes, is_closing=is_closing) for aside in self._events]
        return max(0.0, min(due) - now_s()) if due else None


def _due_at(aside: Aside, flushes: int, *, is_closing: bool) -> float:
    if is_closing or flushes > aside.flushes:
        return min(aside.retry_at, aside.failed_at + _LEAST_PAUSE_S)
    return min(aside.retry_at, aside.ends_at)
