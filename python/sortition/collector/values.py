"""Checks and conversions of request values, the same for both platforms."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Final, NamedTuple

from sortition.collector.event import MalformedError

_MOST_REVENUE: Final = Decimal(10) ** 15
_LEAST_REVENUE: Final = Decimal(10) ** -9
_LONGEST_AMOUNT: Final = 100
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def json_of(place: str, content: str | bytes) -> object:
    """Parse JSON. Strings in the result may contain lone surrogates, from escapes."""
    try:
        text = content if isinstance(content, str) else content.decode()
        parsed: object = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise MalformedError(f"{place} is no JSON") from None
    return parsed


def json_to_keep_of(place: str, content: str | bytes) -> object:
    """Parse JSON whose strings can be stored: refuse those that UTF-8 cannot encode."""
    parsed = json_of(place, content)
    if (b"\\u" if isinstance(content, bytes) else "\\u") in content:  # type: ignore[operator]  # its own kind
        try:
            json.dumps(parsed, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise MalformedError(f"{place} is no JSON") from None
    return parsed


def object_of(place: str, value: object) -> dict[str, object]:
    """The value, which must be a JSON object."""
    if not isinstance(value, dict):
        raise MalformedError(f"{place} must be an object")
    return value


def text_of(place: str, value: object) -> str:
    """The value, which must be text that is not empty."""
    if not isinstance(value, str) or not value:
        raise MalformedError(f"{place} must be a string")
    return value


class Amount(NamedTuple):
    """A revenue as the collector stores it.

    Attributes:
        revenue: Decimal text; None if there is no readable revenue.
        is_unreadable: Whether there is a revenue, but not a readable one.
    """

    revenue: str | None = None
    is_unreadable: bool = False


UNREADABLE: Final = Amount(is_unreadable=True)
"""An unreadable revenue. The collector stores its conversion and counts it separately."""


def amount_of(value: object) -> Amount:
    """Read a revenue. A readable one is a decimal number below 10**15.

    The collector rounds amounts to nine decimal places. Blank text counts as no revenue.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return Amount()
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return UNREADABLE
    try:
        text = str(value).strip()
    except ValueError:
        # The integer has more digits than Python converts to text.
        return UNREADABLE
    if len(text) > _LONGEST_AMOUNT or not _DECIMAL.fullmatch(text):
        return UNREADABLE
    revenue = Decimal(text)
    if abs(revenue) >= _MOST_REVENUE:
        return UNREADABLE
    # No currency has more decimal places, and adding very small amounts would need much memory.
    return Amount(str(revenue.quantize(_LEAST_REVENUE).normalize()))


def _refuse_constant(name: str) -> object:
    """Refuse ``NaN`` and ``Infinity``: Python accepts them, but they are not JSON."""
    raise ValueError(name)
