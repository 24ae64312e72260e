"""The tree of segments, and its evaluation.

Source: VWO spec, section 7; pinned by the vectors in ``vwo/segments.jsonl``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from sortition._base.problem import Consequence, Problem
from sortition._engine.pure.problem import child, kind_of
from sortition._engine.pure.vwo.attributes import UnreadableError, plain_text_of, text_of
from sortition._engine.pure.vwo.operand import (
    Operand,
    UnanswerableError,
    compile_operand,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sortition._engine.vwo import Json, Step

    Listen: TypeAlias = Callable[[Callable[[], Step]], None]

USER_ID_ATTRIBUTE: Final = "_vwo_user_id"
"""The name of the attribute that holds the user's id, where a segment may ask for it."""


@dataclass(frozen=True, slots=True)
class All:
    """True where all are; evaluated left to right, up to the first that is not."""

    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """True where any is; evaluated left to right, up to the first that is."""

    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where the other is not."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class Variable:
    """A custom variable compared with an operand."""

    name: str
    operand: Operand
    source: str


@dataclass(frozen=True, slots=True)
class User:
    """True for the users of this list."""

    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A node that could not be compiled; its expression is false."""


Segment: TypeAlias = All | Any | Not | Variable | User | Broken


def compile_segment(  # noqa: C901 -- one case for each operator
    path: str, expression: Json, problems: list[Problem]
) -> Segment:
    """Compile an expression; what is wrong in it is added to `problems` and never matches."""

    def broken(path: str, wanted: str, found: str) -> Segment:
        problems.append(Problem(path, wanted, found, "never_matches"))
        return Broken()

    def compile_list(path: str, value: Json) -> tuple[Segment, ...]:
        if not isinstance(value, list):
            return (broken(path, "a list", kind_of(value)),)
        return tuple(
            compile_segment(f"{path}[{index}]", item, problems) for index, item in enumerate(value)
        )

    if not isinstance(expression, dict):
        return broken(path, "an object", kind_of(expression))
    if not expression:
        return broken(path, "an operator", "an empty object")
    # An object has one key; where it has more, the first counts.
    operator, argument = next(iter(expression.items()))
    path = child(path, operator)
    if operator == "and":
        return All(compile_list(path, argument))
    if operator == "or":
        return Any(compile_list(path, argument))
    if operator == "not":
        return Not(compile_segment(path, argument, problems))
    if operator == "user":
        if not isinstance(argument, str):
            return broken(path, "a string", kind_of(argument))
        return User(tuple(user.strip() for user in argument.split(",")))
    if operator == "custom_variable":
        if not isinstance(argument, dict) or not argument:
            return broken(path, "an object with one key", kind_of(argument))
        name, source = next(iter(argument.items()))
        path = child(path, name)
        if not isinstance(source, str):
            return broken(path, "a string", kind_of(source))

        def report(wanted: str, found: str, consequence: Consequence) -> None:
            problems.append(Problem(path, wanted, found, consequence))

        return Variable(name, compile_operand(source, report), source)
    return broken(path, "one of and, or, not, custom_variable, user", "an unknown operator")


def evaluate(
    segment: Segment,
    attributes: Mapping[str, object],
    listen: Listen,
    *,
    is_negated: bool = False,
) -> bool:
    """Whether the expression is true of these attributes.

    Every clause that is looked at is passed to `listen`, with whether it stands under a ``not``, or
    an odd number of them.

    Raises:
        UnanswerableError: A clause that was needed could not be answered: the whole expression
            then counts as false.
    """
    match segment:
        case All(segments):
            return all(
                evaluate(inner, attributes, listen, is_negated=is_negated) for inner in segments
            )
        case Any(segments):
            return any(
                evaluate(inner, attributes, listen, is_negated=is_negated) for inner in segments
            )
        case Not(inner):
            return not evaluate(inner, attributes, listen, is_negated=not is_negated)
        case Variable():
            return _evaluate_variable(segment, attributes, listen, is_negated=is_negated)
        case User(users):
            return _evaluate_user(users, attributes, listen, is_negated=is_negated)
        case Broken():
            raise UnanswerableError


def is_true_of(segment: Segment, attributes: Mapping[str, object], listen: Listen) -> bool:
    """Whether the expression is true of these attributes, errors counted as false."""
    try:
        return evaluate(segment, attributes, listen)
    except UnanswerableError:
        return False


def _evaluate_variable(
    segment: Variable, attributes: Mapping[str, object], listen: Listen, *, is_negated: bool
) -> bool:
    value: str | None = None
    is_true: bool | None = None
    try:
        text = text_of(attributes, segment.name)
        value = None if attributes.get(segment.name) is None else text
        is_true = segment.operand.matches(text)
    except UnreadableError as error:
        raise UnanswerableError from error
    else:
        return is_true
    finally:
        listen(
            lambda: {
                "variable": segment.name,
                "operand": segment.source,
                "value": value,
                "is_negated": is_negated,
                "is_true": is_true,
            }
        )


def _evaluate_user(
    users: tuple[str, ...],
    attributes: Mapping[str, object],
    listen: Listen,
    *,
    is_negated: bool,
) -> bool:
    value = plain_text_of(attributes, USER_ID_ATTRIBUTE)
    user_id = value if type(value) is str else None
    is_listed = user_id in users
    listen(
        lambda: {
            "variable": USER_ID_ATTRIBUTE,
            "operand": f"user({', '.join(users)})",
            "value": user_id,
            "is_negated": is_negated,
            "is_true": is_listed,
        }
    )
    return is_listed
