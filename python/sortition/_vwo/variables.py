"""A feature's variables: which one a user gets, and its typed value.

Source: VWO spec, section 3.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition._engine.vwo import Campaign, Json, Variable, Variation


class NotCastableError(Exception):
    """A value that cannot have the type that the settings declare for it."""


def find_variable(campaign: Campaign, variation: Variation, key: str) -> Variable | None:
    """The variable that a user of this variation gets; None where there is none of the key."""
    variables = variables_of(campaign, variation)
    return next((variable for variable in variables if variable.key == key), None)


def variables_of(campaign: Campaign, variation: Variation) -> tuple[Variable, ...]:
    """The variables that a user of this variation gets.

    A rollout has them itself. In a test they are the variation's, or the control's where the
    variation has the feature off.
    """
    if campaign.type == "FEATURE_ROLLOUT":
        return campaign.variables
    source: Variation | None = variation
    if variation.is_feature_enabled is False:
        source = next((one for one in campaign.variations if str(one.id) == "1"), None)
    return source.variables if source is not None else ()


def typed_value(variable: Variable) -> Json:
    """The variable's value, of its declared type.

    Raises:
        NotCastableError: The value cannot have that type.
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
