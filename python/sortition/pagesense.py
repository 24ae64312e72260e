"""Zoho PageSense FullStack: launch a client, ask which variation a user gets, track goals.

    from sortition import pagesense

    client = pagesense.launch(
        sdk_account_id="12345-US", sdk_key=sdk_key, project_name="My project"
    )
    variation = client.activate_experiment("New pricing", user_id)
    client.track_goal("New pricing", user_id, "Sign up")

The names of the platform's own Python SDK are in `sortition.compat.pagesense`.
"""

from __future__ import annotations

from sortition._base.exporting import TYPE_CHECKING
from sortition._base.exporting import exporting as _exporting
from sortition._base.exporting import known_options as _known_options

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

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
    from sortition._pagesense.async_client import AsyncClient
    from sortition._pagesense.client import Client
    from sortition._pagesense.explaining import Explanation
    from sortition._pagesense.goal_property import GoalProperty, GoalPropertyDataType
    from sortition._pagesense.result import Status
    from sortition._pagesense.storage import UserStorageLike, UserStorageService
    from sortition._sending.ledger import Stats
    from sortition._sending.options import OnUnknownOutcome
    from sortition._settings.status import Health
    from sortition.storages.profile import UserProfile

__all__ = [
    "AsyncClient",
    "Client",
    "Explanation",
    "GoalProperty",
    "GoalPropertyDataType",
    "Health",
    "Logger",
    "NotSentError",
    "Request",
    "RequestsTransport",
    "Response",
    "Stats",
    "Status",
    "Transport",
    "UserProfile",
    "UserStorageLike",
    "UserStorageService",
    "alaunch",
    "launch",
]


@_known_options
def launch(
    settings: SettingsFile | None = None,
    *,
    sdk_account_id: str | None = None,
    sdk_key: str | None = None,
    project_name: str | None = None,
    data_center: str | None = None,
    user_storage: UserStorageLike | None = None,
    poll_interval_s: int | None = None,
    fallback_settings: SettingsFile | None = None,
    requests_at_once: int | None = None,
    engine: EngineChoice | None = "auto",
    is_development_mode: bool | None = False,
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
    logger: Logger | None = None,
    log_level: int | None = None,
) -> Client:
    """Create a client for one project.

    The client uses the given settings. Without them, it fetches settings with `sdk_account_id`,
    `sdk_key` and `project_name`; if that fails, it uses those of `settings_cache`, and then
    `fallback_settings`. It starts and sends nothing else before its first use.

    Args:
        settings: The settings document: JSON as text or bytes, a dict, or the path of a file as a
            ``pathlib.Path``.
        sdk_account_id: The account's id and its data center, such as ``12345-US``.
        sdk_key: The project's secret key.
        project_name: The project's name.
        data_center: The data center that receives the events, if `settings` is given. Allowed:
            ``US``, ``EU``, ``IN``, ``SA``, ``JP``, ``AU``, ``CN``, ``CA``, ``UAE``, ``INEC``,
            ``SG``, ``UK``. Defaults to the one named by `sdk_account_id` or by the account id in
            the settings.
        user_storage: An object with methods ``look_up(user_id)`` and ``save(user_profile)``; see
            `UserStorageService`.
        poll_interval_s: How often the client asks the server for new settings, in whole seconds,
            starting at its first use; 0 for never. Allowed: from 10 to 1800, or 0 for never.
            Defaults to 10 if the client fetched its settings, and never if they were given.
        fallback_settings: The settings to start with if there are no others, in the same form as
            `settings`.
        requests_at_once: How many requests may be under way at the same time. Allowed: from 1 to
            100. Defaults to 16.
        engine: The engine that decides: ``compiled``, ``pure``, or ``auto`` for the compiled one if
            it is installed. Defaults to ``auto``.
        is_development_mode: Decide as usual, but send nothing.
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
        logger: An object with a method ``log(level, message)`` that receives the client's messages.
            By default they go to the standard ``logging`` module, under the logger ``sortition``.
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

    Source: PageSense spec, "Our choices" and section 2.
    """
    given = locals()
    from sortition._pagesense.client import Client  # noqa: PLC0415 -- not needed to import this module
    from sortition._pagesense.launching import configure  # noqa: PLC0415

    return Client(*configure(given))


