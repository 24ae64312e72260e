"""What the parts of a request must be, whichever platform's it is."""

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
    """JSON text, read. Its texts may hold half of a surrogate pair, written as an escape."""
    try:
        text = content if isinstance(content, str) else content.decode()
        parsed: object = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise MalformedError(f"{place} is no JSON") from None
    return parsed


def json_to_keep_of(place: str, content: str | bytes) -> object:
    """JSON text, read, of whose texts any may be kept: each is one that UTF-8 can carry."""
    parsed = json_of(place, content)
    if (b"\\u" if isinstance(content, bytes) else "\\u") in content:  # type: ignore[operator]  # its own kind
        try:
            json.dumps(parsed, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise MalformedError(f"{place} is no JSON") from None
    return parsed


def object_of(place: str, value: object) -> dict[str, object]:
    """An object of JSON."""
    if not isinstance(value, dict):
        raise MalformedError(f"{place} must be an object")
    return value


def text_of(place: str, value: object) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value:
        raise MalformedError(f"{place} must be a string")
    return value


class Amount(NamedTuple):
    """A revenue as the collector keeps it.

    Attributes:
        revenue: Decimal text; None if there is no revenue, or none that can be read.
        is_unreadable: Whether there is a revenue that is not a readable amount.
    """

    revenue: str | None = None
    is_unreadable: bool = False


UNREADABLE: Final = Amount(is_unreadable=True)
"""A revenue that cannot be added up: its conversion is kept, and counted apart."""


def amount_of(value: object) -> Amount:
    """A revenue, where it is a readable amount: a decimal number below 10**15.

    Amounts are kept to nine decimal places. Blank text is no revenue.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return Amount()
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return UNREADABLE
    try:
        text = str(value).strip()
    except ValueError:
        # An integer of more digits than Python writes.
        return UNREADABLE
    if len(text) > _LONGEST_AMOUNT or not _DECIMAL.fullmatch(text):
        return UNREADABLE
    revenue = Decimal(text)
    if abs(revenue) >= _MOST_REVENUE:
        return UNREADABLE
    # There is no money beyond this place, and a small exponent costs memory.
    return Amount(str(revenue.quantize(_LEAST_REVENUE).normalize()))


def _refuse_constant(name: str) -> object:
    """Python reads ``NaN`` and ``Infinity``, which are no JSON."""
    raise ValueError(name)
