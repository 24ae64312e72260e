"""Launch options: what each must be, and what a client is configured with.

Source: VWO spec, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from sortition._base.defaults import DEFAULT_REQUEST_TIMEOUT_S
from sortition._base.errors import OptionError
from sortition._base.log import Log
from sortition._base.options import (
    callback,
    checked_base_url,
    choice,
    of_type,
    seconds,
    with_methods,
)
from sortition._client.launching import engine_of
from sortition._http.transport import RequestsTransport, Transport
from sortition._sending.batched import DEFAULT_CLOSE_TIMEOUT_S
from sortition._settings.options import loaded_by
from sortition._vwo.batching import batching_of
from sortition._vwo.constants import DEFAULT_BASE_URL, GOAL_TYPE_NAMES, LOG_LEVELS
from sortition._vwo.delivery import BatchedDelivery, NoDelivery, SynchronousDelivery
from sortition._vwo.first_settings import first_settings_of
from sortition._vwo.platform import VwoPlatform
from sortition.storages.redis import storage_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._base.log import Logger
    from sortition._engine import Engine
    from sortition._sending.batched import Batching
    from sortition._sending.dropping import OnDrop
    from sortition._settings.current import Current
    from sortition._settings.live import LiveSettings
    from sortition._vwo.delivery import Delivery
    from sortition._vwo.snapshot import Snapshot
    from sortition.storages.base import UserStorageLike


class Integrations(Protocol):
    """An object that is told of decisions."""

    def callback(self, properties: dict[str, Any], /) -> object:
        """Take a decision that assigned a variation; see VWO spec, section 4."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a client is made of; every value was checked."""

    engine: Engine
    log: Log
    transport: Transport
    own_transport: RequestsTransport | None
    base_url: str
    request_timeout_s: float
    close_timeout_s: float
    batching: Batching | None
    on_drop: OnDrop | None
    is_development_mode: bool
    user_storage: UserStorageLike | None
    integrations: Integrations | None
    goal_type_to_track: str | None
    should_track_returning_user: bool | None

    def delivery_of(self, current: Current[Snapshot]) -> Delivery:
        """How the client's events leave."""
        if self.is_development_mode:
            return NoDelivery(is_batched=self.batching is not None)
        if self.batching is not None:
            return BatchedDelivery(self.transport, self.log, self.batching, current)
        return SynchronousDelivery(self.transport, self.log, self.request_timeout_s, self.on_drop)


def configure(
    settings_file: object,
    *,
    logger: object,
    user_storage: object,
    is_development_mode: object,
    log_level: object,
    goal_type_to_track: object,
    should_track_returning_user: object,
    integrations: object,
    base_url: object,
    request_timeout_s: object,
    transport: object,
    engine: object,
    batch_events: object,
    redis_creds: object,
    close_timeout_s: object,
    settings_options: Mapping[str, object],
    **batching_options: object,
) -> tuple[Configuration, LiveSettings[Snapshot]]:
    """Check the options of a launch, and get its settings.

    Where they are given, nothing is started or opened; a launch that is refused leaves nothing
    behind.

    Raises:
        OptionError: An option cannot be used; the message names it.
        SettingsError: The settings cannot be used at all; the message names the places.
        SettingsUnavailableError: None were given, and none came.
    """
    timeout_s = DEFAULT_REQUEST_TIMEOUT_S
    if request_timeout_s is not None:
        timeout_s = seconds("request_timeout_s", request_timeout_s)
    close_s = DEFAULT_CLOSE_TIMEOUT_S
    if close_timeout_s is not None:
        close_s = seconds("close_timeout_s", close_timeout_s)
    batching = batching_of(batch_events, timeout_s, close_s, batching_options)
    goal_type = choice("goal_type_to_track", goal_type_to_track, sorted(GOAL_TYPE_NAMES))
    returning = None
    if should_track_returning_user is not None:
        name = "should_track_returning_user"
        returning = of_type(name, should_track_returning_user, bool, "a bool")
    is_development = False
    if is_development_mode is not None:
        is_development = of_type("is_development_mode", is_development_mode, bool, "a bool")
    level = _level(log_level)
    log = Log("vwo", cast("Logger | None", with_methods("logger", logger, "log")), level)
    storage = with_methods("user_storage", user_storage, "get", "set")
    if redis_creds is not None:
        in_redis = storage_of(redis_creds)
        # As with the platform's SDK, a storage of the caller's goes first.
        storage = in_redis if storage is None else storage
    callbacks = with_methods("integrations", integrations, "callback")
    sender = with_methods("transport", transport, "send")
    url = DEFAULT_BASE_URL if base_url is None else checked_base_url(base_url)
    first, document, account = first_settings_of(settings_file, timeout_s, log, settings_options)
    loaded = engine_of(engine)
    given = {
        "eb": batching,
        "ig": integrations,
        "ss": storage,
        "cl": logger,
        "ll": log_level,
        "gt": goal_type_to_track,
    }
    own_transport = RequestsTransport() if sender is None else None
    configuration = Configuration(
        engine=loaded,
        log=log,
        transport=cast("Transport", sender) if own_transport is None else own_transport,
        own_transport=own_transport,
        base_url=url,
        request_timeout_s=timeout_s,
        close_timeout_s=close_s,
        batching=batching,
        on_drop=callback("on_drop", batching_options.get("on_drop")),
        is_development_mode=is_development,
        user_storage=cast("UserStorageLike | None", storage),
        integrations=cast("Integrations | None", callbacks),
        goal_type_to_track=goal_type,
        should_track_returning_user=returning,
    )
    usage = {} if is_development else _usage(given)
    if loaded.remark is not None:
        log.warning("%s", loaded.remark)
    platform = VwoPlatform(loaded, log, url, usage, account)
    try:
        given_settings = None if document is None else platform.compile(document)
        live = loaded_by(platform, configuration.transport, log, first, given_settings)
    except BaseException:
        if own_transport is not None:
            own_transport.close()
        raise
    return configuration, live


def _level(value: object) -> int | None:
    if value is None:
        return None
    levels = (LOG_LEVELS.DEBUG, LOG_LEVELS.INFO, LOG_LEVELS.WARNING, LOG_LEVELS.ERROR)
    level = of_type("log_level", value, int, "one of vwo.LOG_LEVELS")
    if level not in levels:
        raise OptionError("log_level: must be one of vwo.LOG_LEVELS")
    return level


def _usage(given: Mapping[str, object]) -> dict[str, int]:
    """Which launch options are used, as the platform counts them."""
    usage = {flag: 1 for flag, value in given.items() if value is not None}
    return {**usage, "_l": 1} if usage else {}
