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
    """A variation of a campaign.

    Attributes:
        shown: The variation as callers see it.
        weight: Its share in percent.
        segments: The users who get this variation by whitelisting; None for no users.
    """

    shown: model.Variation
    weight: float
    segments: Segment | None


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal of a campaign.

    Attributes:
        shown: The goal as callers see it.
        counts_every_time: Whether ``mca`` is -1, so that every conversion counts.
        has_props: Whether it has event properties.
    """

    shown: model.Goal
    counts_every_time: bool
    has_props: bool

    @property
    def may_repeat(self) -> bool:
        """Whether several conversions of the same user count."""
        return self.counts_every_time or self.has_props


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign.

    Attributes:
        shown: The campaign as callers see it.
        percent_traffic: The share of users who take part, in percent.
        segments: The users who match the campaign; None for all users.
        has_whitelisting: Whether targeting rules choose a variation before all other rules.
        has_user_lists: Whether lists of users also contain visitor ids.
        needs_user_storage: Whether it decides only with a user storage.
        user_seed: The start of the seed string S.
        variation_seed: The start of the seed string for the variation's bucket. None for the oldest
            algorithm, which uses S and stretches the bucket by the traffic.
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
    """The keys of the broken campaigns, which were left out."""
    groups: tuple[Group, ...]
    problems: Problems
