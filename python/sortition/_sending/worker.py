"""The queue of one process and the thread that empties it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sortition._errors import DeliveryError
from sortition._sending import ledger as reasons
from sortition._sending.dropping import tell_of_drop
from sortition._sending.ledger import Ledger
from sortition._sending.outage import OutageLog
from sortition._sending.pool import Deadline, SenderPool, SendingError
from sortition._sending.retrying import is_worth_retrying, pause_s, retry_after_s

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sortition._log import Log
    from sortition._sending.batched import Batching
    from sortition._sending.ledger import Kinds
    from sortition._transport import Request, Response, Transport

_MOST_SENDERS: Final = 4
"""One sends; the others stand in for those that hang."""
_BYTES_BETWEEN: Final = 2
"""What stands between two events of a batch."""
_OK: Final = range(200, 300)
_TOO_LARGE: Final = 413
_SMALLER_FOR_S: Final = 600.0
"""How long batches stay as small as the server wanted them."""
_FAULT_PAUSE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Batch:
    """Events that are sent together."""

    events: tuple[bytes, ...]
    kinds: tuple[str, ...]
    accepted_at: float

    @property
    def counts(self) -> Kinds:
        return Counter(self.kinds)

    def halves(self) -> tuple[_Batch, _Batch]:
        half = len(self.events) // 2
        return (
            _Batch(self.events[:half], self.kinds[:half], self.accepted_at),
            _Batch(self.events[half:], self.kinds[half:], self.accepted_at),
        )


class Worker:
    """Keeps events in their order, and sends them in batches, one batch at a time.

    The thread is started at the first event and again where it should have died. Callers only ever
    wait for the ledger's lock, under which nothing is sent, written or logged.

    Attributes:
        ledger: What became of the events.
    """

    def __init__(
        self,
        transport: Transport,
        log: Log,
        batching: Batching,
        request_of: Callable[[Sequence[bytes]], Request],
    ) -> None:
        self.ledger = Ledger()
        self._log = log
        self._batching = batching
        self._request_of = request_of
        self._pool = SenderPool(transport, _MOST_SENDERS)
        self._outage_log = OutageLog(log)
        self._changed = threading.Condition(self.ledger.lock)
        self._queue: deque[tuple[bytes, str, float]] = deque()
        self._queued_bytes = 0
        self._most_events = batching.events_per_request
        self._whole_again_at = 0.0
        self._thread: threading.Thread | None = None
        # Events are numbered as they are accepted; they leave in the same order.
        self._accepted = 0
        self._taken = 0
        self._settled = 0
        self._lost = 0
        self._wanted_until = 0
        self._is_closing = False
        self._closes_at: float | None = None
        self._untold_drops: Counter[str] = Counter()

    def accept(self, kind: str, event: bytes) -> bool:
        """Take an event to be sent; False where it is refused, which is counted."""
        batching = self._batching
        size = len(event)
        with self._changed:
            before = self._queued_bytes
            reason = None
            if self._is_closing:
                reason = reasons.CLOSED
            elif size > batching.request_bytes:
                reason = reasons.TOO_LARGE
            elif (
                len(self._queue) >= batching.queue_events
                or self._queued_bytes + size > batching.queue_bytes
            ):
                reason = reasons.QUEUE_FULL
            if reason is not None:
                self.ledger.refuse(kind, reason)
                self._untold_drops[reason] += 1
            else:
                self._queue.append((event, kind, time.monotonic()))
                self._queued_bytes += size
                self._accepted += 1
                self.ledger.accept({kind: 1}, "queued")
                # The thread sleeps until a batch is due; waking it for every event would cost more
                # than the event.
                is_first = len(self._queue) == 1
                fills_count = len(self._queue) == self._most_events
                fills_bytes = before < batching.request_bytes <= self._queued_bytes
                if is_first or fills_count or fills_bytes:
                    self._changed.notify_all()
            is_running = self._thread is not None and self._thread.is_alive()
        if not is_running:
            self._start()
        return reason is None

    def flush(self, timeout_s: float) -> bool:
        """Send what waits, and wait for what becomes of it; whether all of it was delivered."""
        deadline = time.monotonic() + timeout_s
        self.hurry()
        if threading.current_thread() is self._thread:
            # A callback of the caller's: waiting here would be waiting for itself.
            return False
        with self._changed:
            wanted, lost = self._accepted, self._lost
            while self._settled < wanted:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return False
                self._changed.wait(left_s)
            return self._lost == lost

    def hurry(self) -> None:
        """Send what waits, without waiting for it."""
        with self._changed:
            if self._settled == self._accepted:
                return
            self._wanted_until = self._accepted
            self._changed.notify_all()
        self._start()

    def close(self, timeout_s: float) -> bool:
        """Take nothing any more and send what waits; whether nothing was left."""
        self.release(timeout_s)
        is_delivered = self.flush(timeout_s)
        with self._changed:
            self._closes_at = time.monotonic()
            undelivered = self._drop_queue(reasons.CLOSED)
            undelivered += sum(self.ledger.stats().in_flight.values())
            self._changed.notify_all()
        self._pool.close()
        if undelivered:
            self._log.warning("closed with %d events undelivered", undelivered)
        self._tell_drops()
        return is_delivered and not undelivered

    def release(self, timeout_s: float) -> None:
        """Take nothing any more, and end when what waits was sent or this time has passed."""
        with self._changed:
            self._is_closing = True
            if self._closes_at is None:
                self._closes_at = time.monotonic() + timeout_s
            self._changed.notify_all()
        self.hurry()

    def _start(self) -> None:
        """Start the thread, where it does not run."""
        with self._changed:
            if self._thread is not None and self._thread.is_alive():
                return
            if self._settled == self._accepted and not self._untold_drops:
                return
            # A daemon, so that one that hangs does not keep the interpreter from exiting.
            thread = threading.Thread(target=self._run, name="sortition-worker", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # No thread can be started: at the exit of the interpreter, or for want of memory.
                is_exiting = not threading.main_thread().is_alive()
            else:
                self._thread = thread
                return
        if is_exiting and self._is_closing:
            # Better to send here, within the bounds that the transport keeps, than not at all.
            self._run()

    def _run(self) -> None:
        while True:
            try:
                batch = self._next()
                if batch is None:
                    self._pool.close()
                    return
                self._deliver(batch)
            except Exception as error:  # noqa: BLE001 -- the thread is not to die of a fault
                self._survive(error)
            self._tell_drops()

    def _next(self) -> _Batch | None:
        """Wait for a batch that is to be sent now; None where there will be none."""
        with self._changed:
            while True:
                if self._queue and self._is_due():
                    return self._take()
                if self._untold_drops:
                    return _Batch((), (), 0.0)
                if self._is_closing and not self._queue:
                    return None
                wait_s = None
                if self._queue:
                    due_at = self._queue[0][2] + self._batching.interval_s
                    wait_s = max(0.0, due_at - time.monotonic())
                self._changed.wait(wait_s)

    def _is_due(self) -> bool:
        return (
            len(self._queue) >= self._most_events
            or self._queued_bytes >= self._batching.request_bytes
            or self._is_closing
            or self._taken < self._wanted_until
            or time.monotonic() >= self._queue[0][2] + self._batching.interval_s
        )

    def _take(self) -> _Batch:
        """The next events, within the limits of count and bytes."""
        configured = self._batching.events_per_request
        if self._most_events < configured and time.monotonic() >= self._whole_again_at:
            self._most_events = configured
        events: list[bytes] = []
        kinds: list[str] = []
        accepted_at = self._queue[0][2]
        size = 0
        while self._queue and len(events) < self._most_events:
            event, kind, _ = self._queue[0]
            size += len(event) + _BYTES_BETWEEN
            if events and size > self._batching.request_bytes:
                break
            self._queue.popleft()
            self._queued_bytes -= len(event)
            events.append(event)
            kinds.append(kind)
        self._taken += len(events)
        batch = _Batch(tuple(events), tuple(kinds), accepted_at)
        self.ledger.move(batch.counts, "queued", "in_flight")
        return batch

    def _deliver(self, batch: _Batch) -> None:
        """Send a batch until it is known what became of it, in parts where it is too large."""
        parts = [batch] if batch.events else []
        while parts:
            part = parts.pop()
            try:
                reason = self._deliver_part(part)
            except BaseException:
                self._settle([part, *parts], reasons.FAULT)
                raise
            if reason == reasons.TOO_LARGE and len(part.events) > 1:
                first, second = part.halves()
                with self._changed:
                    # What is too much now is too much for the next batch, too.
                    self._most_events = min(self._most_events, len(second.events))
                    self._whole_again_at = time.monotonic() + _SMALLER_FOR_S
                parts += [second, first]
                continue
            self._settle([part], reason)
            self._call_back(part, reason)

    def _deliver_part(self, batch: _Batch) -> str | None:
        """Send a batch again and again; why it is lost, or None where it was accepted."""
        request = self._request_of(batch.events)
        failures = 0
        while True:
            try:
                response = self._pool.send(request, Deadline(self._batching.request_timeout_s))
            except SendingError as error:
                failure, may_have_arrived, asked_s = str(error), error.may_have_arrived, 0.0
                if error.is_for_good:
                    self._outage_log.note_failure(request.url, failure)
                    return reasons.NOT_SENT
            else:
                end, reason = self._end_of(request, response)
                if end:
                    return reason
                failure = f"status {response.status}"
                may_have_arrived = response.status >= 500  # noqa: PLR2004 -- HTTP's own number
                asked_s = retry_after_s(response.headers.get("retry-after"))
            self._outage_log.note_failure(request.url, failure)
            if may_have_arrived and self._batching.on_unknown_outcome == "drop":
                return reasons.UNKNOWN_OUTCOME
            ended = self._wait_to_retry(batch, max(pause_s(failures), asked_s))
            if ended is not None:
                return ended
            failures += 1
            if may_have_arrived:
                self.ledger.repeat(batch.counts)

    def _end_of(self, request: Request, response: Response) -> tuple[bool, str | None]:
        """Whether an answer is final, and why the batch is lost."""
        status = response.status
        if status in _OK:
            self._outage_log.note_success()
            return True, None
        if is_worth_retrying(status):
            return False, None
        if status == _TOO_LARGE:
            return True, reasons.TOO_LARGE
        self._outage_log.note_failure(request.url, f"status {status}")
        return True, reasons.REJECTED

    def _wait_to_retry(self, batch: _Batch, wait_s: float) -> str | None:
        """Wait for the next attempt; why there is none, or None where there is."""
        now = time.monotonic()
        until = now + wait_s
        ends_at = batch.accepted_at + self._batching.retry_for_s
        with self._changed:
            asked = self._wanted_until
            while True:
                now = time.monotonic()
                if self._closes_at is not None and now >= self._closes_at:
                    return reasons.CLOSED
                if now >= ends_at:
                    return reasons.RETRIES_ENDED
                # Whoever flushes or closes does not wait for the end of a pause.
                if now >= until or self._wanted_until > asked:
                    return None
                closes_at = self._closes_at
                wake_at = min(until, ends_at, until if closes_at is None else closes_at)
                self._changed.wait(max(0.0, wake_at - now))

    def _settle(self, batches: list[_Batch], reason: str | None) -> None:
        """Write down what became of batches."""
        with self._changed:
            for batch in batches:
                self._settled += len(batch.events)
                if reason is None:
                    self.ledger.move(batch.counts, "in_flight", "delivered")
                else:
                    self.ledger.drop(batch.counts, "in_flight", reason)
                    self._lost += len(batch.events)
                    self._untold_drops[reason] += len(batch.events)
            self._changed.notify_all()

    def _drop_queue(self, reason: str) -> int:
        """Give up what still waits; how many events that are."""
        dropped = len(self._queue)
        if dropped:
            kinds = Counter(kind for _, kind, _ in self._queue)
            self._queue.clear()
            self._queued_bytes = 0
            self._taken += dropped
            self._settled += dropped
            self._lost += dropped
            self._untold_drops[reason] += dropped
            self.ledger.drop(kinds, "queued", reason)
        return dropped

    def _call_back(self, batch: _Batch, reason: str | None) -> None:
        """Tell the caller's callback of a request that came to its end."""
        callback = self._batching.flush_callback
        if callback is None:
            return
        error = None if reason is None else DeliveryError(reason, len(batch.events))
        try:
            callback(error, [json.loads(event) for event in batch.events])
        except Exception as raised:  # noqa: BLE001 -- the caller's code may raise anything
            self._log.exception_of("flush_callback", raised)

    def _tell_drops(self) -> None:
        """Tell the caller of what was lost, and the log."""
        with self._changed:
            untold, self._untold_drops = self._untold_drops, Counter()
        for reason, count in untold.items():
            tell_of_drop(self._log, self._batching.on_drop, reason, count)

    def _survive(self, error: Exception) -> None:
        self._log.exception_of("the code that sends", error)
        # Were the fault to come again at once, the thread would do nothing else.
        with self._changed:
            self._changed.wait(_FAULT_PAUSE_S)
