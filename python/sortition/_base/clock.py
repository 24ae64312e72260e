"""The clock for ages."""

from __future__ import annotations

import time

if hasattr(time, "CLOCK_BOOTTIME"):

    def now_s() -> float:
        """Seconds since some moment in the past, including time in which the machine slept."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:

    def now_s() -> float:
        """Seconds since some moment in the past."""
        return time.monotonic()
