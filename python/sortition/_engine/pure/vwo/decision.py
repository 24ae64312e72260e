"""The input and the result of a decision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sortition._engine.pure.vwo.attributes import plain_text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._engine import vwo as model

NOT_ASKED: Final = object()
"""Stands for a record that has not been read from the user storage."""


@dataclass(frozen=True, slots=True)
class GoalRequest:
    """The part of a request that only ``track`` has.

    Attributes:
        identifier: The goal's identifier.
        type_to_track: Which goals to credit: ``ALL``, ``CUSTOM_GOAL`` or ``REVENUE_TRACKING``.
        has_revenue: Whether the call gives a revenue that is true in Python.
        event_properties: The event's properties. Only their names matter here.
    """

    identifier: str
    type_to_track: str
    has_revenue: bool
    event_properties: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Record:
    """The readable part of a record of the user storage."""

    campaign_key: str | None
    variation_name: str | None
    goal_identifiers: str | None


# Not frozen, because creating a frozen object takes twice as long, and every call creates one.
@dataclass(slots=True)
class Request:
    """Everything a decision depends on, besides the settings."""

    call: model.Call
    user_id: str = field(repr=False)
    custom_variables: Mapping[str, object] = field(repr=False)
    variation_targeting_variables: Mapping[str, object] = field(repr=False)
    has_user_storage: bool
    records: Mapping[str, object] = field(repr=False)
    should_track_returning_user: bool
    goal: GoalRequest | None

    def stored(self, campaign: model.Campaign) -> object:
        """The user's record for a campaign: a `Record`, None if there is none, or `NOT_ASKED`.

        Ignores a record of another campaign.
        """
        found = self.records.get(campaign.key, NOT_ASKED)
        if found is NOT_ASKED:
            return NOT_ASKED
        if not isinstance(found, dict) or not found:
            return None
        record = Record(
            campaign_key=plain_text_of(found, "campaignKey"),
            variation_name=plain_text_of(found, "variationName"),
            goal_identifiers=plain_text_of(found, "goalIdentifiers"),
        )
        return record if record.campaign_key == campaign.key else None


@dataclass(slots=True)
class Decision:
    """A decision and its reason; see `sortition._engine.vwo.Decision`."""

    reason: str
    campaign: model.Campaign | None = None
    variation: model.Variation | None = None
    goal: model.Goal | None = None
    has_record: bool = False
    stores_new_record: bool = False
    stores_goal_identifiers: str | None = None
    records_needed: tuple[str, ...] = ()
    gave_up_on_pattern: bool = False
    pattern_steps: int = 0
