"""The typed value of a feature's variable.

Source: VWO spec, section 3.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition._engine.vwo import Json, Variable


class NotCastableError(Exception):
    """A value does not fit its declared type."""


def typed_value(variable: Variable) -> Json:
    """The variable's value, with its declared type.

    Raises:
        NotCastableError: The value does not fit that type.
    """
    try:
        return _cast(json.loads(variable.value), variable.type)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise NotCastableError from error


def _cast(value: Json, wanted: str) -> Json:
    match wanted:
        case "string":
            return str(value)
        case "integer":
            return int(value)  # type: ignore[arg-type]  # what `int` refuses is reported
        case "double":
            return float(value)  # type: ignore[arg-type]  # what `float` refuses is reported
        case "boolean" if isinstance(value, bool):
            return value
        case "json" if isinstance(value, dict):
            return value
        case "json":
            parsed: Json = json.loads(value)  # type: ignore[arg-type]  # as above
            return parsed
    raise NotCastableError
