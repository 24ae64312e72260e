"""When to ask for settings next."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from sortition._http.answers import is_refusal

FLOOR_S: Final = 1.0
"""The least time between two requests, whatever asks for them."""

JITTER: Final = 0.1
"""By how much an interval is longer or shorter by chance."""

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 300.0
_LONGEST_PAUSE_WITHOUT_S: Final = 60.0
"""The same for a client that waits for its first settings."""
_MOST_DOUBLINGS: Final = 16
_FIRST_REFUSALS_S: Final = ((10.0, 20.0), (20.0, 40.0))
"""Three requests within the first minute, as some keys take a while to be known everywhere."""
_REFUSALS_S: Final = (600.0, 900.0)
_WOKEN_REFUSALS_S: Final = 60.0
"""The same for a webhook, which may come because the key was put right."""

# Its own source, so that the service's seeded random numbers are not disturbed.
_RANDOM: Final = random.SystemRandom()


@dataclass(slots=True)
class Streak:
    """What went wrong since the last success; a forked child goes on from its parent's.

    Attributes:
        failures: How often no usable answer came.
        refusals: How often the server said that it will not answer, as `is_refusal` tells.
    """

    failures: int = 0
    refusals: int = 0

    def note(self, *, is_success: bool, status: int | None) -> None:
        """An answer came, or none; `status` is that of an answer that is an error."""
        if is_success:
            self.failures = self.refusals = 0
        elif is_refusal(status):
            self.refusals += 1
        else:
            self.failures += 1


class Schedule:
    """When one process asks for settings next. It reads no clock, and is used under a lock.

    At an interval, longer or shorter by chance, whose first one begins at any point: clients that
    are started together do not ask together. After failures in pauses that grow, by chance too;
    where the server refuses, every ten to fifteen minutes; and never before the server is ready to
    be asked again. Without an interval only until an answer that is needed is there.

    Attributes:
        next_at: When to ask; None where nothing is to be asked.
        interval_s: The interval, in seconds; None for none.
    """

    def __init__(
        self, interval_s: float | None, now: float, streak: Streak, *, is_needed: bool
    ) -> None:
        """Begin at this moment.

        Args:
            interval_s: The interval, in seconds; None for none.
            now: The time.
            streak: What went wrong before.
            is_needed: Whether the server's settings are still to come.
        """
        self.next_at: float | None = None
        self.interval_s = interval_s
        self._streak = streak
        self._is_needed = is_needed
        self._may_ask_from = now
        self._may_wake_from = now
        if is_needed:
            self.next_at = now + (self._pause_s() if streak.failures or streak.refusals else 0.0)
        elif interval_s is not None:
            self.next_at = now + _RANDOM.uniform(0.0, interval_s)

    def wait_s(self, now: float) -> float:
        """How long whoever asks now has to wait, in seconds."""
        return max(0.0, self._may_ask_from - now)

    def begin(self, now: float) -> None:
        """A request begins."""
        self._may_ask_from = self._may_wake_from = now + FLOOR_S

    def wake(self, now: float) -> None:
        """Ask as soon as that may be: there is something new."""
        self._is_needed = True
        woken_at = max(now, self._may_wake_from)
        self.next_at = woken_at if self.next_at is None else min(self.next_at, woken_at)

    def stop(self) -> None:
        """Ask at no interval any more."""
        self.interval_s = None
        if not self._is_needed:
            self.next_at = None

    def note_success(self, now: float, retry_after_s: float) -> None:
        """A usable answer came."""
        self._streak.note(is_success=True, status=None)
        self._is_needed = False
        self._plan(now, self._interval_with_jitter(), retry_after_s)

    def note_failure(self, now: float, status: int | None, retry_after_s: float) -> None:
        """None came; `status` is that of the answer, where there was one."""
        self._streak.note(is_success=False, status=status)
        self._plan(now, self._pause_s(), retry_after_s)
        if self._streak.refusals:
            self._may_wake_from = max(self._may_wake_from, now + _WOKEN_REFUSALS_S)

    def _plan(self, now: float, pause_s: float, retry_after_s: float) -> None:
        self._may_ask_from = max(self._may_ask_from, now + retry_after_s)
        self._may_wake_from = max(self._may_wake_from, now + retry_after_s)
        self.next_at = None
        if self.interval_s is not None or self._is_needed:
            self.next_at = max(now + max(pause_s, retry_after_s), self._may_ask_from)

    def _interval_with_jitter(self) -> float:
        return (self.interval_s or 0.0) * _RANDOM.uniform(1.0 - JITTER, 1.0 + JITTER)

    def _pause_s(self) -> float:
        """How long to wait after what went wrong."""
        refusals = self._streak.refusals
        if refusals:
            few = refusals <= len(_FIRST_REFUSALS_S)
            bounds = _FIRST_REFUSALS_S[refusals - 1] if few else _REFUSALS_S
            return max(_RANDOM.uniform(*bounds), self._interval_with_jitter())
        first_s, longest_s = _FIRST_PAUSE_S, _LONGEST_PAUSE_WITHOUT_S
        if not self._is_needed and self.interval_s is not None:
            first_s, longest_s = self.interval_s, max(_LONGEST_PAUSE_S, self.interval_s)
        doublings = min(max(0, self._streak.failures - 1), _MOST_DOUBLINGS)
        return min(longest_s, first_s * 2.0**doublings) * _RANDOM.uniform(0.5, 1.0)
