"""What is known of the parts that work behind the calls: servers that are asked, and threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from sortition._base.clock import now_s

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST_S: Final = 1.0
"""The least time within which a thread is expected to say that it works."""


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """How a server that the client talks to has answered.

    Attributes:
        last_success_s: How long ago it last answered as it should, in seconds; None for never.
        last_error: What was wrong when it last failed: a status, or the class of an error. It holds
            no secret. None where it never failed.
        last_error_s: How long ago that was, in seconds; None where it never failed.
        failing_for_s: How long ago it first failed since it last answered as it should, in seconds;
            None where its last answer was no failure.
        answers_with_html: Whether it last answered with a web page where that was not asked for, as
            a login page or a proxy does.
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
    """Keeps what `EndpointStatus` tells. Safe to use from any number of threads."""

    def __init__(self) -> None:
        # Each is replaced whole, so that no lock is needed to read them.
        self._succeeded_at: float | None = None
        self._failed: tuple[str, float] | None = None
        self._failing_since: float | None = None
        self._answers_with_html = False

    def note_success(self) -> None:
        """It answered as it should."""
        self._succeeded_at = now_s()
        self._failing_since = None

    def note_html(self, *, is_html: bool) -> None:
        """What it answered with is a web page, or is none."""
        self._answers_with_html = is_html

    def note_failure(self, error: str) -> None:
        """It did not; `error` holds no secret."""
        now = now_s()
        self._failed = (error, now)
        if self._failing_since is None:
            self._failing_since = now

    def status(self) -> EndpointStatus:
        """What is known now."""
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
        is_running: Whether there is one; it is started when there is something to do for it.
        last_beat_s: How long ago it last said that it works, in seconds; None for never.
        is_late: Whether it should have said so again: what it said before was that it would within
            half of this time.
        cannot_start: Whether there is something to do for it, and no thread can be started.
    """

    is_running: bool
    last_beat_s: float | None
    is_late: bool
    cannot_start: bool = False


class Heartbeat:
    """When a thread last said that it works, and by when it was going to say so again."""

    def __init__(self) -> None:
        # The moment, and the time within which the next is to come: replaced whole.
        self._beat: tuple[float, float | None] | None = None

    def beat(self, next_within_s: float | None) -> None:
        """The thread works, and says so again within this time; None where it waits to be woken."""
        self._beat = (now_s(), next_within_s)

    def status(self, *, is_running: bool) -> ThreadStatus:
        """What is known now.

        Args:
            is_running: Whether there is a thread.
        """
        beat = self._beat
        if beat is None:
            return ThreadStatus(is_running, None, is_late=False)
        at, next_within_s = beat
        age_s = now_s() - at
        # Twice, as a thread of a busy machine is not to be taken for a dead one.
        is_late = next_within_s is not None and age_s > 2 * max(next_within_s, _LEAST_S)
        return ThreadStatus(is_running, age_s, is_late)


class SendingHealth(NamedTuple):
    """How what sends the events of a client is, as far as there is something to tell.

    Attributes:
        endpoint: The server.
        thread: The threads.
        spool_failure: Why events cannot be kept in files, in words that hold no secret; None where
            they can, or are not to be.
    """

    endpoint: EndpointStatus | None = None
    thread: ThreadStatus | None = None
    spool_failure: str | None = None


class StorageHealth(NamedTuple):
    """How the user storage of a client is.

    Attributes:
        endpoint: How it has answered; None where there is none.
        is_skipped: Whether it is left alone for a while.
    """

    endpoint: EndpointStatus | None = None
    is_skipped: bool = False


def together(threads: Sequence[ThreadStatus]) -> ThreadStatus:
    """Several threads as one: late where any is."""
    beats = [one.last_beat_s for one in threads if one.last_beat_s is not None]
    return ThreadStatus(
        is_running=any(one.is_running for one in threads),
        last_beat_s=min(beats, default=None),
        is_late=any(one.is_late for one in threads),
    )
