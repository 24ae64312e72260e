"""VWO FullStack: launch a client, ask which variation a user gets, track conversions.

    from sortition import vwo

    client = vwo.launch(vwo.get_settings_file(account_id, sdk_key))
    variation = client.activate("checkout", user_id)
    client.track("checkout", user_id, "purchase", revenue_value=49.9)

The names are those of the platform's own Python SDK, so moving only takes a change of one import.
"""

from __future__ import annotations

from sortition._base.defaults import DEFAULT_REQUEST_TIMEOUT_S
from sortition._base.exporting import TYPE_CHECKING
from sortition._base.exporting import exporting as _exporting
from sortition._base.exporting import known_options as _known_options
from sortition._vwo.constants import GOAL_TYPES, LOG_LEVELS, logger

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from typing import Any

    from sortition._base.log import Logger
    from sortition._client.document import SettingsFile
    from sortition._engine import EngineChoice
    from sortition._http.transport import (
        NotSentError,
        Request,
        RequestsTransport,
        Response,
        Transport,
    )
    from sortition._sending.ledger import Stats
    from sortition._sending.options import OnUnknownOutcome
    from sortition._settings.status import Health
    from sortition._vwo.arguments import CallOptions, GoalType
    from sortition._vwo.async_client import AsyncClient
    from sortition._vwo.client import Client
    from sortition._vwo.explaining import Explanation
    from sortition._vwo.integrations import Integrations
    from sortition._vwo.result import Status, TrackResult
    from sortition.storages.base import UserStorage, UserStorageLike

__all__ = [
    "GOAL_TYPES",
    "LOG_LEVELS",
    "AsyncClient",
    "CallOptions",
    "Client",
    "Explanation",
    "GoalType",
    "Health",
    "Integrations",
    "Logger",
    "NotSentError",
    "Request",
    "RequestsTransport",
    "Response",
    "Stats",
    "Status",
    "TrackResult",
    "Transport",
    "UserStorage",
    "UserStorageLike",
    "alaunch",
    "get_settings_file",
    "launch",
    "logger",
]


