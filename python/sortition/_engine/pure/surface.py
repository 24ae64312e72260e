"""The pure engine as the rest of the package sees it; the twin of ``rust/bindings``."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from sortition._engine.pure.hash import murmur3_32
from sortition._engine.pure.reason import REASONS
from sortition._engine.pure.trace import recording, silent
from sortition._engine.pure.vwo import decide, decide_by_key, event
from sortition._engine.pure.vwo.allocation import ranges as allocation_ranges
from sortition._engine.pure.vwo.bucket import stretched_bucket, traffic_bucket, variation_bucket
from sortition._engine.pure.vwo.compile import compile_settings
from sortition._engine.pure.vwo.decision import GoalRequest, Request
from sortition._engine.pure.vwo.event import batch as vwo_batch
from sortition._engine.pure.vwo.visitor import visitor_id

if TYPE_CHECKING:
    from sortition._engine import vwo as model
    from sortition._engine.problem import Problem
    from sortition._engine.pure.vwo.settings import Settings

__all__ = [
    "REASONS",
    "VwoSettings",
    "allocation_ranges",
    "murmur3_32",
    "stretched_bucket",
    "traffic_bucket",
    "variation_bucket",
    "vwo_batch",
]


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
        """The path segment that stands for where the data reside."""
        return self._settings.collection_prefix

    @property
    def campaigns(self) -> tuple[model.Campaign, ...]:
        """The campaigns that could be compiled."""
        return tuple(campaign.shown for campaign in self._settings.campaigns)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong in the document."""
        return self._settings.problems

    def visitor_id(self, user_id: str) -> str:
        """The id that stands for the user on the wire."""
        return visitor_id(self._settings.visitor_namespace, user_id)

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

    def impression_event(
        self,
        decision: model.Decision,
        user_id: str,
        at_s: int,
        user_agent: str | None = None,
        ip_address: str | None = None,
    ) -> bytes:
        """The encoded event of a user who was shown the decision's variation."""
        if decision.campaign is None or decision.variation is None:
            raise ValueError("decision: it has no variation of these settings")
        visitor = self._visitor(user_id, at_s, user_agent, ip_address)
        return event.impression(visitor, decision.campaign, decision.variation).encode()

    def conversion_event(
        self,
        decision: model.Decision,
        user_id: str,
        at_s: int,
        user_agent: str | None = None,
        ip_address: str | None = None,
        revenue: str | None = None,
    ) -> bytes:
        """The encoded event of a user who reached the decision's goal."""
        if decision.campaign is None or decision.variation is None:
            raise ValueError("decision: it has no variation of these settings")
        if decision.goal is None:
            raise ValueError("decision: it has no goal of these settings")
        visitor = self._visitor(user_id, at_s, user_agent, ip_address)
        return event.conversion(
            visitor, decision.campaign, decision.variation, decision.goal, revenue
        ).encode()

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
