"""Parses JSON: settings documents and other texts of the platforms."""

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
_TOO_LONG: Final = 1 << 30
"""Documents must be shorter than this, in bytes."""

_STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_BRACKETS: Final = re.compile(r"[^\[\]{}]+")
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""Where half of a surrogate pair may stand, as an escape."""


class ProblemError(Exception):
    """A problem that makes the object around it unusable."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _NoNumberError(ValueError):
    """``NaN`` or an infinity, which JSON does not have."""


def parse(document: bytes) -> Json:
    """The document as JSON.

    Raises:
        ProblemError: It is not JSON in UTF-8, nested too deep, or larger than a gigabyte.
    """
    try:
        text = document.decode()
    except UnicodeDecodeError as error:
        raise _refused("JSON in UTF-8", "other bytes") from error
    if len(document) >= _TOO_LONG:
        raise _refused("less than a gigabyte", "more")
    # Python's JSON parser uses one C stack frame for each level, and does not check the stack.
    if _may_be_too_deep(text) or _HALF.search(text):
        _ensure_json(text)
    try:
        value: Json = json.loads(text, parse_int=_integer, parse_constant=_no_number)
    except ValueError as error:
        _ensure_json(text)
        raise _refused("JSON", "other text") from error
    return value


def _refused(wanted: str, found: str) -> ProblemError:
    return ProblemError(Problem("", wanted, found, "document_refused"))


def _integer(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        # Python refuses to parse thousands of digits. No valid number is that large.
        return math.inf


def _no_number(name: str) -> Json:
    raise _NoNumberError(name)


def _may_be_too_deep(text: str) -> bool:
    """Whether a document is nested too deep, or not JSON."""
    if text.count("[") + text.count("{") <= _MOST_LEVELS:
        return False
    brackets = _NO_BRACKETS.sub("", _STRING.sub("", text))
    for _ in range(_MOST_LEVELS):
        inner = brackets.replace("[]", "").replace("{}", "")
        if len(inner) == len(brackets):
            break
        brackets = inner
    return bool(brackets)


def _ensure_json(text: str) -> None:
    """Find the place where a text stops being valid JSON.

    Raises:
        ProblemError: The text is not valid JSON, or is nested too deep.
    """
    try:
        _Reader(text).read()
    except _NotJsonError as error:
        line_start = text.rfind("\n", 0, error.at) + 1
        line = text.count("\n", 0, error.at) + 1
        place = f"at line {line} column {error.at - line_start + 1}"
        raise _refused("JSON", f"text that is not, {place}") from None
    except _TooDeepError:
        raise _refused(f"at most {_MOST_LEVELS} levels", "more") from None


class _NotJsonError(Exception):
    """The text is not valid JSON; the character at this index is the first wrong one."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class _TooDeepError(Exception):
    """The text is nested too deep."""


_BLANKS: Final = re.compile(r"[ \t\n\r]*+")
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f]*+')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER_BEGUN: Final = re.compile(
    r"-?(?:(?:0|[1-9][0-9]*)(?:\.(?:[0-9]+(?:[eE](?:[+-]?[0-9]*))?)?|[eE][+-]?[0-9]*)?)?"
)
_WORDS: Final = {"n": "null", "t": "true", "f": "false"}
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_SECOND_HALF: Final = frozenset("cdefCDEF")
_FIRST_HALF: Final = frozenset("89abAB")


class _Reader:
    """Checks JSON without keeping values, and without recursion."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open: list[str] = []

    def read(self) -> None:
        """Read the whole text.

        Raises:
            _NotJsonError: It is not JSON.
            _TooDeepError: It is nested too deep.
        """
        while True:
            if not self._value() and self._next_or_end():
                return

    def _value(self) -> bool:
        """Read a value, or the beginning of a list or an object. True if the latter has content."""
        self._skip_blanks()
        first = self._peek()
        if first in ("{", "["):
            return self._begin(first)
        if first == '"':
            self._string()
        elif first == "-" or ("0" <= first <= "9" and len(first) == 1):
            self._number()
        elif first in _WORDS:
            for letter in _WORDS[first]:
                self._take(letter)
        else:
            raise _NotJsonError(self._at)
        return False

    def _begin(self, bracket: str) -> bool:
        if len(self._open) == _MOST_LEVELS:
            raise _TooDeepError
        self._at += 1
        self._skip_blanks()
        end = "}" if bracket == "{" else "]"
        if self._peek() == end:
            self._at += 1
            return False
        self._open.append(end)
        if end == "}":
            self._key()
        return True

    def _next_or_end(self) -> bool:
        """Read the characters between two values. True after the last value."""
        while True:
            self._skip_blanks()
            if not self._open:
                if self._at < len(self._text):
                    raise _NotJsonError(self._at)
                return True
            found = self._peek()
            if found == self._open[-1]:
                self._at += 1
                self._open.pop()
                continue
            self._take(",")
            if self._open[-1] == "}":
                self._skip_blanks()
                self._key()
            return False

    def _key(self) -> None:
        if self._peek() != '"':
            raise _NotJsonError(self._at)
        self._string()
        self._skip_blanks()
        self._take(":")

    def _number(self) -> None:
        begun = _NUMBER_BEGUN.match(self._text, self._at)
        end = self._at if begun is None else begun.end()
        if _NUMBER.fullmatch(self._text, self._at, end) is None:
            raise _NotJsonError(end)
        self._at = end

    def _string(self) -> None:
        self._at += 1
        while True:
            plain = _PLAIN.match(self._text, self._at)
            self._at = self._at if plain is None else plain.end()
            if self._peek() == '"':
                self._at += 1
                return
            self._take("\\")
            escape = self._peek()
            if escape == "u":
                self._at += 1
                self._code_units()
            elif escape and escape in '"\\/bfnrt':
                self._at += 1
            else:
                raise _NotJsonError(self._at)

    def _code_units(self) -> None:
        """Read four hexadecimal digits, and after a high surrogate also its low surrogate."""
        if self._one_of(_HEX) not in "dD":
            self._each_of(_HEX, _HEX, _HEX)
        elif self._one_of(_HEX - _SECOND_HALF) in _FIRST_HALF:
            self._each_of(_HEX, _HEX)
            self._take("\\")
            self._take("u")
            self._each_of(frozenset("dD"), _SECOND_HALF, _HEX, _HEX)
        else:
            self._each_of(_HEX, _HEX)

    def _each_of(self, *choices: frozenset[str]) -> None:
        for choice in choices:
            self._one_of(choice)

    def _one_of(self, choice: frozenset[str]) -> str:
        found = self._peek()
        if found not in choice:
            raise _NotJsonError(self._at)
        self._at += 1
        return found

    def _take(self, character: str) -> None:
        if self._peek() != character:
            raise _NotJsonError(self._at)
        self._at += 1

    def _skip_blanks(self) -> None:
        blanks = _BLANKS.match(self._text, self._at)
        self._at = self._at if blanks is None else blanks.end()

    def _peek(self) -> str:
        """The next character; empty at the end."""
        return self._text[self._at : self._at + 1]
