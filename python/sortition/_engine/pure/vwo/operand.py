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
    """The comparison is not possible; the whole expression is false."""


Report: TypeAlias = "Callable[[str, str, Consequence], None]"
"""Receives a problem of an operand: the expected value, the one found, and the consequence."""


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
    """The right-hand side of a custom variable's comparison: a rule and its value."""

    rule: str
    operand: str
    pattern: Pattern | None = None
    """The pattern of the operand; None for other rules, and for an invalid pattern."""

    def matches(self, value: str) -> bool:
        """Whether the value satisfies the rule.

        Raises:
            UnanswerableError: The comparison is not possible: a side is infinite or NaN, a side of
                a numeric comparison is not a number, the rule is ``wildcard()``, or its pattern is
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

    Calls `report` for each problem.
    """
    call = _split_call(source)
    name, inner = ("", source) if call is None else call
    if name == "regex":
        return _regex(inner, report)
    if name == "wildcard":
        operand = _wildcard(inner)
    elif name in _RULE_NAMES:
        operand = Operand(_RULE_NAMES[name], inner)
    else:
        operand = Operand("equals", source)
    fault = _fault_of(source, operand)
    if fault is not None:
        report(*fault)
    return operand


_NOT_FINITE: Final = "one that is infinite or not a number"


def _fault_of(source: str, operand: Operand) -> tuple[str, str, Consequence] | None:
    """The problem of an operand that never matches, or that is probably a mistake."""
    rule, text = operand.rule, operand.operand
    number = _number(text)
    is_infinite = number is not None and not math.isfinite(number)
    if rule == "unanswerable":
        return "text within the brackets", "nothing", "never_matches"
    if rule in _NUMBER_RULES:
        wanted = "a number to compare with"
        if number is None:
            return wanted, "other text" if text else "nothing", "never_matches"
        return (wanted, _NOT_FINITE, "never_matches") if is_infinite else None
    if rule not in ("equals", "lower"):
        return None
    if not text:
        return "text to compare with", "nothing", "clause_false"
    if is_infinite:
        return "text, or a finite number", _NOT_FINITE, "never_matches"
    if rule == "equals" and text == source and _is_almost_a_rule(source):
        found = "one that is spelt otherwise, so that all of it is plain text"
        return "the name of an operator", found, "used_as_it_is"
    return None


def _is_almost_a_rule(source: str) -> bool:
    """Whether the text would be a rule if its name were in lower case and without punctuation."""
    call = _split_call(source)
    if call is None:
        return False
    name = call[0].translate(_TO_NAME)
    return name in _RULE_NAMES or name in ("wildcard", "regex")


_TO_NAME: Final = {
    **dict.fromkeys(map(ord, " _-")),
    **{upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)},
}
"""Removes punctuation from a name and lowers its ASCII letters."""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


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
        report("a pattern that Python compiles", "another text", "clause_false")
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
