"""When a request is sent again."""

from __future__ import annotations

import random
import time
from typing import Final

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_LONGEST_RETRY_AFTER_S: Final = 120.0
_MOST_DOUBLINGS: Final = 16

# Its own source, so that the service's seeded random numbers are not disturbed.
_RANDOM: Final = random.SystemRandom()


def is_worth_retrying(status: int) -> bool:
    """Whether a server that answered with this status may take the same request later."""
    return status in (408, 429) or status >= 500  # noqa: PLR2004 -- HTTP's own numbers


def pause_s(failures: int) -> float:
    """How long to wait after so many failures running, in seconds.

    By chance between nothing and a bound that doubles, so that a fleet does not come back at once.
    """
    bound = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(failures, _MOST_DOUBLINGS))
    return _RANDOM.uniform(0.0, bound)


def retry_after_s(header: str | None, longest_s: float = _LONGEST_RETRY_AFTER_S) -> float:
    """How long the server asks to be left alone, in seconds; 0 where it does not.

    Both forms of the header are read: a number of seconds, and a date.

    Args:
        header: The header ``Retry-After``; None where there is none.
        longest_s: The bound on what is answered.
    """
    if header is None:
        return 0.0
    text = header.strip()
    if text.isascii() and text.isdigit():
        # Digits may be too many for a number that a clock could take.
        wanted = float(text[:9])
    else:
        # Few servers send a date, and the import takes its time.
        import email.utils  # noqa: PLC0415

        try:
            at = email.utils.parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return 0.0
        wanted = at.timestamp() - time.time()
    return min(longest_s, max(0.0, wanted))
