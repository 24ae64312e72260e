"""Python's regular expressions: whether ``re.search(pattern, text)`` finds anything.

This module uses `re`: its answers are right by definition, but its searches may take any time. It
refuses patterns that the compiled engine does not support, so that both engines give the same
answers.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field

_MOST_NESTED = 100
_BY_NAME = r"\N, a character by its name"
_CHARACTER_NAME = re.compile(r"(?:[^\\]|\\[^N])*\\N", re.DOTALL)
_FLAGS = re.compile(r"\(\?([aiLmsux]*t[aiLmsux]*)(-?[aiLmsux]*):?")
_NAME = re.compile(r"\(\?(?:P[<=]|\()([^>)]*)")
_GROUP_FLAGS = re.compile(r"\(\?([aimsux]*)(?:-([imsx]+))?([:)])")


class InvalidPatternError(Exception):
    """Python does not compile the pattern."""


class UnsupportedPatternError(Exception):
    """Python compiles the pattern, but the compiled engine does not support it."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, ready to be searched for."""

    compiled: re.Pattern[str]

    def search(self, text: str) -> bool:
        """Whether the text contains a match."""
        try:
            return self.compiled.search(text) is not None
        except Exception:  # noqa: BLE001 -- `re` has faults of its own, which count as no match
            return False


def compile_pattern(pattern: str) -> Pattern:
    """Read a pattern.

    Raises:
        InvalidPatternError: Python does not compile it.
        UnsupportedPatternError: The compiled engine does not support it.
    """
    scanner = _Scanner(pattern)
    try:
        with warnings.catch_warnings():
            # Python warns of some character classes. The author of the settings would not see it.
            warnings.simplefilter("ignore")
            compiled = re.compile(pattern)
    except Exception as error:
        if _CHARACTER_NAME.match(pattern):
            # The compiled engine has no table of the names of characters.
            raise UnsupportedPatternError(_BY_NAME) from error
        raise InvalidPatternError from error
    unsupported = scanner.unsupported()
    if unsupported is not None:
        raise UnsupportedPatternError(unsupported)
    return Pattern(compiled)


@dataclass(slots=True)
class _Group:
    """An open bracket: the number that it captures under, its name, and whether it is verbose."""

    number: int | None
    name: str | None
    is_verbose: bool


@dataclass(slots=True)
class _Scanner:
    """Finds unsupported parts of a pattern that Python compiles."""

    pattern: str
    index: int = 0
    captured: int = 0
    is_verbose: bool = False
    open: list[_Group] = field(default_factory=list)

    def unsupported(self) -> str | None:
        """The first unsupported part, as the compiled engine words it; None if there is none."""
        while self.index < len(self.pattern):
            found = self.step()
            if found is not None:
                return found
        return None

    def step(self) -> str | None:
        character = self.pattern[self.index]
        is_verbose = self.open[-1].is_verbose if self.open else self.is_verbose
        if character == "\\":
            return self.skip_escape()
        if character == "[":
            return self.skip_class()
        if character == "(":
            return self.open_group(is_verbose=is_verbose)
        self.index += 1
        if character == ")" and self.open:
            self.open.pop()
        elif character == "#" and is_verbose:
            end = self.pattern.find("\n", self.index)
            self.index = len(self.pattern) if end == -1 else end + 1
        return None

    def skip_escape(self) -> str | None:
        escaped = self.pattern[self.index + 1 : self.index + 2]
        self.index += 2
        return _BY_NAME if escaped == "N" else None

    def skip_class(self) -> str | None:
        self.index += 1
        if self.pattern[self.index : self.index + 1] == "^":
            self.index += 1
        is_first = True
        while self.index < len(self.pattern):
            character = self.pattern[self.index]
            if character == "\\":
                found = self.skip_escape()
                if found is not None:
                    return found
            else:
                self.index += 1
                if character == "]" and not is_first:
                    break
            is_first = False
        return None

    def open_group(self, *, is_verbose: bool) -> str | None:
        if len(self.open) >= _MOST_NESTED:
            return "groups nested so deep"
        pattern, index = self.pattern, self.index
        if pattern.startswith("(?#", index):
            self.index = pattern.index(")", index) + 1
            return None
        if _FLAGS.match(pattern, index):
            return "the flag t"
        named = _NAME.match(pattern, index)
        if named is not None and not named[1].isascii():
            return "the name of a group with letters that are not ASCII"
        if pattern.startswith("(?P=", index):
            self.index = pattern.index(")", index) + 1
            return None
        if pattern.startswith("(?(", index):
            return self.open_conditional(named[1] if named else "", is_verbose=is_verbose)
        flags = _GROUP_FLAGS.match(pattern, index)
        if flags is not None:
            return self.open_flags(flags, is_verbose=is_verbose)
        number = None
        name = named[1] if named else None
        if not pattern.startswith("(?", index) or name is not None:
            self.captured += 1
            number = self.captured
        self.index += len(named[0]) + 1 if named else 1
        self.open.append(_Group(number, name, is_verbose))
        return None

    def open_conditional(self, name: str, *, is_verbose: bool) -> str | None:
        text = name.strip(" \t\n\v\f\r")
        if not name.isidentifier() and "_" in text:
            return "the number of a group with an underscore"
        own = {group.name for group in self.open} | {str(group.number) for group in self.open}
        if name in own or text.removeprefix("+").lstrip("0") in own - {None}:
            return "a condition inside of its own group"
        self.index += len("(?(") + len(name) + 1
        self.open.append(_Group(None, None, is_verbose))
        return None

    def open_flags(self, flags: re.Match[str], *, is_verbose: bool) -> str | None:
        on, off, end = flags[1], flags[2] or "", flags[3]
        self.index = flags.end()
        if end == ")":
            # Flags of the whole pattern, which stand at its start.
            self.is_verbose = self.is_verbose or "x" in on
            return None
        if "a" in on or "u" in on:
            return "the flag a or u for a group"
        is_verbose = (is_verbose or "x" in on) and "x" not in off
        self.open.append(_Group(None, None, is_verbose))
        return None
