"""The clock for deadlines and ages. Tools that freeze time for tests do not stop it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

# Tools that freeze time replace `time.monotonic`, but no clock that is read by its number.
if hasattr(time, "CLOCK_BOOTTIME"):

    def now_s() -> float:
        """Seconds since some moment in the past, including time in which the machine slept."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif hasattr(time, "CLOCK_MONOTONIC"):

    def now_s() -> float:
        """Seconds since some moment in the past."""
        return time.clock_gettime(time.CLOCK_MONOTONIC)

else:

    def now_s() -> float:
        """Seconds since some moment in the past."""
        return time.monotonic()


def wait_until(
    changed: threading.Condition, is_met: Callable[[], object], timeout_s: float
) -> bool:
    """Wait on a condition until something holds; the caller holds the condition's lock.

    `Condition.wait_for` reads a clock that can be frozen, and then it never ends.

    Args:
        changed: Notified whenever that may have changed.
        is_met: Says whether it holds.
        timeout_s: The longest wait, in seconds.

    Returns:
        Whether it holds now.
    """
    until = now_s() + timeout_s
    while not is_met():
        left_s = until - now_s()
        if left_s <= 0:
            return False
        changed.wait(left_s)
    return True
