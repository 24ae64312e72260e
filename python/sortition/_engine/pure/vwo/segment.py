"""The tree of segments, and its evaluation.

Source: VWO spec, section 7; pinned by the vectors in ``vwo/segments.jsonl``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from sortition._engine.pure.problem import Problems, child, kind_of
from sortition._engine.pure.vwo.attributes import (
    Attributes,
    UnreadableError,
    WithIds,
    plain_text_of,
    text_of,
)
from sortition._engine.pure.vwo.operand import (
    Operand,
    UnanswerableError,
    compile_operand,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._base.problem import Consequence
    from sortition._engine.vwo import Json, Step

    Listen: TypeAlias = Callable[[Callable[[], Step]], None]

USER_ID_ATTRIBUTE: Final = "_vwo_user_id"
"""The name of the attribute that holds the user's id, for segments that may use it."""


@dataclass(frozen=True, slots=True)
class All:
    """True if all are true; evaluated from left to right, up to the first false one."""

    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """True if any is true; evaluated from left to right, up to the first true one."""

    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True if the inner expression is false."""

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
    path: str, expression: Json, problems: Problems
) -> Segment:
    """Compile an expression. Adds its problems to `problems`; a broken part never matches."""

    def broken(path: str, wanted: str, found: str) -> Segment:
        problems.add(path, wanted, found, "never_matches")
        return Broken()

    def compile_list(path: str, value: Json) -> tuple[Segment, ...]:
        if not isinstance(value, list):
            return (broken(path, "a list", kind_of(value)),)
        segments: list[Segment] = []
        for index, item in enumerate(value):
            segment = compile_segment(f"{path}[{index}]", item, problems)
            # Parts after a broken one are never evaluated.
            if not segments or not isinstance(segments[-1], Broken):
                segments.append(segment)
        return tuple(segments)

    def only_key(path: str, value: dict[str, Json]) -> tuple[str, Json]:
        """The key of an object that should have exactly one; the first if it has more."""
        if len(value) > 1:
            found = "one with several, of which the first counts"
            problems.add(path, "an object with one key", found, "used_as_it_is")
        return next(iter(value.items()))

    if not isinstance(expression, dict):
        return broken(path, "an object", kind_of(expression))
    if not expression:
        return broken(path, "an operator", "an empty object")
    operator, argument = only_key(path, expression)
    path = child(path, operator)
    if operator == "and":
        return All(compile_list(path, argument))
    if operator == "or":
        if argument == []:
            wanted = "a list with something in it"
            problems.add(path, wanted, "an empty list", "clause_false")
        return Any(compile_list(path, argument))
    if operator == "not":
        return Not(compile_segment(path, argument, problems))
    if operator == "user":
        if not isinstance(argument, str):
            return broken(path, "a string", kind_of(argument))
        users = tuple(user.strip() for user in argument.split(","))
        if not any(users):
            problems.add(path, "users", "none", "clause_false")
        return User(users)
    if operator == "custom_variable":
        if not isinstance(argument, dict) or not argument:
            return broken(path, "an object with one key", kind_of(argument))
        name, source = only_key(path, argument)
        path = child(path, name)
        if not isinstance(source, str):
            return broken(path, "a string", kind_of(source))

        def report(wanted: str, found: str, consequence: Consequence) -> None:
            problems.add(path, wanted, found, consequence)

        return Variable(name, compile_operand(source, report), source)
    return broken(path, "one of and, or, not, custom_variable, user", "an unknown operator")


def evaluate(
    segment: Segment,
    attributes: Attributes,
    listen: Listen,
    *,
    is_negated: bool = False,
) -> bool:
    """Whether the attributes satisfy the expression.

    Passes every evaluated clause to `listen`, together with whether it is under an odd number of
    ``not``.

    Raises:
        UnanswerableError: The answer depends on a comparison that is not possible. The whole
            expression then counts as false.
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


def is_true_of(segment: Segment, attributes: Attributes, listen: Listen) -> bool:
    """Whether the attributes satisfy the expression; False on errors."""
    try:
        return evaluate(segment, attributes, listen)
    except UnanswerableError:
        return False


def _evaluate_variable(
    segment: Variable, attributes: Attributes, listen: Listen, *, is_negated: bool
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
    attributes: Attributes,
    listen: Listen,
    *,
    is_negated: bool,
) -> bool:
    value = plain_text_of(attributes, USER_ID_ATTRIBUTE)
    user_id = value if type(value) is str else None
    is_listed = user_id in users
    if not is_listed and isinstance(attributes, WithIds):
        listed = next((one for one in attributes.ids if one in users), None)
        is_listed = listed is not None
        user_id = user_id if listed is None else listed
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
