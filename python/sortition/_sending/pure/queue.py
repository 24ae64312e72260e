"""The queue in plain Python."""

from __future__ import annotations

import contextlib
import weakref
from collections import deque
from typing import TYPE_CHECKING, final

from sortition._base.clock import now_s
from sortition._sending.ledger import CLOSED, QUEUE_FULL, TOO_LARGE, UNKNOWN_OUTCOME
from sortition._sending.pure.counts import dropped, moved
from sortition._sending.pure.order import Order, QueuedEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sortition._sending.pure.counts import Counts
    from sortition._sending.queue import Bell
    from sortition._sending.spool.segment import Place


@final
class Queue:
    """Events that wait to be sent; see `sortition._sending.queue.Queue`."""

    def __init__(
        self,
        counts: Counts,
        bell: Bell,
        *,
        events: int,
        size: int,
        largest: int,
        batch_events: int,
        threads: int,
        is_per_user: bool,
        is_plain: bool,  # noqa: ARG002 -- only the compiled engine would put events into it
    ) -> None:
        self._counts = counts
        self._lock = counts.lock
        self._bell = bell
        self._most_events = events
        self._most_bytes = size
        self._largest = largest
        self._batch_events = batch_events
        self._most_threads = threads
        self._is_per_user = is_per_user
        # What calls have put into it; only threads that send take something out.
        self._arrived: deque[QueuedEvent] = deque()
        counts.arrived = _Kinds(self._arrived)
        self._order = Order(is_per_user=is_per_user)
        self._taken: dict[int, QueuedEvent] = {}
        self._numbers = 0
        self._flushes: list[weakref.ref[Flush]] = []
        self._wanted_until = 0
        self._is_full = False
        self._closes_at: float | None = None
        self._places: list[weakref.ref[SenderPlace]] = []
        # One item for each sender that sleeps: whether it has seen that an event may be sent.
        self._sleeping: list[bool] = []
        self.flush_count = 0
        self.is_closing = False

    @property
    def events(self) -> int:
        """How many events wait."""
        return self._order.events + len(self._arrived)

    @property
    def size(self) -> int:
        """How many bytes of events wait."""
        with self._lock:
            return self._order.bytes + sum(len(event.event) for event in list(self._arrived))

    @property
    def threads(self) -> int:
        """How many threads send."""
        places = [reference() for reference in list(self._places)]
        return sum(place is not None and not place.has_ended for place in places)

    def refusal(self, size: int) -> str | None:
        """Why an event of so many bytes would be refused now."""
        if self.is_closing:
            return CLOSED
        if size > self._largest:
            return TOO_LARGE
        if self.events >= self._most_events or self._waiting_bytes() + size > self._most_bytes:
            return QUEUE_FULL
        return None

    def needs_thread(self, user: str = "") -> bool:
        """Whether an event of this user needs another thread that sends."""
        threads = self.threads
        if not threads:
            return self._most_threads > 0
        if self._sleeping or threads >= self._most_threads:
            return False
        return not (self._is_per_user and self._order.has_unsettled(user))

    def put(
        self, kind: str, event: bytes, user: str = "", place: Place | None = None
    ) -> str | None:
        """Take an event, or refuse it."""
        size = len(event)
        reason = self.refusal(size)
        if reason is not None:
            if reason == CLOSED:
                # A call after a close is counted only.
                self._counts.change(((("refused", reason, kind), 1),))
                return reason
            has_untold = self._counts.has_untold
            self._counts.change(((("refused", reason, kind), 1), (("untold", reason, ""), 1)))
            self._is_full |= reason == QUEUE_FULL
            if not has_untold:
                self._wake_one()
            return reason
        queued = QueuedEvent(kind, event, user, place)
        with contextlib.suppress(IndexError):
            queued.bytes_up_to_it += self._arrived[-1].bytes_up_to_it
        before = self._waiting_bytes()
        self._arrived.append(queued)
        # Not the number of events: those that wait for one of their user are not sent yet.
        is_first = len(self._arrived) == 1 and not self._order.ready
        if (
            self._is_per_user
            or is_first
            or self.events == self._batch_events
            or False in self._sleeping
            or before < self._largest <= before + size
        ):
            self._wake_one()
        return None

    def readmit(self, kind: str, event: bytes, user: str, place: Place) -> None:
        """Take an event that was counted as spooled."""
        with self._lock:
            self._place_arrived()
            self._numbers += 1
            queued = QueuedEvent(kind, event, user, place)
            queued.number = self._numbers
            self._order.append(queued)
            self._counts.change(moved("spooled", "queued", kind))
        self._wake_one()

    def wake(self) -> None:
        """Wake all senders that wait for events."""
        for _ in range(len(self._sleeping)):
            self._wake_one()

    def flush(self, bell: Bell) -> Flush:
        """Have all that was accepted sent now."""
        with self._lock:
            # A signal handler may raise here, so that placing them is left to the senders.
            # Calls go on adding events, so that their number is read once.
            arrived = len(self._arrived)
            up_to = self._numbers + arrived
            flush = Flush(up_to, self._order.events + arrived + len(self._taken), bell)
            self._flushes.append(weakref.ref(flush))
            self._wanted_until = up_to
            self.flush_count += 1
        self.wake()
        return flush

    def close(self, timeout_s: float) -> None:
        """Take nothing any more."""
        self.is_closing = True
        if self._closes_at is None:
            self._closes_at = now_s() + timeout_s
        self.wake()

    def limit_time(self, timeout_s: float) -> None:
        """Say how much time there is from now on."""
        self._closes_at = now_s() + timeout_s

    def time_left_s(self) -> float | None:
        """How much time there is to send what is left."""
        closes_at = self._closes_at
        return None if closes_at is None else max(0.0, closes_at - now_s())

    def give_up(self) -> tuple[int, int]:
        """Give up all that is left."""
        self.is_closing = True
        self._closes_at = now_s()
        on_their_way = 0
        with self._lock:
            self._place_arrived()
            waiting = self._order.clear()
            left = len(waiting)
            for event in waiting:
                is_kept = event.place is not None
                self._counts.change(
                    moved("queued", "spooled", event.kind)
                    if is_kept
                    else dropped("queued", event.kind, CLOSED)
                )
                self._finish(event.number, is_lost=True)
            for event in list(self._taken.values()):
                reason = UNKNOWN_OUTCOME if event.is_on_its_way else CLOSED
                ended = self.end([event], reason, gives_up=True)
                left += ended
                if event.is_on_its_way and event.place is None:
                    on_their_way += ended
                self.settle([event])
        self.wake()
        return left, on_their_way

    def claim_thread(self) -> SenderPlace | None:
        """A place for one more thread."""
        place = SenderPlace(self)
        mine = weakref.ref(place)
        with self._lock:
            if self.threads >= self._most_threads:
                return None
            self._places.append(mine)
            self._places = [one for one in self._places if one() is not None]
        return place

    def begin_sleep(self) -> None:
        """A sender is about to wait for the bell."""
        self._sleeping.append(bool(self._order.ready or self._arrived))

    def end_sleep(self) -> None:
        """It does not wait any more, and the bell has not rung."""
        with contextlib.suppress(IndexError):
            self._sleeping.pop()

    def set_batch_events(self, events: int) -> None:
        """Say how many events make a batch."""
        self._batch_events = events

    def due_in_s(self, interval_s: float) -> float | None:
        """In how many seconds there is something to send."""
        with self._lock:
            self._place_arrived()
            order = self._order
            if not order.ready:
                return None
            first = order.ready[0]
            is_due = (
                self._is_per_user
                or order.events >= self._batch_events
                or self._is_full
                or order.bytes >= self._largest
                or self.is_closing
                or first.number <= self._wanted_until
            )
            return 0.0 if is_due else max(0.0, first.accepted_at + interval_s - now_s())

    def take(self, most_events: int, most_bytes: int) -> Sequence[QueuedEvent]:
        """The next events."""
        taken: list[QueuedEvent] = []
        size = 0
        with self._lock:
            self._place_arrived()
            while self._order.ready and len(taken) < most_events:
                size += len(self._order.ready[0].event) + 2
                if taken and size > most_bytes:
                    break
                event = self._order.pop()
                self._taken[event.number] = event
                self._counts.change(moved("queued", "in_flight", event.kind))
                taken.append(event)
            self._is_full = False
        return taken

    def hold(self, event: QueuedEvent, user: str) -> None:
        """Keep back the later events of this user until this one is settled."""
        with self._lock:
            if event.number in self._taken:
                self._order.hold(event, user)

    def is_held(self, user: str) -> bool:
        """Whether the events of this user are kept back."""
        return self._order.has_unsettled(user)

    def put_back(self, event: QueuedEvent, user: str) -> None:
        """Put an event behind those of its user that are not settled."""
        with self._lock:
            if self._taken.pop(event.number, None) is not None:
                self._counts.change(moved("in_flight", "queued", event.kind))
                self._order.put_back(event, user)

    def set_on_its_way(self, events: Sequence[QueuedEvent], is_on_its_way: bool) -> None:
        """Say whether a request with these events is under way."""
        for event in events:
            event.is_on_its_way = is_on_its_way

    def end(
        self, events: Sequence[QueuedEvent], reason: str | None, *, gives_up: bool = False
    ) -> int:
        """Count what became of these events, once for each."""
        counted = 0
        with self._lock:
            for event in events:
                if event.is_lost is not None or event.number not in self._taken:
                    continue
                event.is_lost = reason is not None
                counted += 1
                if reason is None:
                    self._counts.change(moved("in_flight", "delivered", event.kind))
                elif gives_up and event.place is not None:
                    self._counts.change(moved("in_flight", "spooled", event.kind))
                else:
                    self._counts.change(dropped("in_flight", event.kind, reason))
        return counted

    def settle(self, events: Sequence[QueuedEvent]) -> None:
        """Forget events that have come to their end."""
        with self._lock:
            for event in events:
                if self._taken.pop(event.number, None) is not None:
                    self._order.settle(event)
                    self._finish(event.number, is_lost=event.is_lost is not False)

    def _waiting_bytes(self) -> int:
        with contextlib.suppress(IndexError):
            return self._order.bytes + self._arrived[-1].bytes_up_to_it
        return self._order.bytes

    def _place_arrived(self) -> None:
        """Give what calls have put into it its place; to be called under the lock."""
        while self._arrived:
            event = self._arrived[0]
            self._numbers += 1
            event.number = self._numbers
            self._order.append(event)
            self._counts.change(
                ((("accepted", "", event.kind), 1), (("queued", "", event.kind), 1))
            )
            self._arrived.popleft()

    def _wake_one(self) -> None:
        if self._sleeping:
            # In this order: a sender that is woken twice does no harm, one that is not does.
            self._bell.put(None)
            self.end_sleep()

    def _finish(self, number: int, *, is_lost: bool) -> None:
        for reference in list(self._flushes):
            flush = reference()
            if flush is None or flush.has_ended(number, is_lost=is_lost):
                self._flushes.remove(reference)


@final
class SenderPlace:
    """The place of one thread that sends; see `sortition._sending.queue.SenderPlace`."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.has_ended = False

    def end_if_idle(self) -> bool:
        """Free the place where no event waits."""
        self.has_ended = not self._queue.events
        # An event may have come between the two.
        if self._queue.events:
            self.has_ended = False
        return self.has_ended

    def end(self) -> None:
        """Free the place."""
        self.has_ended = True


@final
class Flush:
    """The events that somebody who flushes waits for; see `sortition._sending.queue.Flush`."""

    def __init__(self, up_to: int, left: int, bell: Bell) -> None:
        self._up_to = up_to
        self._bell = bell
        self.left = left
        self.lost = 0

    def has_ended(self, number: int, *, is_lost: bool) -> bool:
        """An event has come to its end; whether that was the last one."""
        if number > self._up_to:
            return False
        self.left -= 1
        self.lost += is_lost
        if self.left:
            return False
        self._bell.put(None)
        return True


class _Kinds:
    """The kinds of events, at the moment at which they are asked for."""

    def __init__(self, events: deque[QueuedEvent]) -> None:
        self._events = events

    def __iter__(self) -> Iterator[str]:
        return iter([event.kind for event in list(self._events)])
