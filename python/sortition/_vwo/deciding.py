"""The steps round a decision: asking the user storage, telling the integrations, remembering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sortition._base.nearest import MOST_NAMES, nearest
from sortition._vwo.constants import GOAL_TYPES
from sortition._vwo.integrations import properties_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._base.log import Log
    from sortition._engine.vwo import Call, Decision, Settings, Step
    from sortition._vwo.arguments import Revenue
    from sortition._vwo.events import Visitor
    from sortition._vwo.integrations import Integrations
    from sortition._vwo.storage import CheckedStorage

_MISTAKES: Final = {
    "campaign_set_aside": "is broken and was set aside at launch",
    "campaign_not_running": "is not running",
    "user_storage_needed": "needs a user storage",
    "revenue_missing": "counts revenue, and none was given",
}
"""The reasons that are the caller's to mend."""


@dataclass(slots=True)
class Asked:
    """What a call was asked with; every value was checked.

    Attributes:
        call: The call.
        visitor: The user.
        custom_variables: What segments are compared with.
        variation_targeting_variables: What whitelisting compares.
        user_storage_data: The user's record, used instead of asking the user storage.
        meta_data: What is stored along with a decision.
        tracks_again: Whether a returning user is tracked again.
    """

    call: Call
    visitor: Visitor
    custom_variables: dict[str, object] | None
    variation_targeting_variables: dict[str, object] | None
    user_storage_data: dict[str, object] | None
    meta_data: dict[str, object] | None
    tracks_again: bool


@dataclass(frozen=True, slots=True)
class AskedGoal:
    """What ``track`` is asked to credit; every value was checked."""

    identifier: str
    type_to_track: str
    revenue: Revenue
    event_properties: dict[str, object] | None


@dataclass(slots=True)
class Decided:
    """A decision, and the records of the user storage that it was made with, by campaign key."""

    decision: Decision
    records: Mapping[str, object]


