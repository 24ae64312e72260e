"""The events of one process, on their way from the calls to the server."""

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
    """Takes events, sends them from a queue, and ends.

    A call only ever appends to the queue. Nothing that a call has to wait for is held while
    something is sent, written or logged.

    Args:
        queues: The module that makes the queue.
        transport: How requests reach the server.
        log: The client's log.
        batching: How events are gathered and sent.
        request_of: Makes the request of a batch.
        requests_at_once: How many requests may be under way at once.
        is_per_user: Whether the events of one user keep their order. A batch is one event then.
        user_of: The user of an event; empty where nobody can tell.
        spool: Where events are kept in files; None where they are in memory alone.

    Attributes:
        queue: The queue.
        ledger: What became of the events.
        changed: Notified where events came to their end, or nothing is taken any more; used where
            there is a spool.
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
        # Not the condition itself is entered, which is code of Python's.
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
        """Whether the thread that asks is one that sends, as in a callback of the caller's."""
        return self._senders.is_current

    def send_at_once(self) -> None:
        """From now on a call waits until its event was sent: nothing that waits would survive."""
        self._senders.sends_at_once = True

    def accept(self, kind: str, event: bytes, user: str = "") -> bool:
        """Take an event to be sent; False where it is refused, which is counted."""
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
            # Refused; or interrupted, and then nobody else would ever settle it.
            if kept and not is_taken:
                self._discard(kept)
        if reason is not None:
            self._pauses.interrupt()
        if self._senders.sends_at_once:
            self.flush(self._close_timeout_s)
        return reason is None

    def readmit(self, kind: str, event: bytes, place: Place) -> None:
        """Take an event that comes from a file, and that is counted as spooled."""
        user = self._user_of(event) if self._is_per_user else ""
        self._senders.start_for_event(user)
        self.queue.readmit(kind, event, user, place)

    def flush(self, timeout_s: float) -> bool:
        """Send what waits, and wait for what becomes of it; whether all of it was delivered."""
        deadline = now_s() + timeout_s
        bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        flush = self.queue.flush(bell)
        self._pauses.interrupt()
        if flush.left and not self._ensure_sender():
            return False
        if self.is_current:
            # A callback of the caller's: waiting here would be waiting for itself.
            return False
        while flush.left:
            left_s = deadline - now_s()
            if left_s <= 0:
                return False
            wait_for(bell, left_s)
        return not flush.lost

    def flush_soon(self) -> None:
        """Send what waits, without waiting for it."""
        if self.queue.flush(queue.SimpleQueue()).left:
            self._pauses.interrupt()
            self._ensure_sender()

    def release(self, timeout_s: float) -> None:
        """Take nothing any more, and end when what waits was sent or this time has passed."""
        self.queue.close(timeout_s)
        self._notify()
        self.flush_soon()

    def close(self, timeout_s: float) -> bool:
        """Take nothing any more and send what waits; whether nothing was left, now or before."""
        if self._has_closed:
            return self._was_all_delivered
        self.release(timeout_s)
        if self.is_current:
            # A callback of the caller's: the thread goes on after it, and ends in time.
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
        """How the server is, and the threads."""
        return self._outage_log.status(), self._senders.status()

    def _end(self) -> None:
        """The last thread has ended after a close."""
        self._attempting.pool.close()
        self._notify()

    def tell_drops(self) -> None:
        """Tell of what was lost or refused."""
        self._senders.tell_drops()

    def _notify(self) -> None:
        """Let whoever waits for room, for rest or for the end look again."""
        if self._spool is not None:
            with self.changed_lock:
                self.changed.notify_all()

    def _ensure_sender(self) -> bool:
        """Whether something sends what waits."""
        if self._senders.is_any_running or self._senders.start():
            return True
        if not (self.queue.is_closing or self._senders.sends_at_once) or sys.is_finalizing():
            return False
        # The interpreter exits: better to send here, within the bounds that the transport keeps,
        # than not at all.
        self._senders.run_here()
        return True

    def _limit_time(self) -> None:
        """Give an event that comes during the exit some time, or none where it has none left."""
        if sys.is_finalizing():
            # A thread that has ended may hold any lock, and no other can be started.
            self.queue.close(0.0)
        else:
            self.queue.limit_time(self._close_timeout_s)

    def _keep(self, kind: str, event: bytes, into: list[Place]) -> None:
        """Write an event to the spool before it is taken; `into` gets its place in a file."""
        if self._spool is not None and self.queue.refusal(len(event)) is None:
            self._spool.append(kind, event, into)

    def _discard(self, kept: list[Place]) -> None:
        """An event that was kept is not taken."""
        if self._spool is not None:
            self._spool.settle(kept)
