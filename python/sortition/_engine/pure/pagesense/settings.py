"""Compiled settings: immutable, and shared by every call that decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sortition._engine import pagesense as model
    from sortition._engine.pure.pagesense.audience import Audience
    from sortition._engine.pure.problem import Problems

RUNNING: Final = 2
"""The status of an experiment that is running."""
AB_TEST: Final = 14
"""The type of an experiment that is an A/B test."""
REVENUE: Final = 11
"""The type of a goal that counts revenue."""


@dataclass(frozen=True, slots=True)
class Variation:
    """A variation of an experiment.

    Attributes:
        shown: The variation as callers see it.
    """

    shown: model.Variation


@dataclass(frozen=True, slots=True)
class MappedGoal:
    """A goal that an experiment counts.

    Attributes:
        shown: The goal as callers see it.
        goal: The index of the goal in the settings.
    """

    shown: model.MappedGoal
    goal: int


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment.

    Attributes:
        shown: The experiment as callers see it.
        audiences: Its audiences.
        is_for_everyone: Whether one of them is the audience of all visitors.
        goals: The goals that it counts.
        variations: Its variations, in the order of their keys.
        allocation: The ranges of its variations.
    """

    shown: model.Experiment
    audiences: tuple[Audience, ...]
    is_for_everyone: bool
    goals: tuple[MappedGoal, ...]
    variations: tuple[Variation, ...]
    allocation: tuple[tuple[float, float], ...]

    @property
    def is_running(self) -> bool:
        """Whether it is running. Users get variations only of running experiments."""
        return self.shown.status == RUNNING

    @property
    def is_ab_test(self) -> bool:
        """Whether it is an A/B test. Users get variations only of A/B tests."""
        return self.shown.type == AB_TEST

    def goal(self, goal: int) -> MappedGoal | None:
        """The experiment's entry for this goal of the settings."""
        return next((mapped for mapped in self.goals if mapped.goal == goal), None)

    def variation(self, key: object) -> Variation | None:
        """The first variation of this key."""
        return next((one for one in self.variations if one.shown.key == key), None)


@dataclass(frozen=True, slots=True)
class Settings:
    """A project's settings, compiled once.

    Source: PageSense spec, section 1.
    """

    project_key: str
    project_name: str
    portal_name: str
    sdk_account_id: str
    sdk_key: str = field(repr=False)
    goals: tuple[model.Goal, ...]
    experiments: tuple[Experiment, ...]
    by_name: dict[str, int]
    """The first experiment of each name."""
    by_link_name: dict[str, int]
    names_set_aside: frozenset[str]
    """The names of the broken experiments, which were left out."""
    link_names_set_aside: frozenset[str]
    problems: Problems

    def goal(self, name: str) -> int | None:
        """The first goal of this name, by its index."""
        for index, goal in enumerate(self.goals):
            if goal.name == name:
                return index
        return None

    def goal_by_link_name(self, link_name: str) -> int | None:
        """The goal of this link name, by its index."""
        for index, goal in enumerate(self.goals):
            if goal.link_name == link_name:
                return index
        return None
