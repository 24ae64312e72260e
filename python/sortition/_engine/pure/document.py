"""A settings document, or another text of a platform, as JSON."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Final

from sortition._base.problem import Problem

if TYPE_CHECKING:
    from sortition._engine.vwo import Json

_MOST_LEVELS: Final = 127
"""How deep a document may be nested."""


_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*', re.DOTALL)
_BRACKETS: Final = re.compile(r"[\[\]{}]")


class ProblemError(Exception):
    """A problem that ends the reading of the object it lies in."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def parse(document: bytes) -> Json:
    """The document as JSON.

    Raises:
        ProblemError: It is not JSON in UTF-8, or nested too deep.
    """
    try:
        text = document.decode()
    except UnicodeDecodeError as error:
        raise _refused("JSON in UTF-8", "other bytes") from error
    try:
        value: Json = json.loads(text, parse_int=_integer, parse_constant=_no_number)
        _ensure_depth(value)
        # Half of a surrogate pair can be written as an escape, but is no text.
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        if _depth(text[: error.pos]) > _MOST_LEVELS:
            raise _refused(f"at most {_MOST_LEVELS} levels", "more") from error
        place = f"at line {error.lineno} column {error.colno}"
        raise _refused("JSON", f"text that is not, {place}") from error
    except UnicodeEncodeError as error:
        raise _refused("JSON", "text that is not, half of a surrogate pair") from error
    except RecursionError as error:
        raise _refused(f"at most {_MOST_LEVELS} levels", "more") from error
    return value


def _refused(wanted: str, found: str) -> ProblemError:
    return ProblemError(Problem("", wanted, found, "document_refused"))


def _integer(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        # Python refuses to read thousands of digits; nothing here may be that large.
        return math.inf


def _no_number(name: str) -> Json:
    raise json.JSONDecodeError(f"{name} is no number", name, 0)


def _depth(text: str) -> int:
    """How deep the beginning of a document goes."""
    deepest = depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _ensure_depth(value: Json) -> None:
    depth = 0
    level = [value]
    while containers := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        if depth > _MOST_LEVELS:
            raise RecursionError
        level = [
            inner
            for item in containers
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
