"""The header ``Retry-After``: the pause that a server asks for."""

from __future__ import annotations

import time
from typing import Final

LONGEST_FOR_EVENTS_S: Final = 120.0
"""The longest pause for events that a server can ask for, in seconds."""

LONGEST_FOR_SETTINGS_S: Final = 3600.0
"""The longest pause for settings that a server can ask for, in seconds."""

_MOST_DIGITS: Final = 9


def retry_after_s(header: str | None, longest_s: float = LONGEST_FOR_EVENTS_S) -> float:
    """The pause that the server asks for, in seconds; 0 if it asks for none.

    Reads both forms of the header: a number of seconds, and a date.

    Args:
        header: The header ``Retry-After``; None if it is missing.
        longest_s: The upper bound of the result.
    """
    if header is None:
        return 0.0
    text = header.strip()
    if text.isascii() and text.isdigit():
        # More digits could make a number too large for any clock.
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