@_known_options
def launch(
    settings_file: SettingsFile | None = None,
    logger: Logger | None = None,
    user_storage: UserStorageLike | None = None,
    is_development_mode: bool | None = False,
    *,
    goal_type_to_track: GoalType | None = None,
    should_track_returning_user: bool | None = None,
    integrations: Integrations | None = None,
    redis_creds: dict[str, str] | None = None,
    account_id: int | str | None = None,
    sdk_key: str | None = None,
    poll_interval_s: float | None = None,
    fallback_settings_file: SettingsFile | None = None,
    batch_events: dict[str, Any] | None = None,
    request_bytes: int | None = None,
    engine: EngineChoice | None = "auto",
    storage_timeout_s: float | None = None,
    stale_after_s: float | None = None,
    init_timeout_s: float | None = None,
    settings_cache: str | os.PathLike[str] | None = None,
    allow_empty: bool | None = False,
    base_url: str | None = None,
    request_timeout_s: float | None = None,
    transport: Transport | None = None,
    queue_events: int | None = None,
    queue_bytes: int | None = None,
    retry_for_s: float | None = None,
    close_timeout_s: float | None = None,
    on_unknown_outcome: OnUnknownOutcome | None = "resend",
    on_drop: Callable[[str, int], object] | None = None,
    spool: str | os.PathLike[str] | None = None,
    spool_bytes: int | None = None,
    spool_age_s: float | None = None,
    log_level: int | None = None,
) -> Client:
    """Create a client for one account.

    The client uses the given settings. Without them, it fetches settings with `account_id` and
    `sdk_key`; if that fails, it uses those of `settings_cache`, and then `fallback_settings_file`.
    It starts and sends nothing else before its first use.

    Args:
        settings_file: The settings document: JSON as text or bytes, a dict, or the path of a file
            as a ``pathlib.Path``.
        logger: An object with a method ``log(level, message)`` that receives the client's messages.
            By default they go to the standard ``logging`` module, under the logger ``sortition``.
        user_storage: An object with methods ``get(user_id, campaign_key)`` and ``set(record)``; see
            `UserStorage`.
        is_development_mode: Decide as usual, but send nothing.
        goal_type_to_track: Which goals `Client.track` credits by default. Allowed: one of
            `GOAL_TYPES`, or ``CUSTOM`` or ``REVENUE``. Defaults to ``ALL``.
        should_track_returning_user: Whether calls count returning users again by default. Defaults
            to false.
        integrations: An object with a method ``callback(properties)``, which the client calls for
            every decision that assigned a variation.
        redis_creds: Keep records in Redis: a dictionary with ``url``, ``user_id`` and ``password``.
            Requires the extra ``redis``. `user_storage` takes precedence. Allowed: ``url`` is a
            host with or without a port, or a ``redis://`` URL.
        account_id: The account whose settings the client fetches, together with `sdk_key`.
        sdk_key: The secret key of the environment.
        poll_interval_s: How often the client asks the server for new settings, in seconds, starting
            at its first use. Allowed: from 1 to 604800. Defaults to never.
        fallback_settings_file: The settings to start with if there are no others, in the same form
            as `settings_file`.
        batch_events: Send events in batches from a background thread. A dictionary with at least
            one of ``events_per_request`` (1 to 5000, by default 100) and ``request_time_interval``
            (in seconds, by default 600): the client sends a batch as soon as it reaches either. It
            may also have ``flush_callback(error, events)``, which the client calls once the outcome
            of a batch is known. Without this option, each call sends its event itself.
        request_bytes: The most bytes of events in one batch. Allowed: at least 1. Defaults to 1
            MiB.
        engine: The engine that decides: ``compiled``, ``pure``, or ``auto`` for the compiled one if
            it is installed. Defaults to ``auto``.
        storage_timeout_s: How long one operation of the user storage should take at most, in
            seconds. The client counts a longer one as slow; an async client stops waiting for it.
            If a storage fails or is slow three times in a row, the client skips it for ten seconds.
            Allowed: more than 0 and at most 3600. Defaults to 1.
        stale_after_s: How long after the server last confirmed the settings `Client.status` reports
            them as stale, in seconds. Allowed: from 0 to 604800. Defaults to three intervals and at
            least a minute; never without an interval.
        init_timeout_s: How long fetching the first settings may take in total, in seconds. Allowed:
            more than 0 and at most 3600. Defaults to `request_timeout_s`.
        settings_cache: The path of a file in which the client keeps the last good settings. It uses
            them if it cannot reach the server at its start. Several processes may share the file.
        allow_empty: Start even if no source has settings. Every call returns its documented empty
            result until settings arrive.
        base_url: Where to send requests, such as ``http://127.0.0.1:8080``. Allowed: ``http://`` or
            ``https://``, a host, and a port and a path where needed. Defaults to the platform's
            host.
        request_timeout_s: How long one request may take in total, in seconds. A call that sends its
            event itself takes no longer. Allowed: more than 0 and at most 3600. Defaults to 5.
        transport: How to send requests: a `RequestsTransport` with its own options, or any object
            with a method ``send``. The caller closes it.
        queue_events: How many events may wait. The client refuses and counts further events.
            Allowed: at least 1. Defaults to 100,000.
        queue_bytes: How many bytes of events may wait. Allowed: at least 1. Defaults to 64 MiB.
        retry_for_s: How long the client retries events that it cannot deliver, in seconds. Allowed:
            from 0 to 604800. Defaults to 3,600.
        close_timeout_s: How long `Client.close` and the interpreter's exit may take to send waiting
            events, in seconds. Allowed: more than 0 and at most 3600. Defaults to 5.
        on_unknown_outcome: What to do with events that the server may or may not have received:
            ``resend``, which may count events twice, or ``drop``. Defaults to ``resend``.
        on_drop: Called as ``on_drop(reason, number)`` when events are lost or refused.
        spool: A folder in which the client keeps events until their outcome is known, so that they
            survive a SIGKILL: the next process for the same account and key sends the events of a
            dead one. The client creates the folder if it does not exist; its parent must exist. For
            VWO this requires `batch_events`.
        spool_bytes: How many bytes of files one client in one process may keep there. It keeps
            further events in memory only. Allowed: at least 1. Defaults to 256 MiB.
        spool_age_s: How old an event may be when another process takes it over, in seconds.
            Allowed: from 1 to 604800. Defaults to 604,800.
        log_level: The lowest level of messages that the client logs. If no handler is configured
            and no `logger` is given, the client prints them to standard error. Allowed:
            ``logging.DEBUG``, ``logging.INFO``, ``logging.WARNING``, ``logging.ERROR``,
            ``logging.CRITICAL``. Defaults to the level of the logger.

    Returns:
        The client.

    Raises:
        OptionError: An option is invalid; the message names it.
        SettingsError: The given settings are not usable at all; the message names the places.
        SettingsUnavailableError: No source has usable settings.

    Source: VWO spec, section 2.
    """
    given = locals()
    from sortition._vwo.client import Client  # noqa: PLC0415 -- not needed to import this module
    from sortition._vwo.launching import configure  # noqa: PLC0415

    return Client(*configure(given))


