"""Goal properties: additional data about a conversion, such as its revenue.

Source: PageSense spec, section 7.4.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from sortition._base.arguments import BadArgumentError
from sortition._base.nearest import nearest
from sortition._base.options import kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition._engine.pagesense import RevenueFault


class GoalPropertyDataType(enum.Enum):
    """The platform's types of property values. sortition does not check values against them."""

    LONG = "LONG"
    DOUBLE = "DOUBLE"
    STRING = "STRING"
    BOOLEAN = "BOOLEAN"


class GoalProperty:
    """A goal property. Immutable; two properties with the same key are equal.

    Attributes:
        property_key: The key under which a conversion carries the value.
        property_name: The name.
        property_description: The description; None for no description.
        property_data_type: The type of the values.
        is_reserved_property: Whether the platform gives the property a meaning of its own.
        REVENUE: The revenue of a conversion: a whole number of at least 0, as text.

    Raises:
        ValueError: The key or the name is blank.
        TypeError: The type is not a `GoalPropertyDataType`.

    Source: PageSense spec, section 7.4.
    """

    __slots__ = (
        "is_reserved_property",
        "property_data_type",
        "property_description",
        "property_key",
        "property_name",
    )

    REVENUE: ClassVar[GoalProperty]

    property_key: str
    property_name: str
    property_description: str | None
    property_data_type: GoalPropertyDataType
    is_reserved_property: bool

    def __init__(
        self,
        property_key: str,
        property_name: str,
        property_description: str | None,
        property_data_type: GoalPropertyDataType,
        is_reserved_property: bool = False,
    ) -> None:
        texts: dict[str, object] = {"property_key": property_key, "property_name": property_name}
        for name, value in texts.items():
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{name}: must be text that is not blank")
        data_type: object = property_data_type
        if not isinstance(data_type, GoalPropertyDataType):
            words = "property_data_type: must be a GoalPropertyDataType"
            raise TypeError(f"{words}, got {kind(data_type)}")
        values = (property_key, property_name, property_description, property_data_type)
        names = ("property_key", "property_name", "property_description", "property_data_type")
        for name, given in zip(names, values, strict=True):
            object.__setattr__(self, name, given)
        object.__setattr__(self, "is_reserved_property", bool(is_reserved_property))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} cannot be set: a GoalProperty is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name} cannot be deleted: a GoalProperty is immutable")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GoalProperty):
            return NotImplemented
        return self.property_key == other.property_key

    def __hash__(self) -> int:
        return hash(self.property_key)

    def __repr__(self) -> str:
        return f"GoalProperty({self.property_key!r}, {self.property_name!r})"

    def __reduce__(self) -> tuple[type[GoalProperty], tuple[object, ...]]:
        return GoalProperty, (
            self.property_key,
            self.property_name,
            self.property_description,
            self.property_data_type,
            self.is_reserved_property,
        )


GoalProperty.REVENUE = GoalProperty(
    "revenue", "Revenue", "What a conversion brought", GoalPropertyDataType.LONG, True
)

GoalProperties: TypeAlias = "Mapping[str, object] | Mapping[GoalProperty, object]"
"""Values by the key of a property, or by the property itself."""

_REVENUE_KEY: Final = GoalProperty.REVENUE.property_key


def properties_of(value: object) -> dict[object, object] | None:
    """The properties to send, by key; None if the caller gave no properties.

    Trims text, and leaves out None and blank text.

    Raises:
        BadArgumentError: The value is not a mapping, or reading it fails.
    """
    if value is None:
        return None
    name = "goal_properties"
    if not isinstance(value, Mapping):
        raise BadArgumentError(f"{name} must be a dict, got {kind(value)}")
    try:
        pairs = list(value.items())
    except Exception as error:  # noqa: BLE001 -- the caller's class may raise anything
        raise BadArgumentError(f"{name} cannot be read: {type(error).__name__}") from None
    return dict(_sent(pairs))


def _sent(pairs: list[tuple[object, object]]) -> Iterator[tuple[object, object]]:
    for key, value in pairs:
        known = key.property_key if isinstance(key, GoalProperty) else key
        if isinstance(value, str):
            trimmed = str.strip(value)
            if trimmed:
                yield known, trimmed
        elif value is not None:
            yield known, value


class NoRevenueError(BadArgumentError):
    """The goal counts revenue, but the conversion's properties have no revenue."""

    refusal = "no_revenue"


def revenue_of(properties: Mapping[object, object] | None) -> object:
    """The revenue in a conversion's properties; None if there is no revenue."""
    return None if properties is None else properties.get(_REVENUE_KEY)


def error_of(fault: RevenueFault, properties: Mapping[object, object] | None) -> BadArgumentError:
    """The error for a conversion of a revenue goal without a valid revenue."""
    words = f'goal_properties["{_REVENUE_KEY}"] must be a whole number from 0 as text, such as "19"'
    known = properties or {}
    if fault == "missing":
        near = nearest(_REVENUE_KEY, [key.lower() for key in known if isinstance(key, str)])
        return NoRevenueError(f"{words}, and is missing{near and ' (keys are compared exactly)'}")
    revenue = known.get(_REVENUE_KEY)
    got = "text that is not a whole number" if isinstance(revenue, str) else kind(revenue)
    return BadArgumentError(f"{words}, got {got}")
