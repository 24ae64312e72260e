"""Checks of a call's arguments.

An invalid argument is the caller's mistake: the call logs which argument is wrong and returns its
documented empty result. Messages contain only the types of values.

Source: VWO spec, sections 3 and 11.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias, TypedDict, cast

from sortition._base.arguments import BadArgumentError, optional_text, text
from sortition._base.arguments import user_id as user_id_of
from sortition._base.options import kind
from sortition._vwo.constants import GOAL_TYPE_NAMES, GOAL_TYPES

_MOST_INTEGER: Final = 10**300
"""Readers of JSON have binary64 numbers, which end here."""

_MOST_DECIMAL_PLACES: Final = 100
_LONGEST_DIMENSION: Final = 255
_GOAL_TYPES_BY_PAGE: Final = {"CUSTOM": GOAL_TYPES.CUSTOM, "REVENUE": GOAL_TYPES.REVENUE}
_RESERVED_DIMENSION: Final = "vwo_fs_environment"
"""The platform itself reads this next to a user's custom dimensions."""

Revenue: TypeAlias = int | float | str | None
"""A checked revenue: a number, or text that the server reads as one."""

GivenRevenue: TypeAlias = Revenue | Decimal
"""The types that a caller may give as revenue."""

GoalType: TypeAlias = Literal["ALL", "CUSTOM_GOAL", "REVENUE_TRACKING", "CUSTOM", "REVENUE"]
"""Which goals ``track`` credits: a value of `GOAL_TYPES`, or a text from the platform's page."""


class CallOptions(TypedDict, total=False):
    """The options of every call about a user, for a program that passes them on.

    Each of them may be missing or None.
    """

    custom_variables: Mapping[str, Any] | None
    """Values for segments."""
    variation_targeting_variables: Mapping[str, Any] | None
    """Values for whitelisting."""
    user_storage_data: Mapping[str, Any] | None
    """The user's stored record, which replaces asking the user storage."""
    meta_data: Mapping[str, Any] | None
    """Data to store with the decision, under ``metaData``."""


def revenue(value: object) -> Revenue:
    """A revenue: an int, float, bool, str or None; values of derived classes become plain ones.

    A `Decimal` becomes its plain text: ``19.90`` for ``Decimal("19.90")``.

    Raises:
        BadArgumentError: It is something else, or cannot be sent.
    """
    name = "revenue_value"
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        plain_integer = int.__int__(value)
        if abs(plain_integer) >= _MOST_INTEGER:
            raise BadArgumentError(f"{name} is too large")
        return plain_integer
    if isinstance(value, float):
        plain_number = float.__float__(value)
        if not math.isfinite(plain_number):
            raise BadArgumentError(f"{name} must be a finite number")
        return plain_number
    if isinstance(value, str):
        return optional_text(name, value)
    if isinstance(value, Decimal):
        return _decimal_text(name, value)
    words = f"{name} must be an int, a float, a Decimal, a bool or a string"
    raise BadArgumentError(f"{words}, got {kind(value)}")


def _decimal_text(name: str, value: Decimal) -> str:
    if not value.is_finite():
        raise BadArgumentError(f"{name} must be a finite number")
    # It is written out, so a large exponent would produce as many digits.
    if abs(value.adjusted()) >= _MOST_DECIMAL_PLACES or len(value.as_tuple().digits) > (
        _MOST_DECIMAL_PLACES
    ):
        raise BadArgumentError(f"{name} has too many digits")
    return format(value, "f")


def goal_type(value: object) -> str | None:
    """One of the `GOAL_TYPES`, by one of its names; or None.

    Raises:
        BadArgumentError: It is something else.
    """
    if value is None:
        return None
    found = goal_type_named(value) if isinstance(value, str) else None
    if found is None:
        names = ", ".join(sorted(GOAL_TYPE_NAMES))
        raise BadArgumentError(f"goal_type_to_track must be one of vwo.GOAL_TYPES: {names}")
    return found


def goal_type_named(name: str) -> GoalType | None:
    """The value of `GOAL_TYPES` with this name; None for an unknown name.

    The platform's page calls them ``CUSTOM`` and ``REVENUE``, which are not their values.
    """
    value = _GOAL_TYPES_BY_PAGE.get(name, name)
    return cast("GoalType", value) if value in GOAL_TYPE_NAMES else None


def custom_dimensions(
    tag_key: object, tag_value: object, user_id: object, custom_dimension_map: object
) -> tuple[str, dict[str, str]]:
    """The user id and the custom dimensions of ``push``, from any of its forms.

    Raises:
        BadArgumentError: The arguments have no valid form, or a key or a value cannot be sent.
    """
    has_tag = tag_key is not None or tag_value is not None
    if custom_dimension_map is not None and not has_tag:
        return user_id_of(user_id), _dimensions(custom_dimension_map)
    if custom_dimension_map is None and has_tag:
        if user_id is not None and (isinstance(tag_key, str) or tag_value is not None):
            return user_id_of(user_id), _one_dimension(tag_key, tag_value)
        if tag_key is not None and not isinstance(tag_key, str):
            # A dictionary, followed by the user id, which may be a keyword argument.
            user = tag_value if user_id is None else user_id
            return user_id_of(user), _dimensions(tag_key)
    raise BadArgumentError("wanted are tag_key, tag_value and user_id, or a dict and user_id")


def _one_dimension(key: object, value: object) -> dict[str, str]:
    return {_dimension("tag_key", key): _dimension("tag_value", value)}


def _dimensions(value: object) -> dict[str, str]:
    name = "custom_dimension_map"
    if not isinstance(value, Mapping):
        raise BadArgumentError(f"{name} must be a dict, got {kind(value)}")
    try:
        dimensions = dict(value)
    except Exception as error:  # noqa: BLE001 -- the caller's class may raise anything
        raise BadArgumentError(f"{name} cannot be read: {type(error).__name__}") from None
    return {
        _dimension(f"a key of {name}", _as_text(name, key)): _dimension(
            f"a value of {name}", _as_text(name, one)
        )
        for key, one in dimensions.items()
    }


def _as_text(name: str, value: object) -> object:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 -- the caller's class may raise anything
        words = f"{name}: str() of {kind(value)} raises {type(error).__name__}"
        raise BadArgumentError(words) from None


def _dimension(name: str, value: object) -> str:
    dimension = text(name, value)
    if len(dimension) > _LONGEST_DIMENSION:
        raise BadArgumentError(f"{name} must have at most {_LONGEST_DIMENSION} characters")
    if dimension == _RESERVED_DIMENSION:
        raise BadArgumentError(f"{name} must not be {_RESERVED_DIMENSION}")
    return dimension


def campaign_specifier(value: object) -> str | list[str] | None:
    """One campaign's key, a list of keys, or None for every campaign.

    Raises:
        BadArgumentError: It is something else.
    """
    if value is None:
        return None
    if isinstance(value, list):
        return [text(f"campaign_specifier[{index}]", key) for index, key in enumerate(value)]
    if isinstance(value, str):
        return text("campaign_specifier", value)
    words = "campaign_specifier must be a string, a list of strings or None"
    raise BadArgumentError(f"{words}, got {kind(value)}")
