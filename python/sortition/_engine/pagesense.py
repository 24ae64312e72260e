"""The questions and answers of a PageSense engine; the same for the compiled and the pure one.

The settings' contents are plain objects, which both engines create once per settings document.
Decisions refer to them, so a decision creates only its result.
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
"""The level at which to log the reason of a decision: not at all while nothing is decided, as debug
if everything is as the settings say, or as a mistake that someone can fix."""

NamedBy: TypeAlias = Literal["name", "link_name"]
"""By which of its names an experiment is found."""

RevenueFault: TypeAlias = Literal["missing", "unreadable"]
"""Why the revenue of a conversion is invalid: it is missing, or is not text with a whole number of
at least 0."""

ProfileState: TypeAlias = Literal["nothing", "invalid", "valid"]
"""The state of a profile: it is absent, it has a fault and is not used, or it is used."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal of a project.

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
    """The readable part of a user's profile in the user storage; immutable.

    Source: PageSense spec, section 5 and "Our choices" (D13).
    """

    @property
    def state(self) -> ProfileState:
        """Whether it was read, and whether it decides."""

    def with_assignment(self, user_id: str, experiment_key: str, variation_key: str) -> str:
        """The profile to save, as JSON text.

        It has the caller's user id and this assignment last, in place of what was stored for the
        experiment. Other entries stay as they were; what is no profile is replaced.

        Raises:
            UnicodeEncodeError: An argument holds half of a surrogate pair.
        """


class Decision(Protocol):
    """A decision and its reason."""

    @property
    def reason(self) -> str:
        """Why it came out so: one of `PAGESENSE_REASONS`."""

    @property
    def experiment(self) -> Experiment | None:
        """The experiment; None if the settings have none of the name."""

    @property
    def variation(self) -> Variation | None:
        """The variation; None if the user gets none."""

    @property
    def goal(self) -> MappedGoal | None:
        """The goal; None if none is tracked, or none that the experiment counts."""

    @property
    def saves_assignment(self) -> bool:
        """Whether the assignment is to be saved.

        To save it, look up the user's profile again, read it and save its `with_assignment`.
        """

    @property
    def remark(self) -> Remark:
        """The level at which to log the reason."""

    @property
    def refusal(self) -> str | None:
        """The name under which an event is counted that the reason refuses; None for none."""

    @property
    def needs_profile(self) -> bool:
        """Whether nothing is decided yet: look up the user's profile and ask again with it."""


class Outcome(Protocol):
    """The outcome of a call: the decision, and everything that follows from it.

    Whoever asked saves the profile, logs the remark, sends the event and returns the answer.
    """

    @property
    def decision(self) -> Decision | None:
        """The decision; it is made into an object when it is asked for.

        None for a goal of the project that exists: each experiment that counts it has a decision of
        its own.
        """

    @property
    def answer(self) -> str | None:
        """The call's result: the variation's name or link name, or None."""

    @property
    def experiment_key(self) -> str | None:
        """The key of the experiment that was decided; None if there is none."""

    @property
    def needs_profile(self) -> bool:
        """Whether nothing is decided yet: look up the user's profile and ask again with it."""

    @property
    def is_profile_invalid(self) -> bool:
        """Whether the profile was read, but is not used because it has a fault."""

    @property
    def saves_assignment(self) -> bool:
        """Whether a profile is to be saved: look it up again and save its `profile_to_save`."""

    def profile_to_save(self, stored: str) -> str:
        """The profile to save, as JSON text.

        Args:
            stored: What the user storage holds now; empty if that is nothing.
        """

    @property
    def event(self) -> bytes | None:
        """The event to send, as the queue holds it; None if the call has none."""

    @property
    def presumes_activation(self) -> bool:
        """Whether an earlier call should have activated the user, whom no storage knows."""

    @property
    def remark(self) -> Remark:
        """The level at which to log the reason."""

    @property
    def refusal(self) -> str | None:
        """Why the call's event is refused; None if it has none, or sends it."""

    @property
    def revenue_fault(self) -> RevenueFault | None:
        """Why the goal's revenue cannot be used; nothing was decided then."""


