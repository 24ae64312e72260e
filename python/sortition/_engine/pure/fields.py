"""Reads the fields of an object of a settings document, and names the place of each problem.

Each platform's ``wire`` module adds its own rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from sortition._base.problem import Consequence, Problem
from sortition._engine.pure.document import ProblemError
from sortition._engine.pure.problem import MISSING, child, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._engine.vwo import Json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one object.

    Attributes:
        path: The object's place in the document.
        values: Its fields.
        consequence: The consequence of a problem in any field.
    """

    path: str
    values: dict[str, Json]
    consequence: Consequence

    @classmethod
    def read(cls, path: str, value: object, consequence: Consequence) -> Self:
        """The fields of a value.

        Raises:
            ProblemError: The value is not an object.
        """
        if not isinstance(value, dict):
            raise ProblemError(Problem(path, "an object", kind_of(value), consequence))
        return cls(path, value, consequence)

    def wrong(self, key: str, wanted: str, found: str) -> ProblemError:
        """The error for the value under this key."""
        return ProblemError(Problem(child(self.path, key), wanted, found, self.consequence))

    def unlike(self, key: str, wanted: str) -> ProblemError:
        """The error for a value of the wrong kind."""
        return self.wrong(key, wanted, kind_of(self.values.get(key, MISSING)))

    def present(self, key: str) -> Json:
        """The value under this key; None if it is null or missing."""
        return self.values.get(key)

    def string(self, key: str) -> str:
        """A string, which may be empty."""
        value = self.values.get(key)
        if not isinstance(value, str):
            raise self.unlike(key, "a string")
        return value

    def boolean(self, key: str) -> bool:
        """A boolean."""
        value = self.values.get(key)
        if not isinstance(value, bool):
            raise self.unlike(key, "a boolean")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.unlike(key, "a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.wrong(key, "a finite number", "one that is too large")
        return number

    def number_from_zero(self, key: str) -> float:
        """A finite number that is not negative."""
        number = self.number(key)
        if number < 0:
            raise self.wrong(key, "a number from 0", "a negative number")
        return number

    def items(self, key: str) -> list[Json]:
        """A list."""
        value = self.values.get(key)
        if not isinstance(value, list):
            raise self.unlike(key, "a list")
        return value

    def list_of(self, key: str, read: Callable[[str, Json], T]) -> list[T]:
        """A list; `read` reads each element."""
        path = child(self.path, key)
        return [read(f"{path}[{index}]", value) for index, value in enumerate(self.items(key))]
