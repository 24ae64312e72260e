"""VWO's part of the pure engine's surface; the twin of ``rust/bindings/src/vwo.rs``."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, final

from sortition._engine.pure.trace import recording, silent
from sortition._engine.pure.vwo import call, decide, decide_by_key, event
from sortition._engine.pure.vwo.compile import compile_settings
from sortition._engine.pure.vwo.decision import GoalRequest, Request
from sortition._engine.pure.vwo.visitor import visitor_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._base.problem import Problem
    from sortition._engine import vwo as model
    from sortition._engine.pure.vwo.settings import Settings


@final
class VwoSettings:
    """An account's settings, compiled once; see `sortition._engine.vwo.Settings`."""

    __slots__ = ("_settings",)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @staticmethod
    def compile(document: bytes) -> VwoSettings:
        """Compile a settings document.

        Raises:
            SettingsError: The document cannot be used at all.
        """
        return VwoSettings(compile_settings(document))

    @property
    def version(self) -> model.Identifier:
        """The settings' version."""
        return self._settings.version

    @property
    def account_id(self) -> model.Identifier:
        """The account's id."""
        return self._settings.account_id

    @property
    def sdk_key(self) -> str | None:
        """The secret key of the environment."""
        return self._settings.sdk_key

    @property
    def is_event_arch_enabled(self) -> bool:
        """Whether events are sent in the event-architecture format."""
        return self._settings.is_event_arch_enabled

    @property
    def collection_prefix(self) -> str | None:
        """The path segment for the region of the account's data."""
        return self._settings.collection_prefix

    @property
    def campaigns(self) -> tuple[model.Campaign, ...]:
        """The campaigns that could be compiled."""
        return tuple(campaign.shown for campaign in self._settings.campaigns)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The first thousand problems of the document."""
        return self._settings.problems.first

    @property
    def problem_count(self) -> int:
        """The number of all problems."""
        return self._settings.problems.count

    def visitor_id(self, user_id: str) -> str:
        """The id that stands for the user on the wire."""
        return visitor_id(self._settings.visitor_namespace, user_id)

    def has_campaign(self, key: str) -> bool:
        """Whether a campaign has this key, running or not."""
        return any(campaign.shown.key == key for campaign in self._settings.campaigns)

    def campaign_keys(self, most: int) -> tuple[str, ...]:
        """The keys of the campaigns, but at most those of the first ones."""
        return tuple(campaign.shown.key for campaign in self._settings.campaigns[:most])

    def goal_identifiers(self, most: int) -> tuple[str, ...]:
        """The different goal identifiers of the first campaigns."""
        campaigns = self._settings.campaigns[:most]
        found = (goal.shown.identifier for campaign in campaigns for goal in campaign.goals)
        return tuple(dict.fromkeys(islice(found, most)))

    def running_campaign(self, key: str) -> model.Campaign | None:
        """The running campaign of this key."""
        index = self._settings.by_key.get(key)
        return None if index is None else self._settings.campaigns[index].shown

    def campaigns_with_goal(self, goal_identifier: str) -> tuple[model.Campaign, ...]:
        """All campaigns that have this goal, stopped ones included."""
        return tuple(
            campaign.shown
            for campaign in self._settings.campaigns
            if campaign.goal(goal_identifier) is not None
        )

    def push_event(self, user_id: str, at_s: int, key: str, value: str) -> bytes:
        """The encoded event of a user who has a value of a custom dimension."""
        return event.push(self._visitor(user_id, at_s), key, value).encode()

    def _visitor(
        self,
        user_id: str,
        at_s: int,
        user_agent: str | None = None,
        ip_address: str | None = None,
    ) -> event.Visitor:
        return event.Visitor(self.visitor_id(user_id), at_s, user_agent or "", ip_address or "")

    def decide(
        self,
        call: model.Call,
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
        steps: list[model.Step] | None = None,
    ) -> model.Decision:
        """Decide for one user and one campaign."""
        goal = None
        if goal_identifier is not None:
            goal = GoalRequest(
                goal_identifier, goal_type_to_track, has_revenue, event_properties or {}
            )
        request = Request(
            call=call,
            user_id=user_id,
            custom_variables=custom_variables or {},
            variation_targeting_variables=variation_targeting_variables or {},
            has_user_storage=has_user_storage,
            records=records or {},
            should_track_returning_user=should_track_returning_user,
            goal=goal,
        )
        trace = silent if steps is None else recording(steps)
        if isinstance(campaign, str):
            return decide_by_key(self._settings, campaign, request, trace)
        return decide(self._settings, campaign, request, trace)

    def targets(
        self, specifier: str | Sequence[str] | None, goal_identifier: str
    ) -> list[str | int]:
        """The campaigns that ``track`` credits, by key or by index."""
        return call.targets(self._settings, specifier, goal_identifier)

    def assign(
        self,
        call_: model.Call,
        campaign: str | int,
        user_id: str,
        custom_variables: dict[str, object] | None = None,
        variation_targeting_variables: dict[str, object] | None = None,
        has_user_storage: bool = False,
        variable_key: str | None = None,
        records: dict[str, object] | None = None,
    ) -> VwoOutcome:
        """Decide without an event."""
        request = Request(
            call=call_,
            user_id=user_id,
            custom_variables=custom_variables or {},
            variation_targeting_variables=variation_targeting_variables or {},
            has_user_storage=has_user_storage,
            records=records or {},
            should_track_returning_user=False,
            goal=None,
        )
        if variable_key is None:
            outcome = call.assign(self._settings, campaign, request)
        else:
            outcome = call.look_up(self._settings, campaign, request, variable_key)
        return VwoOutcome(outcome, request, None)

    def show(
        self,
        call_: model.Call,
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
    ) -> VwoOutcome:
        """Decide, and count the user as a visitor."""
        request = Request(
            call=call_,
            user_id=user_id,
            custom_variables=custom_variables or {},
            variation_targeting_variables=variation_targeting_variables or {},
            has_user_storage=has_user_storage,
            records=records or {},
            should_track_returning_user=should_track_returning_user,
            goal=None,
        )
        outcome = call.show(self._settings, campaign, request)
        return VwoOutcome(
            outcome, request, self._encoded(outcome, user_id, at_s, user_agent, ip_address)
        )

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
    ) -> VwoOutcome:
        """Decide, and credit the user's conversion."""
        request = Request(
            call="track",
            user_id=user_id,
            custom_variables=custom_variables or {},
            variation_targeting_variables=variation_targeting_variables or {},
            has_user_storage=has_user_storage,
            records=records or {},
            should_track_returning_user=should_track_returning_user,
            goal=GoalRequest(
                goal_identifier, goal_type_to_track, revenue is not None, event_properties or {}
            ),
        )
        outcome = call.convert(self._settings, campaign, request, revenue)
        return VwoOutcome(
            outcome, request, self._encoded(outcome, user_id, at_s, user_agent, ip_address)
        )

    def _encoded(
        self,
        outcome: call.Outcome,
        user_id: str,
        at_s: int | None,
        user_agent: str | None,
        ip_address: str | None,
    ) -> bytes | None:
        """The encoded event for a batch; None if there is no event, or it is not for a batch."""
        if outcome.event is None or at_s is None:
            return None
        visitor = self._visitor(user_id, at_s, user_agent, ip_address)
        return outcome.event.encode(visitor).encode()


