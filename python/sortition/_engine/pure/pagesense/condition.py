"""The leaves of audiences: one attribute compared with values.

Source: PageSense spec, section 3.2; pinned by the vectors in ``pagesense/decisions.json``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sortition._engine.pure.document import ProblemError, parse
from sortition._engine.pure.pagesense.attributes import text_of
from sortition._engine.pure.problem import MISSING, Problems, child, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sortition._engine.pagesense import Step
    from sortition._engine.vwo import Json

_OPERATORS: Final = {1: "equal", 2: "not_equal", 3: "contain", 4: "not_contain"}
"""How an attribute is compared, by its number.

With ``contain`` a *value contains the attribute*: the reverse of what the name suggests, and what
the platform's own clients do.
"""

_SIMPLE: Final = "a list of strings, numbers, booleans and nulls"


@dataclass(frozen=True, slots=True)
class Condition:
    """The comparison of an attribute with values.

    Attributes:
        attribute: The attribute's name.
        operator: The comparison; None if the condition is broken, and so false.
        values: The values, in lower case.
    """

    attribute: str
    operator: str | None = None
    values: tuple[str, ...] = ()

    def is_true_of(
        self, attributes: Mapping[str, object], listen: Callable[[Callable[[], Step]], None]
    ) -> bool:
        """Whether the attributes satisfy the condition. Passes the answer to ``listen``.

        If the attribute is missing, blank or not text, the condition is false for every operator.
        """
        text = text_of(attributes, self.attribute)
        is_true = text is not None and bool(text.strip()) and self._compares(text.lower())
        listen(
            lambda: {
                "attribute": self.attribute,
                "operator": self.operator,
                "values": list(self.values),
                "value": text if text is not None and _is_encodable(text) else None,
                "is_true": is_true,
            }
        )
        return is_true

    def _compares(self, text: str) -> bool:
        if self.operator == "equal":
            return text in self.values
        if self.operator == "not_equal":
            return text not in self.values
        if self.operator == "contain":
            return any(text in value for value in self.values)
        if self.operator == "not_contain":
            return not any(text in value for value in self.values)
        return False


def compile_condition(path: str, condition: dict[str, Json], problems: Problems) -> Condition:
    """Compile a condition, and add its problems to ``problems``. With a problem it is false."""

    def wrong(key: str, wanted: str, found: str) -> None:
        problems.add(child(path, key), wanted, found, "clause_false")

    attribute = condition.get("attribute_name", MISSING)
    if not isinstance(attribute, str) or not attribute:
        wrong("attribute_name", "a name", kind_of(attribute))
        return Condition("")
    operator = condition.get("operator", MISSING)
    # Only here a boolean counts as a number, because True equals 1 in the platform's own client.
    if not isinstance(operator, bool | int | float) or operator not in _OPERATORS:
        is_number = isinstance(operator, int | float) and not isinstance(operator, bool)
        found = "another number" if is_number else kind_of(operator)
        wrong("operator", "a number from 1 to 4", found)
        return Condition(attribute)
    try:
        values = _read_values(condition.get("values", MISSING))
    except _NoValuesError as error:
        wrong("values", error.wanted, error.found)
        return Condition(attribute)
    if not values and _OPERATORS[int(operator)] in ("equal", "contain"):
        wrong("values", "values to compare with", "none")
    lowered = tuple(value.lower() for value in values)
    return Condition(attribute, _OPERATORS[int(operator)], lowered)


class _NoValuesError(Exception):
    """The values of a condition cannot be read."""

    def __init__(self, wanted: str, found: str) -> None:
        super().__init__(wanted, found)
        self.wanted = wanted
        self.found = found


def _read_values(values: object) -> list[str]:
    """The texts of a condition's values.

    Raises:
        _NoValuesError: They cannot be read.
    """
    if values is MISSING:
        return []
    if isinstance(values, str):
        try:
            values = parse(values.encode())
        except ProblemError:
            return []
        # JSON of another type counts as an empty list, and so does text that is not JSON.
        if not isinstance(values, list | dict):
            return []
    if isinstance(values, dict):
        return list(values)
    if not isinstance(values, list):
        raise _NoValuesError("a list", kind_of(values))
    return [_text(value) for value in values]


def _text(value: object) -> str:
    if isinstance(value, list | dict):
        raise _NoValuesError(_SIMPLE, "one with a list or an object")
    if isinstance(value, float) and not math.isfinite(value):
        raise _NoValuesError(_SIMPLE, "one with a number that is too large")
    return str(value)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
