"""How long to wait before a request is retried."""

from __future__ import annotations

import random
from typing import Final

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_MOST_DOUBLINGS: Final = 16

# Its own source, so that the service's seeded random numbers are not disturbed.
_RANDOM: Final = random.SystemRandom()


def pause_s(failures: int) -> float:
    """How long to wait after this many failures in a row, in seconds.

    A random time between zero and a bound that doubles up to half a minute, so that the clients of
    a fleet do not all retry at the same moment.
    """
    bound = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(failures, _MOST_DOUBLINGS))
    return _RANDOM.uniform(0.0, bound)
