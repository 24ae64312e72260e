"""Launch options: what each must be, and what a client is configured with.

Source: PageSense spec, section 2.1.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from sortition._base.defaults import DEFAULT_REQUEST_TIMEOUT_S
from sortition._base.errors import OptionError, OptionTypeError
from sortition._base.log import Log
from sortition._base.options import (
    checked_base_url,
    kind,
    of_type,
    seconds,
    whole_number,
    with_methods,
)
from sortition._client.document import document_of
from sortition._client.launching import engine_of
from sortition._http.transport import RequestsTransport, Transport
from sortition._pagesense.constants import DATA_CENTERS
from sortition._pagesense.credentials import (
    Credentials,
    credentials_of,
    known_data_center,
    split_account,
)
from sortition._pagesense.delivery import NoDelivery, QueuedDelivery
from sortition._pagesense.platform import PagesensePlatform, compiled
from sortition._sending.batched import DEFAULT_CLOSE_TIMEOUT_S, Batching
from sortition._sending.lanes import DEFAULT_REQUESTS_AT_ONCE
from sortition._sending.limits import limits_of
from sortition._settings.options import loaded_by, settings_options_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._base.log import Logger
    from sortition._engine import Engine
    from sortition._pagesense.delivery import Delivery
    from sortition._pagesense.snapshot import Snapshot
    from sortition._pagesense.storage import UserStorageLike
    from sortition._settings.current import Current
    from sortition._settings.live import LiveSettings

LEAST_POLL_INTERVAL_S: Final = 10
MOST_POLL_INTERVAL_S: Final = 1800
DEFAULT_POLL_INTERVAL_S: Final = 10
"""How often the platform's SDK asks for settings."""

_MOST_REQUESTS_AT_ONCE: Final = 100
"""As many connections as the platform's SDK opens."""
_LEVELS: Final = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a client is made of; every value was checked."""

    engine: Engine
    log: Log
    transport: Transport
    own_transport: RequestsTransport | None
    base_url: str
    data_center: str | None
    platform: PagesensePlatform
    close_timeout_s: float
    poll_interval_s: int
    batching: Batching
    requests_at_once: int
    is_development_mode: bool
    user_storage: UserStorageLike | None
    credentials: Credentials | None

    def delivery(self, current: Current[Snapshot]) -> Delivery:
        """How the client's events leave."""
        if self.is_development_mode:
            return NoDelivery()
        return QueuedDelivery(
            self.transport,
            self.log,
            self.batching,
            self.base_url,
            self.requests_at_once,
            current,
        )


