"""The queue of one process and the thread that empties it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from sortition._base.errors import DeliveryError
from sortition._base.health import Heartbeat
from sortition._http.answers import Meaning, outcome_of
from sortition._http.pool import Deadline, SenderPool, SendingError
from sortition._http.retrying import pause_s
from sortition._process.forks import ForkedError, Forks, end_copy, only_here
from sortition._sending import ledger as reasons
from sortition._sending.intake import Intake
from sortition._sending.outage import OutageLog
from sortition._sending.spool.attempts import Attempts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sortition._base.health import EndpointStatus, ThreadStatus
    from sortition._base.log import Log
    from sortition._core import Inbox, Run
    from sortition._http.answers import Outcome
    from sortition._http.transport import Request, Transport
    from sortition._sending.batched import Batching
    from sortition._sending.ledger import Kinds, Ledger
    from sortition._sending.spool.record import StoredEvent
    from sortition._sending.spool.segment import Place
    from sortition._sending.spool.takeover import Takeover

_MOST_SENDERS: Final = 4
"""One sends; the others stand in for those that hang."""
_BYTES_BETWEEN: Final = 2
"""What stands between two events of a batch."""
_SMALLER_FOR_S: Final = 600.0
"""How long batches stay as small as the server wanted them."""
_LEAST_PAUSE_S: Final = 1.0
"""The shortest pause between two attempts, for whoever flushes again and again."""
_LEAST_TIMEOUT_S: Final = 0.05
_FAULT_PAUSE_S: Final = 1.0
_MOST_IN_INBOX: Final = 1000
"""How many events one call has to gather at most: half a millisecond."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Events that are sent together."""

    events: tuple[bytes, ...]
    kinds: tuple[str, ...]
    places: tuple[Place | None, ...]

    @property
    def counts(self) -> Kinds:
        return Counter(self.kinds)

    def halves(self) -> tuple[_Batch, _Batch]:
        half = len(self.events) // 2
        return (
            _Batch(self.events[:half], self.kinds[:half], self.places[:half]),
            _Batch(self.events[half:], self.kinds[half:], self.places[half:]),
        )

    def in_memory_alone(self) -> _Batch:
        """Those of its events that are in no file."""
        chosen = [index for index, place in enumerate(self.places) if place is None]
        return _Batch(
            tuple(self.events[index] for index in chosen),
            tuple(self.kinds[index] for index in chosen),
            (None,) * len(chosen),
        )


_NOTHING: Final = _Batch((), (), ())

_Waiting: TypeAlias = "tuple[bytes, str, float, Place | None] | tuple[Run, None, float, None]"
"""An item of the queue: an event with its kind, or some that were gathered together.

With it the time at which the first was taken, and where it is in a file.
"""