class Decider:
    """Makes decisions with the caller's user storage and integrations."""

    def __init__(
        self,
        user_storage: CheckedStorage | None,
        integrations: Integrations | None,
        log: Log,
    ) -> None:
        self._user_storage = user_storage
        self._integrations = integrations
        self._log = log

    def decide(
        self, settings: Settings, campaign: str | int, asked: Asked, goal: AskedGoal | None
    ) -> Decided:
        """Decide, log why the user gets nothing, and tell the integrations of a variation.

        Args:
            settings: The settings to decide by.
            campaign: The key of a running campaign, or the index of any one.
            asked: What the call was asked with.
            goal: What to credit, for ``track``.
        """
        decided = self.consider(settings, campaign, asked, goal)
        self._note(settings, decided.decision, campaign, asked, goal)
        self._tell(settings, decided.decision, asked, goal)
        return decided

    def consider(
        self,
        settings: Settings,
        campaign: str | int,
        asked: Asked,
        goal: AskedGoal | None,
        steps: list[Step] | None = None,
    ) -> Decided:
        """Ask the engine, and the user storage for the records that the engine asks for.

        Args:
            settings: The settings to decide by.
            campaign: The key of a running campaign, or the index of any one.
            asked: What the call was asked with.
            goal: What to credit, for ``track``.
            steps: A list that is to hold every step of the decision.
        """
        storage = self._user_storage
        records: dict[str, object] = {}
        if asked.user_storage_data is not None:
            key = campaign if isinstance(campaign, str) else settings.campaigns[campaign].key
            records[key] = asked.user_storage_data
        while True:
            if steps is not None:
                steps.clear()
            decision = settings.decide(
                asked.call,
                campaign,
                asked.visitor.user_id,
                asked.custom_variables,
                asked.variation_targeting_variables,
                records,
                has_user_storage=storage is not None,
                should_track_returning_user=asked.tracks_again,
                goal_identifier=goal.identifier if goal else None,
                goal_type_to_track=goal.type_to_track if goal else GOAL_TYPES.ALL,
                has_revenue=bool(goal and goal.revenue),
                event_properties=goal.event_properties if goal else None,
                steps=steps,
            )
            needed = [key for key in decision.records_needed if key not in records]
            if storage is None or not needed:
                break
            records.update(storage.records(asked.visitor.user_id, needed))
        return Decided(decision, records)

    def remember(self, decided: Decided, asked: Asked, goal: AskedGoal | None) -> None:
        """Store what the decision says, once its event was accepted or there is none."""
        if self._user_storage is None:
            return
        record = _record(decided, asked, goal)
        if record is None:
            return
        if asked.meta_data is not None:
            # A copy: what the storage keeps is not to change with the caller's dictionary.
            record["metaData"] = dict(asked.meta_data)
        self._user_storage.set(record)

    def note_unknown_campaign(self, settings: Settings, call: str, key: str) -> None:
        """Log that a call names a campaign that there is none of, or that does not run.

        A key that is not known is in no message: with the arguments in the wrong order it is a
        user's id.
        """

        def describe() -> str:
            if settings.has_campaign(key):
                return f"{call}: the campaign {key} is not running"
            known = settings.campaign_keys(MOST_NAMES + 1)
            hint = nearest(key, known) or " (its key may be a user's id, and is not shown)"
            return f"{call}: the settings have no such campaign{hint}"

        self._log.recurring_error((call, key), describe)

    def _note(
        self,
        settings: Settings,
        decision: Decision,
        campaign: str | int,
        asked: Asked,
        goal: AskedGoal | None,
    ) -> None:
        """Log why the user gets nothing: a mistake now and then, the ordinary to debug."""
        call, reason = asked.call, decision.reason
        if decision.gave_up_on_pattern:
            self._log.recurring_error(
                (call, "pattern", campaign),
                lambda: (
                    f"{call}: the search for a pattern of the campaign {campaign} took too long "
                    "and counts as finding nothing"
                ),
            )
        key = decision.campaign.key if decision.campaign else str(campaign)
        if reason == "campaign_unknown":
            self.note_unknown_campaign(settings, call, key)
        elif reason == "goal_unknown" and goal is not None:
            goals = decision.campaign.goals if decision.campaign else ()
            self._log.recurring_error(
                (call, key, goal.identifier),
                lambda: (
                    f"{call}: the campaign {key} has no such goal"
                    f"{nearest(goal.identifier, {one.identifier for one in goals})}"
                ),
            )
        elif reason == "wrong_campaign_type" and decision.campaign is not None:
            kind = decision.campaign.type
            self._log.recurring_error(
                (call, reason, key),
                lambda: f"{call}: the campaign {key} is a {kind}, which it is not meant for",
            )
        elif reason == "not_activated" and call == "track":
            # Not of the caller's making alone: a storage that lost its records answers so, too.
            self._log.recurring_error(
                (call, reason, key),
                lambda: (
                    f"{call}: the campaign {key} credits only users that the user storage holds a "
                    "record of, which activate makes"
                ),
            )
        elif reason in _MISTAKES:
            self._log.recurring_error(
                (call, reason, key), lambda: f"{call}: the campaign {key} {_MISTAKES[reason]}"
            )
        else:
            self._log.debug("%s: %s: %s", call, key, reason)

    def _tell(
        self, settings: Settings, decision: Decision, asked: Asked, goal: AskedGoal | None
    ) -> None:
        """Tell the integrations callback of a decision that assigned a variation."""
        integrations = self._integrations
        if integrations is None or decision.campaign is None or decision.variation is None:
            return
        user_id = asked.visitor.user_id
        properties = properties_of(
            decision,
            decision.campaign,
            decision.variation,
            call=asked.call,
            user_id=user_id,
            visitor_id=settings.visitor_id(user_id),
            custom_variables=asked.custom_variables,
            variation_targeting_variables=asked.variation_targeting_variables,
            goal_identifier=goal.identifier if goal else None,
        )
        try:
            integrations.callback(properties)
        except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
            self._log.exception_of("integrations.callback", error)


def _record(decided: Decided, asked: Asked, goal: AskedGoal | None) -> dict[str, object] | None:
    """The record that is to be stored; None where there is nothing to store."""
    decision = decided.decision
    if decision.campaign is None or decision.variation is None:
        return None
    if decision.stores_goal_identifiers is not None:
        known = decided.records.get(decision.campaign.key)
        known = known if isinstance(known, dict) else {}
        return {**known, "goalIdentifiers": decision.stores_goal_identifiers}
    if not decision.stores_new_record:
        return None
    record: dict[str, object] = {
        "userId": asked.visitor.user_id,
        "campaignKey": decision.campaign.key,
        "variationName": decision.variation.name,
    }
    if goal is not None:
        record["goalIdentifiers"] = goal.identifier
    return record
