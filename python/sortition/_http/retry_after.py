"""The header ``Retry-After``: how long a server asks to be left alone."""

from __future__ import annotations

import time
from typing import Final

LONGEST_FOR_EVENTS_S: Final = 120.0
"""The longest that events wait because a server asks for it, in seconds."""

LONGEST_FOR_SETTINGS_S: Final = 3600.0
"""The longest that requests for settings wait because a server asks for it, in seconds."""

_MOST_DIGITS: Final = 9


def retry_after_s(header: str | None, longest_s: float = LONGEST_FOR_EVENTS_S) -> float:
    """How long the server asks to be left alone, in seconds; 0 where it does not ask.

    Reads both forms of the header: a number of seconds, and a date.

    Args:
        header: The header ``Retry-After``; None where there is none.
        longest_s: The upper bound of the result.
    """
    if header is None:
        return 0.0
    text = header.strip()
    if text.isascii() and text.isdigit():
        # More digits could make a number that no clock can take.
        wanted = float(text[:_MOST_DIGITS])
    else:
        # Few servers send a date, and the import is slow.
        import email.utils  # noqa: PLC0415

        try:
            at = email.utils.parsedate_to_datetime(text)
            wanted = at.timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return 0.0
    return min(longest_s, max(0.0, wanted))
