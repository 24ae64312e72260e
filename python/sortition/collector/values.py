"""What the parts of a request must be, whichever platform's it is."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Final

from sortition.collector.event import MalformedError

_MOST_REVENUE: Final = Decimal(10) ** 15
_LEAST_REVENUE: Final = Decimal(10) ** -9


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


def revenue_of(place: str, value: object) -> str | None:
    """A revenue as decimal text; what is no number would silently count as nothing."""
    if value is None:
        return None
    wrong = MalformedError(f"{place} must be a number below {_MOST_REVENUE:.0e}")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong
    try:
        revenue = Decimal(str(value))
    except InvalidOperation:
        raise wrong from None
    if not revenue.is_finite() or abs(revenue) >= _MOST_REVENUE:
        raise wrong
    # Beyond this place there is no money, and an exponent as small costs memory.
    return str(revenue.quantize(_LEAST_REVENUE).normalize())


def _refuse_constant(name: str) -> object:
    """Python reads ``NaN`` and ``Infinity``, which are no JSON."""
    raise ValueError(name)