class Activated(Protocol):
    """The users that this process activated; safe to use from any number of threads."""

    @property
    def others(self) -> int:
        """How many goals of other users were tracked."""

    def add(self, experiment_key: str, user_id: str) -> None:
        """Remember that a user was activated."""

    def may_hold(self, experiment_key: str, user_id: str) -> bool:
        """Whether a user may have been activated in this process."""

    def count_other(self) -> None:
        """Count a goal of a user who was not activated."""


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
        """The first thousand problems of the document."""

    @property
    def problem_count(self) -> int:
        """How many problems there are in all."""

    def experiment(self, name: str, named_by: NamedBy = "name") -> Experiment | None:
        """The first experiment of this name or link name, with any status."""

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

    def assign(
        self,
        experiment: str | int,
        named_by: NamedBy,
        user_id: str,
        attributes: dict[str, object] | None = None,
        has_user_storage: bool = False,
        stored: str | None = None,
    ) -> Outcome:
        """Decide without an event.

        Args:
            experiment: The experiment's name, or its index.
            named_by: Whether ``experiment`` is a name or a link name; the answer is the same of the
                variation.
            user_id: As for `decide`.
            attributes: As for `decide`.
            has_user_storage: As for `decide`.
            stored: What the user storage holds, as text: empty for nothing; None: it was not asked.

        Raises:
            UnicodeEncodeError: A name holds half of a surrogate pair.
        """

    def show(
        self,
        experiment: str | int,
        named_by: NamedBy,
        user_id: str,
        attributes: dict[str, object] | None = None,
        attributes_json: str = "[]",
        has_user_storage: bool = False,
        stored: str | None = None,
    ) -> Outcome:
        """Decide, and count the user as a visitor.

        Args:
            experiment: As for `assign`.
            named_by: As for `assign`.
            user_id: As for `assign`.
            attributes: As for `assign`.
            attributes_json: The attributes that the event carries, as a JSON list of fields.
            has_user_storage: As for `assign`.
            stored: As for `assign`.

        Raises:
            UnicodeEncodeError: A name holds half of a surrogate pair.
        """

    def convert(
        self,
        experiment: str | int,
        named_by: NamedBy,
        user_id: str,
        goal_name: str,
        attributes: dict[str, object] | None = None,
        attributes_json: str = "[]",
        properties_json: str | None = None,
        revenue: object = None,
        has_user_storage: bool = False,
        stored: str | None = None,
    ) -> Outcome:
        """Decide, and report a goal of the experiment; nothing for a user who is not in it.

        Args:
            experiment: As for `assign`.
            named_by: As for `assign`.
            user_id: As for `assign`.
            goal_name: The goal's name.
            attributes: As for `assign`.
            attributes_json: As for `show`.
            properties_json: The properties that the event carries, as a JSON list of fields; None
                where the call gives none.
            revenue: What the properties say of the revenue; None if they say nothing.
            has_user_storage: As for `assign`.
            stored: As for `assign`.

        Raises:
            UnicodeEncodeError: A name holds half of a surrogate pair.
        """

    def convert_in_project(
        self,
        goal_name: str,
        named_by: NamedBy,
        user_id: str,
        attributes: dict[str, object] | None = None,
        attributes_json: str = "[]",
        properties_json: str | None = None,
        revenue: object = None,
        has_user_storage: bool = False,
        stored: str | None = None,
    ) -> Outcome:
        """Decide for every experiment that counts a goal of the project, and report the goal.

        It is reported also where the user is in none of the experiments.

        Args:
            goal_name: The goal's name or link name.
            named_by: Which of them.
            user_id: As for `assign`.
            attributes: As for `assign`.
            attributes_json: As for `show`.
            properties_json: As for `convert`.
            revenue: As for `convert`.
            has_user_storage: As for `assign`.
            stored: As for `assign`.

        Raises:
            UnicodeEncodeError: The name holds half of a surrogate pair.
        """
