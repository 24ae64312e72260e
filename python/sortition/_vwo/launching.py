"""Launching a VWO client from its options.

Source: VWO spec, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sortition._base.errors import OptionError
from sortition._client import launching
from sortition._client.document import document_of
from sortition._client.launching import (
    engine_of,
    executor_of,
    limits_of,
    log_of,
    settings_options_of,
    transport_of,
    verifies,
)
from sortition._sending.options import Batching
from sortition._settings.options import load_with
from sortition._vwo.constants import DEFAULT_BASE_URL
from sortition._vwo.credentials import optional_credentials_of
from sortition._vwo.delivery import BatchedDelivery, NoDelivery, SynchronousDelivery
from sortition._vwo.options import VwoOptions
from sortition._vwo.platform import VwoPlatform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._sending.drops import OnDrop
    from sortition._sending.options import OnUnknownOutcome
    from sortition._sending.spool.options import SpoolOptions
    from sortition._settings.current import Current
    from sortition._settings.live import LiveSettings
    from sortition._vwo.arguments import GoalType
    from sortition._vwo.delivery import Delivery
    from sortition._vwo.integrations import Integrations
    from sortition._vwo.snapshot import Snapshot
    from sortition.storages.base import UserStorageLike


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration(launching.Configuration):
    """The parts of a client, with checked values.

    Attributes:
        request_timeout_s: How long a call that sends may take.
        batching: How to batch events; None to send each within its call.
        on_drop: Called for lost and refused events.
        on_unknown_outcome: What to do with events that the server may have received.
        user_storage: The caller's memory of past decisions.
        integrations: Called for decisions.
        goal_type_to_track: Which goals to track by default.
        should_track_returning_user: Whether to count returning users again by default.
    """

    request_timeout_s: float
    batching: Batching | None
    on_drop: OnDrop | None
    on_unknown_outcome: OnUnknownOutcome
    user_storage: UserStorageLike | None
    integrations: Integrations | None
    goal_type_to_track: GoalType | None
    should_track_returning_user: bool | None

    def delivery(self, current: Current[Snapshot]) -> Delivery:
        """Create the way out for the client's events."""
        if self.is_development_mode:
            return NoDelivery(is_queued=self.batching is not None)
        if self.batching is not None:
            return BatchedDelivery(
                self.engine.name, self.transport, self.log, self.batching, current
            )
        return SynchronousDelivery(
            self.engine.name,
            self.transport,
            self.log,
            self.request_timeout_s,
            self.on_drop,
            self.on_unknown_outcome,
            self.executor,
        )


def configure(
    given: Mapping[str, object], spool: SpoolOptions | None = None, *, is_async: bool = False
) -> tuple[Configuration, LiveSettings[Snapshot]]:
    """Check the options of a launch, by name, and get its settings.

    Starts and opens nothing if the settings are given; leaves nothing behind if it raises.

    Args:
        given: The options, by name; a missing option is not given.
        spool: The spool, for callers who set more than a launch can; None for the spool of the
            options.
        is_async: Whether the calls of the client are to be awaited.

    Raises:
        OptionError: An option is invalid; the message names it.
        SettingsError: The settings are not usable at all; the message names the places.
        SettingsUnavailableError: No source has usable settings.
    """
    options = VwoOptions.read(given)
    batching = _batching_of(options, spool)
    engine = engine_of(options.engine)
    log = log_of("vwo", options, engine)
    # As in the platform's SDK, the caller's own storage takes precedence.
    storage = options.redis_creds if options.user_storage is None else options.user_storage
    executor = executor_of(options, storage, is_async=is_async)
    url = DEFAULT_BASE_URL if options.base_url is None else options.base_url
    credentials = optional_credentials_of(options.account_id, options.sdk_key)
    if options.settings_file is None and credentials is None:
        raise OptionError("settings_file: is required, or account_id and sdk_key to fetch it")
    fallback = options.fallback_settings_file
    first = settings_options_of(
        options,
        None if fallback is None else document_of(fallback, "fallback_settings_file"),
        options.poll_interval_s,
        log,
    )
    document = None if options.settings_file is None else document_of(options.settings_file)
    transport, own_transport = transport_of(options, log)
    configuration = Configuration(
        engine=engine,
        log=log,
        transport=transport,
        own_transport=own_transport,
        base_url=url,
        verifies=verifies(options),
        request_timeout_s=options.request_timeout_s,
        close_timeout_s=options.close_timeout_s,
        batching=batching,
        on_drop=options.on_drop,
        on_unknown_outcome=options.on_unknown_outcome,
        is_development_mode=options.is_development_mode,
        user_storage=storage,
        storage_timeout_s=options.storage_timeout_s,
        executor=executor,
        integrations=options.integrations,
        goal_type_to_track=options.goal_type_to_track,
        should_track_returning_user=options.should_track_returning_user,
    )
    usage = {} if options.is_development_mode else _usage(options, storage)
    platform = VwoPlatform(engine, log, url, usage, credentials)
    try:
        given_settings = None if document is None else platform.compile(document)
        live = load_with(platform, transport, log, first, given_settings)
    except BaseException:
        if own_transport is not None:
            own_transport.close()
        raise
    return configuration, live


def _usage(options: VwoOptions, storage: UserStorageLike | None) -> dict[str, int]:
    """Which launch options are in use, as the platform counts them."""
    given = {
        "eb": options.batch_events,
        "ig": options.integrations,
        "ss": storage,
        "cl": options.logger,
        "ll": options.log_level,
        "gt": options.goal_type_to_track,
    }
    usage = {flag: 1 for flag, value in given.items() if value is not None}
    return {**usage, "_l": 1} if usage else {}


def _batching_of(options: VwoOptions, spool: SpoolOptions | None) -> Batching | None:
    """How to batch events; None if they are not batched.

    Raises:
        OptionError: An option requires batches.
    """
    given = options.batch_events
    if given is None:
        if options.spool is not None:
            raise OptionError("spool: requires batch_events, because without it no event waits")
        return None
    return Batching(
        events_per_request=given.events_per_request,
        interval_s=given.interval_s,
        flush_callback=given.flush_callback,
        request_bytes=options.request_bytes,
        **limits_of(options, spool),
    )
