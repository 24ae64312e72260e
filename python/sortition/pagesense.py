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

from sortition._base.exporting import exporting as _exporting

# Not `typing`'s: importing that would take longer than everything here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from typing import Never

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
    from sortition._pagesense.client import Client
    from sortition._pagesense.explaining import Explanation
    from sortition._pagesense.goal_property import GoalProperty, GoalPropertyDataType
    from sortition._pagesense.result import Status
    from sortition._pagesense.storage import UserProfile, UserStorageLike, UserStorageService
    from sortition._sending.batched import OnUnknownOutcome
    from sortition._sending.ledger import Stats
    from sortition._settings.status import Health

__all__ = [
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
    "launch",
]

_LAUNCH_OPTIONS = (
    "settings",
    "sdk_account_id",
    "sdk_key",
    "project_name",
    "data_center",
    "user_storage",
    "logger",
    "log_level",
    "is_development_mode",
    "base_url",
    "request_timeout_s",
    "poll_interval_s",
    "transport",
    "engine",
    "requests_at_once",
    "queue_events",
    "queue_bytes",
    "retry_for_s",
    "close_timeout_s",
    "spool",
    "spool_bytes",
    "spool_age_s",
    "on_unknown_outcome",
    "on_drop",
    "stale_after_s",
    "init_timeout_s",
    "settings_cache",
    "fallback_settings",
    "allow_empty",
)


