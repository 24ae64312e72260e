"""The status of a client, for people and for probes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias

from sortition._base.health import StorageHealth

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sortition._base.health import EndpointStatus, SendingHealth, ThreadStatus
    from sortition._base.problem import Problem

NO_STORAGE: Final = StorageHealth()
UNKNOWN: Final = "the state is unknown because of a bug of sortition, which is in the log"
"""The reason for ``degraded`` if the status cannot be determined."""

State: TypeAlias = Literal["ready", "empty", "stale", "degraded", "closed"]
"""The state of a client.

- ``ready``: it decides, and none of the following applies.
- ``empty``: it has no settings, and every call returns its documented empty result.
- ``stale``: it decides with settings that the server has not confirmed for too long.
- ``degraded``: it decides, but a thread, sending or the spool does not work, or it does not verify
  servers' certificates.
- ``closed``: it was closed or opted out; every call returns its documented empty result.
"""

Source: TypeAlias = Literal["given", "server", "cache", "fallback"]
"""The source of settings: an argument of the launch, the platform's server, the cache of the last
good settings, or the fallback."""


@dataclass(frozen=True, slots=True)
class Health:
    """The health of a client, for a probe.

    Attributes:
        is_ok: Whether the client can decide: it has settings and is not closed. This includes a
            stale or degraded client, because taking it out of service would not help.
        state: See `State`.
        reasons: Why it is not ``ready``.
    """

    is_ok: bool
    state: State
    reasons: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.is_ok

    def as_dict(self) -> dict[str, object]:
        """The same as plain values, for a JSON answer."""
        return {"ok": self.is_ok, "state": self.state, "reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True)
class SettingsStatus:
    """The status of a client's settings; see `ClientStatus`."""

    source: Source | None
    age_s: float | None
    is_stale: bool
    endpoint: EndpointStatus
    thread: ThreadStatus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStatus:
    """The state of a client in this process.

    Attributes:
        engine: ``compiled`` or ``pure``.
        problems: The first thousand problems of the settings in use.
        problem_count: The number of all problems.
        state: ``ready``, ``empty``, ``stale``, ``degraded`` or ``closed``. If several apply, the
            first in this order: closed, empty, stale, degraded.
        reasons: Why it is not ``ready``: one text for each reason.
        source: The source of the settings in use: ``given``, ``server``, ``cache`` or
            ``fallback``; None without settings.
        age_s: The time since the server last confirmed the settings, in seconds. If the client has
            not asked the server yet, the time since the settings were given. None without settings,
            or if the time is unknown.
        endpoints: The servers that the client uses, by purpose: ``settings`` and ``events``, and
            ``storage`` for the user storage, if there is one.
        threads: The client's threads, by purpose: ``settings`` and ``events``.
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
        """The status of a client, from the status of its parts.

        Args:
            settings: The status of the settings.
            closed: Why the client refuses all calls; None if it does not.
            events: The health of the events server, the sending thread and the spool, if any.
            verifies: Whether servers' certificates are verified.
            refused: Why most calls of the last minute are refused; None if most are not.
            storage: The health of the user storage.
            **own: The other attributes: `engine`, `problems`, `problem_count`, and those of the
                platform.
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

    @classmethod
    def unknown(cls, **own: Any) -> Self:
        """The status of a client that cannot determine it because of a bug.

        Args:
            **own: The attributes `engine` and those of the platform.
        """
        return cls(
            problems=(),
            problem_count=0,
            state="degraded",
            reasons=(UNKNOWN,),
            source=None,
            age_s=None,
            endpoints={},
            threads={},
            **own,
        )

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for a JSON answer."""
        return asdict(self)

    @property
    def health(self) -> Health:
        """The health, for a probe."""
        return Health(self.state not in ("empty", "closed"), self.state, self.reasons)


def _closed(why: str) -> Iterator[tuple[State, str]]:
    yield "closed", f"the client is {why.replace('_', ' ')}"


def _unsettled(settings: SettingsStatus) -> Iterator[tuple[State, str]]:
    if settings.source is None:
        yield "empty", f"there are no settings yet{_after(settings.endpoint)}"
    elif settings.is_stale:
        words = "the server has not confirmed yet that the settings are current"
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
            yield "degraded", f"the thread for {name} has been silent for too long"
    if endpoint is not None and endpoint.is_failing:
        yield "degraded", f"the server does not accept events{_after(endpoint)}"
    if endpoint is not None and endpoint.answers_with_html:
        yield "degraded", "the server answers events with a web page, like a login page or a proxy"
    if spool_failure is not None:
        yield (
            "degraded",
            f"events are kept in memory only, because the spool fails: {spool_failure}",
        )


def _after(endpoint: EndpointStatus) -> str:
    return f": {endpoint.last_error}" if endpoint.is_failing else ""
