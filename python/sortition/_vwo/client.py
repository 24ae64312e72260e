"""The VWO client: its calls check their arguments and resolve their options."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast, overload

from sortition._base import arguments as base_arguments
from sortition._base.errors import OptionError
from sortition._base.options import first_given, of_type
from sortition._base.revenue import is_amount
from sortition._client.base import LivingClient
from sortition._client.calling import call, ignores_wrong_arguments, is_of_a_signal_handler
from sortition._client.direct import directly
from sortition._sending import ledger as reasons
from sortition._sending.ledger import CONVERSION, PUSH, VISITOR
from sortition._settings.poller import Outcome
from sortition._settings.webhook import UNAVAILABLE
from sortition._vwo import arguments
from sortition._vwo.calls import Calls
from sortition._vwo.constants import GOAL_TYPES
from sortition._vwo.credentials import credentials_of
from sortition._vwo.deciding import Asked, AskedGoal, Decider
from sortition._vwo.delivery import Delivery
from sortition._vwo.explaining import Explanation
from sortition._vwo.result import Status, TrackResult
from sortition._vwo.snapshot import Snapshot
from sortition._vwo.storage import CheckedStorage, given_record
from sortition._vwo.wire import Visitor, settings_request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from logging import Logger

    from sortition._client.direct import DirectOf
    from sortition._core import Queue, VwoDirect, VwoSettings
    from sortition._engine.vwo import Call, Json, Step
    from sortition._settings.live import LiveSettings
    from sortition._settings.webhook import Headers
    from sortition._vwo.arguments import GivenRevenue, GoalType
    from sortition._vwo.launching import Configuration
    from sortition.storages.findings import Finding, Findings

_WEBHOOK_HEADER: Final = "x-vwo-auth"
_CALLS: Final = (
    "activate",
    "get_feature_variable_value",
    "get_variation_name",
    "is_feature_enabled",
    "track",
)


class Client(LivingClient[Snapshot, Delivery]):
    """Decides for one account, and reports what users see and do.

    Create one with `sortition.vwo.launch`. Safe to use from any number of threads. Calls never
    raise: if an argument is invalid, the call logs that and returns its documented empty result. An
    option of a call that is None counts as not given.

    As a context manager, the client closes itself at the end of the block.
    """

    def __init__(self, configuration: Configuration, live: LiveSettings[Snapshot]) -> None:
        """Use `sortition.vwo.launch` instead."""
        super().__init__(configuration, live, configuration.delivery(live.current))
        self._launch = configuration
        decider = self._decider_with(self._findings())
        self._calls = Calls(decider, self._delivery, configuration.log, self._refusals.note)
        self._tracks_again = bool(configuration.should_track_returning_user)

    def __repr__(self) -> str:
        snapshot, engine = self._current.snapshot, self._launch.engine.name
        account = None if snapshot is None else snapshot.settings.account_id
        return f"<sortition.vwo.Client account={account} engine={engine}>"

    @directly("vwo")
    @call(nothing=None, sends=VISITOR, ignores_unknown_options=True)
    async def activate(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: Mapping[str, Any] | None = None,
        variation_targeting_variables: Mapping[str, Any] | None = None,
        should_track_returning_user: bool | None = None,
        user_storage_data: Mapping[str, Any] | None = None,
        meta_data: Mapping[str, Any] | None = None,
        custom_properties: Mapping[str, Any] | None = None,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
    ) -> str | None:
        """Return a user's variation of an A/B test, and count the user as a visitor.

        The user is not counted again if a stored record says that they already were.

        Args:
            campaign_key: The key of a running ``VISUAL_AB`` campaign.
            user_id: The user's id.
            custom_variables: The user's attributes for the campaign's segments.
            variation_targeting_variables: The user's attributes for whitelisting.
            should_track_returning_user: Whether to count a user with a stored record again.
            user_storage_data: The user's stored record, which replaces asking the user storage.
            meta_data: Data to store with the decision, under ``metaData``.
            custom_properties: Properties to send along, for event-architecture accounts.
            user_agent: The User-Agent of the user's browser.
            user_ip_address: The user's IP address.

        Returns:
            The variation's name, even if counting the visitor failed; None if the user gets no
            variation, if an argument is invalid, and after `close`.

        Source: VWO spec, sections 3 and 4.
        """
        key = base_arguments.text("campaign_key", campaign_key)
        properties = self._properties("custom_properties", custom_properties, VISITOR)
        asked = self._asked(
            "activate",
            user_id,
            custom_variables,
            variation_targeting_variables,
            user_storage_data,
            meta_data,
            should_track_returning_user,
            user_agent,
            user_ip_address,
        )
        return cast("str | None", await self._calls.show(self._snapshot, key, asked, properties))

    @directly("vwo")
    @call(nothing=None, ignores_unknown_options=True)
    async def get_variation_name(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: Mapping[str, Any] | None = None,
        variation_targeting_variables: Mapping[str, Any] | None = None,
        user_storage_data: Mapping[str, Any] | None = None,
        meta_data: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Return the name of a user's variation without counting the user.

        Args:
            campaign_key: The key of a running campaign other than a ``FEATURE_ROLLOUT``.
            user_id: The user's id.
            custom_variables: The user's attributes for the campaign's segments.
            variation_targeting_variables: The user's attributes for whitelisting.
            user_storage_data: The user's stored record, which replaces asking the user storage.
            meta_data: Data to store with the decision, under ``metaData``.

        Returns:
            The variation's name; None if the user gets no variation, if a user storage is
            configured and the user was not activated, if an argument is invalid, and after `close`.

        Source: VWO spec, sections 3 and 4.
        """
        key = base_arguments.text("campaign_key", campaign_key)
        asked = self._asked(
            "get_variation_name",
            user_id,
            custom_variables,
            variation_targeting_variables,
            user_storage_data,
            meta_data,
        )
        outcome = await self._calls.assign(self._snapshot, key, asked)
        return cast("str | None", outcome.answer)

    @directly("vwo")
    @call(nothing=False, sends=VISITOR, ignores_unknown_options=True)
    async def is_feature_enabled(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: Mapping[str, Any] | None = None,
        variation_targeting_variables: Mapping[str, Any] | None = None,
        should_track_returning_user: bool | None = None,
        user_storage_data: Mapping[str, Any] | None = None,
        meta_data: Mapping[str, Any] | None = None,
        custom_properties: Mapping[str, Any] | None = None,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
    ) -> bool:
        """Return whether a user has a feature, and count them as a visitor of its test or rollout.

        The user is counted even if their variation has the feature off.

        Args:
            campaign_key: The key of a running campaign other than a ``VISUAL_AB``.
            user_id: The user's id.
            custom_variables: The user's attributes for the campaign's segments.
            variation_targeting_variables: The user's attributes for whitelisting.
            should_track_returning_user: Whether to count a user with a stored record again.
            user_storage_data: The user's stored record, which replaces asking the user storage.
            meta_data: Data to store with the decision, under ``metaData``.
            custom_properties: Properties to send along, for event-architecture accounts.
            user_agent: The User-Agent of the user's browser.
            user_ip_address: The user's IP address.

        Returns:
            True if the user is in the rollout, or if the user's variation of the test has the
            feature on; otherwise False, including for an invalid argument and after `close`.

        Source: VWO spec, sections 3 and 4.
        """
        key = base_arguments.text("campaign_key", campaign_key)
        properties = self._properties("custom_properties", custom_properties, VISITOR)
        asked = self._asked(
            "is_feature_enabled",
            user_id,
            custom_variables,
            variation_targeting_variables,
            user_storage_data,
            meta_data,
            should_track_returning_user,
            user_agent,
            user_ip_address,
        )
        return cast("bool", await self._calls.show(self._snapshot, key, asked, properties))

    @call(nothing=None, ignores_unknown_options=True)
    async def get_feature_variable_value(
        self,
        campaign_key: str,
        variable_key: str,
        user_id: str,
        *,
        custom_variables: Mapping[str, Any] | None = None,
        variation_targeting_variables: Mapping[str, Any] | None = None,
        user_storage_data: Mapping[str, Any] | None = None,
        meta_data: Mapping[str, Any] | None = None,
    ) -> Json:
        """Return the value of a feature's variable for a user without counting the user.

        Args:
            campaign_key: The key of a running campaign other than a ``VISUAL_AB``.
            variable_key: The variable's key.
            user_id: The user's id.
            custom_variables: The user's attributes for the campaign's segments.
            variation_targeting_variables: The user's attributes for whitelisting.
            user_storage_data: The user's stored record, which replaces asking the user storage.
            meta_data: Data to store with the decision, under ``metaData``.

        Returns:
            A str, int, float, bool or JSON value, as the settings declare; None if the user gets no
            variation, if there is no such variable, if its value does not fit its declared type, if
            an argument is invalid, and after `close`.

        Source: VWO spec, section 3.
        """
        key = base_arguments.text("campaign_key", campaign_key)
        wanted = base_arguments.text("variable_key", variable_key)
        asked = self._asked(
            "get_feature_variable_value",
            user_id,
            custom_variables,
            variation_targeting_variables,
            user_storage_data,
            meta_data,
        )
        return await self._calls.variable_value(self._snapshot, key, wanted, asked)

    @directly("vwo")
    @call(
        nothing=None,
        sends=CONVERSION,
        ignores_unknown_options=True,
        other_names={"campaign_key": "campaign_specifier"},
    )
    async def track(
        self,
        campaign_specifier: str | list[str] | None,
        user_id: str,
        goal_identifier: str,
        *,
        revenue_value: GivenRevenue = None,
        custom_variables: Mapping[str, Any] | None = None,
        variation_targeting_variables: Mapping[str, Any] | None = None,
        goal_type_to_track: GoalType | None = None,
        should_track_returning_user: bool | None = None,
        user_storage_data: Mapping[str, Any] | None = None,
        meta_data: Mapping[str, Any] | None = None,
        event_properties: Mapping[str, Any] | None = None,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
    ) -> TrackResult | None:
        """Report that a user reached a goal.

        With a user storage, only users with a record are credited; `activate` creates the record.
        Conversions of other users count as refused, with the reason ``not_activated``.

        Args:
            campaign_specifier: A campaign's key, a list of keys, or None for every campaign that
                has the goal. ``campaign_key`` is another name for this argument.
            user_id: The user's id, the same as for `activate`.
            goal_identifier: The goal's identifier.
            revenue_value: The revenue of the conversion, for goals that count revenue: a number or
                a string.
            custom_variables: The user's attributes for the campaigns' segments.
            variation_targeting_variables: The user's attributes for whitelisting.
            goal_type_to_track: One of `sortition.vwo.GOAL_TYPES`, or the text ``CUSTOM`` or
                ``REVENUE``; takes precedence over the launch option of the same name.
            should_track_returning_user: Whether to track a conversion again that is already
                recorded; takes precedence over the launch option of the same name.
            user_storage_data: The user's stored record, which replaces asking the user storage.
            meta_data: Data to store with the decision, under ``metaData``.
            event_properties: Properties to send along, for event-architecture accounts.
            user_agent: The User-Agent of the user's browser.
            user_ip_address: The user's IP address.

        Returns:
            For each campaign, by key, whether the server accepted the conversion; in batch mode,
            whether the queue accepted it; in development mode, whether it would be sent. The result
            as a whole is true if any campaign's is.
            None if an argument is invalid, if the single campaign is not running or does not have
            the goal, if no campaign has it, and after `close`.

        Source: Track page, 'Returns'; VWO spec, section 8.
        """
        specifier = arguments.campaign_specifier(campaign_specifier)
        goal = self._asked_goal(
            goal_identifier, goal_type_to_track, revenue_value, event_properties
        )
        asked = self._asked(
            "track",
            user_id,
            custom_variables,
            variation_targeting_variables,
            user_storage_data,
            meta_data,
            should_track_returning_user,
            user_agent,
            user_ip_address,
        )
        return await self._calls.convert(self._snapshot, specifier, asked, goal)

    @overload
    def push(self, tag_key: str, tag_value: str, /, user_id: str) -> bool: ...

    @overload
    def push(self, *, tag_key: str, tag_value: str, user_id: str) -> bool: ...

    @overload
    def push(self, custom_dimension_map: Mapping[str, object], user_id: str, /) -> bool: ...

    @overload
    def push(self, custom_dimension_map: Mapping[str, object], /, *, user_id: str) -> bool: ...

    @overload
    def push(self, *, custom_dimension_map: Mapping[str, object], user_id: str) -> bool: ...

    @call(nothing=False, sends=PUSH)
    async def push(
        self,
        tag_key: Any = None,
        tag_value: Any = None,
        user_id: Any = None,
        *,
        custom_dimension_map: Any = None,
    ) -> bool:
        """Send values of a user's custom dimensions to the platform.

        Call it as ``push(tag_key, tag_value, user_id)`` or ``push(custom_dimension_map, user_id)``,
        by position or with these names.

        Args:
            tag_key: The dimension's key, of at most 255 characters; or a dictionary of keys and
                values, followed by the user's id.
            tag_value: The dimension's value, of at most 255 characters.
            user_id: The user's id.
            custom_dimension_map: Keys and values; the client sends ``str()`` of each.

        Returns:
            Whether the server accepted all of them; in batch mode, whether the queue did. False if
            an argument is invalid, in which case nothing is sent, if the dictionary is empty, and
            after `close`.

        Source: VWO spec, sections 3 and 11.
        """
        user, dimensions = arguments.custom_dimensions(
            tag_key, tag_value, user_id, custom_dimension_map
        )
        return await self._calls.push(self._snapshot, Visitor(user, None, None), dimensions)

    @call(nothing=False)
    async def flush_events(
        self, mode: str | None = "sync", *, timeout_s: float | None = None
    ) -> bool | None:
        """Send waiting events, for clients that were launched with ``batch_events``.

        Args:
            mode: ``sync`` waits until the server has answered; ``async`` does not wait; None
                counts as not given.
            timeout_s: How long to wait, in seconds; 30 by default.

        Returns:
            ``sync``: whether the server accepted all waiting events. ``async``: True. None if
            events are not batched; False if an argument is invalid, and after `close`.

        Source: VWO spec, section 3.
        """
        if mode is not None and base_arguments.one_of("mode", mode, ("sync", "async")) == "async":
            return self._delivery.flush_soon()
        return await self._flush(timeout_s)

    @call(nothing=False)
    async def flush(self, timeout_s: float | None = None) -> bool | None:
        """Send waiting events and wait; see `flush_events`."""
        return await self._flush(timeout_s)

    @call(nothing=True, mistaken=False)
    async def set_opt_out(self) -> bool:
        """Opt out permanently: send waiting events, forget the settings, and stop deciding.

        Every later call returns its documented empty result. To start again, launch a new client.

        Returns:
            True; False if it was called with an argument, in which case nothing happened.

        Source: VWO spec, section 3.
        """
        self._refuse(reasons.OPTED_OUT)
        await self._executor.run("closing", self._end_opted_out)
        return True

    def _end_opted_out(self) -> None:
        self._delivery.close(self._launch.close_timeout_s, reasons.OPTED_OUT)
        self._live.forget(self._nothing())
        self._close_transport()

    @call(nothing=False)
    async def get_and_update_settings_file(
        self, account_id: int | str, sdk_key: str, is_via_webhook: bool | None = False
    ) -> str | bool:
        """Fetch the account's settings file, and use it from the next call on.

        Calls in progress keep their settings.

        Args:
            account_id: The account's id, the same as that of the settings in use.
            sdk_key: The secret key of the environment.
            is_via_webhook: Whether a webhook of the platform is the cause.

        Returns:
            The settings file in use afterwards, as received. If the answer is not usable or an
            argument is invalid, the client logs that and returns the old one. False without
            settings, and after `close`.

        Source: VWO spec, section 3.
        """
        return await self._executor.run(
            "waiting", lambda: self._updated_settings(account_id, sdk_key, is_via_webhook)
        )

    def _updated_settings(
        self, account_id: object, sdk_key: object, is_via_webhook: object
    ) -> str | bool:
        """Fetch settings and use them; the settings in use afterwards."""
        outcome = self._update_settings(account_id, sdk_key, is_via_webhook)
        why = outcome.error
        if why is not None:
            self._log.recurring_error(
                ("get_and_update_settings_file", outcome.kind or why),
                lambda: f"get_and_update_settings_file: the old settings stay in use: {why}",
            )
        snapshot = self._current.snapshot
        return self._refuses_with is None and snapshot is not None and snapshot.document.decode()

    def _update_settings(
        self, account_id: object, sdk_key: object, is_via_webhook: object
    ) -> Outcome:
        """Fetch settings and use them; an error if an argument is invalid, too."""
        try:
            credentials = credentials_of(account_id, sdk_key)
            # As in the platform's SDK, 1 is true and 0 is false.
            is_number = isinstance(is_via_webhook, int) and is_via_webhook in (0, 1)
            flag = bool(is_via_webhook) if is_number or is_via_webhook is None else is_via_webhook
            by_webhook = of_type("is_via_webhook", flag, bool, "a bool")
        except OptionError as error:
            return Outcome(is_new=False, error=str(error))
        request = settings_request(self._launch.base_url, credentials, is_via_webhook=by_webhook)
        return self._live.ask(request, (credentials, by_webhook))

    @call(nothing=UNAVAILABLE)
    def handle_webhook(
        self, headers: Headers, body: object, secret: str | bytes | Sequence[str | bytes]
    ) -> int:
        """Handle a webhook of the platform that announces new settings.

        Call it from an endpoint of the service, in any framework. A background thread fetches the
        new settings soon, at most once a second however many webhooks arrive.

        Args:
            headers: The request's headers. The secret may be in ``x-vwo-auth``, the platform's
                header, in ``x-webhook-secret``, or in ``Authorization: Bearer``.
            body: The request's content, which is ignored.
            secret: The secret of the webhook, or several secrets while you rotate it.

        Returns:
            The HTTP status to answer with: 202 if the settings will be fetched, 401 if the request
            does not have the secret, 503 if an argument is invalid and after `close`.

        Source: VWO developer documentation, "Webhooks".
        """
        del body
        return self._take_webhook(headers, secret, _WEBHOOK_HEADER)

    @call(nothing=None, ignores_unknown_options=True)
    async def explain(
        self,
        campaign_key: str,
        user_id: str,
        *,
        call: str | None = "activate",
        goal_identifier: str | None = None,
        revenue_value: GivenRevenue = None,
        custom_variables: Mapping[str, Any] | None = None,
        variation_targeting_variables: Mapping[str, Any] | None = None,
        goal_type_to_track: GoalType | None = None,
        should_track_returning_user: bool | None = None,
        user_storage_data: Mapping[str, Any] | None = None,
        event_properties: Mapping[str, Any] | None = None,
        meta_data: Mapping[str, Any] | None = None,  # noqa: ARG002 -- as a call takes it
        custom_properties: Mapping[str, Any] | None = None,  # noqa: ARG002
        user_agent: str | None = None,  # noqa: ARG002
        user_ip_address: str | None = None,  # noqa: ARG002
    ) -> Explanation | None:
        """Explain the result of a call. Nothing is sent or stored, and integrations are not called.

        The user storage is asked as the call would ask it.

        Args:
            campaign_key: The campaign's key.
            user_id: The user's id.
            call: The call to explain, by its name.
            goal_identifier: The goal, for ``track``.
            revenue_value: As for `track`.
            custom_variables: As for the call.
            variation_targeting_variables: As for the call.
            goal_type_to_track: As for `track`.
            should_track_returning_user: As for the call.
            user_storage_data: As for the call.
            event_properties: As for `track`.
            meta_data: Accepted so that you can pass a call's options on; it has no effect.
            custom_properties: The same.
            user_agent: The same.
            user_ip_address: The same.

        Returns:
            The decision and every step towards it, as data and as text. It contains values of the
            user's attributes. None if an argument is invalid, and after `close`.
        """
        key = base_arguments.text("campaign_key", campaign_key)
        call = "activate" if call is None else base_arguments.one_of("call", call, _CALLS)
        goal = None
        if call == "track":
            goal = self._asked_goal(
                goal_identifier, goal_type_to_track, revenue_value, event_properties, None
            )
        seen: list[Finding] = []
        findings = self._findings(seen)
        asked = self._asked(
            cast("Call", call),
            user_id,
            custom_variables=custom_variables,
            variation_targeting_variables=variation_targeting_variables,
            should_track_returning_user=should_track_returning_user,
            user_storage_data=user_storage_data,
            meta_data=None,
            findings=findings,
        )
        steps: list[Step] = []
        decider = self._decider_with(findings)
        decision = await decider.consider(self._snapshot.settings, key, asked, goal, steps)
        return Explanation.of(call, key, decision, steps, seen)

    @ignores_wrong_arguments(
        lambda self: Status.unknown(engine=self._launch.engine.name, settings_version=None)
    )
    def status(self) -> Status:
        """Return the state of the client in this process."""
        snapshot = self._current.snapshot
        settings = None if snapshot is None else snapshot.settings
        return Status.of(
            self._live.status(),
            self._refuses_with,
            self._delivery.health(),
            verifies=self._launch.verifies,
            refused=self._most_refused(),
            storage=self._storage_health(),
            engine=self._launch.engine.name,
            settings_version=None if settings is None else settings.version,
            problems=() if settings is None else settings.problems,
            problem_count=0 if settings is None else settings.problem_count,
        )

    def _direct_of(self) -> DirectOf[Snapshot] | None:
        launch = self._launch
        if launch.integrations is not None:
            return None
        queue = self._delivery.queue() if self._refuses_with is None else None

        def direct_of(
            snapshot: Snapshot, levels: dict[int, bool] | None, logger: Logger | None
        ) -> VwoDirect:
            from sortition._core import VwoDirect  # noqa: PLC0415 -- the engine in use

            settings = cast("VwoSettings", snapshot.settings)
            goal_type = launch.goal_type_to_track or GOAL_TYPES.ALL
            plain = cast("Queue | None", queue)
            return VwoDirect(settings, levels, logger, plain, goal_type, TrackResult)

        return direct_of

    def _nothing(self) -> Snapshot | None:
        """Empty settings of the same account; None without settings."""
        snapshot = self._current.snapshot
        if snapshot is None:
            return None
        known = snapshot.settings
        nothing: dict[str, Json] = {
            "version": known.version,
            "accountId": known.account_id,
            "campaigns": [],
        }
        return self._live.platform.compile(json.dumps(nothing).encode())

    def _decider_with(self, findings: Findings) -> Decider:
        """The decider, which reports faults of the user storage here."""
        launch, storage = self._launch, self._launch.user_storage
        if storage is None:
            return Decider(None, launch.integrations, launch.log)
        checked = CheckedStorage(storage, findings, self._storage_breaker, self._executor)
        return Decider(checked, launch.integrations, launch.log)

    def _asked_goal(
        self,
        goal_identifier: object,
        goal_type_to_track: object,
        revenue_value: object,
        event_properties: object,
        sends: str | None = CONVERSION,
    ) -> AskedGoal:
        """The checked goal to credit."""
        revenue = arguments.revenue(revenue_value)
        if revenue is not None and not is_amount(revenue):
            # Like the platform's SDK, send it unchanged, although no report can add it up.
            self._log.recurring_error(
                ("track", "revenue"),
                lambda: "track: revenue_value is not a readable amount; it is sent unchanged",
            )
        properties = self._properties("event_properties", event_properties, sends)
        return AskedGoal(
            identifier=base_arguments.text("goal_identifier", goal_identifier),
            type_to_track=first_given(
                arguments.goal_type(goal_type_to_track),
                self._launch.goal_type_to_track,
                GOAL_TYPES.ALL,
            ),
            revenue=revenue,
            revenue_json=json.dumps(revenue) if revenue else None,
            event_properties=properties,
            event_properties_json=None
            if properties is None
            else {key: json.dumps(value) for key, value in properties.items()},
        )

    def _asked(
        self,
        call: Call,
        user_id: object,
        custom_variables: object,
        variation_targeting_variables: object,
        user_storage_data: object,
        meta_data: object,
        should_track_returning_user: object = None,
        user_agent: object = None,
        user_ip_address: object = None,
        findings: Findings | None = None,
    ) -> Asked:
        """The checked options of a call; most are not given and need no check."""
        user = base_arguments.user_id(user_id)
        tracks_again = self._tracks_again
        if should_track_returning_user is not None:
            name = "should_track_returning_user"
            tracks_again = bool(base_arguments.boolean(name, should_track_returning_user))
        mapping, optional_text = base_arguments.mapping, base_arguments.optional_text
        record = None
        if user_storage_data is not None:
            record = mapping("user_storage_data", user_storage_data)
            record = record and given_record(record, user, findings or self._findings())
        return Asked(
            call,
            user,
            None if custom_variables is None else mapping("custom_variables", custom_variables),
            None
            if variation_targeting_variables is None
            else mapping("variation_targeting_variables", variation_targeting_variables),
            record,
            None if meta_data is None else mapping("meta_data", meta_data),
            tracks_again,
            None if user_agent is None else optional_text("user_agent", user_agent),
            None if user_ip_address is None else optional_text("user_ip_address", user_ip_address),
        )

    def _properties(self, name: str, value: object, sends: str | None) -> dict[str, object] | None:
        """The properties as plain values; logs, counts and leaves out what JSON cannot represent.

        The caller may change its own values during the call.

        Args:
            name: The option's name.
            value: The option's value.
            sends: The kind of event that carries them; None if nothing is sent.
        """
        properties = base_arguments.mapping(name, value)
        if properties is None:
            return None
        kept = {}
        for key, item in list(properties.items()):
            try:
                text = json.dumps(item, allow_nan=False, ensure_ascii=False)
                f"{json.dumps({key: None}, allow_nan=False, ensure_ascii=False)}{text}".encode()
                kept[key] = json.loads(text)
            except Exception as error:
                if is_of_a_signal_handler(error):
                    raise
                self._complain_of_property(name, type(item).__name__)
                if sends is not None:
                    self._delivery.ledger.leave_out(sends)
        return kept

    def _complain_of_property(self, name: str, kind: str) -> None:
        self._log.recurring_error(
            (name, kind), lambda: f"{name}: a value of type {kind} is not JSON and is left out"
        )