@_known_options
async def alaunch(
    settings: SettingsFile | None = None,
    *,
    sdk_account_id: str | None = None,
    sdk_key: str | None = None,
    project_name: str | None = None,
    data_center: str | None = None,
    user_storage: UserStorageLike | None = None,
    poll_interval_s: int | None = None,
    fallback_settings: SettingsFile | None = None,
    requests_at_once: int | None = None,
    engine: EngineChoice | None = "auto",
    is_development_mode: bool | None = False,
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
    logger: Logger | None = None,
    log_level: int | None = None,
) -> AsyncClient:
    """Create an async client for one project.

    The client uses the given settings. Without them, it fetches settings with `sdk_account_id`,
    `sdk_key` and `project_name`; if that fails, it uses those of `settings_cache`, and then
    `fallback_settings`. It starts and sends nothing else before its first use.

    Args:
        settings: The settings document: JSON as text or bytes, a dict, or the path of a file as a
            ``pathlib.Path``.
        sdk_account_id: The account's id and its data center, such as ``12345-US``.
        sdk_key: The project's secret key.
        project_name: The project's name.
        data_center: The data center that receives the events, if `settings` is given. Allowed:
            ``US``, ``EU``, ``IN``, ``SA``, ``JP``, ``AU``, ``CN``, ``CA``, ``UAE``, ``INEC``,
            ``SG``, ``UK``. Defaults to the one named by `sdk_account_id` or by the account id in
            the settings.
        user_storage: An object with methods ``look_up(user_id)`` and ``save(user_profile)``; see
            `UserStorageService`.
        poll_interval_s: How often the client asks the server for new settings, in whole seconds,
            starting at its first use; 0 for never. Allowed: from 10 to 1800, or 0 for never.
            Defaults to 10 if the client fetched its settings, and never if they were given.
        fallback_settings: The settings to start with if there are no others, in the same form as
            `settings`.
        requests_at_once: How many requests may be under way at the same time. Allowed: from 1 to
            100. Defaults to 16.
        engine: The engine that decides: ``compiled``, ``pure``, or ``auto`` for the compiled one if
            it is installed. Defaults to ``auto``.
        is_development_mode: Decide as usual, but send nothing.
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
        logger: An object with a method ``log(level, message)`` that receives the client's messages.
            By default they go to the standard ``logging`` module, under the logger ``sortition``.
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

    Source: PageSense spec, "Our choices" and section 2.
    """
    given = locals()
    from sortition._client.async_launching import launched  # noqa: PLC0415 -- as above

    client: AsyncClient = await launched("sortition._pagesense.async_client", given)
    return client


if not TYPE_CHECKING:
    __getattr__, __dir__ = _exporting(
        globals(),
        {
            "AsyncClient": "sortition._pagesense.async_client",
            "Client": "sortition._pagesense.client",
            "Explanation": "sortition._pagesense.explaining",
            "GoalProperty": "sortition._pagesense.goal_property",
            "GoalPropertyDataType": "sortition._pagesense.goal_property",
            "Health": "sortition._settings.status",
            "Logger": "sortition._base.log",
            "NotSentError": "sortition._http.transport",
            "Request": "sortition._http.transport",
            "RequestsTransport": "sortition._http.transport",
            "Response": "sortition._http.transport",
            "Stats": "sortition._sending.ledger",
            "Status": "sortition._pagesense.result",
            "Transport": "sortition._http.transport",
            "UserProfile": "sortition.storages.profile",
            "UserStorageLike": "sortition._pagesense.storage",
            "UserStorageService": "sortition._pagesense.storage",
        },
    )

del TYPE_CHECKING