def configure(
    settings: object,
    *,
    sdk_account_id: object,
    sdk_key: object,
    project_name: object,
    data_center: object,
    logger: object,
    log_level: object,
    user_storage: object,
    is_development_mode: object,
    base_url: object,
    request_timeout_s: object,
    poll_interval_s: object,
    transport: object,
    engine: object,
    close_timeout_s: object,
    requests_at_once: object,
    settings_options: Mapping[str, object],
    **sending_options: object,
) -> tuple[Configuration, LiveSettings[Snapshot]]:
    """Check the options of a launch, and get the settings where none are given.

    Nothing is left behind where the launch is refused.

    Raises:
        OptionError: An option cannot be used; the message names it.
        SettingsError: The given settings cannot be used at all; the message names the places.
        SettingsUnavailableError: No usable settings came.
    """
    timeout_s = DEFAULT_REQUEST_TIMEOUT_S
    if request_timeout_s is not None:
        timeout_s = seconds("request_timeout_s", request_timeout_s)
    close_s = DEFAULT_CLOSE_TIMEOUT_S
    if close_timeout_s is not None:
        close_s = seconds("close_timeout_s", close_timeout_s)
    is_development = False
    if is_development_mode is not None:
        is_development = of_type("is_development_mode", is_development_mode, bool, "a bool")
    loaded = engine_of(engine)
    given = None if settings is None else compiled(loaded, document_of(settings, "settings"))
    credentials, named = credentials_of(
        sdk_account_id, sdk_key, project_name, is_needed=given is None
    )
    in_settings = None if given is None else split_account(given.settings.sdk_account_id)[1]
    center = _data_center(data_center, named, in_settings)
    interval_s = _interval(poll_interval_s, has_settings=given is not None)
    sends_nothing = is_development and not interval_s
    url = _base_url(base_url, center, is_needed=not sends_nothing)
    log = Log(
        "pagesense",
        cast("Logger | None", with_methods("logger", logger, "log")),
        _level(log_level),
    )
    storage = with_methods("user_storage", user_storage, "look_up", "save")
    sender = with_methods("transport", transport, "send")
    fallback = settings_options["fallback_settings"]
    first = settings_options_of(
        None if fallback is None else document_of(fallback, "fallback_settings"),
        request_timeout_s=timeout_s,
        poll_interval_s=interval_s or None,
        log=log,
        options=settings_options,
    )
    batching = _batching(timeout_s, close_s, sending_options)
    at_once = _at_once(requests_at_once)
    if loaded.remark is not None:
        log.warning("%s", loaded.remark)
    own_transport = RequestsTransport() if sender is None else None
    configuration = Configuration(
        engine=loaded,
        log=log,
        transport=cast("Transport", sender) if own_transport is None else own_transport,
        own_transport=own_transport,
        base_url=url,
        data_center=center,
        close_timeout_s=close_s,
        platform=PagesensePlatform(loaded, log, url, credentials),
        poll_interval_s=interval_s,
        batching=batching,
        requests_at_once=at_once,
        is_development_mode=is_development,
        user_storage=cast("UserStorageLike | None", storage),
        credentials=credentials,
    )
    try:
        live = loaded_by(configuration.platform, configuration.transport, log, first, given)
    except BaseException:
        if own_transport is not None:
            own_transport.close()
        raise
    return configuration, live


def _data_center(given: object, named: str | None, in_settings: str | None) -> str | None:
    if given is None:
        return named or in_settings
    center = known_data_center("data_center", of_type("data_center", given, str, "a string"))
    if named not in (None, center):
        raise OptionError("data_center: is not the one that sdk_account_id names")
    return center


def _base_url(given: object, data_center: str | None, *, is_needed: bool) -> str:
    """Where requests are sent."""
    if given is not None:
        return checked_base_url(given)
    if data_center is not None:
        return f"https://{DATA_CENTERS[data_center]}"
    if not is_needed:
        return ""
    names = ", ".join(DATA_CENTERS)
    # Not guessed: users' ids would go to another part of the world.
    raise OptionError(f"data_center: the settings do not name the data center; give one of {names}")


def _interval(value: object, *, has_settings: bool) -> int:
    """How often settings are asked for, in whole seconds; 0 for never."""
    if value is None:
        # Settings that were given are what the caller wants; nothing replaces them unasked.
        return 0 if has_settings else DEFAULT_POLL_INTERVAL_S
    interval_s = of_type("poll_interval_s", value, int, "a whole number of seconds")
    if interval_s and not LEAST_POLL_INTERVAL_S <= interval_s <= MOST_POLL_INTERVAL_S:
        bounds = f"{LEAST_POLL_INTERVAL_S} to {MOST_POLL_INTERVAL_S} seconds"
        raise OptionError(f"poll_interval_s: must be from {bounds}, or 0 for no polling")
    return interval_s


def _level(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise OptionTypeError(f"log_level: must be a level of logging, got {kind(value)}")
    if value not in _LEVELS:
        raise OptionError("log_level: must be DEBUG, INFO, WARNING, ERROR or CRITICAL of logging")
    return value


def _batching(timeout_s: float, close_s: float, options: Mapping[str, object]) -> Batching:
    """One event for each request, sent at once."""
    return Batching(
        events_per_request=1,
        interval_s=0.0,
        request_timeout_s=timeout_s,
        close_timeout_s=close_s,
        **limits_of(options),
    )


def _at_once(value: object) -> int:
    if value is None:
        return DEFAULT_REQUESTS_AT_ONCE
    return whole_number("requests_at_once", value, most=_MOST_REQUESTS_AT_ONCE)
