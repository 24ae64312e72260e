"""The events of one process, from the calls to the server."""

from __future__ import annotations

import queue
import sys
import threading
from typing import TYPE_CHECKING

from sortition._base.clock import now_s
from sortition._sending.attempting import Attempting
from sortition._sending.deliver import Deliverer
from sortition._sending.drops import Drops
from sortition._sending.ledger import Ledger
from sortition._sending.outage_log import OutageLog
from sortition._sending.pauses import Pauses, wait_for
from sortition._sending.senders import Senders
from sortition._sending.settling import Settling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sortition._base.health import EndpointStatus, ThreadStatus
    from sortition._base.log import Log
    from sortition._http.transport import Request, Transport
    from sortition._sending.options import Batching
    from sortition._sending.queue import QueueModule
    from sortition._sending.spool.segment import Place
    from sortition._sending.spool.spool import Spool


class Outbox:
    """Accepts events, sends them from a queue, and ends.

    A call only appends to the queue. No lock that a call needs is held while something is sent,
    written or logged.

    Args:
        queues: The module with the queue.
        transport: Sends requests.
        log: The client's log.
        batching: The options of sending.
        request_of: Makes the request for a batch.
        requests_at_once: How many requests may be under way at once.
        is_per_user: Whether the events of one user keep their order; then a batch is one event.
        user_of: Returns the user of an event; empty if unknown.
        spool: Keeps events in files; None if they are in memory only.

    Attributes:
        queue: The queue.
        ledger: Counts the events.
        changed: Notified when events have an outcome, or when new events are refused; used with a
            spool.
        changed_lock: The lock of `changed`.
    """

    def __init__(
        self,
        queues: QueueModule,
        transport: Transport,
        log: Log,
        batching: Batching,
        request_of: Callable[[Sequence[bytes]], Request],
        *,
        requests_at_once: int = 1,
        is_per_user: bool = False,
        user_of: Callable[[bytes], str] = lambda _: "",
        spool: Spool | None = None,
    ) -> None:
        counts = queues.Counts()
        bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._log = log
        self._spool = spool
        self._user_of = user_of
        self._is_per_user = is_per_user
        self._close_timeout_s = batching.close_timeout_s
        self._was_all_delivered = True
        self._has_closed = False
        # Enter the lock, not the condition, which is Python code.
        self.changed_lock = threading.RLock()
        self.changed = threading.Condition(self.changed_lock)
        self.ledger = Ledger(counts)
        self.queue = queues.Queue(
            counts,
            bell,
            events=batching.queue_events,
            size=batching.queue_bytes,
            largest=batching.request_bytes,
            batch_events=batching.events_per_request,
            threads=requests_at_once,
            is_per_user=is_per_user,
            is_plain=spool is None,
        )
        self._drops = Drops(counts, log, batching.on_drop)
        self._outage_log = OutageLog(log)
        self._pauses = Pauses(self.queue, self._drops, self.tell_drops)
        self._attempting = Attempting(
            transport,
            batching,
            request_of,
            self.queue,
            counts,
            outage_log=self._outage_log,
            spool=spool,
            requests_at_once=requests_at_once,
        )
        settling = Settling(self.queue, spool, log, batching.flush_callback)
        deliverer = Deliverer(
            batching, self.queue, self._attempting, self._pauses, settling, user_of
        )
        self._senders = Senders(
            self.queue,
            bell,
            deliverer,
            self._drops,
            log,
            batching.interval_s,
            after_batch=self._notify,
            at_end=self._end,
        )

    @property
    def is_current(self) -> bool:
        """Whether the current thread is a sender, as in a callback of the caller."""
        return self._senders.is_current

    def send_at_once(self) -> None:
        """From now on, a call waits until its event is sent: waiting events would not survive."""
        self._senders.sends_at_once = True

    def accept(self, kind: str, event: bytes, user: str = "") -> bool:
        """Accept an event; False if it is refused, which is counted."""
        events = self.queue
        if self._senders.sends_at_once:
            self._limit_time()
        kept: list[Place] = []
        is_taken = False
        try:
            self._keep(kind, event, kept)
            self._senders.start_for_event(user)
            place = kept[0] if kept else None
            reason = events.put(kind, event, user if self._is_per_user else "", place)
            is_taken = reason is None
        finally:
            # Refused, or interrupted: nobody else would ever settle it.
            if kept and not is_taken:
                self._discard(kept)
        if reason is not None:
            self._pauses.note_drop()
        if self._senders.sends_at_once:
            self.flush(self._close_timeout_s)
        return reason is None

    def readmit(self, kind: str, event: bytes, place: Place) -> None:
        """Accept an event from a file that counts as spooled."""
        user = self._user_of(event) if self._is_per_user else ""
        self._senders.start_for_event(user)
        self.queue.readmit(kind, event, user, place)

    def flush(self, timeout_s: float) -> bool:
        """Send waiting events, and wait for their outcome; whether all were delivered."""
        deadline = now_s() + timeout_s
        bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        flush = self.queue.flush(bell)
        self._pauses.interrupt()
        if flush.left and not self._ensure_sender():
            return False
        if self.is_current:
            # In a callback of the caller: this thread would wait for itself.
            return False
        while flush.left:
            left_s = deadline - now_s()
            if left_s <= 0:
                return False
            wait_for(bell, left_s)
        return not flush.lost

    def flush_soon(self) -> None:
        """Start to send waiting events, without waiting for the answers."""
        if self.queue.flush(queue.SimpleQueue()).left:
            self._pauses.interrupt()
            self._ensure_sender()

    def release(self, timeout_s: float) -> None:
        """Refuse new events, and end when the waiting ones are sent or this time has passed."""
        self.queue.close(timeout_s)
        self._notify()
        self.flush_soon()

    def close(self, timeout_s: float) -> bool:
        """Refuse new events and send the waiting ones; whether all were sent, now and before."""
        if self._has_closed:
            return self._was_all_delivered
        self.release(timeout_s)
        if self.is_current:
            # In a callback of the caller: the thread continues after it and ends in time.
            return False
        is_delivered = self.flush(timeout_s)
        left, on_their_way = self.queue.give_up()
        self._was_all_delivered &= is_delivered and not left
        self._has_closed = True
        self._notify()
        self._pauses.interrupt()
        self._attempting.pool.close()
        if on_their_way:
            self._log.warning("closed while %d events were on their way", on_their_way)
        self._senders.tell_drops()
        return self._was_all_delivered

    def health(self) -> tuple[EndpointStatus, ThreadStatus]:
        """The health of the server and of the threads."""
        return self._outage_log.status(), self._senders.status()

    def _end(self) -> None:
        """Clean up: the last thread has ended after a close."""
        self._attempting.pool.close()
        self._notify()

    def tell_drops(self) -> None:
        """Report lost and refused events."""
        self._senders.tell_drops()

    def _notify(self) -> None:
        """Wake everything that waits for room, for rest or for the end."""
        if self._spool is not None:
            with self.changed_lock:
                self.changed.notify_all()

    def _ensure_sender(self) -> bool:
        """Whether a thread sends the waiting events."""
        if self._senders.is_any_running or self._senders.start():
            return True
        if not (self.queue.is_closing or self._senders.sends_at_once) or sys.is_finalizing():
            return False
        # The interpreter is exiting: sending here, within the transport's bounds, is better than
        # not sending.
        self._senders.run_here()
        return True

    def _limit_time(self) -> None:
        """Give an event that comes during the exit some time, or none if the time is over."""
        if sys.is_finalizing():
            # An ended thread may hold any lock, and no other thread can be started.
            self.queue.close(0.0)
        else:
            self.queue.limit_time(self._close_timeout_s)

    def _keep(self, kind: str, event: bytes, into: list[Place]) -> None:
        """Write an event to the spool before it is accepted; `into` receives its place."""
        if self._spool is not None and self.queue.refusal(len(event)) is None:
            self._spool.append(kind, event, into)

    def _discard(self, kept: list[Place]) -> None:
        """Remove a kept event that is not accepted."""
        if self._spool is not None:
            self._spool.settle(kept)
