"""Carries out the outcome of each call: sends its event, stores its record, logs its reason."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sortition._engine.vwo import Variable
from sortition._sending.ledger import ARGUMENT, CONVERSION, UNKNOWN_GOAL, VISITOR
from sortition._vwo.remarks import Remarks
from sortition._vwo.result import TrackResult
from sortition._vwo.variables import NotCastableError, typed_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sortition._base.log import Log
    from sortition._engine.vwo import Answer, Json, Outcome, Settings
    from sortition._vwo.deciding import Asked, AskedGoal, Decider
    from sortition._vwo.delivery import Delivery
    from sortition._vwo.snapshot import Snapshot
    from sortition._vwo.wire import Visitor


class Calls:
    """The calls of one client; each uses one snapshot from beginning to end."""

    def __init__(
        self,
        decider: Decider,
        delivery: Delivery,
        log: Log,
        note_refusal: Callable[[str], object],
    ) -> None:
        self._note_refusal = note_refusal
        self._decider = decider
        self._delivery = delivery
        self._log = log
        self._remarks = Remarks(log)
        self._has_storage = decider.has_storage
        self._has_integrations = decider.has_integrations

    async def assign(
        self, snapshot: Snapshot, campaign_key: str, asked: Asked, variable_key: str | None = None
    ) -> Outcome:
        """Decide without an event, and store the record at once."""
        settings = snapshot.settings
        question = (
            asked.call,
            campaign_key,
            asked.user_id,
            asked.custom_variables,
            asked.variation_targeting_variables,
            self._has_storage,
            variable_key,
        )
        if asked.user_storage_data is None and not self._has_storage:
            outcome = settings.assign(*question)
        else:
            outcome = await self._decider.ask(
                settings.assign, question, settings, campaign_key, asked
            )
        if self._is_to_be_told(outcome):
            self._tell(settings, outcome, campaign_key, asked, None, None)
            await self._decider.remember(outcome, asked)
        return outcome

    async def variable_value(
        self, snapshot: Snapshot, campaign_key: str, variable_key: str, asked: Asked
    ) -> Json:
        """Decide, and look up the variable."""
        outcome = await self.assign(snapshot, campaign_key, asked, variable_key)
        variable = outcome.answer
        if not isinstance(variable, Variable):
            decision = outcome.decision
            if decision.variation is not None:
                self._remarks.note_unknown_variable(
                    decision, campaign_key, variable_key, asked.call
                )
            return None
        try:
            return typed_value(variable)
        except NotCastableError:
            self._remarks.note_bad_value(campaign_key, variable_key, variable.type, asked.call)
            return None

    async def show(
        self,
        snapshot: Snapshot,
        campaign_key: str,
        asked: Asked,
        custom_properties: dict[str, object] | None,
    ) -> Answer:
        """Decide, and count the visitor."""
        settings = snapshot.settings
        question = (
            asked.call,
            campaign_key,
            asked.user_id,
            asked.custom_variables,
            asked.variation_targeting_variables,
            self._has_storage,
            asked.tracks_again,
            int(time.time()) if self._delivery.takes_encoded else None,
            asked.user_agent,
            asked.ip_address,
        )
        outcome = await self._decider.ask(settings.show, question, settings, campaign_key, asked)
        is_to_be_told = self._is_to_be_told(outcome)
        if is_to_be_told:
            self._tell(settings, outcome, campaign_key, asked, None, VISITOR)
        is_accepted = not outcome.sends_event or await self._delivery.impression(
            snapshot, asked, outcome, custom_properties
        )
        if is_to_be_told and is_accepted:
            await self._decider.remember(outcome, asked)
        return outcome.answer

    async def convert(
        self,
        snapshot: Snapshot,
        specifier: str | list[str] | None,
        asked: Asked,
        goal: AskedGoal,
    ) -> TrackResult | None:
        """Decide for each campaign, and report the conversions."""
        settings = snapshot.settings
        if isinstance(specifier, list):
            # A campaign that the call names twice is credited once.
            specifier = list(dict.fromkeys(specifier))
        targets = settings.targets(specifier, goal.identifier)
        if not targets:
            if specifier is None:
                self._remarks.note_unknown_goal(settings, goal)
                self._refuse(CONVERSION, UNKNOWN_GOAL)
                self._note_refusal(UNKNOWN_GOAL)
                return None
            self._remarks.note_empty_list()
            self._refuse(CONVERSION, ARGUMENT)
        result = TrackResult()
        credited: list[tuple[str, Outcome]] = []
        for target in targets:
            outcome = await self._converted(settings, target, asked, goal)
            if self._is_to_be_told(outcome):
                self._tell(settings, outcome, target, asked, goal, CONVERSION)
            if outcome.answer is None:
                continue
            key = target if isinstance(target, str) else _key_of(outcome)
            if outcome.sends_event:
                credited.append((key, outcome))
            result.setdefault(key, False)
        accepted = await self._delivery.conversions(
            snapshot, asked, goal, [outcome for _, outcome in credited]
        )
        # Only now, so that a slow user storage does not use up the time for the events.
        for (key, outcome), is_accepted in zip(credited, accepted, strict=True):
            if is_accepted:
                result[key] = True
                await self._decider.remember(outcome, asked)
        return None if isinstance(specifier, str) and len(result) == 0 else result

    async def push(
        self, snapshot: Snapshot, visitor: Visitor, dimensions: Mapping[str, str]
    ) -> bool:
        """Send values of custom dimensions to the platform."""
        return bool(dimensions) and await self._delivery.push(snapshot, visitor, dimensions)

    async def _converted(
        self, settings: Settings, target: str | int, asked: Asked, goal: AskedGoal
    ) -> Outcome:
        question = (
            target,
            asked.user_id,
            goal.identifier,
            goal.type_to_track,
            asked.custom_variables,
            asked.variation_targeting_variables,
            self._has_storage,
            asked.tracks_again,
            goal.revenue_json,
            goal.event_properties_json,
            int(time.time()) if self._delivery.takes_encoded else None,
            asked.user_agent,
            asked.ip_address,
        )
        return await self._decider.ask(settings.convert, question, settings, target, asked)

    def _refuse(self, kind: str, reason: str) -> None:
        self._delivery.ledger.refuse(kind, reason)

    def _is_to_be_told(self, outcome: Outcome) -> bool:
        return not outcome.is_settled or self._has_integrations or self._log.takes_debug

    def _tell(
        self,
        settings: Settings,
        outcome: Outcome,
        campaign: str | int,
        asked: Asked,
        goal: AskedGoal | None,
        sends: str | None,
    ) -> None:
        """Log the reason, count a refusal, and call the integrations for a variation."""
        self._remarks.note(settings, outcome, campaign, asked, goal)
        if sends is not None and outcome.refusal is not None:
            self._refuse(sends, outcome.refusal)
            if outcome.remark == "mistake":
                self._note_refusal(outcome.refusal)
        if self._has_integrations:
            self._decider.tell(settings, outcome.decision, asked, goal)


def _key_of(outcome: Outcome) -> str:
    campaign = outcome.decision.campaign
    return "" if campaign is None else campaign.key
