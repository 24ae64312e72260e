"""The parts of launching a client that all platforms share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from sortition import _engine
from sortition._base.errors import OptionError
from sortition._base.log import Log
from sortition._client.checks import ensure_not_async
from sortition._client.executing import CallerExecutor
from sortition._http.logged import LoggedTransport
from sortition._http.transport import RequestsTransport
from sortition._sending.spool.options import SpoolOptions
from sortition._settings.launching import cache_of
from sortition._settings.live import Refreshing
from sortition._settings.options import SettingsOptions

if TYPE_CHECKING:
    from sortition._base.problem import Problem
    from sortition._client.executing import Executor
    from sortition._client.options import LaunchOptions
    from sortition._engine import Engine, EngineChoice
    from sortition._http.transport import Transport

_MOST_PROBLEMS_LOGGED: Final = 20
_STORAGE_METHODS: Final = ("get", "set", "get_many", "look_up", "save")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The parts of a client of any platform, with checked values.

    Attributes:
        engine: The engine that decides.
        log: The client's log.
        transport: Sends requests.
        own_transport: The transport, if the client must close it.
        base_url: Where to send requests.
        verifies: Whether servers' certificates are verified.
        close_timeout_s: How long a close may take by default.
        is_development_mode: Whether the client sends nothing.
        user_storage: The caller's memory of earlier decisions.
        storage_timeout_s: How long one operation of it should take at most.
        executor: Runs the slow steps of calls.
    """

    engine: Engine
    log: Log
    transport: Transport
    own_transport: RequestsTransport | None
    base_url: str
    verifies: bool
    close_timeout_s: float
    is_development_mode: bool
    user_storage: object | None
    storage_timeout_s: float
    executor: Executor


def log_of(name: str, options: LaunchOptions, engine: Engine) -> Log:
    """The client's log; logs the engine's own notice, if it has one."""
    log = Log(name, options.logger, options.log_level)
    if engine.remark is not None:
        log.warning("%s", engine.remark)
    return log


def transport_of(options: LaunchOptions, log: Log) -> tuple[Transport, RequestsTransport | None]:
    """The transport, and what of it the client must close."""
    if not verifies(options):
        log.warning("certificates of servers are not verified (verify=False)")
    if options.transport is not None:
        return LoggedTransport(options.transport, log), None
    own = RequestsTransport()
    return LoggedTransport(own, log), own


def executor_of(options: LaunchOptions, storage: object, *, is_async: bool) -> Executor:
    """Where the work of a call is done that may take a while.

    Args:
        options: The options.
        storage: The user storage; None where there is none.
        is_async: Whether the calls of the client are to be awaited.

    Raises:
        OptionTypeError: The storage is async, and the calls are not.
    """
    if not is_async:
        ensure_not_async("user_storage", storage, _STORAGE_METHODS, "; launch it with `alaunch`")
        return CallerExecutor()
    from sortition._client.async_executor import AsyncExecutor  # noqa: PLC0415 -- rarely needed

    return AsyncExecutor(options.storage_timeout_s)


def verifies(options: LaunchOptions) -> bool:
    """Whether servers' certificates are verified, as far as the transport says."""
    return getattr(options.transport, "verifies", True) is not False


def limits_of(options: LaunchOptions, spool: SpoolOptions | None = None) -> dict[str, Any]:
    """The attributes of `Batching` that the options of every platform set, by name.

    Args:
        options: The options.
        spool: The spool, for callers who set more than a launch can; None for the spool of the
            options.
    """
    if spool is None and options.spool is not None:
        spool = SpoolOptions(options.spool, options.spool_bytes, options.spool_age_s)
    return {
        "queue_events": options.queue_events,
        "queue_bytes": options.queue_bytes,
        "request_timeout_s": options.request_timeout_s,
        "retry_for_s": options.retry_for_s,
        "close_timeout_s": options.close_timeout_s,
        "on_unknown_outcome": options.on_unknown_outcome,
        "on_drop": options.on_drop,
        "spool": spool,
    }


def settings_options_of(
    options: LaunchOptions, fallback: bytes | None, poll_interval_s: float | None, log: Log
) -> SettingsOptions:
    """Where a client's settings come from.

    Args:
        options: The options.
        fallback: The settings to start with if there are no others.
        poll_interval_s: How often to ask for new ones; None for never.
        log: The client's log.
    """
    init_timeout_s = options.init_timeout_s
    return SettingsOptions(
        fallback=fallback,
        refreshing=Refreshing(options.request_timeout_s, poll_interval_s, options.stale_after_s),
        cache=cache_of(options.settings_cache, log),
        init_timeout_s=options.request_timeout_s if init_timeout_s is None else init_timeout_s,
        allows_empty=options.allow_empty,
    )


def engine_of(choice: EngineChoice) -> Engine:
    """The engine that the option ``engine`` asks for.

    Raises:
        OptionError: It is not installed.
    """
    try:
        return _engine.load(choice)
    except ImportError as error:
        raise OptionError(f"engine: {_engine.why_not_compiled(error)}") from None


class WithProblems(Protocol):
    """Compiled settings."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The first problems of the document."""

    @property
    def problem_count(self) -> int:
        """The number of all problems."""


def report_problems(log: Log, settings: WithProblems) -> None:
    """Log the problems of settings that come into use."""
    shown = settings.problems[:_MOST_PROBLEMS_LOGGED]
    for problem in shown:
        level = log.warning if problem.is_warning else log.error
        level("settings: %s (%s)", problem, problem.consequence.replace("_", " "))
    if settings.problem_count > len(shown):
        log.error("settings: %d more problems", settings.problem_count - len(shown))
