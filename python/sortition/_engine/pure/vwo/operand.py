"""The leaves of segments: one rule per kind of operand.

Source: VWO spec, section 7; pinned by the vectors in ``vwo/segments.jsonl``.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from sortition._engine.pure.pythonic.pattern import (
    InvalidPatternError,
    Pattern,
    UnsupportedPatternError,
    compile_pattern,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._base.problem import Consequence


class UnanswerableError(Exception):
    """The comparison could not be made; the whole expression is false."""


Report: TypeAlias = "Callable[[str, str, Consequence], None]"
"""Takes what is wrong in an operand: what was wanted, what was found, what it costs."""


_TEXT_RULES: Final[dict[str, Callable[[str, str], bool]]] = {
    "equals": lambda value, operand: value == operand,
    "lower": lambda value, operand: value.lower() == operand.lower(),
    "contains": lambda value, operand: operand in value,
    "starts_with": lambda value, operand: value.startswith(operand),
    "ends_with": lambda value, operand: value.endswith(operand),
}
_NUMBER_RULES: Final[dict[str, Callable[[float, float], bool]]] = {
    "less_than": operator.lt,
    "less_than_or_equal": operator.le,
    "greater_than": operator.gt,
    "greater_than_or_equal": operator.ge,
}
_RULE_NAMES: Final = {
    "equals": "equals",
    "lower": "lower",
    "contains": "contains",
    # As names of their own the vendor's two are crossed.
    "startswith": "ends_with",
    "endswith": "starts_with",
    "lt": "less_than",
    "lessthan": "less_than",
    "lte": "less_than_or_equal",
    "lessthanequalto": "less_than_or_equal",
    "gt": "greater_than",
    "greaterthan": "greater_than",
    "gte": "greater_than_or_equal",
    "greaterthanequalto": "greater_than_or_equal",
}


@dataclass(frozen=True, slots=True)
class Operand:
    """What a custom variable is compared with, and how."""

    rule: str
    operand: str
    pattern: Pattern | None = None
    """The pattern of the operand; None for other rules, and for an invalid pattern."""

    def matches(self, value: str) -> bool:
        """Whether the rule is true of this value.

        Raises:
            UnanswerableError: The comparison cannot be made: an infinity, what is not a number, a
                numeric comparison with a side that is no number, ``wildcard()``, a pattern that is
                not supported.
        """
        if self.rule == "unanswerable":
            raise UnanswerableError
        if value == "":
            return False
        numbers = _both_numbers(self.operand, value)
        if numbers is None:
            if self.rule in _NUMBER_RULES:
                raise UnanswerableError
            if self.rule == "regex":
                return self.pattern is not None and self.pattern.search(value)
            return _TEXT_RULES[self.rule](value, self.operand)
        operand_number, number = numbers
        operand_text, text = _shortest_text(operand_number), _shortest_text(number)
        if self.rule in _NUMBER_RULES:
            return _NUMBER_RULES[self.rule](number, operand_number)
        if self.rule == "regex":
            return compile_pattern(operand_text).search(text)
        return _TEXT_RULES[self.rule](text, operand_text)


def compile_operand(source: str, report: Report) -> Operand:
    """Read an operand such as ``lower(chrome)``, ``wildcard(*@example.com)``, ``gt(18)`` or text.

    What is wrong in it is passed to `report`.
    """
    call = _split_call(source)
    if call is None:
        return Operand("equals", source)
    name, inner = call
    if name == "wildcard":
        return _wildcard(inner)
    if name == "regex":
        return _regex(inner, report)
    if name in _RULE_NAMES:
        return Operand(_RULE_NAMES[name], inner)
    return Operand("equals", source)


def _split_call(source: str) -> tuple[str, str] | None:
    """Split ``name(inner)``: shortest name, longest inner text, rest dropped, within one line."""
    line = source.split("\n", 1)[0]
    # The name has at least one character, which may itself be a bracket.
    opening = line.find("(", 1)
    closing = line.rfind(")")
    if opening == -1 or closing < opening:
        return None
    return line[:opening], line[opening + 1 : closing]


def _wildcard(inner: str) -> Operand:
    """A star at either end stands for any text, unless nothing else would be left."""
    if inner == "":
        return Operand("unanswerable", inner)
    starts_open = inner.startswith("*") and len(inner) > 1
    rest = inner[1:] if starts_open else inner
    ends_open = rest.endswith("*") and len(rest) > 1
    rest = rest[:-1] if ends_open else rest
    rule = {
        (True, True): "contains",
        (True, False): "ends_with",
        (False, True): "starts_with",
        (False, False): "equals",
    }[starts_open, ends_open]
    return Operand(rule, rest)


def _regex(inner: str, report: Report) -> Operand:
    try:
        return Operand("regex", inner, compile_pattern(inner))
    except InvalidPatternError:
        report("a pattern of Python", "one that it does not compile", "clause_false")
        return Operand("regex", inner)
    except UnsupportedPatternError as error:
        report("a pattern that is supported", str(error), "never_matches")
        return Operand("unanswerable", inner)


def _both_numbers(operand: str, value: str) -> tuple[float, float] | None:
    try:
        return float(operand), float(value)
    except ValueError:
        return None


def _shortest_text(number: float) -> str:
    if not math.isfinite(number):
        raise UnanswerableError
    return str(int(number)) if number.is_integer() else repr(number)