@_known_options
async def alaunch(
    settings_file: SettingsFile | None = None,
    logger: Logger | None = None,
    user_storage: UserStorageLike | None = None,
    is_development_mode: bool | None = False,
    *,
    goal_type_to_track: GoalType | None = None,
    should_track_returning_user: bool | None = None,
    integrations: Integrations | None = None,
    redis_creds: dict[str, str] | None = None,
    account_id: int | str | None = None,
    sdk_key: str | None = None,
    poll_interval_s: float | None = None,
    fallback_settings_file: SettingsFile | None = None,
    batch_events: dict[str, Any] | None = None,
    request_bytes: int | None = None,
    engine: EngineChoice | None = "auto",
    storage_timeout_s: float | None = None,
    stale_after_s: float | None = None,
    init_timeout_s: float | None = None,
    settings_cache: str | os.PathLike[str] | None = None,
    allow_empty: bool | None = False,
    base_url: str | None = None,
    request_timeout_s: float | None = None,
    transport: Transport | None = None,
    queue_events: int | None = None,
    queue_bytes: int | None = None,
    retry_for_s: float | None = None,
    close_timeout_s: float | None = None,
    on_unknown_outcome: OnUnknownOutcome | None = "resend",
    on_drop: Callable[[str, int], object] | None = None,
    spool: str | os.PathLike[str] | None = None,
    spool_bytes: int | None = None,
    spool_age_s: float | None = None,
    log_level: int | None = None,
) -> AsyncClient:
    """Create an async client for one account.

    The client uses the given settings. Without them, it fetches settings with `account_id` and
    `sdk_key`; if that fails, it uses those of `settings_cache`, and then `fallback_settings_file`.
    It starts and sends nothing else before its first use.

    Args:
        settings_file: The settings document: JSON as text or bytes, a dict, or the path of a file
            as a ``pathlib.Path``.
        logger: An object with a method ``log(level, message)`` that receives the client's messages.
            By default they go to the standard ``logging`` module, under the logger ``sortition``.
        user_storage: An object with methods ``get(user_id, campaign_key)`` and ``set(record)``; see
            `UserStorage`.
        is_development_mode: Decide as usual, but send nothing.
        goal_type_to_track: Which goals `Client.track` credits by default. Allowed: one of
            `GOAL_TYPES`, or ``CUSTOM`` or ``REVENUE``. Defaults to ``ALL``.
        should_track_returning_user: Whether calls count returning users again by default. Defaults
            to false.
        integrations: An object with a method ``callback(properties)``, which the client calls for
            every decision that assigned a variation.
        redis_creds: Keep records in Redis: a dictionary with ``url``, ``user_id`` and ``password``.
            Requires the extra ``redis``. `user_storage` takes precedence. Allowed: ``url`` is a
            host with or without a port, or a ``redis://`` URL.
        account_id: The account whose settings the client fetches, together with `sdk_key`.
        sdk_key: The secret key of the environment.
        poll_interval_s: How often the client asks the server for new settings, in seconds, starting
            at its first use. Allowed: from 1 to 604800. Defaults to never.
        fallback_settings_file: The settings to start with if there are no others, in the same form
            as `settings_file`.
        batch_events: Send events in batches from a background thread. A dictionary with at least
            one of ``events_per_request`` (1 to 5000, by default 100) and ``request_time_interval``
            (in seconds, by default 600): the client sends a batch as soon as it reaches either. It
            may also have ``flush_callback(error, events)``, which the client calls once the outcome
            of a batch is known. Without this option, each call sends its event itself.
        request_bytes: The most bytes of events in one batch. Allowed: at least 1. Defaults to 1
            MiB.
        engine: The engine that decides: ``compiled``, ``pure``, or ``auto`` for the compiled one if
            it is installed. Defaults to ``auto``.
        storage_timeout_s: How long one operation of the user storage should take at most, in
            seconds. The client counts a longer one as slow; an async client stops waiting for it.
            If a storage fails or is slow three times in a row, the client skips it for ten seconds.
            Allowed: more than 0 and at most 3600. Defaults to 1.
        stale_after_s: How long after the server last confirmed the settings `Client.status` reports
            them as stale, in seconds. Allowed: from 0 to 604800. Defaults to three intervals and at
            least a minute; never without an interval.
        init_timeout_s: How long fetching the first settings may take in total, in seconds. Allowed:
            more than 0 and at most 3600. Defaults to `request_timeout_s`.
        settings_cache: The path of a file in which the client keeps the last good settings. It uses
            them if it cannot reach the server at its start. Several processes may share the file.
        allow_empty: Start even if no source has settings. Every call returns its documented empty
            result until settings arrive.
        base_url: Where to send requests, such as ``http://127.0.0.1:8080``. Allowed: ``http://`` or
            ``https://``, a host, and a port and a path where needed. Defaults to the platform's
            host.
        request_timeout_s: How long one request may take in total, in seconds. A call that sends its
            event itself takes no longer. Allowed: more than 0 and at most 3600. Defaults to 5.
        transport: How to send requests: a `RequestsTransport` with its own options, or any object
            with a method ``send``. The caller closes it.
        queue_events: How many events may wait. The client refuses and counts further events.
            Allowed: at least 1. Defaults to 100,000.
        queue_bytes: How many bytes of events may wait. Allowed: at least 1. Defaults to 64 MiB.
        retry_for_s: How long the client retries events that it cannot deliver, in seconds. Allowed:
            from 0 to 604800. Defaults to 3,600.
        close_timeout_s: How long `Client.close` and the interpreter's exit may take to send waiting
            events, in seconds. Allowed: more than 0 and at most 3600. Defaults to 5.
        on_unknown_outcome: What to do with events that the server may or may not have received:
            ``resend``, which may count events twice, or ``drop``. Defaults to ``resend``.
        on_drop: Called as ``on_drop(reason, number)`` when events are lost or refused.
        spool: A folder in which the client keeps events until their outcome is known, so that they
            survive a SIGKILL: the next process for the same account and key sends the events of a
            dead one. The client creates the folder if it does not exist; its parent must exist. For
            VWO this requires `batch_events`.
        spool_bytes: How many bytes of files one client in one process may keep there. It keeps
            further events in memory only. Allowed: at least 1. Defaults to 256 MiB.
        spool_age_s: How old an event may be when another process takes it over, in seconds.
            Allowed: from 1 to 604800. Defaults to 604,800.
        log_level: The lowest level of messages that the client logs. If no handler is configured
            and no `logger` is given, the client prints them to standard error. Allowed:
            ``logging.DEBUG``, ``logging.INFO``, ``logging.WARNING``, ``logging.ERROR``,
            ``logging.CRITICAL``. Defaults to the level of the logger.

    Returns:
        The client.

    Raises:
        OptionError: An option is invalid; the message names it.
        SettingsError: The given settings are not usable at all; the message names the places.
        SettingsUnavailableError: No source has usable settings.

    Source: VWO spec, section 2.
    """
    given = locals()
    from sortition._client.async_launching import launched  # noqa: PLC0415 -- as above

    client: AsyncClient = await launched("sortition._vwo.async_client", given)
    return client