@final
class VwoOutcome:
    """The outcome of a call; see `sortition._engine.vwo.Outcome`."""

    __slots__ = ("_outcome", "_request", "event")

    def __init__(self, outcome: call.Outcome, request: Request, event: bytes | None) -> None:
        self._outcome = outcome
        self._request = request
        self.event = event

    @property
    def decision(self) -> model.Decision:
        """The decision."""
        return self._outcome.decision

    @property
    def answer(self) -> model.Answer:
        """The call's result."""
        return self._outcome.answer

    @property
    def sends_event(self) -> bool:
        """Whether the call sends an event."""
        return self._outcome.event is not None

    @property
    def revenue(self) -> str | None:
        """The event's revenue, as JSON."""
        event = self._outcome.event
        return event.revenue if isinstance(event, call.Conversion) else None

    @property
    def record(self) -> dict[str, object] | None:
        """The record to store."""
        decision, request = self._outcome.decision, self._request
        if decision.campaign is None or decision.variation is None:
            return None
        if decision.stores_goal_identifiers is not None:
            known = request.records.get(decision.campaign.key)
            kept = known if isinstance(known, dict) else {}
            return {**kept, "goalIdentifiers": decision.stores_goal_identifiers}
        if not decision.stores_new_record:
            return None
        record: dict[str, object] = {
            "userId": request.user_id,
            "campaignKey": decision.campaign.key,
            "variationName": decision.variation.name,
        }
        if request.goal is not None:
            record["goalIdentifiers"] = request.goal.identifier
        return record

    @property
    def remark(self) -> model.Remark:
        """The level at which to log the reason."""
        return self._outcome.remark

    @property
    def refusal(self) -> str | None:
        """Why the call sends no event."""
        return self._outcome.refusal

    @property
    def is_settled(self) -> bool:
        """Whether the caller only has to send the event and return the answer."""
        decision = self._outcome.decision
        return (
            self._outcome.remark == "ordinary"
            and self._outcome.refusal is None
            and not decision.stores_new_record
            and decision.stores_goal_identifiers is None
            and not decision.gave_up_on_pattern
        )

    @property
    def records_needed(self) -> tuple[str, ...]:
        """The campaigns, by key, whose records are needed first."""
        return self._outcome.decision.records_needed
