"""The tree of an audience, and its evaluation.

The tree has exactly two levels: groups of conditions. If the platform's own client fails while it
evaluates a tree, it lets the user in. If its behaviour is unknown, the audience matches nobody.

Source: PageSense spec, section 3.1; pinned by the vectors in ``pagesense/decisions.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

from sortition._engine.pure.document import ProblemError, parse
from sortition._engine.pure.pagesense.condition import Condition, compile_condition
from sortition._engine.pure.problem import MISSING, Problems, child, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sortition._engine.pagesense import Step
    from sortition._engine.vwo import Json

T = TypeVar("T")

Connective: TypeAlias = Literal["all", "any"]
"""How to join groups or conditions: true if all are true, or if any is true."""

LETS_IN: Final = "lets_in"
"""Stands for a tree, group or condition that cannot be evaluated."""
NEVER: Final = "never"
"""Stands for a tree that cannot be compiled; it matches nobody."""


class LetsInError(Exception):
    """The audience cannot be evaluated, so it lets in every user not refused before."""


@dataclass(frozen=True, slots=True)
class Audience:
    """An audience of an experiment.

    Attributes:
        link_name: The identifier by which experiments refer to it.
        tree: The tree of its conditions.
    """

    link_name: str
    tree: Tree | str


@dataclass(frozen=True, slots=True)
class Tree:
    """Groups, all of which are evaluated."""

    connective: Connective
    groups: tuple[Group | str, ...]

    def evaluate(
        self, attributes: Mapping[str, object], listen: Callable[[Callable[[], Step]], None]
    ) -> bool:
        """Whether the audience is true of these attributes.

        Raises:
            LetsInError: It cannot be evaluated.
        """
        answers = [evaluate(group, attributes, listen) for group in self.groups]
        return all(answers) if self.connective == "all" else any(answers)


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions, evaluated up to the first one that decides."""

    connective: Connective
    conditions: tuple[Condition | str, ...]

    def evaluate(
        self, attributes: Mapping[str, object], listen: Callable[[Callable[[], Step]], None]
    ) -> bool:
        """Whether the group is true of these attributes.

        Raises:
            LetsInError: It cannot be evaluated.
        """
        decides = self.connective == "any"
        for condition in self.conditions:
            if isinstance(condition, str):
                raise LetsInError
            if condition.is_true_of(attributes, listen) is decides:
                return decides
        return not decides


def evaluate(
    node: Tree | Group | str,
    attributes: Mapping[str, object],
    listen: Callable[[Callable[[], Step]], None],
) -> bool:
    """Whether the attributes match an audience or one of its groups.

    Passes every evaluated condition to ``listen``.

    Raises:
        LetsInError: It cannot be evaluated.
    """
    if node == LETS_IN:
        raise LetsInError
    if isinstance(node, str):
        return False
    return node.evaluate(attributes, listen)


def compile_tree(path: str, value: Json, problems: Problems) -> Tree | str:
    """Compile ``audience_condition_json``, and add its problems to ``problems``."""
    compiler = _Compiler(problems)
    tree = compiler.tree(path, value)
    return NEVER if compiler.is_broken else tree


class _LetsInNodeError(Exception):
    """The value in place of an object cannot be evaluated."""


class _BrokenNodeError(Exception):
    """The platform's behaviour for the value in place of an object is unknown."""


def _read_node(value: Json) -> dict[str, Json]:
    """The object at this place; an empty one for null. Callers skip an empty object.

    Raises:
        _LetsInNodeError: The value cannot be evaluated.
        _BrokenNodeError: The platform's behaviour for such a value is unknown.
    """
    if isinstance(value, list):
        raise _LetsInNodeError("a list")
    if isinstance(value, str):
        try:
            value = parse(value.encode())
        except ProblemError:
            value = []
        if not isinstance(value, dict):
            raise _LetsInNodeError("a string that holds no object")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _BrokenNodeError(kind_of(value))
    return value


class _Compiler:
    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        # Whether the tree holds a part that makes it match nobody.
        self.is_broken = False

    def tree(self, path: str, value: Json) -> Tree | str:
        try:
            node = _read_node(value)
        except _LetsInNodeError as error:
            return self.lets_in(path, "an object", str(error))
        except _BrokenNodeError as error:
            return self.breaks(path, "an object", str(error))
        connective = self.outer_connective(path, node.get("condition_type", MISSING))
        groups: tuple[Group | str, ...] = self.children(path, node, self.group)
        return LETS_IN if connective is None else Tree(connective, groups)

    def outer_connective(self, path: str, value: object) -> Connective | None:
        """How groups are joined; None if the platform's own client cannot tell."""
        if not isinstance(value, str):
            return _connective(value)
        number = _number(value)
        if number is None:
            path = child(path, "condition_type")
            self.lets_in(path, "a number", "a string that holds none")
            return None
        return _connective(number)

    def group(self, path: str, value: Json) -> Group | str | None:
        try:
            node = _read_node(value)
        except _LetsInNodeError as error:
            return self.lets_in(path, "an object", str(error))
        except _BrokenNodeError as error:
            return self.breaks(path, "an object", str(error))
        if not node:
            return None
        conditions: tuple[Condition | str, ...] = self.children(path, node, self.leaf)
        connective = node.get("condition_type", MISSING)
        if isinstance(connective, str) and not conditions:
            # Text is not a number here, but the number of a group without conditions is not used.
            return Group(_connective(_number(connective)), conditions)
        return Group(_connective(connective), conditions)

    def leaf(self, path: str, value: Json) -> Condition | str | None:
        try:
            node = _read_node(value)
        except _LetsInNodeError as error:
            return self.lets_in(path, "an object", str(error))
        except _BrokenNodeError as error:
            return self.breaks(path, "an object", str(error))
        return compile_condition(path, node, self.problems) if node else None

    def children(
        self, path: str, node: dict[str, Json], compile_child: Callable[[str, Json], T | None]
    ) -> tuple[T, ...]:
        path = child(path, "conditions")
        values = node.get("conditions", [])
        if not isinstance(values, list):
            self.breaks(path, "a list", kind_of(values))
            return ()
        children = [compile_child(f"{path}[{index}]", value) for index, value in enumerate(values)]
        return tuple(one for one in children if one is not None)

    def lets_in(self, path: str, wanted: str, found: str) -> str:
        self.problems.add(path, wanted, found, "lets_in")
        return LETS_IN

    def breaks(self, path: str, wanted: str, found: str) -> str:
        self.problems.add(path, wanted, found, "never_matches")
        self.is_broken = True
        return NEVER


def _connective(value: object) -> Connective:
    """How a ``condition_type`` joins: 1 and its absence mean all, everything else any."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "all" if value is MISSING or (is_number and value == 1) else "any"


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
