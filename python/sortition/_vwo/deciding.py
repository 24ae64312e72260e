"""The steps around a decision: asking the user storage, calling the integrations, storing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sortition._vwo.constants import GOAL_TYPES
from sortition._vwo.integrations import properties_of
from sortition.storages.findings import is_awaitable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._base.log import Log
    from sortition._engine.vwo import Call, Decision, Outcome, Settings, Step
    from sortition._vwo.arguments import Revenue
    from sortition._vwo.integrations import Integrations
    from sortition._vwo.storage import CheckedStorage


@dataclass(slots=True)
class Asked:
    """The checked arguments of a call.

    Attributes:
        call: The name of the call.
        user_id: The user's id, which is never sent.
        custom_variables: Values for segments.
        variation_targeting_variables: Values for whitelisting.
        user_storage_data: The user's record, which replaces asking the user storage.
        meta_data: Data to store with a decision.
        tracks_again: Whether to track a returning user again.
        user_agent: The User-Agent of the user's browser.
        ip_address: The user's IP address.
    """

    call: Call
    user_id: str = field(repr=False)
    custom_variables: dict[str, object] | None = field(repr=False)
    variation_targeting_variables: dict[str, object] | None = field(repr=False)
    user_storage_data: dict[str, object] | None = field(repr=False)
    meta_data: dict[str, object] | None = field(repr=False)
    tracks_again: bool
    user_agent: str | None = field(repr=False)
    ip_address: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskedGoal:
    """The checked arguments of ``track`` about the goal.

    Attributes:
        identifier: The goal's identifier.
        type_to_track: Which goals to credit.
        revenue: The revenue of the conversion, as given.
        revenue_json: The same as JSON; None if it is false in Python.
        event_properties: The properties of the event, as given.
        event_properties_json: The same, each as JSON.
    """

    identifier: str
    type_to_track: str
    revenue: Revenue = field(repr=False)
    revenue_json: str | None = field(repr=False)
    event_properties: dict[str, object] | None = field(repr=False)
    event_properties_json: dict[str, str] | None = field(repr=False)


class Decider:
    """Asks the engine, with the caller's user storage and integrations."""

    def __init__(
        self,
        user_storage: CheckedStorage | None,
        integrations: Integrations | None,
        log: Log,
    ) -> None:
        self._user_storage = user_storage
        self._integrations = integrations
        self._log = log
        self.has_storage = user_storage is not None
        self.has_integrations = integrations is not None

    async def ask(
        self,
        ask: Callable[..., Outcome],
        question: tuple[object, ...],
        settings: Settings,
        campaign: str | int,
        asked: Asked,
    ) -> Outcome:
        """Ask the engine, and ask again with the stored records that it needs.

        Args:
            ask: A function of the settings whose last argument is the known records.
            question: Its other arguments.
            settings: The settings.
            campaign: The campaign of the call.
            asked: The arguments of the call.
        """
        if asked.user_storage_data is None and not self.has_storage:
            return ask(*question)
        records = _given_records(settings, campaign, asked)
        outcome = ask(*question, records)
        while await self._fetch(outcome.records_needed, records, asked.user_id):
            outcome = ask(*question, records)
        return outcome

    async def consider(
        self,
        settings: Settings,
        campaign: str | int,
        asked: Asked,
        goal: AskedGoal | None,
        steps: list[Step],
    ) -> Decision:
        """Decide, and list every step. Asks the user storage as a call would.

        Args:
            settings: The settings.
            campaign: The key of a running campaign, or the index of any campaign.
            asked: The arguments of the call.
            goal: The goal to credit, for ``track``.
            steps: A list that receives every step of the decision.
        """
        records = _given_records(settings, campaign, asked)
        while True:
            steps.clear()
            decision = settings.decide(
                asked.call,
                campaign,
                asked.user_id,
                asked.custom_variables,
                asked.variation_targeting_variables,
                records,
                has_user_storage=self.has_storage,
                should_track_returning_user=asked.tracks_again,
                goal_identifier=goal.identifier if goal else None,
                goal_type_to_track=goal.type_to_track if goal else GOAL_TYPES.ALL,
                has_revenue=goal is not None and goal.revenue_json is not None,
                event_properties=goal.event_properties if goal else None,
                steps=steps,
            )
            if not await self._fetch(decision.records_needed, records, asked.user_id):
                return decision

    async def _fetch(self, keys: tuple[str, ...], records: dict[str, object], user_id: str) -> bool:
        """Read the records of these campaigns; whether any had to be read."""
        needed = [key for key in keys if key not in records]
        if self._user_storage is None or not needed:
            return False
        records.update(await self._user_storage.records(user_id, needed))
        return True

    async def remember(self, outcome: Outcome, asked: Asked) -> None:
        """Store the outcome's record, once its event is accepted or if it has none."""
        record = outcome.record
        if record is None or self._user_storage is None:
            return
        if asked.meta_data is not None:
            # A copy: the stored record must not change with the caller's dictionary.
            record["metaData"] = dict(asked.meta_data)
        await self._user_storage.set(record)

    def tell(
        self, settings: Settings, decision: Decision, asked: Asked, goal: AskedGoal | None
    ) -> None:
        """Call the integrations callback for a decision that assigned a variation."""
        integrations = self._integrations
        if integrations is None or decision.campaign is None or decision.variation is None:
            return
        properties = properties_of(
            decision,
            decision.campaign,
            decision.variation,
            call=asked.call,
            user_id=asked.user_id,
            visitor_id=settings.visitor_id(asked.user_id),
            custom_variables=asked.custom_variables,
            variation_targeting_variables=asked.variation_targeting_variables,
            goal_identifier=goal.identifier if goal else None,
        )
        try:
            answer = integrations.callback(properties)
        except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
            self._log.exception_of("integrations.callback", error)
            return
        if is_awaitable(answer):
            self._log.recurring_error(
                ("integrations.callback", "async"),
                lambda: "integrations.callback is async, and nobody awaits it",
            )


def _given_records(settings: Settings, campaign: str | int, asked: Asked) -> dict[str, object]:
    """The records given in the call, by campaign key."""
    if asked.user_storage_data is None:
        return {}
    key = campaign if isinstance(campaign, str) else settings.campaigns[campaign].key
    return {key: asked.user_storage_data}