class Worker:
    """Keeps events in their order, and sends them in batches, one batch at a time.

    The thread is started at the first event and again where it should have died. Callers only ever
    wait for the ledger's lock, under which nothing is sent, written or logged.

    Args:
        transport: How requests reach the server.
        log: The client's log.
        batching: How events are gathered and sent.
        request_of: Makes the request of a batch.
        intake: What is taken; None for a worker that is alone.
        outage_log: What is logged of the server; None for a worker that is alone.
        on_settled: Told under the lock how many of its events have come to their end, and whether
            they were lost.
    """

    def __init__(
        self,
        transport: Transport,
        log: Log,
        batching: Batching,
        request_of: Callable[[Sequence[bytes]], Request],
        *,
        intake: Intake | None = None,
        outage_log: OutageLog | None = None,
        on_settled: Callable[[int, bool], None] | None = None,
    ) -> None:
        self._intake = Intake(log, batching) if intake is None else intake
        self._log = log
        self._batching = batching
        self._request_of = request_of
        self._pool = SenderPool(transport, _MOST_SENDERS)
        self._forks = Forks.count
        self._outage_log = OutageLog(log) if outage_log is None else outage_log
        self._on_settled = on_settled
        self._lock = self.ledger.lock
        self._changed = threading.Condition(self._lock)
        self.queue: deque[_Waiting] = deque()
        self.queued_events = 0
        self.queued_bytes = 0
        self._most_events = batching.events_per_request
        self._whole_again_at = 0.0
        self._heartbeat = Heartbeat()
        self._thread: threading.Thread | None = None
        # Events are numbered as they are accepted; they leave in the same order.
        self._taken = 0
        self._settled = 0
        self._lost = 0
        self._wanted_until = 0
        self._flushes = 0
        self._overflows = False

    @property
    def ledger(self) -> Ledger:
        """What became of the events."""
        return self._intake.ledger

    @property
    def adopter(self) -> Takeover | None:
        """What takes over the files of dead processes for it; None where there is no spool."""
        return self._intake.adopter

    @property
    def waits_for_nothing(self) -> bool:
        """Whether each event is sent before the call goes on; see `Intake`."""
        return self._intake.waits_for_nothing

    @waits_for_nothing.setter
    def waits_for_nothing(self, value: bool) -> None:
        self._intake.waits_for_nothing = value

    @property
    def _accepted(self) -> int:
        """How many events have been put into the queue."""
        return self._taken + self.queued_events

    @property
    def is_running(self) -> bool:
        """Whether it has a thread that runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_current(self) -> bool:
        """Whether its thread is the one that asks, as in a callback of the caller's."""
        return threading.current_thread() is self._thread

    def inbox(self) -> Inbox:
        """What takes events for this queue where there is nothing to do about them but to wait."""
        with self._lock:
            inbox = self.ledger.inbox
            if inbox is None:
                from sortition._core import Inbox  # noqa: PLC0415 -- absent where no wheel fits

                inbox = self.ledger.inbox = Inbox(self._batching.request_bytes)
            return inbox

    def accept(self, kind: str, event: bytes) -> bool:
        """Take an event to be sent; False where it is refused, which is counted."""
        intake = self._intake
        size = len(event)
        place = intake.keep(kind, event)
        # The condition's lock by itself: this is on the path of every call.
        with self._lock:
            self._gather()
            had_untold = bool(intake.drops.untold)
            reason = intake.take(kind, size)
            if reason is None:
                self.put(kind, event, place)
            else:
                # The first of them wakes the thread, which sends what fills the queue and tells.
                if not had_untold:
                    self._changed.notify_all()
                # Another refusal does not empty the queue.
                self._overflows |= reason == reasons.QUEUE_FULL
            has_ended = self._thread is None
            self._grant()
        if reason is not None:
            intake.discard(place)
        if has_ended:
            self.start()
        if intake.waits_for_nothing:
            self.flush(self._batching.close_timeout_s)
        return reason is None

    def wake(self) -> None:
        """Let the thread see what there is to tell."""
        with self._changed:
            self._changed.notify_all()

    def readmit(self, events: Sequence[tuple[StoredEvent, Place]]) -> None:
        """Put events into the queue that come from files, and that the intake has counted."""
        with self._changed:
            for event, place in events:
                self.put(event.kind, event.event, place)
        self.start()

    def put(self, kind: str, event: bytes, place: Place | None) -> None:
        """Append an event that was taken, under the lock; the thread may have to be started."""
        size = len(event)
        self.queue.append((event, kind, time.monotonic(), place))
        # Read only now, and without a call in between: a signal's handler may have put another.
        before = self.queued_bytes
        self.queued_bytes = before + size
        self.queued_events += 1
        # The thread sleeps until a batch is due; waking it for every event would cost more than the
        # event.
        waiting = self.queued_events
        fills_bytes = before < self._batching.request_bytes <= self.queued_bytes
        if waiting in (1, self._most_events) or fills_bytes:
            self._changed.notify_all()

    def _gather(self) -> None:
        """Put what is in the inbox into the queue, and let it take nothing for now.

        To be called under the lock by whatever has to do with all that was taken; `_grant` ends
        that.
        """
        inbox = self.ledger.inbox
        if inbox is None:
            return
        accepted, queued = self.ledger.of_the_queue
        inbox.gather(self, self._intake, accepted, queued, time.monotonic())

    def _grant(self) -> None:
        """Let the inbox take what nothing is to be done about: nobody is woken for it.

        The event that begins or fills a batch is not among it, and none for which a thread is
        missing. While a batch is sent, it is whatever the queue has room for.
        """
        inbox = self.ledger.inbox
        if inbox is None:
            return
        waiting = self.queued_events
        events, size = self._intake.room()
        events = min(events, _MOST_IN_INBOX)
        if self._thread is None or not waiting:
            events = 0
        elif waiting < self._most_events:
            events = min(events, self._most_events - waiting - 1)
        if self.queued_bytes < self._batching.request_bytes:
            size = min(size, self._batching.request_bytes - self.queued_bytes - 1)
        inbox.grant(events, size)

    def flush(self, timeout_s: float) -> bool:
        """Send what waits, and wait for what becomes of it; whether all of it was delivered."""
        deadline = time.monotonic() + timeout_s
        wanted, lost = self._hurry()
        if self.is_current:
            # A callback of the caller's: waiting here would be waiting for itself.
            return False
        with self._changed:
            while self._settled < wanted:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return False
                self._changed.wait(left_s)
            return self._lost == lost

    def hurry(self) -> None:
        """Send what waits, without waiting for it."""
        self._hurry()

    def _hurry(self) -> tuple[int, int]:
        """Send what waits; up to which event, and how many were lost before."""
        with self._changed:
            self._gather()
            wanted, lost = self._accepted, self._lost
            if self._settled < wanted:
                self._wanted_until = wanted
                self._flushes += 1
                self._changed.notify_all()
            self._grant()
        self.start()
        return wanted, lost

    def close(self, timeout_s: float) -> bool:
        """Take nothing any more and send what waits; whether nothing was left."""
        self.release(timeout_s)
        if self.is_current:
            # A callback of the caller's: the thread goes on after it, and ends in time.
            return False
        is_delivered = self.flush(timeout_s)
        self.give_up()
        return self._intake.end() and is_delivered

    def release(self, timeout_s: float) -> None:
        """Take nothing any more, and end when what waits was sent or this time has passed."""
        with self._changed:
            self._gather()
            self._intake.close(timeout_s)
            self._changed.notify_all()
        self.hurry()

    def health(self) -> tuple[EndpointStatus, ThreadStatus]:
        """How the server is, and the thread."""
        return self._outage_log.status(), self.thread_status()

    def thread_status(self) -> ThreadStatus:
        """How the thread is."""
        return self._heartbeat.status(is_running=self.is_running)

    def give_up(self) -> None:
        """Drop what still waits, and send nothing any more."""
        with self._changed:
            self._gather()
            self._intake.closes_at = time.monotonic()
            self._drop_queue(reasons.CLOSED)
            self._changed.notify_all()
        self._pool.close()

    def start(self) -> None:
        """Start the thread, where it does not run and there is something to do."""
        with self._changed:
            if self.is_running:
                return
            if self._settled == self._accepted and not self._intake.drops.untold:
                return
            # A daemon, so that one that hangs does not keep the interpreter from exiting.
            thread = threading.Thread(
                target=only_here(self._work), name="sortition-worker", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:
                # No thread can be started: at the exit of the interpreter, or for want of memory.
                is_exiting = not threading.main_thread().is_alive()
            else:
                self._thread = thread
                self._grant()
                return
        if is_exiting and (self._intake.is_closing or self._intake.waits_for_nothing):
            # Better to send here, within the bounds that the transport keeps, than not at all.
            self._run()

    def _work(self) -> None:
        """The thread: whatever ends it, the next event starts another."""
        is_copy = False
        try:
            self._run()
        except ForkedError:
            # The worker is the parent's, and so are its locks.
            is_copy = True
            raise
        finally:
            if not is_copy:
                with self._lock:
                    if self.is_current:
                        self._thread = None
                        self._grant()

    def _run(self) -> None:
        while True:
            try:
                batch = self._next()
                end_copy(self._forks)
                if batch is None:
                    # During the exit another event may come, and another thread for it.
                    if self._intake.is_closing:
                        self._pool.close()
                    return
                self._deliver(batch)
            except Exception as error:  # noqa: BLE001 -- the thread is not to die of a fault
                self._survive(error)
                batch = None
            # Where there is nothing to send, it was for their sake.
            if batch is _NOTHING or self._intake.drops.are_due():
                self._intake.tell_drops()

    def _next(self) -> _Batch | None:
        """Wait for a batch that is to be sent now; None where there will be none."""
        intake, drops = self._intake, self._intake.drops
        with self._changed:
            while True:
                self._gather()
                if intake.is_over():
                    self._drop_queue(reasons.CLOSED)
                if self.queue and self._is_due():
                    batch = self._take()
                    self._grant()
                    return batch
                is_last = (intake.is_closing or intake.waits_for_nothing) and not self.queue
                if drops.are_due() or (drops.untold and intake.waits_for_nothing and is_last):
                    return _NOTHING
                if is_last and not drops.untold:
                    self._heartbeat.beat(None)
                    # Whoever has another event is not to count on a thread that is about to end.
                    self._thread = None
                    return None
                wake_at = [self.queue[0][2] + self._batching.interval_s] if self.queue else []
                wake_at += [drops.tells_from] if drops.untold else []
                left_s = max(0.0, min(wake_at) - time.monotonic()) if wake_at else None
                self._heartbeat.beat(left_s)
                self._grant()
                self._changed.wait(left_s)

    def _is_due(self) -> bool:
        return (
            self.queued_events >= self._most_events
            or self._overflows
            or self.queued_bytes >= self._batching.request_bytes
            or self._intake.is_closing
            or self._taken < self._wanted_until
            or time.monotonic() >= self.queue[0][2] + self._batching.interval_s
        )

    def _take(self) -> _Batch:
        """The next events, within the limits of count and bytes."""
        configured = self._batching.events_per_request
        if self._most_events < configured and time.monotonic() >= self._whole_again_at:
            self._most_events = configured
        events: list[bytes] = []
        kinds: list[str] = []
        places: list[Place | None] = []
        size, before = 0, self.queued_bytes
        while self.queue and len(events) < self._most_events:
            first = self.queue[0]
            if first[1] is None:
                first[0].spread(self.queue)
                continue
            event, kind, _, place = first
            size += len(event) + _BYTES_BETWEEN
            if events and size > self._batching.request_bytes:
                break
            self.queue.popleft()
            self.queued_events -= 1
            self.queued_bytes -= len(event)
            events.append(event)
            kinds.append(kind)
            places.append(place)
        self._intake.leave(len(events), before - self.queued_bytes)
        self._taken += len(events)
        self._overflows = False
        batch = _Batch(tuple(events), tuple(kinds), tuple(places))
        self.ledger.move(batch.counts, "queued", "in_flight")
        return batch

    def _deliver(self, batch: _Batch) -> None:
        """Send a batch until it is known what became of it, in parts where it is too large."""
        spool = self._intake.spool
        if spool is not None:
            spool.begin_after(batch.places)
        parts = [batch] if batch.events else []
        accepted_sizes: list[int] = []
        is_one_too_large = False
        try:
            while parts:
                part = parts[-1]
                reason = self._deliver_part(part)
                if reason == reasons.TOO_LARGE and len(part.events) > 1:
                    first, second = part.halves()
                    parts[-1:] = [second, first]
                    continue
                parts.pop()
                accepted_sizes += [len(part.events)] if reason is None else []
                is_one_too_large |= reason == reasons.TOO_LARGE
                self._settle(part, reason)
        except ForkedError:
            raise
        except BaseException:
            for part in parts:
                self._settle(part, reasons.FAULT)
            raise
        # Where it was one event that was too large, others are not to suffer for it.
        if accepted_sizes and len(accepted_sizes) > 1 and not is_one_too_large:
            with self._changed:
                self._most_events = min(self._most_events, max(accepted_sizes))
                self._whole_again_at = time.monotonic() + _SMALLER_FOR_S

    def _deliver_part(self, batch: _Batch) -> str | None:
        """Send a batch until it is known what became of it; why it is lost, or None."""
        resends = self._batching.on_unknown_outcome == "resend"
        request = replace(self._request_of(batch.events), may_be_repeated=resends)
        ends_at = time.monotonic() + self._batching.retry_for_s
        attempts = Attempts(self._intake.spool, batch.places)
        failures = 0
        while True:
            flushes = self._flushes
            self._heartbeat.beat(self._batching.request_timeout_s)
            attempts.begin()
            outcome = self._send(request)
            if outcome.meaning is not Meaning.TOO_LARGE:
                self._outage_log.note(request.url, outcome)
            if outcome.was_repeated:
                self.ledger.repeat(batch.counts)
            if outcome.is_html and outcome.is_accepted:
                self.ledger.note_html(batch.counts)
            if not outcome.is_retried:
                return _end_of(outcome)
            attempts.fail(may_have_arrived=outcome.may_have_arrived)
            if outcome.may_have_arrived and not resends:
                return reasons.UNKNOWN_OUTCOME
            wait_s = max(pause_s(failures), outcome.retry_after_s)
            ended = self._wait_to_retry(wait_s, ends_at, flushes)
            if ended is not None:
                return ended
            failures += 1
            if outcome.may_have_arrived:
                self.ledger.repeat(batch.counts)

    def _send(self, request: Request) -> Outcome:
        try:
            return outcome_of(self._pool.send(request, Deadline(self._time_for_one())))
        except SendingError as error:
            return outcome_of(error)
        finally:
            end_copy(self._forks)

    def _time_for_one(self) -> float:
        """How long one request may take, in seconds."""
        closes_at = self._intake.closes_at
        if closes_at is None:
            return self._batching.request_timeout_s
        left_s = closes_at - time.monotonic()
        return max(_LEAST_TIMEOUT_S, min(self._batching.request_timeout_s, left_s))

    def _wait_to_retry(self, wait_s: float, ends_at: float, flushes: int) -> str | None:
        """Wait for the next attempt; why there is none, or None where there is.

        Args:
            wait_s: How long to wait.
            ends_at: When there is to be no further attempt.
            flushes: How often a flush had been asked for when the last attempt began: whoever asks
                again does not wait for the end of the pause, but not more than once a second.
        """
        intake, drops = self._intake, self._intake.drops
        failed_at = time.monotonic()
        was_closing = intake.is_closing
        while True:
            with self._changed:
                now = time.monotonic()
                if intake.is_over():
                    return reasons.CLOSED
                if now >= ends_at:
                    return reasons.RETRIES_ENDED
                # A close is worth one attempt at once, and then some in the time that is left.
                if intake.is_closing and not was_closing:
                    return None
                until = failed_at + wait_s
                if self._flushes > flushes or was_closing:
                    until = min(until, failed_at + _LEAST_PAUSE_S)
                if now >= until:
                    return None
                tells = drops.are_due()
                if not tells:
                    wake_at = [until, ends_at]
                    wake_at += [intake.closes_at] if intake.closes_at is not None else []
                    wake_at += [drops.tells_from] if drops.untold else []
                    left_s = max(0.0, min(wake_at) - now)
                    self._heartbeat.beat(left_s + self._batching.request_timeout_s)
                    self._changed.wait(left_s)
            if tells:
                intake.tell_drops()

    def _settle(self, batch: _Batch, reason: str | None) -> None:
        """Write down what became of a batch, and tell the caller's callback."""
        intake = self._intake
        if intake.spool is not None and reason != reasons.CLOSED:
            intake.spool.settle(batch.places)
        with self._changed:
            if reason is None:
                self.ledger.move(batch.counts, "in_flight", "delivered")
            elif reason == reasons.CLOSED:
                intake.give_up(zip(batch.kinds, batch.places, strict=True), "in_flight", reason)
                self._lost += len(batch.events)
            else:
                self.ledger.drop(batch.counts, "in_flight", reason)
                self._lost += len(batch.events)
                intake.drops.note(reason, len(batch.events))
        # What stays in the spool has not come to its end.
        ended = batch.in_memory_alone() if reason == reasons.CLOSED else batch
        if ended.events:
            self._call_back(ended, reason)
        # Only now: whoever flushes or closes waits for the callback, too.
        with self._changed:
            self._settled += len(batch.events)
            self._changed.notify_all()
            intake.changed.notify_all()
            if self._on_settled is not None:
                self._on_settled(len(batch.events), reason is not None)

    def _drop_queue(self, reason: str) -> None:
        """Give up what still waits."""
        dropped = self.queued_events
        if dropped:
            self._intake.give_up(self._kinds_and_places(), "queued", reason)
            self._intake.leave(dropped, self.queued_bytes)
            self.queue.clear()
            self.queued_events = self.queued_bytes = 0
            self._taken += dropped
            self._settled += dropped
            self._lost += dropped
            if self._on_settled is not None:
                self._on_settled(dropped, True)

    def _kinds_and_places(self) -> Iterator[tuple[str, Place | None]]:
        """Of every event in the queue."""
        for item in self.queue:
            if item[1] is None:
                for kind, count in item[0].kinds().items():
                    yield from [(kind, None)] * count
            else:
                yield item[1], item[3]

    def _call_back(self, batch: _Batch, reason: str | None) -> None:
        """Tell the caller's callback of a request that came to its end."""
        callback = self._batching.flush_callback
        if callback is None:
            return
        error = None if reason is None else DeliveryError(reason, len(batch.events))
        try:
            callback(error, [json.loads(event) for event in batch.events])
        except ForkedError:
            raise
        except BaseException as raised:  # noqa: BLE001 -- the caller's code may raise anything
            self._log.exception_of("flush_callback", raised)

    def _survive(self, error: Exception) -> None:
        self._log.exception_of("the code that sends", error)
        # Were the fault to come again at once, the thread would do nothing else.
        with self._changed:
            self._changed.wait(_FAULT_PAUSE_S)


def _end_of(outcome: Outcome) -> str | None:
    """Why a batch is lost that is not sent again; None where it was accepted."""
    if outcome.is_accepted:
        return None
    if outcome.is_for_good:
        return reasons.NOT_SENT
    return reasons.TOO_LARGE if outcome.meaning is Meaning.TOO_LARGE else reasons.REJECTED
