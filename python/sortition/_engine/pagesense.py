"""What a PageSense engine is asked and what it answers; the same for the compiled and the pure one.

The settings' contents are plain objects made once per settings document, by either engine. A
decision refers to them, so that deciding makes nothing but its result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._base.problem import Problem

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A value of a JSON document."""

Step: TypeAlias = "dict[str, Json]"
"""A step of a decision, as `explain` tells it; its ``step`` says which one."""

Remark: TypeAlias = Literal["silent", "ordinary", "mistake"]
"""How loudly to speak of the reason for a decision: not at all while nothing is decided, to debug
where all is as the settings want it, or as of a mistake that somebody can mend."""

NamedBy: TypeAlias = Literal["name", "link_name"]
"""By which of its names an experiment is found."""

ProfileState: TypeAlias = Literal["nothing", "invalid", "valid"]
"""What a profile can be used for: it is absent, it decides nothing, or it decides."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a project measures.

    Attributes:
        name: The name by which callers find it.
        link_name: Its identifier.
        type: The number of its type: 10 custom event, 11 revenue.
        counts_revenue: Whether it counts revenue.
    """

    name: str
    link_name: str
    type: float
    counts_revenue: bool


@dataclass(frozen=True, slots=True)
class MappedGoal:
    """A goal that is counted in an experiment.

    Attributes:
        goal: The goal.
        is_primary: Whether it is what the experiment is about.
    """

    goal: Goal
    is_primary: bool


@dataclass(frozen=True, slots=True)
class Variation:
    """One arm of an experiment.

    Attributes:
        key: Its key, which is stored and sent.
        name: Its name.
        link_name: Its identifier.
        traffic_distribution: Its share of the permitted traffic, in percent.
        is_original: Whether it is the control.
        first_bucket: The first of its buckets, from 1; it may be fractional.
        last_bucket: The last of its buckets, included; before the first where it has none.
    """

    key: str
    name: str
    link_name: str
    traffic_distribution: float
    is_original: bool
    first_bucket: float
    last_bucket: float


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment of the settings.

    Attributes:
        index: Its place among the settings' experiments.
        key: Its key, which is hashed, stored and sent.
        name: The name by which callers find it.
        link_name: The identifier by which callers may find it instead.
        type: The number of its type: 14 A/B test, 15 feature flag, 16 feature rollout. Only A/B
            tests are served.
        status: The number of its status: 1 draft, 2 running, 3 paused, 4 completed, 5 archived,
            6 scheduled. Only running ones are served.
        permitted_traffic: The share of users who are let in, in percent.
        is_development_mode: Whether visitors are not reported.
        environment_key: The key of its environment.
        language_key: The key of its language, as text.
        audiences: The link names of its audiences, in the document's order.
        goals: The goals that are counted in it, in the document's order.
        variations: Its variations, in the order of their keys.
    """

    index: int
    key: str
    name: str
    link_name: str
    type: float
    status: float
    permitted_traffic: float
    is_development_mode: bool
    environment_key: str = field(repr=False)
    language_key: str
    audiences: tuple[str, ...]
    goals: tuple[MappedGoal, ...]
    variations: tuple[Variation, ...]


class Profile(Protocol):
    """What the user storage holds for a user, as far as it can be read; immutable.

    Source: PageSense spec, section 5 and "Our choices" (D13).
    """

    @property
    def state(self) -> ProfileState:
        """What it can be used for."""

    def with_assignment(self, user_id: str, experiment_key: str, variation_key: str) -> str:
        """The profile to save, as JSON text.

        It has the caller's user id and this assignment last, in place of what was stored for the
        experiment. Other entries stay as they were; what is no profile is replaced.

        Raises:
            UnicodeEncodeError: An argument holds half of a surrogate pair.
        """


class Decision(Protocol):
    """What was decided, and why."""

    @property
    def reason(self) -> str:
        """Why it came out so: one of `PAGESENSE_REASONS`."""

    @property
    def experiment(self) -> Experiment | None:
        """The experiment; None where the settings have none of the name."""

    @property
    def variation(self) -> Variation | None:
        """The variation; None where the user gets none."""

    @property
    def goal(self) -> MappedGoal | None:
        """The goal; None where none is tracked, or none that the experiment counts."""

    @property
    def saves_assignment(self) -> bool:
        """Whether the assignment is to be saved.

        To save it, look up the user's profile again, read it and save its `with_assignment`.
        """

    @property
    def remark(self) -> Remark:
        """How loudly to speak of the reason."""

    @property
    def refusal(self) -> str | None:
        """The name under which an event is counted that the reason refuses; None for none."""

    @property
    def needs_profile(self) -> bool:
        """Whether nothing is decided yet: look up the user's profile and ask again with it."""


class Settings(Protocol):
    """A project's settings, compiled once; immutable, and safe to use from any thread."""

    @property
    def project_key(self) -> str:
        """The project's key."""

    @property
    def project_name(self) -> str:
        """The project's name."""

    @property
    def portal_name(self) -> str:
        """The name of the portal that the project belongs to."""

    @property
    def sdk_account_id(self) -> str:
        """The account's id, without the data center."""

    @property
    def sdk_key(self) -> str:
        """The secret key of the project."""

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """The experiments that could be compiled, in the document's order."""

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The goals that could be compiled, in the document's order."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong in the document: the first thousand problems."""

    @property
    def problem_count(self) -> int:
        """How many problems there are in all."""

    def experiment(self, name: str, named_by: NamedBy = "name") -> Experiment | None:
        """The experiment of this name or link name; the first one, whatever its status."""

    def goal(self, name: str, named_by: NamedBy = "name") -> Goal | None:
        """The goal of this name or link name; the first one."""

    def experiment_names(self, named_by: NamedBy, most: int) -> tuple[str, ...]:
        """The names or link names of the experiments; of the first ones where there are more."""

    def goal_names(self, named_by: NamedBy, most: int) -> tuple[str, ...]:
        """The names or link names of the goals; of the first ones where there are more."""

    def experiments_with_goal(self, goal_name: str) -> Sequence[Experiment]:
        """The experiments that count the goal of this name, stopped ones included."""

    def decide(
        self,
        experiment: str | int,
        user_id: str,
        attributes: dict[str, object] | None = None,
        profile: Profile | None = None,
        *,
        named_by: NamedBy = "name",
        has_user_storage: bool = False,
        goal_name: str | None = None,
        steps: list[Step] | None = None,
    ) -> Decision:
        """Decide for one user and one experiment.

        Args:
            experiment: The experiment's name, or its index.
            user_id: The user's id, not blank. One with half of a surrogate pair has bucket 0, and
                nothing is saved for it.
            attributes: What the audiences are compared with.
            profile: What the user storage holds; None: it was not asked.
            named_by: Whether ``experiment`` is a name or a link name.
            has_user_storage: Whether a user storage is configured.
            goal_name: The goal, where one is to be tracked: the experiment must count it.
            steps: A list to which every step of the decision is added.

        Raises:
            UnicodeEncodeError: A name holds half of a surrogate pair.
        """