def launch(
    settings: SettingsFile | None = None,
    *,
    sdk_account_id: str | None = None,
    sdk_key: str | None = None,
    project_name: str | None = None,
    data_center: str | None = None,
    user_storage: UserStorageLike | None = None,
    logger: Logger | None = None,
    log_level: int | None = None,
    is_development_mode: bool = False,
    base_url: str | None = None,
    request_timeout_s: float | None = None,
    poll_interval_s: int | None = None,
    transport: Transport | None = None,
    engine: EngineChoice = "auto",
    requests_at_once: int | None = None,
    queue_events: int | None = None,
    queue_bytes: int | None = None,
    retry_for_s: float | None = None,
    close_timeout_s: float | None = None,
    on_unknown_outcome: OnUnknownOutcome | None = None,
    on_drop: Callable[[str, int], object] | None = None,
    stale_after_s: float | None = None,
    init_timeout_s: float | None = None,
    settings_cache: str | os.PathLike[str] | None = None,
    fallback_settings: SettingsFile | None = None,
    allow_empty: bool = False,
    spool: str | os.PathLike[str] | None = None,
    spool_bytes: int | None = None,
    spool_age_s: float | None = None,
    **unknown: Never,
) -> Client:
    """Make a client for one project.

    Its settings are those that are given. Where none are, they are fetched with `sdk_account_id`,
    `sdk_key` and `project_name`; where that fails, those of `settings_cache` are used, then
    `fallback_settings`. Nothing else is started or sent before the first use.

    Args:
        settings: The settings document: JSON text, the same as bytes or as a dict, or the path of a
            file as a ``pathlib.Path``.
        sdk_account_id: The account's id and its data center, such as ``12345-US``.
        sdk_key: The project's secret key.
        project_name: The project's name.
        data_center: Where events go to, for settings that are given: ``US``, ``EU``, ``IN``,
            ``SA``, ``JP``, ``AU``, ``CN``, ``CA``, ``UAE``, ``INEC``, ``SG`` or ``UK``. By default
            the one that `sdk_account_id` names, or the account id in the settings.
        user_storage: An object with methods ``look_up(user_id)`` and ``save(user_profile)``; see
            `UserStorageService`.
        logger: An object with a method ``log(level, message)`` that takes the client's messages;
            without one they go to the standard ``logging`` tree, under ``sortition.pagesense``.
        log_level: One of the levels of ``logging``; the client's messages below it are held back.
        is_development_mode: Decide as usual, and send nothing at all. (The settings may put single
            experiments in development mode: then their visitors are not sent, but goals are.)
        base_url: Where everything is sent, such as ``http://127.0.0.1:8080``, in place of the data
            center's host.
        request_timeout_s: How long one request may take, in seconds, whatever the network does: 5
            by default, at most 3600.
        poll_interval_s: How often settings are asked for, in whole seconds from 10 to 1800; 0 for
            never. By default 10 where they were fetched, and never where they were given.
        transport: How requests are sent: a `RequestsTransport` with options of its own, or any
            object with its method ``send``. It is the caller's to close.
        engine: ``compiled``, ``pure``, or ``auto`` for the compiled one where it is installed.
        requests_at_once: How many events may be on their way at once: 16 by default, at most 100.
        queue_events: How many events may wait to be sent: 100,000 by default. What is more is
            refused, and counted.
        queue_bytes: How many bytes of events may wait: 64 MiB by default.
        retry_for_s: How long an event that fails is sent again and again, in seconds: 3600 by
            default.
        close_timeout_s: How long `Client.close` and the interpreter's exit may take to send what
            waits, in seconds: 5 by default.
        on_unknown_outcome: What to do with an event of which nobody knows whether the server has
            it: ``resend``, which may count it twice, is the default, or ``drop``.
        on_drop: Told of events that were lost or refused: ``on_drop(reason, number)``.
        stale_after_s: After how long without the server's word that the settings are current
            `Client.status` calls them stale, in seconds: by default three intervals and at least a
            minute, and never where there is no interval.
        init_timeout_s: How long fetching the first settings may take, in seconds, whatever the
            network does; by default as `request_timeout_s`.
        settings_cache: The path of a file in which the last settings that were good are kept, for a
            start without the server; by default none. Processes may share it.
        fallback_settings: The settings to start with for want of any other, as
            `settings_file`.
        allow_empty: Start without settings where there are none: every call returns its nothing
            until they come.
        spool: A folder in which events are kept until it is known what became of them, so that they
            survive a SIGKILL: what a process leaves is sent by the next one for the same account.
            It is made where it does not exist; its parent must.
        spool_bytes: How many bytes of files one client in one process may keep there: 256 MiB by
            default. What is more is kept in memory alone.
        spool_age_s: How old an event may be that is taken over, in seconds: 604,800 (a week) by
            default, and at most.
        **unknown: No other option exists.

    Returns:
        The client.

    Raises:
        OptionError: An option cannot be used; the message names it.
        SettingsError: The given settings cannot be used at all; the message names the places.
        SettingsUnavailableError: No usable settings came.

    Source: PageSense spec, "Our choices" and section 2.
    """
    from sortition._base.options import ensure_known  # noqa: PLC0415 -- not needed to import this module
    from sortition._pagesense.client import Client  # noqa: PLC0415
    from sortition._pagesense.launching import configure  # noqa: PLC0415

    ensure_known(unknown, _LAUNCH_OPTIONS)
    return Client(
        *configure(
            settings,
            sdk_account_id=sdk_account_id,
            sdk_key=sdk_key,
            project_name=project_name,
            data_center=data_center,
            logger=logger,
            log_level=log_level,
            user_storage=user_storage,
            is_development_mode=is_development_mode,
            base_url=base_url,
            request_timeout_s=request_timeout_s,
            poll_interval_s=poll_interval_s,
            transport=transport,
            engine=engine,
            close_timeout_s=close_timeout_s,
            requests_at_once=requests_at_once,
            queue_events=queue_events,
            queue_bytes=queue_bytes,
            retry_for_s=retry_for_s,
            on_unknown_outcome=on_unknown_outcome,
            on_drop=on_drop,
            settings_options={
                "stale_after_s": stale_after_s,
                "init_timeout_s": init_timeout_s,
                "settings_cache": settings_cache,
                "fallback_settings": fallback_settings,
                "allow_empty": allow_empty,
            },
            spool=spool,
            spool_bytes=spool_bytes,
            spool_age_s=spool_age_s,
        )
    )


if not TYPE_CHECKING:
    __getattr__, __dir__ = _exporting(
        globals(),
        {
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
            "UserProfile": "sortition._pagesense.storage",
            "UserStorageLike": "sortition._pagesense.storage",
            "UserStorageService": "sortition._pagesense.storage",
        },
    )
