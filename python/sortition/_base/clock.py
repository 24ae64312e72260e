"""The clock by which ages are told."""

from __future__ import annotations

import time

if hasattr(time, "CLOCK_BOOTTIME"):

    def now_s() -> float:
        """Seconds since some moment in the past, those included in which the machine slept."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:

    def now_s() -> float:
        """Seconds since some moment in the past."""
        return time.monotonic()
