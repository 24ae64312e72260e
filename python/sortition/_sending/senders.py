"""The sender threads: when they start, what they do next, and when they end."""

from __future__ import annotations

import dataclasses
import queue
import threading
from typing import TYPE_CHECKING, Final

from sortition._base.health import Heartbeat, together
from sortition._process.forks import Forks, raise_if_forked
from sortition._process.threads import start_thread
from sortition._sending.pauses import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._base.health import ThreadStatus
    from sortition._base.log import Log
    from sortition._sending.deliver import Deliverer
    from sortition._sending.drops import Drops
    from sortition._sending.queue import Queue

_FAULT_PAUSE_S: Final = 1.0
_BEGINS_WITHIN_S: Final = 1.0


class Senders:
    """Threads that take batches from a queue and deliver them.

    A thread is started before the event that needs it is accepted, so that an interrupted call
    leaves no event without a thread. If a thread ends, the next event starts another.

    Args:
        events: The queue.
        bell: Rings for a waiting thread.
        deliverer: Delivers batches.
        drops: The losses to report.
        log: The client's log.
        interval_s: The longest time that an event waits before it is sent for the first time.
        after_batch: Called after a batch.
        at_end: Called when the last thread ends after a close.

    Attributes:
        sends_at_once: Whether a call waits until its event is sent, as during the exit of the
            interpreter; threads then do not wait for further events.
        cannot_start: Whether the last thread could not be started.
    """

    def __init__(
        self,
        events: Queue,
        bell: queue.SimpleQueue[None],
        deliverer: Deliverer,
        drops: Drops,
        log: Log,
        interval_s: float,
        *,
        after_batch: Callable[[], None],
        at_end: Callable[[], None],
    ) -> None:
        self._queue = events
        self._bell = bell
        self._deliverer = deliverer
        self._drops = drops
        self._log = log
        self._interval_s = interval_s
        self._after_batch = after_batch
        self._at_end = at_end
        self._forks = Forks.count
        self._running: dict[int, Heartbeat] = {}
        self._last = Heartbeat()
        self.sends_at_once = False
        self.cannot_start = False

    @property
    def is_current(self) -> bool:
        """Whether the current thread is a sender, as in a callback of the caller."""
        return threading.get_ident() in self._running

    @property
    def is_any_running(self) -> bool:
        """Whether a sender is running."""
        return bool(self._queue.threads)

    def status(self) -> ThreadStatus:
        """The health of all senders together."""
        running = list(self._running.values())
        if not running:
            status = self._last.status(is_running=False)
            return dataclasses.replace(status, cannot_start=self.cannot_start)
        return together([heartbeat.status(is_running=True) for heartbeat in running])

    def start_for_event(self, user: str) -> None:
        """Start a sender if an event of this user needs one."""
        if self._queue.needs_thread(user):
            self.start()

    def start(self) -> bool:
        """Start one more sender; whether any is running afterwards.

        The thread takes its place itself, so that an interrupted call leaves no place taken.
        """
        has_begun: queue.SimpleQueue[None] = queue.SimpleQueue()
        if start_thread(lambda: self._work(has_begun), "sortition-worker"):
            # Otherwise the next call would start another.
            wait_for(has_begun, _BEGINS_WITHIN_S)
            self.cannot_start = False
            return True
        if not self.cannot_start and not self._queue.is_closing:
            self.cannot_start = True
            self._log.warning("no thread can be started to send events; they wait until one can")
        return self.is_any_running

    def run_here(self) -> None:
        """Send waiting events in the current thread, because no other can be started."""
        self._work(queue.SimpleQueue())

    def tell_drops(self) -> None:
        """Report lost and refused events."""
        self._drops.tell(is_ending=self._queue.is_closing or self.sends_at_once)

    def _work(self, has_begun: queue.SimpleQueue[None]) -> None:
        """The thread."""
        place = self._queue.claim_thread()
        if place is None:
            has_begun.put(None)
            return
        heartbeat = Heartbeat()
        ident = threading.get_ident()
        self._running[ident] = heartbeat
        has_begun.put(None)
        try:
            while not (self._may_end() and place.end_if_idle()):
                self._work_once(heartbeat)
        finally:
            self._last = heartbeat
            self._running.pop(ident, None)
            place.end()
        if self._queue.is_closing and not self.is_any_running:
            self._at_end()

    def _work_once(self, heartbeat: Heartbeat) -> None:
        try:
            has_sent = self._send_next(heartbeat)
            tells_in_s = self._drops.due_in_s()
            if tells_in_s == 0 or (tells_in_s is not None and self.sends_at_once):
                self.tell_drops()
            elif not has_sent:
                self._sleep(heartbeat)
            if has_sent:
                self._after_batch()
        except Exception as error:  # noqa: BLE001 -- the thread is not to die of a fault
            self._log.exception_of("the code that sends", error)
            # If the bug occurred again at once, the thread would do nothing else.
            wait_for(queue.SimpleQueue(), _FAULT_PAUSE_S)
        finally:
            raise_if_forked(self._forks)

    def _send_next(self, heartbeat: Heartbeat) -> bool:
        """Send what is due now; whether there was anything."""
        events, deliverer = self._queue, self._deliverer
        aside = deliverer.aside.due(events.flush_count, is_closing=events.is_closing)
        if aside is not None:
            deliverer.retry(aside, heartbeat)
            return True
        if events.time_left_s() == 0:
            events.give_up()
            return False
        if events.due_in_s(self._interval_s) != 0:
            return False
        batch = deliverer.next_batch()
        if batch:
            deliverer.deliver(batch, heartbeat)
        return bool(batch)

    def _sleep(self, heartbeat: Heartbeat) -> None:
        """Wait until there may be something to do."""
        events = self._queue
        events.begin_sleep()
        # Only now: later events ring the bell.
        waits = [
            events.due_in_s(self._interval_s),
            events.time_left_s() if events.events else None,
            self._drops.due_in_s(),
            self._deliverer.aside.due_in_s(events.flush_count, is_closing=events.is_closing),
            0.0 if self._may_end() and not events.events else None,
        ]
        left_s = min((each for each in waits if each is not None), default=None)
        heartbeat.beat(left_s)
        if left_s == 0 or not wait_for(self._bell, left_s):
            events.end_sleep()

    def _may_end(self) -> bool:
        """Whether there is nothing to wait for except the events of the queue."""
        is_ending = self._queue.is_closing or self.sends_at_once
        return is_ending and not len(self._deliverer.aside) and not self._drops.are_untold
