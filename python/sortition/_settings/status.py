"""How a client is, for people and for probes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias

from sortition._base.health import StorageHealth

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sortition._base.health import EndpointStatus, SendingHealth, ThreadStatus
    from sortition._base.problem import Problem

NO_STORAGE: Final = StorageHealth()

State: TypeAlias = Literal["ready", "empty", "stale", "degraded", "closed"]
"""How a client is, in a word.

- ``ready``: it decides by settings that are known to be good.
- ``empty``: it has no settings, and every call returns its nothing.
- ``stale``: it decides, by settings that the server has not confirmed for too long.
- ``degraded``: it decides, and something behind the calls does not work: a thread, sending, or the
  spool; or the certificates of servers are not verified.
- ``closed``: it was closed, or the visitor opted out; every call returns its nothing.
"""

Source: TypeAlias = Literal["given", "server", "cache", "fallback"]
"""Where settings came from: the launch, the platform's server, the file of the last ones that were
good, or the document for want of any other."""


@dataclass(frozen=True, slots=True)
class Health:
    """An answer for a probe.

    Attributes:
        is_ok: Whether the client can do its work: it has settings and is not closed. One that is
            stale or degraded does; taking it out of service would not make it better.
        state: See `State`.
        reasons: Why it is not ``ready``.
    """

    is_ok: bool
    state: State
    reasons: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.is_ok

    def as_dict(self) -> dict[str, object]:
        """The same for a JSON answer."""
        return {"ok": self.is_ok, "state": self.state, "reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True)
class SettingsStatus:
    """How a client's settings are; see `ClientStatus`."""

    source: Source | None
    age_s: float | None
    is_stale: bool
    endpoint: EndpointStatus
    thread: ThreadStatus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStatus:
    """How a client is in this process, and what it runs on.

    Attributes:
        engine: ``compiled`` or ``pure``.
        problems: What is wrong in the settings in use: the first thousand problems.
        problem_count: How many problems there are in all.
        state: How the client is, in a word: ``ready``, ``empty``, ``stale``, ``degraded`` or
            ``closed``. Of several that hold, the first in this order: closed, empty, stale,
            degraded.
        reasons: Why it is not ``ready``, in words, for all that holds.
        source: Where the settings in use came from: ``given``, ``server``, ``cache`` or
            ``fallback``; None where there are none.
        age_s: How long ago the settings were last known to be good, in seconds: when the server
            answered that they are the current ones, or, where it was not asked yet, when they were
            given. None where there are none, or where it is not known.
        endpoints: The servers that the client talks to, by what for: ``settings`` and ``events``;
            and ``storage``, the user storage, where there is one.
        threads: The client's threads, by what for: ``settings`` and ``events``.
    """

    engine: str
    problems: tuple[Problem, ...]
    problem_count: int
    state: State
    reasons: tuple[str, ...]
    source: Source | None
    age_s: float | None
    endpoints: Mapping[str, EndpointStatus]
    threads: Mapping[str, ThreadStatus]

    @classmethod
    def of(
        cls,
        settings: SettingsStatus,
        closed: str | None,
        events: SendingHealth,
        *,
        verifies: bool = True,
        refused: str | None = None,
        storage: StorageHealth = NO_STORAGE,
        **own: Any,
    ) -> Self:
        """A client's status, from that of its parts.

        Args:
            settings: How the settings are.
            closed: Why no call is answered any more; None where calls are.
            events: The server that takes events, the thread that sends them and their spool, as far
                as there are.
            verifies: Whether certificates of servers are verified.
            refused: Why most calls of the last minute are refused; None where most are not.
            storage: How the user storage is.
            **own: The attributes that are not found out here: `engine`, `problems`,
                `problem_count`, and those of the platform.
        """
        endpoint, thread, spool_failure = events
        endpoints = {
            "settings": settings.endpoint,
            "events": endpoint,
            "storage": storage.endpoint,
        }
        threads = {"settings": settings.thread, "events": thread}
        known_threads = {name: one for name, one in threads.items() if one is not None}
        found = list(_unsettled(settings) if closed is None else _closed(closed))
        if closed is None:
            found += _degraded(endpoint, known_threads, spool_failure)
            found += [] if verifies else [("degraded", "certificates are not verified")]
            if storage.is_skipped and storage.endpoint is not None:
                found.append(("degraded", f"the user storage is skipped{_after(storage.endpoint)}"))
            if refused is not None:
                found.append(("degraded", f"most calls of the last minute are refused: {refused}"))
        return cls(
            state=found[0][0] if found else "ready",
            reasons=tuple(words for _, words in found),
            source=settings.source,
            age_s=settings.age_s,
            endpoints={name: one for name, one in endpoints.items() if one is not None},
            threads=known_threads,
            **own,
        )

    def as_dict(self) -> dict[str, Any]:
        """The same for a JSON answer."""
        return asdict(self)

    @property
    def health(self) -> Health:
        """The same for a probe."""
        return Health(self.state not in ("empty", "closed"), self.state, self.reasons)


def _closed(why: str) -> Iterator[tuple[State, str]]:
    yield "closed", f"the client is {why.replace('_', ' ')}"


def _unsettled(settings: SettingsStatus) -> Iterator[tuple[State, str]]:
    if settings.source is None:
        yield "empty", f"no settings have come yet{_after(settings.endpoint)}"
    elif settings.is_stale:
        words = "it is not known whether the settings are still the current ones"
        if settings.age_s is not None:
            words = f"the settings were last confirmed {settings.age_s:.0f} seconds ago"
        yield "stale", f"{words}{_after(settings.endpoint)}"


def _degraded(
    endpoint: EndpointStatus | None,
    threads: Mapping[str, ThreadStatus],
    spool_failure: str | None,
) -> Iterator[tuple[State, str]]:
    for name, thread in threads.items():
        if thread.cannot_start:
            yield "degraded", f"no thread for {name} can be started"
        if thread.is_late:
            yield "degraded", f"the thread for {name} has not been heard of for too long"
    if endpoint is not None and endpoint.is_failing:
        yield "degraded", f"events are not accepted{_after(endpoint)}"
    if endpoint is not None and endpoint.answers_with_html:
        yield "degraded", "events are answered with a web page, as a login page or a proxy sends"
    if spool_failure is not None:
        yield "degraded", f"events are kept in memory only, as the spool fails: {spool_failure}"


def _after(endpoint: EndpointStatus) -> str:
    return f": {endpoint.last_error}" if endpoint.is_failing else ""
