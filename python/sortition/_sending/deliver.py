"""Delivers a batch: sends it, in parts and repeatedly if necessary, until its outcome is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition._base.clock import now_s
from sortition._http.answers import Meaning
from sortition._http.retrying import pause_s
from sortition._process.forks import ForkedError
from sortition._sending import ledger as reasons
from sortition._sending.parts import Parts
from sortition._sending.set_aside import Aside, SetAside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sortition._base.health import Heartbeat
    from sortition._http.answers import Outcome
    from sortition._sending.attempting import Attempting
    from sortition._sending.options import Batching
    from sortition._sending.pauses import Pauses
    from sortition._sending.queue import Queue, QueuedEvent
    from sortition._sending.settling import Settling

_FAILS_FOR_LONG_S: Final = 60.0
"""How long a batch must fail before smaller parts of it are tried."""
_MOST_REFUSALS: Final = 100
"""After how many refused parts of one batch the rest counts as refused too."""
_SMALLER_FOR_S: Final = 600.0
"""How long batches stay as small as the server required."""


class Deliverer:
    """Takes batches from a queue, and delivers them. Safe to use from several threads.

    Args:
        batching: The options of sending.
        events: The queue.
        attempting: Makes the attempts.
        pauses: The pauses between two attempts.
        settling: Records the outcomes of events.
        user_of: Returns the user of an event; empty if unknown.

    Attributes:
        aside: The events that were set aside because the server kept failing with them.
    """

    def __init__(
        self,
        batching: Batching,
        events: Queue,
        attempting: Attempting,
        pauses: Pauses,
        settling: Settling,
        user_of: Callable[[bytes], str],
    ) -> None:
        self._queue = events
        self._attempting = attempting
        self._pauses = pauses
        self._settling = settling
        self._user_of = user_of
        self._retry_for_s = batching.retry_for_s
        self._request_bytes = batching.request_bytes
        self._timeout_s = batching.request_timeout_s
        self._configured_events = self._batch_events = batching.events_per_request
        self._whole_again_at = 0.0
        self._most_refusals = _MOST_REFUSALS
        self.aside = SetAside()

    def next_batch(self) -> list[QueuedEvent]:
        """Take a batch from the queue; it may be empty if all events must wait for their users."""
        if self._batch_events < self._configured_events and now_s() >= self._whole_again_at:
            self._set_batch_events(self._configured_events)
        taken = self._queue.take(self._batch_events, self._request_bytes)
        later = self._put_back_held(taken)
        return [event for event in taken if event.number not in later]

    def deliver(self, events: Sequence[QueuedEvent], heartbeat: Heartbeat) -> None:
        """Send the events of a batch until the outcome of each is known."""
        # At least as many as it takes to find two refused events.
        most_refusals = max(self._most_refusals, 2 * len(events).bit_length() + 2)
        delivery = _Delivery(events, most_refusals, now_s() + self._retry_for_s, heartbeat)
        try:
            while delivery.parts.next:
                self._deliver_part(delivery)
        except ForkedError:
            raise
        except BaseException:
            self._settling.settle(delivery.parts.take_all(), reasons.FAULT)
            raise
        self._learn(delivery)

    def retry(self, aside: Aside, heartbeat: Heartbeat) -> None:
        """Send an event again that was set aside."""
        events = [aside.event]
        reason: str | None = reasons.FAULT
        try:
            reason = self._retry(aside, heartbeat)
        except ForkedError:
            # A fork copied this greenlet: the event belongs to the parent.
            reason = ""
            raise
        finally:
            if reason == "":
                self.aside.put_back(aside)
            else:
                self.aside.forget()
                self._settling.settle(events, reason)

    def _retry(self, aside: Aside, heartbeat: Heartbeat) -> str | None:
        """Why the event is lost; None if it was delivered, empty if it will be retried."""
        if self._queue.time_left_s() == 0:
            return reasons.CLOSED
        if now_s() >= aside.ends_at:
            return reasons.RETRIES_ENDED
        flushes = self._queue.flush_count
        attempt = self._attempting.begin([aside.event], may_have_arrived=aside.may_have_arrived)
        if aside.may_have_arrived:
            self._attempting.repeat(attempt.events)
        outcome = attempt.send(heartbeat)
        reason = self._attempting.reason_of(outcome)
        if not outcome.is_retried or reason is not None:
            return reason
        aside.note_failure(
            max(pause_s(aside.failures), outcome.retry_after_s),
            flushes,
            may_have_arrived=outcome.may_have_arrived,
        )
        return ""

    def _deliver_part(self, delivery: _Delivery) -> None:
        """Send the next part until it is clear how to continue."""
        if self._queue.time_left_s() == 0:
            self._settling.settle(delivery.parts.take_all(), reasons.CLOSED)
            return
        events = delivery.parts.next
        attempt = self._attempting.begin(events, may_have_arrived=delivery.may_have(events))
        while True:
            # Also the events of a larger part, which was split since.
            self._attempting.repeat(delivery.take_repeated(events))
            flushes = self._queue.flush_count
            outcome = attempt.send(delivery.heartbeat)
            reason = self._attempting.reason_of(outcome)
            if not outcome.is_retried or reason is not None:
                self._end_part(delivery, outcome, reason)
                return
            delivery.note_failure(events, may_have_arrived=outcome.may_have_arrived)
            ended = self._pauses.wait(
                max(pause_s(delivery.failures - 1), outcome.retry_after_s),
                delivery.ends_at,
                flushes,
                lambda left_s: delivery.heartbeat.beat(left_s + self._timeout_s),
            )
            if ended is not None:
                self._settling.settle(delivery.parts.take_all(), ended)
                return
            if delivery.fails_for_long() and self._tries_others(delivery, flushes):
                return

    def _end_part(self, delivery: _Delivery, outcome: Outcome, reason: str | None) -> None:
        """Settle a part, or split it into halves."""
        parts = delivery.parts
        if outcome.meaning is Meaning.TOO_LARGE:
            if parts.halve_by_size():
                delivery.was_halved_by_size = True
                return
            delivery.is_one_too_large = True
        elif outcome.meaning is Meaning.INVALID:
            if parts.halve_by_refusal():
                return
            delivery.refused_alone += len(parts.next) == 1
            self._settling.log_refusal(parts.next[0], outcome)
            if parts.are_refused:
                self._settling.settle(parts.take_all(), reason)
                return
        events = parts.pop()
        if reason is None:
            delivery.note_success(len(events))
        self._settling.settle(events, reason)

    def _tries_others(self, delivery: _Delivery, flushes: int) -> bool:
        """Try a smaller part, or set an event aside; False if the part must be sent again."""
        parts = delivery.parts
        if parts.narrow():
            return True
        event = parts.next[0]
        aside = Aside(event, ends_at=delivery.ends_at)
        aside.note_failure(
            pause_s(delivery.failures), flushes, may_have_arrived=delivery.may_have([event])
        )
        has_evidence = self._attempting.delivered_at > delivery.failing_since
        if not self.aside.take(aside, has_evidence=has_evidence):
            return False
        user = self._user_of(event.event)
        if user:
            self._queue.hold(event, user)
        parts.pop()
        later = self._put_back_held(parts.rest)
        # Nobody remembers that the server may have them.
        self._attempting.repeat(
            delivery.take_repeated([event for event in parts.rest if event.number in later])
        )
        parts.remove(later)
        return True

    def _put_back_held(self, events: Sequence[QueuedEvent]) -> set[int]:
        """Put back the events that must wait for one that was set aside; their numbers."""
        later: set[int] = set()
        for event in events if len(self.aside) else ():
            # A queue that keeps the order per user does not hand them out.
            user = "" if event.user else self._user_of(event.event)
            if user and self._queue.is_held(user):
                later.add(event.number)
                self._queue.put_back(event, user)
        return later

    def _learn(self, delivery: _Delivery) -> None:
        """Remember for later batches what the server accepts."""
        largest = delivery.largest
        if delivery.was_halved_by_size and not delivery.is_one_too_large and largest:
            self._set_batch_events(min(self._batch_events, largest))
            self._whole_again_at = now_s() + _SMALLER_FOR_S
        if largest:
            self._most_refusals = _MOST_REFUSALS
        elif delivery.refused_alone > 1:
            # Do not ask a server that refuses everything a hundred times for each batch. A batch
            # with a single refused event says nothing about other events.
            self._most_refusals = max(1, self._most_refusals // 4)

    def _set_batch_events(self, count: int) -> None:
        self._batch_events = count
        self._queue.set_batch_events(count)


class _Delivery:
    """One batch that is being delivered.

    Attributes:
        parts: The events without an outcome.
        ends_at: When the retries end.
        heartbeat: The heartbeat of the sending thread.
        failures: How many attempts have failed in a row.
        failing_since: When the first of them failed.
        largest: The number of events in the largest delivered part.
        was_halved_by_size: Whether the server found a part too large.
        is_one_too_large: Whether the server found a single event too large.
        refused_alone: How many events the server refused that were sent alone.
    """

    def __init__(
        self,
        events: Sequence[QueuedEvent],
        most_refusals: int,
        ends_at: float,
        heartbeat: Heartbeat,
    ) -> None:
        self.parts = Parts(events, most_refusals)
        self.ends_at = ends_at
        self.heartbeat = heartbeat
        self.failures = 0
        self.failing_since = 0.0
        self.largest = 0
        self.was_halved_by_size = False
        self.is_one_too_large = False
        self.refused_alone = 0
        self._fails_for_long = False
        # The numbers of the events that the server may have, and of those among them that do not
        # count as sent repeatedly yet.
        self._may_have_arrived: set[int] = set()
        self._uncounted: set[int] = set()

    def may_have(self, events: Sequence[QueuedEvent]) -> bool:
        """Whether the server may have some of these events."""
        return any(event.number in self._may_have_arrived for event in events)

    def take_repeated(self, events: Sequence[QueuedEvent]) -> list[QueuedEvent]:
        """Those of these events that count as sent repeatedly if they are sent now."""
        repeated = [event for event in events if event.number in self._uncounted]
        self._uncounted.difference_update(event.number for event in repeated)
        return repeated

    def note_failure(self, events: Sequence[QueuedEvent], *, may_have_arrived: bool) -> None:
        """Note that an attempt to send these events failed and will be repeated."""
        self.failures += 1
        self.failing_since = self.failing_since or now_s()
        if may_have_arrived:
            numbers = [event.number for event in events]
            self._may_have_arrived.update(numbers)
            self._uncounted.update(numbers)

    def note_success(self, events: int) -> None:
        """Note that this number of events was delivered."""
        if not self.largest:
            # The server does not refuse everything.
            self.parts.allow_refusals(_MOST_REFUSALS)
        self.largest = max(self.largest, events)
        self.failures = 0
        if not self._fails_for_long:
            self.failing_since = 0.0

    def fails_for_long(self) -> bool:
        """Whether to look for an event that makes the server fail."""
        self._fails_for_long |= now_s() - self.failing_since >= _FAILS_FOR_LONG_S
        return self._fails_for_long
