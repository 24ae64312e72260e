"""VWO FullStack: launch a client, ask which variation a user gets, track conversions.

    from sortition import vwo

    client = vwo.launch(vwo.get_settings_file(account_id, sdk_key))
    variation = client.activate("checkout", user_id)
    client.track("checkout", user_id, "purchase", revenue_value=49.9)

The names are those of the platform's own Python SDK: moving here is a change of one import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Never

from sortition import _options
from sortition._log import Logger
from sortition._storage import UserStorage, UserStorageLike
from sortition._transport import Request, Response, Transport
from sortition._vwo import launching as _launching
from sortition._vwo import settings_file as _settings_file
from sortition._vwo.client import Client
from sortition._vwo.constants import GOAL_TYPES, LOG_LEVELS
from sortition._vwo.launching import Integrations
from sortition._vwo.result import Status, TrackResult

if TYPE_CHECKING:
    from sortition._engine import EngineChoice
    from sortition._vwo.document import SettingsFile

__all__ = [
    "GOAL_TYPES",
    "LOG_LEVELS",
    "Client",
    "Integrations",
    "Logger",
    "Request",
    "Response",
    "Status",
    "TrackResult",
    "Transport",
    "UserStorage",
    "UserStorageLike",
    "get_settings_file",
    "launch",
]

_LAUNCH_OPTIONS = (
    "settings_file",
    "logger",
    "user_storage",
    "is_development_mode",
    "log_level",
    "goal_type_to_track",
    "should_track_returning_user",
    "integrations",
    "base_url",
    "request_timeout_s",
    "transport",
    "engine",
)


def launch(
    settings_file: SettingsFile | None = None,
    logger: Logger | None = None,
    user_storage: UserStorageLike | None = None,
    is_development_mode: bool = False,
    *,
    log_level: int | None = None,
    goal_type_to_track: str | None = None,
    should_track_returning_user: bool | None = None,
    integrations: Integrations | None = None,
    base_url: str | None = None,
    request_timeout_s: float | None = None,
    transport: Transport | None = None,
    engine: EngineChoice = "auto",
    **unknown: Never,
) -> Client:
    """Make a client for one account.

    Nothing is started or sent before the first event.

    Args:
        settings_file: The settings document: JSON text, the same as bytes or as a dict, or the path
            of a file as a ``pathlib.Path``.
        logger: An object with a method ``log(level, message)`` that takes the client's messages;
            without one they go to the standard ``logging`` tree, under ``sortition.vwo``.
        user_storage: An object with methods ``get(user_id, campaign_key)`` and ``set(record)``; see
            `UserStorage`.
        is_development_mode: Decide as usual, and send nothing.
        log_level: One of `LOG_LEVELS`; the client's messages below it are held back.
        goal_type_to_track: One of `GOAL_TYPES`, for every `Client.track` that does not say.
        should_track_returning_user: For every call that does not say.
        integrations: An object with a method ``callback(properties)``, told of every decision that
            assigned a variation.
        base_url: Where events are sent, such as ``http://127.0.0.1:8080``; by default the
            platform's host.
        request_timeout_s: How long a call that sends may take, in seconds, whatever the network
            does: 5 by default, at most 3600.
        transport: How requests are sent; by default with ``requests``.
        engine: ``compiled``, ``pure``, or ``auto`` for the compiled one where it is installed.
        **unknown: No other option exists.

    Returns:
        The client.

    Raises:
        OptionError: An option cannot be used; the message names it.
        SettingsError: The settings cannot be used at all; the message names the places.

    Source: VWO spec, section 2.
    """
    _options.ensure_known(unknown, _LAUNCH_OPTIONS)
    return Client(
        _launching.configure(
            settings_file,
            logger=logger,
            user_storage=user_storage,
            is_development_mode=is_development_mode,
            log_level=log_level,
            goal_type_to_track=goal_type_to_track,
            should_track_returning_user=should_track_returning_user,
            integrations=integrations,
            base_url=base_url,
            request_timeout_s=request_timeout_s,
            transport=transport,
            engine=engine,
        )
    )


def get_settings_file(
    account_id: int | str,
    sdk_key: str,
    is_via_webhook: bool = False,
    *,
    base_url: str | None = None,
    request_timeout_s: float = _launching.DEFAULT_REQUEST_TIMEOUT_S,
) -> str:
    """Fetch an account's settings file.

    Args:
        account_id: The account's id.
        sdk_key: The secret key of the environment.
        is_via_webhook: Whether a webhook of the platform asked for it.
        base_url: Where to fetch it; by default the platform's host.
        request_timeout_s: How long it may take, in seconds, whatever the network does; at most
            3600.

    Returns:
        The settings file as received, with which a client can be launched.

    Raises:
        OptionError: An argument cannot be used; the message names it.
        SettingsUnavailableError: Nothing usable came.

    Source: VWO spec, section 1.
    """
    return _settings_file.fetch(
        account_id,
        sdk_key,
        is_via_webhook=is_via_webhook,
        base_url=base_url,
        request_timeout_s=request_timeout_s,
    )
