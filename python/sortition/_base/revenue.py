"""Checks whether a revenue is a readable amount.

sortition sends a conversion's revenue as the caller gives it, but a report can only add up a
readable amount:

- an integer or a finite float, or text that is a decimal number in ASCII digits, with an optional
  sign, fraction and exponent, such as ``19.90``, ``-5`` or ``1e3``; blanks around it are ignored;
- smaller than 10**15, whatever its sign.

Booleans, grouped digits (``1,000``), currencies (``12 EUR``), ``nan`` and ``inf`` are not amounts.
`docs/events.md` says the same, and the collector's reader follows it; a test compares both.

Which revenue an event carries is a rule of the engine (``vwo/call``, ``pagesense/call``).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

AMOUNT_LIMIT: Final = 10**15
"""An amount is smaller than this, whatever its sign."""

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST_TEXT: Final = 100


def is_amount(value: object) -> bool:
    """Whether a revenue can be added up."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST_TEXT or not _DECIMAL.fullmatch(text):
            return False
        return abs(Decimal(text)) < AMOUNT_LIMIT
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # Also false for what is not a number.
    return abs(value) < AMOUNT_LIMIT
