"""Calculates when to ask for settings next."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from sortition._http.answers import is_refusal

FLOOR_S: Final = 1.0
"""The shortest time between any two requests."""

JITTER: Final = 0.1
"""The random variation of an interval."""

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 300.0
_LONGEST_PAUSE_WITHOUT_S: Final = 60.0
"""The same for a client that waits for its first settings."""
_MOST_DOUBLINGS: Final = 16
_FIRST_REFUSALS_S: Final = ((10.0, 20.0), (20.0, 40.0))
"""Three requests within the first minute: a new key takes a while to be known everywhere."""
_REFUSALS_S: Final = (600.0, 900.0)
_WOKEN_REFUSALS_S: Final = 60.0
"""The same for a webhook, which may come because somebody corrected the key."""

# Its own source, so that the service's seeded random numbers are not disturbed.
_RANDOM: Final = random.SystemRandom()


@dataclass(slots=True)
class Streak:
    """The failures since the last success; a forked child continues its parent's.

    Attributes:
        failures: How often there was no usable answer.
        refusals: How often the server refused, as `is_refusal` defines it.
    """

    failures: int = 0
    refusals: int = 0

    def note(self, *, is_success: bool, status: int | None) -> None:
        """Count a failure; `status` is the status of an error answer, if there was one."""
        if is_success:
            self.failures = self.refusals = 0
        elif is_refusal(status):
            self.refusals += 1
        else:
            self.failures += 1


class Schedule:
    """When one process asks for settings next. Reads no clock, and is used under a lock.

    It asks at a randomly varied interval. The first interval starts at a random point, so that
    clients which start together do not ask together. After failures, the pauses grow, also at
    random; if the server refuses, it asks every ten to fifteen minutes. It never asks before the
    server allows. Without an interval, it asks only until a required answer has arrived.

    Attributes:
        next_at: When to ask; None for never.
        interval_s: The interval, in seconds; None for none.
    """

    def __init__(
        self, interval_s: float | None, now: float, streak: Streak, *, is_needed: bool
    ) -> None:
        """Start at this moment.

        Args:
            interval_s: The interval, in seconds; None for none.
            now: The time.
            streak: The earlier failures.
            is_needed: Whether the server has not sent settings yet.
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
        """How long a caller who asks now must wait, in seconds."""
        return max(0.0, self._may_ask_from - now)

    def begin(self, now: float) -> None:
        """Note that a request begins."""
        self._may_ask_from = self._may_wake_from = now + FLOOR_S

    def wake(self, now: float) -> None:
        """Ask as soon as allowed, because there are new settings."""
        self._is_needed = True
        woken_at = max(now, self._may_wake_from)
        self.next_at = woken_at if self.next_at is None else min(self.next_at, woken_at)

    def stop(self) -> None:
        """Ask at no interval any more."""
        self.interval_s = None
        if not self._is_needed:
            self.next_at = None

    def note_success(self, now: float, retry_after_s: float) -> None:
        """Note a usable answer."""
        self._streak.note(is_success=True, status=None)
        self._is_needed = False
        self._plan(now, self._interval_with_jitter(), retry_after_s)

    def note_failure(self, now: float, status: int | None, retry_after_s: float) -> None:
        """Note that there was no usable answer; `status` is the status of the answer, if any."""
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
        """How long to wait after the failures so far."""
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
