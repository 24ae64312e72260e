"""The VWO client: each call resolves its options, decides, reports and remembers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Never, Self

from sortition._options import first_given, nearest
from sortition._sending.synchronous import SynchronousDispatch
from sortition._vwo import arguments
from sortition._vwo.constants import GOAL_TYPES
from sortition._vwo.deciding import Asked, AskedGoal, Decider
from sortition._vwo.events import Conversion, Events, Visitor
from sortition._vwo.public import call
from sortition._vwo.result import Status, TrackResult
from sortition._vwo.variables import NotCastableError, find_variable, typed_value, variables_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from sortition._engine.vwo import Call, Decision, Json, Settings
    from sortition._sending.pool import Deadline
    from sortition._transport import Request
    from sortition._vwo.arguments import Revenue
    from sortition._vwo.launching import Configuration

_MOST_SHOWN: Final = 100
"""How much of a name that a caller made up is shown."""

_NO_CAMPAIGN: Final = frozenset(
    {"campaign_unknown", "campaign_set_aside", "campaign_not_running", "goal_unknown"}
)
"""The reasons for which `Client.track` of one campaign returns None, not a mapping."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What one call works with from its beginning to its end."""

    settings: Settings
    events: Events


class Client:
    """Decides for one account, and reports what users see and do.

    Made by `sortition.vwo.launch`. Safe to use from any number of threads. Calls never raise: a bad
    argument is logged and gives the documented nothing. An option of a call that is None counts as
    not given.

    As a context manager, it is closed at the end of the block.
    """

    def __init__(self, configuration: Configuration) -> None:
        """Use `sortition.vwo.launch` instead."""
        settings = configuration.settings
        self._launch = configuration
        self._log = configuration.log
        self._snapshot = _Snapshot(
            settings, Events(settings, configuration.base_url, configuration.usage)
        )
        self._decider = Decider(
            configuration.user_storage, configuration.integrations, configuration.log
        )
        self._dispatch = SynchronousDispatch(
            configuration.transport, configuration.log, configuration.request_timeout_s
        )
        self._is_closed = False

    def __repr__(self) -> str:
        account, engine = self._snapshot.settings.account_id, self._launch.engine.name
        return f"<sortition.vwo.Client account={account} engine={engine}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @call(nothing=None)
    def activate(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: dict[str, Any] | None = None,
        variation_targeting_variables: dict[str, Any] | None = None,
        should_track_returning_user: bool | None = None,
        user_storage_data: dict[str, Any] | None = None,
        meta_data: dict[str, Any] | None = None,
        custom_properties: dict[str, Any] | None = None,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
        **unknown: Never,
    ) -> str | None:
        """Give a user their variation of an A/B test, and count them as its visitor.

        The visitor is counted unless a stored record says that they were before.

        Args:
            campaign_key: The key of a running ``VISUAL_AB`` campaign.
            user_id: The user's id.
            custom_variables: What the campaign's segments are compared with.
            variation_targeting_variables: What whitelisting compares.
            should_track_returning_user: Whether a user with a stored record is counted again.
            user_storage_data: The user's stored record, used instead of asking the user storage.
            meta_data: What is stored along with the decision, under ``metaData``.
            custom_properties: What is sent along, for event-architecture accounts.
            user_agent: The User-Agent of the user's browser.
            user_ip_address: The user's IP address.
            **unknown: Any other option is logged once and ignored.

        Returns:
            The variation's name, also where counting the visitor failed; None where the user gets
            none, where an argument is bad, and after `close`.

        Source: VWO spec, sections 3 and 4.
        """
        key = arguments.text("campaign_key", campaign_key)
        properties = self._properties("custom_properties", custom_properties)
        asked = self._asked(
            "activate",
            user_id,
            unknown,
            custom_variables=custom_variables,
            variation_targeting_variables=variation_targeting_variables,
            should_track_returning_user=should_track_returning_user,
            user_storage_data=user_storage_data,
            meta_data=meta_data,
            user_agent=user_agent,
            user_ip_address=user_ip_address,
        )
        variation = self._show(key, asked, properties).variation
        return None if variation is None else variation.name

    @call(nothing=None)
    def get_variation_name(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: dict[str, Any] | None = None,
        variation_targeting_variables: dict[str, Any] | None = None,
        user_storage_data: dict[str, Any] | None = None,
        meta_data: dict[str, Any] | None = None,
        **unknown: Never,
    ) -> str | None:
        """The name of a user's variation, without counting them.

        Args:
            campaign_key: The key of a running campaign that is no ``FEATURE_ROLLOUT``.
            user_id: The user's id.
            custom_variables: What the campaign's segments are compared with.
            variation_targeting_variables: What whitelisting compares.
            user_storage_data: The user's stored record, used instead of asking the user storage.
            meta_data: What is stored along with the decision, under ``metaData``.
            **unknown: Any other option is logged once and ignored.

        Returns:
            The variation's name; None where the user gets none, where a user storage is configured
            and the user was not activated, where an argument is bad, and after `close`.

        Source: VWO spec, sections 3 and 4.
        """
        key = arguments.text("campaign_key", campaign_key)
        asked = self._asked(
            "get_variation_name",
            user_id,
            unknown,
            custom_variables=custom_variables,
            variation_targeting_variables=variation_targeting_variables,
            user_storage_data=user_storage_data,
            meta_data=meta_data,
        )
        variation = self._assign(key, asked).variation
        return None if variation is None else variation.name

    @call(nothing=False)
    def is_feature_enabled(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: dict[str, Any] | None = None,
        variation_targeting_variables: dict[str, Any] | None = None,
        should_track_returning_user: bool | None = None,
        user_storage_data: dict[str, Any] | None = None,
        meta_data: dict[str, Any] | None = None,
        custom_properties: dict[str, Any] | None = None,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
        **unknown: Never,
    ) -> bool:
        """Whether a user has a feature, counting them as a visitor of its test or rollout.

        The visitor is counted also where their variation has the feature off.

        Args:
            campaign_key: The key of a running campaign that is no ``VISUAL_AB``.
            user_id: The user's id.
            custom_variables: What the campaign's segments are compared with.
            variation_targeting_variables: What whitelisting compares.
            should_track_returning_user: Whether a user with a stored record is counted again.
            user_storage_data: The user's stored record, used instead of asking the user storage.
            meta_data: What is stored along with the decision, under ``metaData``.
            custom_properties: What is sent along, for event-architecture accounts.
            user_agent: The User-Agent of the user's browser.
            user_ip_address: The user's IP address.
            **unknown: Any other option is logged once and ignored.

        Returns:
            True for whoever gets into a rollout, and for a test where the user's variation has the
            feature on; otherwise False, also where an argument is bad, and after `close`.

        Source: VWO spec, sections 3 and 4.
        """
        key = arguments.text("campaign_key", campaign_key)
        properties = self._properties("custom_properties", custom_properties)
        asked = self._asked(
            "is_feature_enabled",
            user_id,
            unknown,
            custom_variables=custom_variables,
            variation_targeting_variables=variation_targeting_variables,
            should_track_returning_user=should_track_returning_user,
            user_storage_data=user_storage_data,
            meta_data=meta_data,
            user_agent=user_agent,
            user_ip_address=user_ip_address,
        )
        decision = self._show(key, asked, properties)
        if decision.variation is None or decision.campaign is None:
            return False
        if decision.campaign.type == "FEATURE_TEST":
            return decision.variation.is_feature_enabled is True
        return True

    @call(nothing=None)
    def get_feature_variable_value(
        self,
        campaign_key: str,
        variable_key: str,
        user_id: str,
        *,
        custom_variables: dict[str, Any] | None = None,
        variation_targeting_variables: dict[str, Any] | None = None,
        user_storage_data: dict[str, Any] | None = None,
        meta_data: dict[str, Any] | None = None,
        **unknown: Never,
    ) -> Json:
        """The value of a feature's variable for a user, without counting them.

        Args:
            campaign_key: The key of a running campaign that is no ``VISUAL_AB``.
            variable_key: The variable's key.
            user_id: The user's id.
            custom_variables: What the campaign's segments are compared with.
            variation_targeting_variables: What whitelisting compares.
            user_storage_data: The user's stored record, used instead of asking the user storage.
            meta_data: What is stored along with the decision, under ``metaData``.
            **unknown: Any other option is logged once and ignored.

        Returns:
            A str, int, float, bool or JSON value, as the settings declare; None where the user gets
            no variation, where there is no such variable, where its value is not of its declared
            type, where an argument is bad, and after `close`.

        Source: VWO spec, section 3.
        """
        key = arguments.text("campaign_key", campaign_key)
        wanted = arguments.text("variable_key", variable_key)
        asked = self._asked(
            "get_feature_variable_value",
            user_id,
            unknown,
            custom_variables=custom_variables,
            variation_targeting_variables=variation_targeting_variables,
            user_storage_data=user_storage_data,
            meta_data=meta_data,
        )
        return self._variable_value(key, wanted, asked)

    @call(nothing=None)
    def track(
        self,
        campaign_specifier: str | list[str] | None,
        user_id: str,
        goal_identifier: str,
        *,
        revenue_value: Revenue = None,
        custom_variables: dict[str, Any] | None = None,
        variation_targeting_variables: dict[str, Any] | None = None,
        goal_type_to_track: str | None = None,
        should_track_returning_user: bool | None = None,
        user_storage_data: dict[str, Any] | None = None,
        meta_data: dict[str, Any] | None = None,
        event_properties: dict[str, Any] | None = None,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
        **unknown: Never,
    ) -> TrackResult | None:
        """Report that a user reached a goal.

        Args:
            campaign_specifier: A campaign's key, a list of keys, or None for every campaign that
                has the goal.
            user_id: The user's id, the same as for `activate`.
            goal_identifier: The goal's identifier.
            revenue_value: What the conversion brought, for goals that count revenue: a number or a
                string.
            custom_variables: What the campaigns' segments are compared with.
            variation_targeting_variables: What whitelisting compares.
            goal_type_to_track: One of `sortition.vwo.GOAL_TYPES`; takes precedence over the launch
                option of the same name.
            should_track_returning_user: Whether a conversion that is already recorded is tracked
                again; takes precedence over the launch option of the same name.
            user_storage_data: The user's stored record, used instead of asking the user storage.
            meta_data: What is stored along with the decision, under ``metaData``.
            event_properties: What is sent along, for event-architecture accounts.
            user_agent: The User-Agent of the user's browser.
            user_ip_address: The user's IP address.
            **unknown: Any other option is logged once and ignored.

        Returns:
            For each campaign, by key, whether the server received the conversion (in development
            mode: whether it would have been sent). The result is true where any campaign's was.
            None where an argument is bad, where the one campaign is not running or does not have
            the goal, where no campaign has it, and after `close`.

        Source: Track page, 'Returns'; VWO spec, section 8.
        """
        specifier = arguments.campaign_specifier(campaign_specifier)
        goal = AskedGoal(
            identifier=arguments.text("goal_identifier", goal_identifier),
            type_to_track=first_given(
                arguments.goal_type(goal_type_to_track),
                self._launch.goal_type_to_track,
                GOAL_TYPES.ALL,
            ),
            revenue=arguments.revenue(revenue_value),
            event_properties=self._properties("event_properties", event_properties),
        )
        asked = self._asked(
            "track",
            user_id,
            unknown,
            custom_variables=custom_variables,
            variation_targeting_variables=variation_targeting_variables,
            should_track_returning_user=should_track_returning_user,
            user_storage_data=user_storage_data,
            meta_data=meta_data,
            user_agent=user_agent,
            user_ip_address=user_ip_address,
        )
        return self._convert(specifier, asked, goal)

    def status(self) -> Status:
        """What the client runs on."""
        settings = self._snapshot.settings
        return Status(self._launch.engine.name, settings.version, settings.problems)

    def close(self) -> None:
        """Free threads and connections; every later call returns its nothing. May be repeated."""
        self._is_closed = True
        self._dispatch.close()
        if self._launch.own_transport is not None:
            self._launch.own_transport.close()

    def _asked(
        self,
        call: Call,
        user_id: object,
        unknown: Mapping[str, object],
        *,
        custom_variables: object,
        variation_targeting_variables: object,
        user_storage_data: object,
        meta_data: object,
        should_track_returning_user: object = None,
        user_agent: object = None,
        user_ip_address: object = None,
    ) -> Asked:
        """The options of a call, checked; complains of those that do not exist."""
        for name in unknown:
            self._complain_of_option(call, name)
        return Asked(
            call=call,
            visitor=Visitor(
                arguments.text("user_id", user_id),
                arguments.optional_text("user_agent", user_agent),
                arguments.optional_text("user_ip_address", user_ip_address),
            ),
            custom_variables=arguments.mapping("custom_variables", custom_variables),
            variation_targeting_variables=arguments.mapping(
                "variation_targeting_variables", variation_targeting_variables
            ),
            user_storage_data=arguments.mapping("user_storage_data", user_storage_data),
            meta_data=arguments.mapping("meta_data", meta_data),
            tracks_again=first_given(
                arguments.boolean("should_track_returning_user", should_track_returning_user),
                self._launch.should_track_returning_user,
                default=False,
            ),
        )

    def _properties(self, name: str, value: object) -> dict[str, object] | None:
        """Properties that JSON can carry; what it cannot is left out and logged."""
        properties = arguments.mapping(name, value)
        if properties is None:
            return None
        kept = {}
        for key, item in properties.items():
            try:
                json.dumps({key: item}, allow_nan=False, ensure_ascii=False).encode()
            except (TypeError, ValueError, RecursionError):
                self._complain_of_property(name, type(item).__name__)
            else:
                kept[key] = item
        return kept

    def _complain_of_option(self, call: Call, name: str) -> None:
        self._log.recurring_error(
            (call, "option", name),
            lambda: f"{call}: there is no option {name[:_MOST_SHOWN]}; it is ignored",
        )

    def _complain_of_property(self, name: str, kind: str) -> None:
        self._log.recurring_error(
            (name, kind), lambda: f"{name}: a value of type {kind} is no JSON and is left out"
        )

    def _assign(self, campaign_key: str, asked: Asked) -> Decision:
        """Decide without an event: what is to be stored is stored at once."""
        decided = self._decider.decide(self._snapshot.settings, campaign_key, asked, None)
        self._decider.remember(decided, asked, None)
        return decided.decision

    def _show(
        self, campaign_key: str, asked: Asked, custom_properties: dict[str, object] | None
    ) -> Decision:
        """Decide, and count the visitor."""
        snapshot = self._snapshot
        decided = self._decider.decide(snapshot.settings, campaign_key, asked, None)
        decision = decided.decision
        if decision.campaign is None or decision.variation is None:
            return decision
        if decision.has_record and not asked.tracks_again:
            # Nothing is sent, but a record whose variation is gone is replaced.
            self._decider.remember(decided, asked, None)
            return decision
        request = snapshot.events.impression(
            asked.visitor, decision.campaign, decision.variation, custom_properties
        )
        if self._send(request, self._dispatch.deadline()):
            self._decider.remember(decided, asked, None)
        return decision

    def _variable_value(self, campaign_key: str, variable_key: str, asked: Asked) -> Json:
        """Decide, and look up the variable."""
        decision = self._assign(campaign_key, asked)
        if decision.campaign is None or decision.variation is None:
            return None
        variable = find_variable(decision.campaign, decision.variation, variable_key)
        if variable is None:
            known = (one.key for one in variables_of(decision.campaign, decision.variation))
            self._log.recurring_error(
                (asked.call, campaign_key, variable_key),
                lambda: (
                    f"{asked.call}: the campaign {campaign_key} has no such variable"
                    f"{nearest(variable_key, known)}"
                ),
            )
            return None
        try:
            return typed_value(variable)
        except NotCastableError:
            words = f"the value of {variable_key} in {campaign_key} is no {variable.type}"
            self._log.recurring_error((asked.call, words), lambda: f"{asked.call}: {words}")
            return None

    def _convert(
        self, specifier: str | list[str] | None, asked: Asked, goal: AskedGoal
    ) -> TrackResult | None:
        """Decide for each campaign, and report the conversions."""
        snapshot = self._snapshot
        targets = self._targets(snapshot.settings, specifier, goal)
        decisions = [
            (key, self._decider.decide(snapshot.settings, target, asked, goal))
            for key, target in targets
        ]
        if isinstance(specifier, str) and decisions[0][1].decision.reason in _NO_CAMPAIGN:
            return None
        if specifier is None and not decisions:
            known = {goal.identifier for one in snapshot.settings.campaigns for goal in one.goals}
            self._log.recurring_error(
                ("track", goal.identifier),
                lambda: f"track: no campaign has such a goal{nearest(goal.identifier, known)}",
            )
            return None
        result = TrackResult({key: False for key, _ in decisions})
        credited = {}
        for key, decided in decisions:
            decision = decided.decision
            if decision.campaign and decision.variation and decision.goal:
                conversion = Conversion(decision.campaign, decision.variation, decision.goal)
                credited[conversion.campaign.index] = (key, decided, conversion)
        requests = snapshot.events.conversions(
            asked.visitor,
            goal.identifier,
            [conversion for _, _, conversion in credited.values()],
            goal.revenue,
            goal.event_properties,
        )
        deadline = self._dispatch.deadline()
        accepted = [
            credited[conversion.campaign.index]
            for request, conversions in requests
            if self._send(request, deadline)
            for conversion in conversions
        ]
        # Only now: a slow user storage is not to use up the time of the events.
        for key, decided, _ in accepted:
            result[key] = True
            self._decider.remember(decided, asked, goal)
        return result

    def _targets(
        self, settings: Settings, specifier: str | list[str] | None, goal: AskedGoal
    ) -> list[tuple[str, str | int]]:
        """The campaigns to track, each with its key in the result."""
        if isinstance(specifier, str):
            return [(specifier, specifier)]
        if specifier is None:
            campaigns = settings.campaigns_with_goal(goal.identifier)
            return [(campaign.key, campaign.index) for campaign in campaigns]
        targets: dict[str, str | int] = {}
        for key in specifier:
            campaign = settings.running_campaign(key)
            if campaign is None:
                self._decider.note_unknown_campaign(settings, "track", key)
            else:
                targets[key] = campaign.index
        return list(targets.items())

    def _send(self, request: Request, deadline: Deadline) -> bool:
        """Whether the event was accepted; in development mode, without sending it."""
        if self._launch.is_development_mode:
            return True
        return self._dispatch.send(request, deadline)
