"""The questions and answers of a VWO engine; the same for the compiled and the pure one.

The settings' contents are plain objects. The pure engine creates them with the settings, and the
compiled one at their first use. Decisions refer to them, so a decision creates only its result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._base.problem import Problem

Identifier: TypeAlias = int | float | str
"""An account's, campaign's, variation's or goal's id, as in the settings document."""

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A value of a JSON document."""

Call: TypeAlias = Literal[
    "activate",
    "get_variation_name",
    "track",
    "is_feature_enabled",
    "get_feature_variable_value",
]
"""The public calls that ask for a decision."""

Remark: TypeAlias = Literal["silent", "ordinary", "mistake"]
"""The level at which to log the reason of a decision: not at all while nothing is decided, as debug
if everything is as the settings say, or as a mistake that someone can fix."""

Answer: TypeAlias = "str | bool | Variable | None"
"""A call's result: a variation's name, a flag, a feature's variable, or None."""

Step: TypeAlias = "dict[str, Json]"
"""A step of a decision, as `explain` tells it; its ``step`` says which one."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A feature's variable.

    Attributes:
        id: Its id.
        key: The key by which callers name it.
        type: The type its value is to have: string, integer, double, boolean or json.
        value: Its value, as JSON text, so that no caller can change it for another.
    """

    id: Identifier
    key: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Variation:
    """One arm of a campaign.

    Attributes:
        id: Its id; 1 is the control.
        name: Its name.
        is_feature_enabled: Whether the feature is on in it; None if the document does not say.
        variables: Its variables.
    """

    id: Identifier
    name: str
    is_feature_enabled: bool | None
    variables: tuple[Variable, ...]


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal of a campaign.

    Attributes:
        id: Its id.
        identifier: The identifier by which callers name it.
        type: ``CUSTOM_GOAL`` or ``REVENUE_TRACKING``.
        revenue_prop: The event property that carries its revenue.
    """

    id: Identifier
    identifier: str
    type: str
    revenue_prop: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Campaigns of which a user takes part in at most one.

    Attributes:
        id: Its id.
        name: Its name.
        algorithm: 1 random, 2 advanced.
    """

    id: Identifier
    name: str | None
    algorithm: int


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign of the settings.

    Attributes:
        index: Its place among the settings' campaigns.
        id: Its id.
        key: The key by which callers name it.
        name: Its name.
        type: ``VISUAL_AB``, ``FEATURE_TEST``, ``FEATURE_ROLLOUT`` or one that is not known.
        is_running: Whether it is running.
        is_forced_variation_enabled: The raw field of the document, as JSON text; None if it
            is missing.
        variations: Its variations, in the document's order.
        goals: Its goals, in the document's order.
        variables: The variables of a feature rollout.
        group: The group of mutually exclusive campaigns that it belongs to.
    """

    index: int
    id: Identifier
    key: str
    name: str | None
    type: str | None
    is_running: bool
    is_forced_variation_enabled: str | None
    variations: tuple[Variation, ...]
    goals: tuple[Goal, ...]
    variables: tuple[Variable, ...]
    group: Group | None


class Decision(Protocol):
    """A decision and its reason."""

    @property
    def reason(self) -> str:
        """Why it came out so: one of `REASONS`."""

    @property
    def campaign(self) -> Campaign | None:
        """The campaign; None if the settings have none of the key."""

    @property
    def variation(self) -> Variation | None:
        """The variation; None if the user gets none."""

    @property
    def goal(self) -> Goal | None:
        """The goal; None outside ``track`` or where the campaign does not have it."""

    @property
    def has_record(self) -> bool:
        """Whether the user storage holds a record of this user and campaign."""

    @property
    def stores_new_record(self) -> bool:
        """Whether a new record is to be stored, once the event was accepted."""

    @property
    def stores_goal_identifiers(self) -> str | None:
        """The goal identifiers that the record is to have, once the event was accepted."""

    @property
    def records_needed(self) -> tuple[str, ...]:
        """The campaigns, by key, whose records are needed first; ask again with them."""

    @property
    def gave_up_on_pattern(self) -> bool:
        """Whether the search for a pattern was given up, and counted as finding nothing."""

    @property
    def pattern_steps(self) -> int:
        """How many steps the searches for patterns took together.

        Always 0 with the pure engine: Python's `re` counts nothing.
        """


class Outcome(Protocol):
    """The outcome of a call: the decision and everything that follows from it.

    The caller sends the event, and stores the record once the event is accepted, or at once if
    there is no event. Then it logs the remark and returns the answer.
    """

    @property
    def decision(self) -> Decision:
        """The decision; each access creates the object."""

    @property
    def answer(self) -> Answer:
        """The call's result."""

    @property
    def sends_event(self) -> bool:
        """Whether the call sends an event."""

    @property
    def event(self) -> bytes | None:
        """The event as it stands in a batch; None also where the question gave no time."""

    @property
    def revenue(self) -> str | None:
        """The revenue that the event carries, as JSON."""

    @property
    def record(self) -> dict[str, object] | None:
        """The record to store, without what the caller adds to it."""

    @property
    def remark(self) -> Remark:
        """The level at which to log the reason."""

    @property
    def refusal(self) -> str | None:
        """Why the call's event is refused; None if it has none, or sends it."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to do but to send the event and to return the answer."""

    @property
    def records_needed(self) -> tuple[str, ...]:
        """The campaigns, by key, whose records are needed first; ask again with them."""


