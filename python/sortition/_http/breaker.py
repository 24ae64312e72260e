"""A circuit breaker: skips a server for a while that fails again and again."""

from __future__ import annotations

import threading
from typing import Final

from sortition._base.clock import now_s

FAILURES_UNTIL_PAUSE: Final = 3
"""How many failures in a row start a pause."""

PAUSE_S: Final = 10.0
"""How long a pause lasts, in seconds."""


class Breaker:
    """Says whether to ask a server. Safe to use from any number of threads.

    Three failures in a row start a pause of ten seconds. After it, one request passes; the others
    still fail at once until its outcome is known. A success ends the pause and the row of failures.
    """

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        self._pause_s = pause_s
        # Reentrant: a signal handler may ask within any of these lines.
        self._lock = threading.RLock()
        self._failures_in_a_row = 0
        self._paused_until = 0.0

    def allows(self) -> bool:
        """Whether to ask the server now."""
        with self._lock:
            if self._failures_in_a_row < FAILURES_UNTIL_PAUSE:
                return True
            now = now_s()
            if now < self._paused_until:
                return False
            # This request is the trial; the pause continues for all others.
            self._paused_until = now + self._pause_s
            return True

    @property
    def is_open(self) -> bool:
        """Whether so many requests failed that only trials pass."""
        with self._lock:
            return self._failures_in_a_row >= FAILURES_UNTIL_PAUSE

    def note_success(self) -> None:
        """Note that the server answered, even if it refused the request."""
        with self._lock:
            self._failures_in_a_row = 0

    def note_failure(self) -> None:
        """Note that the server failed or did not answer."""
        with self._lock:
            self._failures_in_a_row += 1
            self._paused_until = now_s() + self._pause_s
