"""One attempt to send events, and its consequence for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sortition._base.clock import now_s
from sortition._http.answers import Meaning, outcome_of
from sortition._http.pool import Deadline, SenderPool, SendingError
from sortition._process.forks import Forks, raise_if_forked
from sortition._sending import ledger as reasons
from sortition._sending.spool.attempts import Attempts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sortition._base.health import Heartbeat
    from sortition._http.answers import Outcome
    from sortition._http.transport import Request, Transport
    from sortition._sending.options import Batching
    from sortition._sending.outage_log import OutageLog
    from sortition._sending.queue import Counts, Queue, QueuedEvent
    from sortition._sending.spool.spool import Spool

_SENDERS_OF_ONE: Final = 4
"""One request at a time; the others replace those that hang."""
_LEAST_TIMEOUT_S: Final = 0.05


class Attempting:
    """Makes attempts. Safe to use from several threads.

    Args:
        transport: Sends requests.
        batching: The options of sending.
        request_of: Makes the request for events.
        events: The queue of the events.
        counts: The ledger's numbers.
        outage_log: Logs outages of the server.
        spool: Keeps events in files; None if they are in memory only.
        requests_at_once: How many attempts may run at the same time.

    Attributes:
        delivered_at: When the server last accepted events, by the clock of ages; 0 for never.
        pool: The threads that send.
    """

    def __init__(
        self,
        transport: Transport,
        batching: Batching,
        request_of: Callable[[Sequence[bytes]], Request],
        events: Queue,
        counts: Counts,
        *,
        outage_log: OutageLog,
        spool: Spool | None,
        requests_at_once: int,
    ) -> None:
        self._timeout_s = batching.request_timeout_s
        self._resends = batching.on_unknown_outcome == "resend"
        self._request_of = request_of
        self._queue = events
        self._counts = counts
        self._outage_log = outage_log
        self._spool = spool
        self._forks = Forks.count
        self.delivered_at = 0.0
        self.pool = SenderPool(transport, _SENDERS_OF_ONE * requests_at_once)

    def begin(self, events: Sequence[QueuedEvent], *, may_have_arrived: bool) -> Attempt:
        """Create an attempt to send these events.

        Args:
            events: The events.
            may_have_arrived: Whether the server may have them already.
        """
        attempts = Attempts(self._spool, [event.place for event in events])
        if may_have_arrived:
            attempts.fail(may_have_arrived=True)
        request = self._request_of([event.event for event in events])
        return Attempt(self, events, replace(request, may_be_repeated=self._resends), attempts)

    def send(self, attempt: Attempt, heartbeat: Heartbeat) -> Outcome:
        """Send events once; the outcome."""
        events = attempt.events
        heartbeat.beat(self._timeout_s)
        attempt.attempts.begin()
        self._queue.set_on_its_way(events, True)
        try:
            outcome = outcome_of(self.pool.send(attempt.request, Deadline(self._time_for_one())))
        except SendingError as error:
            outcome = outcome_of(error)
        finally:
            raise_if_forked(self._forks)
            self._queue.set_on_its_way(events, False)
        if outcome.meaning is not Meaning.TOO_LARGE:
            self._outage_log.note(attempt.request.url, outcome)
        if outcome.was_repeated:
            self._counts.repeat(kinds_of(events))
        if outcome.is_accepted:
            self.delivered_at = now_s()
            if outcome.is_html:
                self._counts.note_html(kinds_of(events))
        elif outcome.is_retried:
            attempt.attempts.fail(may_have_arrived=outcome.may_have_arrived)
        return outcome

    def repeat(self, events: Sequence[QueuedEvent]) -> None:
        """Count that events are sent again that the server may already have."""
        self._counts.repeat(kinds_of(events))

    def reason_of(self, outcome: Outcome) -> str | None:
        """Why the events are lost; None if they are retried or were delivered."""
        if outcome.is_accepted:
            return None
        if outcome.is_for_good:
            return reasons.NOT_SENT
        if outcome.is_retried:
            was_cut_off = not outcome.is_answer and self._queue.time_left_s() == 0
            is_unknown = outcome.may_have_arrived and (was_cut_off or not self._resends)
            return reasons.UNKNOWN_OUTCOME if is_unknown else None
        return reasons.TOO_LARGE if outcome.meaning is Meaning.TOO_LARGE else reasons.REJECTED

    def _time_for_one(self) -> float:
        """How long one request may take, in seconds."""
        left_s = self._queue.time_left_s()
        timeout_s = self._timeout_s
        return timeout_s if left_s is None else max(_LEAST_TIMEOUT_S, min(timeout_s, left_s))


class Attempt:
    """A request with events, which may be sent several times.

    Attributes:
        events: The events.
        request: The request.
        attempts: Reports the attempts to the spool.
    """

    def __init__(
        self,
        attempting: Attempting,
        events: Sequence[QueuedEvent],
        request: Request,
        attempts: Attempts,
    ) -> None:
        self._attempting = attempting
        self.events = events
        self.request = request
        self.attempts = attempts

    def send(self, heartbeat: Heartbeat) -> Outcome:
        """Send them once; the outcome."""
        return self._attempting.send(self, heartbeat)


def kinds_of(events: Sequence[QueuedEvent]) -> dict[str, int]:
    """The number of events of each kind."""
    return dict(Counter(event.kind for event in events))
