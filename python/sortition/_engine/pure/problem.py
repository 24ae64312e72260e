"""Problems of settings documents, and their wording."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from sortition._base.problem import Problem

if TYPE_CHECKING:
    from sortition._base.problem import Consequence
    from sortition._engine.vwo import Json


class Problems:
    """The problems of a document: the first ones, and the number of all.

    Attributes:
        count: The number of all problems, including those that are not kept.
    """

    __slots__ = ("_first", "count")

    MOST: Final = 1000
    """The most problems to keep. Further ones are only counted."""

    def __init__(self) -> None:
        self._first: list[Problem] = []
        self.count = 0

    @property
    def first(self) -> tuple[Problem, ...]:
        """The first problems, in the order in which they were found."""
        return tuple(self._first)

    def append(self, problem: Problem) -> None:
        """Add a problem."""
        self.count += 1
        if len(self._first) < self.MOST:
            self._first.append(problem)

    def add(self, path: str, wanted: str, found: str, consequence: Consequence) -> None:
        """Add the problem of this place."""
        self.append(Problem(path, wanted, found, consequence))


MISSING: Final = object()
"""Stands for a missing value; None is the document's null."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def kind_of(value: Json | object) -> str:
    """The kind of a value, in words."""
    if value is MISSING:
        return "nothing"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string" if value else "an empty string"
    return "a list" if isinstance(value, list) else "an object"


def child(path: str, key: str) -> str:
    """The path of the value under this key."""
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
