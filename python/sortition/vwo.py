"""VWO FullStack: launch a client, ask which variation a user gets, track conversions.

    from sortition import vwo

    client = vwo.launch(vwo.get_settings_file(account_id, sdk_key))
    variation = client.activate("checkout", user_id)
    client.track("checkout", user_id, "purchase", revenue_value=49.9)

The names are those of the platform's own Python SDK: moving here is a change of one import.
"""

from __future__ import annotations

from sortition._base.defaults import DEFAULT_REQUEST_TIMEOUT_S
from sortition._base.exporting import exporting as _exporting
from sortition._vwo.constants import GOAL_TYPES, LOG_LEVELS

# Not `typing`'s: importing that would take longer than everything here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from typing import Any, Never

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
    from sortition._sending.batched import OnUnknownOutcome
    from sortition._sending.ledger import Stats
    from sortition._settings.status import Health
    from sortition._vwo.client import Client
    from sortition._vwo.explaining import Explanation
    from sortition._vwo.launching import Integrations
    from sortition._vwo.result import Status, TrackResult
    from sortition.storages.base import UserStorage, UserStorageLike

__all__ = [
    "GOAL_TYPES",
    "LOG_LEVELS",
    "Client",
    "Explanation",
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
    "batch_events",
    "redis_creds",
    "request_bytes",
    "queue_events",
    "queue_bytes",
    "retry_for_s",
    "close_timeout_s",
    "spool",
    "spool_bytes",
    "spool_age_s",
    "on_unknown_outcome",
    "on_drop",
    "account_id",
    "sdk_key",
    "poll_interval_s",
    "stale_after_s",
    "init_timeout_s",
    "settings_cache",
    "fallback_settings_file",
    "allow_empty",
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
    batch_events: dict[str, Any] | None = None,
    redis_creds: dict[str, str] | None = None,
    request_bytes: int | None = None,
    queue_events: int | None = None,
    queue_bytes: int | None = None,
    retry_for_s: float | None = None,
    close_timeout_s: float | None = None,
    on_unknown_outcome: OnUnknownOutcome | None = None,
    on_drop: Callable[[str, int], object] | None = None,
    account_id: int | str | None = None,
    sdk_key: str | None = None,
    poll_interval_s: float | None = None,
    stale_after_s: float | None = None,
    init_timeout_s: float | None = None,
    settings_cache: str | os.PathLike[str] | None = None,
    fallback_settings_file: SettingsFile | None = None,
    allow_empty: bool = False,
    spool: str | os.PathLike[str] | None = None,
    spool_bytes: int | None = None,
    spool_age_s: float | None = None,
    **unknown: Never,
) -> Client:
    """Make a client for one account.

    Its settings are those that are given. Where none are, they are fetched with `account_id` and
    `sdk_key`; where that fails, those of `settings_cache` are used, then `fallback_settings_file`.
    Nothing else is started or sent before the first use.

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
        transport: How requests are sent: a `RequestsTransport` with options of its own, or any
            object with its method ``send``. It is the caller's to close.
        engine: ``compiled``, ``pure``, or ``auto`` for the compiled one where it is installed.
        batch_events: Send events in batches, from a thread of the client. A dictionary with
            ``events_per_request`` (1 to 5000, 100 by default) and ``request_time_interval`` (in
            seconds, 600 by default), at least one of them: a batch is sent as soon as either is
            reached. And, if wanted, ``flush_callback(error, events)``, which is told of every batch
            that came to its end. Without this option each event is sent within its call.
        redis_creds: Keep records in Redis: a dictionary with ``url``, ``user_id`` and ``password``.
            Needs the extra ``redis``; not used where `user_storage` is given.
        request_bytes: The most bytes of events in one batch: 1 MiB by default.
        queue_events: How many events may wait to be sent: 100,000 by default. What is more is
            refused, and counted.
        queue_bytes: How many bytes of events may wait: 64 MiB by default.
        retry_for_s: How long a batch that fails is sent again and again, in seconds: 3600 by
            default.
        close_timeout_s: How long `Client.close` and the interpreter's exit may take to send what
            waits, in seconds: 5 by default.
        on_unknown_outcome: What to do with a batch of which nobody knows whether the server has it:
            ``resend``, which may count events twice, is the default, or ``drop``.
        on_drop: Told of events that were lost or, in batches, refused: ``on_drop(reason, number)``.
        account_id: The account whose settings are asked for, with `sdk_key`; by default that of the
            settings.
        sdk_key: The secret key of the environment.
        poll_interval_s: How often to ask the server for new settings, in seconds, at least 1; from
            the client's first use on. By default never.
        stale_after_s: After how long without the server's word that the settings are current
            `Client.status` calls them stale, in seconds: by default three intervals and at least a
            minute, and never where there is no interval.
        init_timeout_s: How long fetching the first settings may take, in seconds, whatever the
            network does; by default as `request_timeout_s`.
        settings_cache: The path of a file in which the last settings that were good are kept, for a
            start without the server; by default none. Processes may share it.
        fallback_settings_file: The settings to start with for want of any other, as
            `settings_file`.
        allow_empty: Start without settings where there are none: every call returns its nothing
            until they come.
        spool: A folder in which events are kept until it is known what became of them, so that they
            survive a SIGKILL: what a process leaves is sent by the next one for the same account.
            It is made where it does not exist; its parent must. It needs `batch_events`.
        spool_bytes: How many bytes of files one client in one process may keep there: 256 MiB by
            default. What is more is kept in memory alone.
        spool_age_s: How old an event may be that is taken over, in seconds: 604,800 (a week) by
            default, and at most.
        **unknown: No other option exists.

    Returns:
        The client.

    Raises:
        OptionError: An option cannot be used; the message names it.
        SettingsError: Settings that are given cannot be used at all; the message names the places.
        SettingsUnavailableError: None are given, and none came from anywhere.

    Source: VWO spec, section 2.
    """
    from sortition._base.options import ensure_known  # noqa: PLC0415 -- not needed to import this module
    from sortition._vwo.client import Client  # noqa: PLC0415
    from sortition._vwo.launching import configure  # noqa: PLC0415

    ensure_known(unknown, _LAUNCH_OPTIONS)
    return Client(
        *configure(
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
            batch_events=batch_events,
            redis_creds=redis_creds,
            close_timeout_s=close_timeout_s,
            request_bytes=request_bytes,
            queue_events=queue_events,
            queue_bytes=queue_bytes,
            retry_for_s=retry_for_s,
            on_unknown_outcome=on_unknown_outcome,
            on_drop=on_drop,
            settings_options={
                "account_id": account_id,
                "sdk_key": sdk_key,
                "poll_interval_s": poll_interval_s,
                "stale_after_s": stale_after_s,
                "init_timeout_s": init_timeout_s,
                "settings_cache": settings_cache,
                "fallback_settings_file": fallback_settings_file,
                "allow_empty": allow_empty,
            },
            spool=spool,
            spool_bytes=spool_bytes,
            spool_age_s=spool_age_s,
        )
    )


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
            "Client": "sortition._vwo.client",
            "Explanation": "sortition._vwo.explaining",
            "Health": "sortition._settings.status",
            "Integrations": "sortition._vwo.launching",
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
