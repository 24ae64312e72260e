"""Launching a PageSense client from its options.

Source: PageSense spec, section 2.1.
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
from sortition._pagesense.constants import DATA_CENTERS
from sortition._pagesense.credentials import Credentials, credentials_of, split_account
from sortition._pagesense.delivery import NoDelivery, QueuedDelivery
from sortition._pagesense.options import DEFAULT_POLL_INTERVAL_S, PagesenseOptions
from sortition._pagesense.platform import PagesensePlatform, compiled
from sortition._sending.options import Batching
from sortition._settings.options import load_with

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._pagesense.delivery import Delivery
    from sortition._pagesense.snapshot import Snapshot
    from sortition._pagesense.storage import UserStorageLike
    from sortition._sending.spool.options import SpoolOptions
    from sortition._settings.current import Current
    from sortition._settings.live import LiveSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration(launching.Configuration):
    """The parts of a client, with checked values.

    Attributes:
        data_center: The data center; None if it is not known.
        platform: Asks for and reads settings.
        poll_interval_s: How often to ask for settings; 0 for never.
        batching: The options of sending.
        requests_at_once: How many requests may be under way at once.
        user_storage: The caller's memory of past assignments.
        credentials: The credentials for settings; None if none were given.
    """

    data_center: str | None
    platform: PagesensePlatform
    poll_interval_s: int
    batching: Batching
    requests_at_once: int
    user_storage: UserStorageLike | None
    credentials: Credentials | None

    def delivery(self, current: Current[Snapshot]) -> Delivery:
        """Create the way out for the client's events."""
        if self.is_development_mode:
            return NoDelivery(is_queued=True)
        return QueuedDelivery(
            self.engine.name,
            self.transport,
            self.log,
            self.batching,
            self.base_url,
            self.requests_at_once,
            current,
        )


def configure(
    given: Mapping[str, object], spool: SpoolOptions | None = None, *, is_async: bool = False
) -> tuple[Configuration, LiveSettings[Snapshot]]:
    """Check the options of a launch, by name, and get the settings where none are given.

    Nothing is left behind where the launch is refused.

    Args:
        given: The options, by name; a missing option is not given.
        spool: The spool, for callers who set more than a launch can; None for the spool of the
            options.
        is_async: Whether the calls of the client are to be awaited.

    Raises:
        OptionError: An option is invalid; the message names it.
        SettingsError: The given settings are not usable at all; the message names the places.
        SettingsUnavailableError: No source has usable settings.
    """
    options = PagesenseOptions.read(given)
    engine = engine_of(options.engine)
    settings = options.settings
    known = None if settings is None else compiled(engine, document_of(settings, "settings"))
    credentials, named = credentials_of(
        options.sdk_account_id, options.sdk_key, options.project_name, is_needed=known is None
    )
    in_settings = None if known is None else split_account(known.settings.sdk_account_id)[1]
    center = _data_center(options.data_center, named, in_settings)
    interval_s = _interval(options.poll_interval_s, has_settings=known is not None)
    sends_nothing = options.is_development_mode and not interval_s
    url = _base_url(options.base_url, center, is_needed=not sends_nothing)
    log = log_of("pagesense", options, engine)
    executor = executor_of(options, options.user_storage, is_async=is_async)
    fallback = options.fallback_settings
    first = settings_options_of(
        options,
        None if fallback is None else document_of(fallback, "fallback_settings"),
        interval_s or None,
        log,
    )
    transport, own_transport = transport_of(options, log)
    configuration = Configuration(
        engine=engine,
        log=log,
        transport=transport,
        own_transport=own_transport,
        base_url=url,
        verifies=verifies(options),
        data_center=center,
        close_timeout_s=options.close_timeout_s,
        platform=PagesensePlatform(engine, log, url, credentials),
        poll_interval_s=interval_s,
        batching=Batching(**limits_of(options, spool)),
        requests_at_once=options.requests_at_once,
        is_development_mode=options.is_development_mode,
        user_storage=options.user_storage,
        storage_timeout_s=options.storage_timeout_s,
        executor=executor,
        credentials=credentials,
    )
    try:
        live = load_with(configuration.platform, transport, log, first, known)
    except BaseException:
        if own_transport is not None:
            own_transport.close()
        raise
    return configuration, live


def _data_center(given: str | None, named: str | None, in_settings: str | None) -> str | None:
    if given is None:
        return named or in_settings
    if named not in (None, given):
        raise OptionError("data_center: is not the one that sdk_account_id names")
    return given


def _base_url(given: str | None, data_center: str | None, *, is_needed: bool) -> str:
    """The base URL of all requests."""
    if given is not None:
        return given
    if data_center is not None:
        return f"https://{DATA_CENTERS[data_center]}"
    if not is_needed:
        return ""
    names = ", ".join(DATA_CENTERS)
    # Do not guess: user ids would go to another part of the world.
    raise OptionError(f"data_center: the settings do not name the data center; give one of {names}")


def _interval(given: int | None, *, has_settings: bool) -> int:
    """How often to ask for settings, in whole seconds; 0 for never."""
    if given is not None:
        return given
    # The caller wants the given settings; replace them only on request.
    return 0 if has_settings else DEFAULT_POLL_INTERVAL_S
