"""Events that go one in a request: several on their way at once, and of one user in their order."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from sortition._base.health import together
from sortition._sending import ledger as reasons
from sortition._sending.dispatch import Dispatch
from sortition._sending.intake import Intake
from sortition._sending.outage import OutageLog
from sortition._sending.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sortition._base.health import EndpointStatus, ThreadStatus
    from sortition._base.log import Log
    from sortition._http.transport import Request, Transport
    from sortition._sending.batched import Batching
    from sortition._sending.ledger import Ledger
    from sortition._sending.spool.owner import Owner
    from sortition._sending.spool.record import StoredEvent
    from sortition._sending.spool.segment import Place
    from sortition._sending.spool.takeover import Takeover

DEFAULT_REQUESTS_AT_ONCE: Final = 16


class _Event:
    """An event without a known end.

    Attributes:
        number: Events are numbered as they are taken.
        next: The same user's next one, which is not sent before this one has its end.
    """

    __slots__ = ("content", "kind", "next", "number", "place", "user_id")

    def __init__(
        self, kind: str, content: bytes, user_id: str, number: int, place: Place | None
    ) -> None:
        self.kind = kind
        self.content = content
        self.user_id = user_id
        self.number = number
        self.place = place
        self.next: _Event | None = None


class _Flush:
    """What somebody who flushes waits for."""

    def __init__(self, up_to: int, left: int) -> None:
        self.up_to = up_to
        self.left = left
        self.lost = 0


class _Lane:
    """A worker, and the one event that it has."""

    def __init__(self) -> None:
        self.worker: Worker
        self.event: _Event | None = None


class Lanes:
    """Sends each event in a request of its own, by as many workers as are busy at once.

    A worker has one event at a time, until it is known what became of it. An event of a user who
    has one on its way waits for it; any other goes to a worker that has nothing to do, for which
    one is started only where all are busy, or waits for the first that is free. So what is sent
    again and again holds up its own user and no other, as long as one worker is left.

    Nothing is remembered of a user without unsettled events.

    Args:
        transport: How requests reach the server.
        log: The client's log.
        batching: The limits, times and callbacks. What is said of batches has no effect, but
            `request_bytes` is the most that an event may have.
        request_of: Makes the request of an event. Where there is a `flush_callback`, an event is
            JSON.
        user_of: The id of the user whose event it is, which has to be known of events from files.
        requests_at_once: The most workers.
        intake: What is taken; None for the limits of `batching`, without a spool.
    """

    def __init__(
        self,
        transport: Transport,
        log: Log,
        batching: Batching,
        request_of: Callable[[bytes], Request],
        requests_at_once: int = DEFAULT_REQUESTS_AT_ONCE,
        *,
        intake: Intake | None = None,
        user_of: Callable[[bytes], str] = lambda _: "",
    ) -> None:
        self._transport = transport
        self._user_of = user_of
        self._log = log
        self._batching = dataclasses.replace(batching, events_per_request=1, interval_s=0.0)
        self._request_of = request_of
        self._requests_at_once = requests_at_once
        self._intake = Intake(log, batching) if intake is None else intake
        self._outage_log = OutageLog(log)
        # One lock for everything, which is the ledger's.
        self._settled = threading.Condition(self._intake.ledger.lock)
        self._lanes: list[_Lane] = []
        self._free: list[_Lane] = []
        self._unstarted: deque[_Lane] = deque()
        # What came, and which workers came to an end, since this was last looked after.
        self._arrived: deque[_Event] = deque()
        self._freed: deque[_Lane] = deque()
        self._is_placing = False
        # The last unsettled event of each user, and the first ones of those who wait for a worker.
        self._last: dict[str, _Event] = {}
        self._ready: deque[_Event] = deque()
        self._numbers = 0
        self._unsettled = 0
        self._flushes: list[_Flush] = []

    @property
    def ledger(self) -> Ledger:
        """What became of the events."""
        return self._intake.ledger

    @property
    def adopter(self) -> Takeover | None:
        """What takes over the files of dead processes for them; None where there is no spool."""
        return self._intake.adopter

    @property
    def waits_for_nothing(self) -> bool:
        """Whether each event is sent before the call goes on; see `Intake`."""
        return self._intake.waits_for_nothing

    @waits_for_nothing.setter
    def waits_for_nothing(self, value: bool) -> None:
        self._intake.waits_for_nothing = value

    def accept(self, kind: str, event: bytes, user_id: str) -> bool:
        """Take an event of a user to be sent; False where it is refused, which is counted."""
        intake = self._intake
        place = intake.keep(kind, event)
        with self._settled:
            had_untold = bool(intake.drops.untold)
            reason = intake.take(kind, len(event))
            if reason is None:
                self._arrive(kind, event, user_id, place)
                # A thread may have failed to start, for want of memory: each is looked after in
                # turn.
                if self._lanes:
                    self._look_after(self._lanes[self._numbers % len(self._lanes)])
            elif not had_untold:
                # Somebody has to tell of it.
                if not self._lanes:
                    self._free.append(self._open())
                lane = self._free[-1] if self._free else self._lanes[0]
                lane.worker.wake()
                self._look_after(lane)
        if reason is not None:
            intake.discard(place)
        while self._unstarted:
            self._start_one()
        if intake.waits_for_nothing:
            self.flush(self._batching.close_timeout_s)
        return reason is None

    def readmit(self, events: Sequence[tuple[StoredEvent, Place]]) -> None:
        """Put events into the queue that come from files, and that the intake has counted."""
        with self._settled:
            for event, place in events:
                self._arrive(event.kind, event.event, self._user_of(event.event), place)
        while self._unstarted:
            self._start_one()

    def flush(self, timeout_s: float) -> bool:
        """Send what waits, and wait for what becomes of it; whether all of it was delivered."""
        deadline = time.monotonic() + timeout_s
        with self._settled:
            flush = _Flush(self._numbers, self._unsettled)
            self._flushes.append(flush)
        try:
            self.hurry()
            if self.is_current:
                # A callback of the caller's: waiting here would be waiting for itself.
                return False
            with self._settled:
                while flush.left:
                    left_s = deadline - time.monotonic()
                    if left_s <= 0:
                        return False
                    self._settled.wait(left_s)
                return not flush.lost
        finally:
            with self._settled:
                self._flushes.remove(flush)

    def hurry(self) -> None:
        """Send again at once what waits to be sent again, without waiting for it."""
        for lane in self._known():
            lane.worker.hurry()

    def health(self) -> tuple[EndpointStatus, ThreadStatus]:
        """How the server is, and the threads together."""
        threads = [lane.worker.thread_status() for lane in self._known()]
        return self._outage_log.status(), together(threads)

    def close(self, timeout_s: float) -> bool:
        """Take nothing any more and send what waits; whether nothing was left."""
        self.release(timeout_s)
        if self.is_current:
            # A callback of the caller's: the threads go on after it, and end in time.
            return False
        is_delivered = self.flush(timeout_s)
        with self._settled:
            self._intake.closes_at = time.monotonic()
            self._drop_waiting()
        for lane in self._known():
            lane.worker.give_up()
        return self._intake.end() and is_delivered

    def release(self, timeout_s: float) -> None:
        """Take nothing any more, and end when what waits was sent or this time has passed."""
        with self._settled:
            self._intake.close(timeout_s)
        for lane in self._known():
            lane.worker.release(timeout_s)

    def _known(self) -> list[_Lane]:
        with self._settled:
            return list(self._lanes)

    @property
    def is_current(self) -> bool:
        """Whether the thread that asks is one that sends, as in a callback of the caller's."""
        return any(lane.worker.is_current for lane in self._known())

    def _open(self) -> _Lane:
        lane = _Lane()
        lane.worker = Worker(
            self._transport,
            self._log,
            self._batching,
            lambda events: self._request_of(events[0]),
            intake=self._intake,
            outage_log=self._outage_log,
            on_settled=lambda _events, is_lost: self._settle(lane, is_lost=is_lost),
        )
        self._lanes.append(lane)
        return lane

    def _look_after(self, lane: _Lane) -> None:
        if not lane.worker.is_running:
            self._unstarted.append(lane)

    def _start_one(self) -> None:
        try:
            lane = self._unstarted.popleft()
        except IndexError:
            # Another thread starts it.
            return
        lane.worker.start()

    def _arrive(self, kind: str, content: bytes, user_id: str, place: Place | None) -> None:
        self._numbers += 1
        self._unsettled += 1
        self._arrived.append(_Event(kind, content, user_id, self._numbers, place))
        self._place()

    def _place(self) -> None:
        """Give what came to workers, and to those who came to an end what waits."""
        # A signal handler or a finalizer that calls within these lines leaves its event to them.
        while (self._arrived or self._freed) and not self._is_placing:
            self._is_placing = True
            try:
                while self._freed:
                    self._occupy(self._freed.popleft())
                while self._arrived:
                    self._place_one(self._arrived.popleft())
            finally:
                self._is_placing = False

    def _place_one(self, event: _Event) -> None:
        before = self._last.get(event.user_id)
        self._last[event.user_id] = event
        if before is not None:
            before.next = event
        elif self._free:
            # The one that was busy last, so that the others may rest.
            self._give(self._free.pop(), event)
        elif len(self._lanes) < self._requests_at_once:
            self._give(self._open(), event)
        else:
            self._ready.append(event)

    def _give(self, lane: _Lane, event: _Event) -> None:
        lane.event = event
        lane.worker.put(event.kind, event.content, event.place)
        self._look_after(lane)

    def _settle(self, lane: _Lane, *, is_lost: bool) -> None:
        """The worker's event has come to its end."""
        event = lane.event
        if event is not None:
            self._finish(event, is_lost=is_lost)
        self._freed.append(lane)
        self._place()

    def _finish(self, event: _Event, *, is_lost: bool) -> None:
        self._unsettled -= 1
        for flush in self._flushes:
            if event.number <= flush.up_to:
                flush.left -= 1
                flush.lost += is_lost
                if not flush.left:
                    self._settled.notify_all()

    def _occupy(self, lane: _Lane) -> None:
        """Give a worker what waits, if anything does."""
        event, lane.event = lane.event, None
        if event is not None:
            if event.next is not None:
                # Behind the other users, who have waited longer.
                self._ready.append(event.next)
            else:
                self._last.pop(event.user_id, None)
        if self._intake.is_over():
            self._drop_waiting()
        if self._ready:
            self._give(lane, self._ready.popleft())
        else:
            self._free.append(lane)

    def _drop_waiting(self) -> None:
        """Give up what waits for a worker or for its user's event before."""
        waiting = list(self._waiting())
        for event in waiting:
            self._finish(event, is_lost=True)
        if waiting:
            given_up = [(event.kind, event.place) for event in waiting]
            self._intake.give_up(given_up, "queued", reasons.CLOSED)
            self._intake.leave(len(waiting), sum(len(event.content) for event in waiting))

    def _waiting(self) -> Iterator[_Event]:
        """What no worker has; it is forgotten on the way."""
        self._last.clear()
        first: list[_Event | None] = list(self._ready)
        self._ready.clear()
        for lane in self._lanes:
            if lane.event is not None:
                first.append(lane.event.next)
                lane.event.next = None
                self._last[lane.event.user_id] = lane.event
        for each in first:
            event = each
            while event is not None:
                yield event
                event.next, event = None, event.next


class LanesDispatch(Dispatch[Lanes]):
    """Takes events, and sends each in a request of its own; for the arguments see `Lanes`."""

    def __init__(
        self,
        transport: Transport,
        log: Log,
        batching: Batching,
        request_of: Callable[[bytes], Request],
        requests_at_once: int = DEFAULT_REQUESTS_AT_ONCE,
        *,
        user_of: Callable[[bytes], str] = lambda _: "",
        owner: Callable[[], Owner | None] | None = None,
    ) -> None:
        def start(intake: Intake) -> Lanes:
            return Lanes(
                transport,
                log,
                batching,
                request_of,
                requests_at_once,
                intake=intake,
                user_of=user_of,
            )

        super().__init__(start, log, batching, owner)

    def accept(self, kind: str, event: bytes, user_id: str) -> bool:
        """Take an event of a user to be sent; False where it is refused, which is counted."""
        lanes = self._workers.get()
        if self._refuses_with is not None:
            lanes.ledger.refuse(kind, self._refuses_with)
            return False
        return lanes.accept(kind, event, user_id)
