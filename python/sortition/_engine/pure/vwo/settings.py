"""Compiled settings: immutable, and shared by every call that decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import uuid

    from sortition._engine import vwo as model
    from sortition._engine.pure.problem import Problems
    from sortition._engine.pure.vwo.group import Group
    from sortition._engine.pure.vwo.segment import Segment

_ALL_TRAFFIC: Final = 100


@dataclass(frozen=True, slots=True)
class Variation:
    """One arm of a campaign.

    Attributes:
        shown: What callers see of it.
        weight: Its share in percent.
        segments: Whom whitelisting gives this variation; None: nobody.
    """

    shown: model.Variation
    weight: float
    segments: Segment | None


@dataclass(frozen=True, slots=True)
class Goal:
    """What a campaign measures.

    Attributes:
        shown: What callers see of it.
        counts_every_time: ``mca`` is -1: a conversion counts as often as it happens.
        has_props: Whether it has event properties.
    """

    shown: model.Goal
    counts_every_time: bool
    has_props: bool

    @property
    def may_repeat(self) -> bool:
        """Whether a conversion of the same user may be tracked again."""
        return self.counts_every_time or self.has_props


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign.

    Attributes:
        shown: What callers see of it.
        percent_traffic: The share of users who take part.
        segments: Who is in the campaign; None: everybody.
        has_whitelisting: Whether targeting rules may choose a variation before anything else.
        has_user_lists: Whether lists of users name them by their visitor ids, too.
        needs_user_storage: Whether it decides only with a user storage.
        user_seed: What the seed string S starts with.
        variation_seed: What the seed string that places a user among the variations starts with;
            None: it is S, stretched by the traffic, the oldest algorithm.
        variations: Its variations.
        allocation: The ranges of its variations.
        goals: Its goals.
        group: The group that it belongs to, by its index.
    """

    shown: model.Campaign
    percent_traffic: float
    segments: Segment | None
    has_whitelisting: bool
    has_user_lists: bool
    needs_user_storage: bool
    user_seed: str
    variation_seed: str | None
    variations: tuple[Variation, ...]
    allocation: tuple[tuple[int, int] | None, ...]
    goals: tuple[Goal, ...]
    group: int | None

    @property
    def takes_everybody(self) -> bool:
        """Whether every user takes part, unless another campaign of its group has them."""
        return self.segments is None and self.percent_traffic >= _ALL_TRAFFIC

    def goal(self, identifier: str) -> Goal | None:
        """The first goal with this identifier."""
        return next((goal for goal in self.goals if goal.shown.identifier == identifier), None)

    def variation(self, name: str) -> Variation | None:
        """The first variation of this name."""
        return next((one for one in self.variations if one.shown.name == name), None)


@dataclass(frozen=True, slots=True)
class Settings:
    """An account's settings, compiled once.

    Source: VWO spec, section 1.
    """

    version: model.Identifier
    account_id: model.Identifier
    sdk_key: str | None = field(repr=False)
    is_event_arch_enabled: bool
    collection_prefix: str | None
    visitor_namespace: uuid.UUID
    campaigns: tuple[Campaign, ...]
    by_key: dict[str, int]
    """The first running campaign of each key."""
    set_aside: frozenset[str]
    """The keys of the campaigns that were set aside."""
    groups: tuple[Group, ...]
    problems: Problems