def get_settings_file(
    account_id: int | str,
    sdk_key: str,
    is_via_webhook: bool = False,
    *,
    base_url: str | None = None,
    request_timeout_s: float = DEFAULT_REQUEST_TIMEOUT_S,
) -> str:
    """Fetch an account's settings file.

    Args:
        account_id: The account's id.
        sdk_key: The secret key of the environment.
        is_via_webhook: Whether a webhook of the platform is the cause.
        base_url: Where to fetch it; by default the platform's host.
        request_timeout_s: How long it may take in total, in seconds; at most 3600.

    Returns:
        The settings file as received, which `launch` accepts.

    Raises:
        OptionError: An argument is invalid; the message names it.
        SettingsUnavailableError: The server did not send usable settings.

    Source: VWO spec, section 1.
    """
    from sortition._vwo.settings_file import fetch  # noqa: PLC0415 -- as above

    return fetch(
        account_id,
        sdk_key,
        is_via_webhook=is_via_webhook,
        base_url=base_url,
        request_timeout_s=request_timeout_s,
    )


if not TYPE_CHECKING:
    __getattr__, __dir__ = _exporting(
        globals(),
        {
            "AsyncClient": "sortition._vwo.async_client",
            "CallOptions": "sortition._vwo.arguments",
            "Client": "sortition._vwo.client",
            "Explanation": "sortition._vwo.explaining",
            "GoalType": "sortition._vwo.arguments",
            "Health": "sortition._settings.status",
            "Integrations": "sortition._vwo.integrations",
            "Logger": "sortition._base.log",
            "NotSentError": "sortition._http.transport",
            "Request": "sortition._http.transport",
            "RequestsTransport": "sortition._http.transport",
            "Response": "sortition._http.transport",
            "Stats": "sortition._sending.ledger",
            "Status": "sortition._vwo.result",
            "TrackResult": "sortition._vwo.result",
            "Transport": "sortition._http.transport",
            "UserStorage": "sortition.storages.base",
            "UserStorageLike": "sortition.storages.base",
        },
    )

del TYPE_CHECKING