class Settings(Protocol):
    """An account's settings, compiled once; immutable, and safe to use from any thread."""

    @property
    def version(self) -> Identifier:
        """The settings' version."""

    @property
    def account_id(self) -> Identifier:
        """The account's id."""

    @property
    def sdk_key(self) -> str | None:
        """The secret key of the environment; None if the document has none."""

    @property
    def is_event_arch_enabled(self) -> bool:
        """Whether events are sent in the event-architecture format."""

    @property
    def collection_prefix(self) -> str | None:
        """The path segment that stands for where the data reside."""

    @property
    def campaigns(self) -> tuple[Campaign, ...]:
        """The campaigns that could be compiled, in the document's order."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The first thousand problems of the document."""

    @property
    def problem_count(self) -> int:
        """How many problems there are in all."""

    def visitor_id(self, user_id: str) -> str:
        """The id that stands for the user on the wire."""

    def has_campaign(self, key: str) -> bool:
        """Whether a campaign has this key, running or not."""

    def campaign_keys(self, most: int) -> tuple[str, ...]:
        """The keys of the campaigns; of the first ones where there are more than `most`."""

    def goal_identifiers(self, most: int) -> tuple[str, ...]:
        """The different identifiers among the first `most` goals of the first campaigns."""

    def running_campaign(self, key: str) -> Campaign | None:
        """The running campaign of this key."""

    def campaigns_with_goal(self, goal_identifier: str) -> Sequence[Campaign]:
        """All campaigns that have this goal, stopped ones included."""

    def push_event(self, user_id: str, at_s: int, key: str, value: str) -> bytes:
        """The encoded event of a user who has a value of a custom dimension."""

    def decide(
        self,
        call: Call,
        campaign: str | int,
        user_id: str,
        custom_variables: dict[str, object] | None = None,
        variation_targeting_variables: dict[str, object] | None = None,
        records: dict[str, object] | None = None,
        *,
        has_user_storage: bool = False,
        should_track_returning_user: bool = False,
        goal_identifier: str | None = None,
        goal_type_to_track: str = "ALL",
        has_revenue: bool = False,
        event_properties: dict[str, object] | None = None,
        steps: list[Step] | None = None,
    ) -> Decision:
        """Decide for one user and one campaign.

        Args:
            call: The public call that asks.
            campaign: The campaign's key, for a running one; or the index of any one.
            user_id: The user's id, not empty.
            custom_variables: What the campaign's segments are compared with.
            variation_targeting_variables: What whitelisting compares.
            records: What the user storage holds, by campaign key; None is "nothing stored", a
                key that is missing is "not asked".
            has_user_storage: Whether a user storage is configured.
            should_track_returning_user: Whether a recorded conversion is tracked again.
            goal_identifier: The goal, for ``track`` only.
            goal_type_to_track: ``ALL``, ``CUSTOM_GOAL`` or ``REVENUE_TRACKING``.
            has_revenue: Whether a revenue was given that is true for Python.
            event_properties: The properties of the conversion's event.
            steps: A list to which every step of the decision is added.

        Raises:
            UnicodeEncodeError: An argument holds half of a surrogate pair.
        """

    def targets(self, specifier: str | list[str] | None, goal_identifier: str) -> list[str | int]:
        """The campaigns that ``track`` is about, by key or by index; each is a `convert`.

        Args:
            specifier: One key; several keys, of which those that no running campaign has stay
                keys; or None for every campaign that has the goal.
            goal_identifier: The goal.
        """

    def assign(
        self,
        call: Call,
        campaign: str | int,
        user_id: str,
        custom_variables: dict[str, object] | None = None,
        variation_targeting_variables: dict[str, object] | None = None,
        has_user_storage: bool = False,
        variable_key: str | None = None,
        records: dict[str, object] | None = None,
    ) -> Outcome:
        """Decide without an event; with `variable_key`, look up a variable of the feature.

        The other arguments are those of `decide`.
        """

    def show(
        self,
        call: Call,
        campaign: str | int,
        user_id: str,
        custom_variables: dict[str, object] | None = None,
        variation_targeting_variables: dict[str, object] | None = None,
        has_user_storage: bool = False,
        should_track_returning_user: bool = False,
        at_s: int | None = None,
        user_agent: str | None = None,
        ip_address: str | None = None,
        records: dict[str, object] | None = None,
    ) -> Outcome:
        """Decide, and count the user as a visitor.

        The first arguments are those of `decide`. `at_s` is when it happened, in seconds since
        1970, or None if the event is not for a batch; `user_agent` and `ip_address` are those of
        the user's browser.
        """

    def convert(
        self,
        campaign: str | int,
        user_id: str,
        goal_identifier: str,
        goal_type_to_track: str = "ALL",
        custom_variables: dict[str, object] | None = None,
        variation_targeting_variables: dict[str, object] | None = None,
        has_user_storage: bool = False,
        should_track_returning_user: bool = False,
        revenue: str | None = None,
        event_properties: dict[str, str] | None = None,
        at_s: int | None = None,
        user_agent: str | None = None,
        ip_address: str | None = None,
        records: dict[str, object] | None = None,
    ) -> Outcome:
        """Decide, and credit the user's conversion.

        Most arguments are those of `decide` and `show`. `revenue` is what the conversion brought,
        as JSON, or None if the call gives nothing that Python calls true. The values of
        `event_properties` are JSON, too.
        """
