"""The health of the parts that work in the background: servers and threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from sortition._base.clock import now_s

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST_S: Final = 1.0
"""The shortest time within which a thread must give a sign of life."""


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """How a server that the client talks to has answered.

    Attributes:
        last_success_s: How long ago it last answered correctly, in seconds; None for never.
        last_error: Its last failure: a status, or the class of an error, without secrets. None if
            it never failed.
        last_error_s: How long ago it last failed, in seconds; None if it never failed.
        failing_for_s: How long it has been failing, in seconds; None if its last answer was
            correct.
        answers_with_html: Whether its last answer was an unexpected web page, such as one of a
            login page or a proxy.
    """

    last_success_s: float | None
    last_error: str | None
    last_error_s: float | None
    failing_for_s: float | None
    answers_with_html: bool = False

    @property
    def is_failing(self) -> bool:
        """Whether the last answer was a failure."""
        return self.failing_for_s is not None


class Endpoint:
    """Keeps the values of `EndpointStatus`. Safe to use from any number of threads."""

    def __init__(self) -> None:
        # Each is replaced as a whole, so reading them needs no lock.
        self._succeeded_at: float | None = None
        self._failed: tuple[str, float] | None = None
        self._failing_since: float | None = None
        self._answers_with_html = False

    def note_success(self) -> None:
        """The server answered correctly."""
        self._succeeded_at = now_s()
        self._failing_since = None

    def note_html(self, *, is_html: bool) -> None:
        """Note whether the answer is a web page."""
        self._answers_with_html = is_html

    def note_failure(self, error: str) -> None:
        """The server failed; `error` contains no secret."""
        now = now_s()
        self._failed = (error, now)
        if self._failing_since is None:
            self._failing_since = now

    def status(self) -> EndpointStatus:
        """The current status."""
        now = now_s()
        succeeded_at, failed, since = self._succeeded_at, self._failed, self._failing_since
        return EndpointStatus(
            None if succeeded_at is None else now - succeeded_at,
            None if failed is None else failed[0],
            None if failed is None else now - failed[1],
            None if since is None else now - since,
            self._answers_with_html,
        )


@dataclass(frozen=True, slots=True)
class ThreadStatus:
    """How a thread of the client is.

    Attributes:
        is_running: Whether the thread is running; the client starts it when there is work.
        last_beat_s: How long ago it last gave a sign of life, in seconds; None for never.
        is_late: Whether it has been silent for more than twice the time that it announced.
        cannot_start: Whether there is work and no thread can be started.
    """

    is_running: bool
    last_beat_s: float | None
    is_late: bool
    cannot_start: bool = False


class Heartbeat:
    """When a thread last gave a sign of life, and when it will give the next one."""

    def __init__(self) -> None:
        # The moment, and the time until the next one; replaced as a whole.
        self._beat: tuple[float, float | None] | None = None

    def beat(self, next_within_s: float | None) -> None:
        """The thread works, and will say so again within this time; None while it sleeps."""
        self._beat = (now_s(), next_within_s)

    def status(self, *, is_running: bool) -> ThreadStatus:
        """The current status.

        Args:
            is_running: Whether there is a thread.
        """
        beat = self._beat
        if beat is None:
            return ThreadStatus(is_running, None, is_late=False)
        at, next_within_s = beat
        age_s = now_s() - at
        # Twice: on a busy machine a thread may be slow without being dead.
        is_late = next_within_s is not None and age_s > 2 * max(next_within_s, _LEAST_S)
        return ThreadStatus(is_running, age_s, is_late)


class SendingHealth(NamedTuple):
    """The health of a client's sending.

    Attributes:
        endpoint: The server.
        thread: The threads.
        spool_failure: Why events cannot be kept in files, without secrets; None if they can, or if
            there is no spool.
    """

    endpoint: EndpointStatus | None = None
    thread: ThreadStatus | None = None
    spool_failure: str | None = None


class StorageHealth(NamedTuple):
    """The health of a client's user storage.

    Attributes:
        endpoint: How it has answered; None without a user storage.
        is_skipped: Whether the client skips it for a while.
    """

    endpoint: EndpointStatus | None = None
    is_skipped: bool = False


def together(threads: Sequence[ThreadStatus]) -> ThreadStatus:
    """Several threads as one: late if any of them is."""
    beats = [one.last_beat_s for one in threads if one.last_beat_s is not None]
    return ThreadStatus(
        is_running=any(one.is_running for one in threads),
        last_beat_s=min(beats, default=None),
        is_late=any(one.is_late for one in threads),
    )
