"""The thread that takes over what processes that ended have left, and that closes the spool."""

from __future__ import annotations

import queue
import random
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

from sortition._base.clock import now_s, wait_until
from sortition._process.threads import start_thread
from sortition._sending import ledger as reasons
from sortition._sending.pauses import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._base.log import Log
    from sortition._sending.outbox import Outbox
    from sortition._sending.spool.spool import Spool

_LOOKS_AGAIN_AFTER_S: Final = 60.0
"""How often the thread looks whether another process has ended."""
_STARTS_AGAIN_AFTER_S: Final = 5.0
"""How long no other thread is started after one could not be."""
_BEGINS_WITHIN_S: Final = 1.0
_FEWEST_WAITING: Final = 100
"""Where fewer events wait, there is room for some that were taken over."""
_LEAST_CLOSING_S: Final = 0.1

# Its own source, so that the service's seeded random numbers are not disturbed.
_RANDOM: Final = random.SystemRandom()


class Takeover:
    """Puts what processes that ended have left into the queue of this one.

    Its thread looks for it at the first event, and every minute from then on. Only one file at a
    time is in memory in addition to what waits in the queue.

    Args:
        outbox: Where the events are sent from.
        spool: The spool.
        log: The client's log.
        events_per_request: How many events the queue sends together.
        sends_again: Whether events are sent that a server may already have.
    """

    def __init__(
        self,
        outbox: Outbox,
        spool: Spool,
        log: Log,
        *,
        events_per_request: int,
        sends_again: bool,
    ) -> None:
        self._outbox = outbox
        self._counts = outbox.ledger.counts
        self._spool = spool
        self._leftovers = spool.leftovers
        self._log = log
        self._fewest_waiting = max(_FEWEST_WAITING, events_per_request)
        self._sends_again = sends_again
        self._changed = outbox.changed
        self._lock = outbox.changed_lock
        self._thread: threading.Thread | None = None
        self._role = threading.Lock()
        self._starts_from = 0.0
        self._looked = 0
        self._waiting_for_it = 0
        self._is_loading = False

    @property
    def spool_failure(self) -> str | None:
        """Why events cannot be kept in files; None if they can."""
        return self._spool.failure

    def start(self) -> None:
        """Start the thread, where it does not run.

        It takes its role itself, so that a call that is interrupted here leaves none taken.
        """
        if self._is_running() or now_s() < self._starts_from:
            return
        has_begun: queue.SimpleQueue[None] = queue.SimpleQueue()
        if start_thread(lambda: self._work(has_begun), "sortition-spool"):
            wait_for(has_begun, _BEGINS_WITHIN_S)
        else:
            # What was left stays there until a later try.
            self._starts_from = now_s() + _STARTS_AGAIN_AFTER_S

    def flush(self, timeout_s: float) -> bool:
        """Send what waits, in files too; whether all of it was delivered in time."""
        if self._is_current:
            # In a callback of the caller: this thread would wait for itself.
            self.flush_soon()
            return False
        deadline = now_s() + timeout_s
        lost = self._lost()
        is_empty = self._drain(deadline)
        is_delivered = self._outbox.flush(max(0.0, deadline - now_s()))
        return is_delivered and is_empty and self._lost() == lost

    def flush_soon(self) -> None:
        """Send what waits, without waiting for it."""
        self.start()
        self._outbox.flush_soon()

    def release(self, timeout_s: float) -> None:
        """Take nothing any more, and end when what waits was sent or this time has passed."""
        self._outbox.release(timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Take nothing any more and send what waits; what is left stays in the spool."""
        if self._is_current:
            # In a callback of the caller: the threads continue after it and end in time.
            self.release(timeout_s)
            return False
        deadline = now_s() + timeout_s
        is_empty = self._outbox.queue.is_closing or not self._is_running() or self._drain(deadline)
        is_delivered = self._outbox.close(max(0.0, deadline - now_s()))
        thread = self._thread
        if thread is None or not thread.is_alive():
            # What is on its way after all is for the end of the process.
            if self._is_at_rest():
                self._spool.close()
        else:
            thread.join(max(_LEAST_CLOSING_S, deadline - now_s()))
        left = self._counts.total("spooled")
        if left:
            self._log.warning("closed while %d events wait in the spool", left)
        return is_delivered and is_empty and not left

    @property
    def _is_current(self) -> bool:
        """Whether the current thread is this one or a sender, as in a callback of the caller."""
        return self._outbox.is_current or threading.current_thread() is self._thread

    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _lost(self) -> int:
        dropped = self._outbox.ledger.stats().dropped
        return sum(sum(kinds.values()) for kinds in dropped.values())

    def _drain(self, deadline: float) -> bool:
        """Wait until what was found in files is in the queue; whether it was in time."""
        self.start()
        self._outbox.flush_soon()
        with self._lock:
            self._waiting_for_it += 1
            try:
                while not self._looked or self._has_more():
                    left_s = deadline - now_s()
                    if left_s <= 0 or not self._is_running() or self._outbox.queue.is_closing:
                        return False
                    self._changed.wait(left_s)
            finally:
                self._waiting_for_it -= 1
        return True

    def _has_more(self) -> bool:
        """Whether there is something in files that is not in the queue yet."""
        leftovers = self._leftovers
        return self._is_loading or leftovers.are_waiting or leftovers.are_left_behind

    def _work(self, has_begun: queue.SimpleQueue[None]) -> None:
        """The thread; of several that were started at once, one goes on."""
        is_first = self._role.acquire(blocking=False)
        if is_first:
            self._thread = threading.current_thread()
        has_begun.put(None)
        if is_first:
            try:
                self._run()
            finally:
                self._role.release()

    def _run(self) -> None:
        while not self._outbox.queue.is_closing:
            try:
                self._take_over()
                while self._wait_for_room():
                    self._load()
            except Exception as error:  # noqa: BLE001 -- the thread is not to die of a fault
                self._log.exception_of("the code that takes over the spool", error)
            with self._lock:
                self._looked += 1
                self._is_loading = False
                self._changed.notify_all()
                # Not all processes of a machine at the same moment.
                again_s = _LOOKS_AGAIN_AFTER_S * _RANDOM.uniform(0.75, 1.25)
                wait_until(
                    self._changed,
                    lambda: self._outbox.queue.is_closing or self._leftovers.have_room,
                    again_s,
                )
        with self._lock:
            self._changed.wait_for(self._is_at_rest)
        self._spool.close()

    def _is_at_rest(self) -> bool:
        return self._counts.is_at_rest()

    def _wait_for_room(self) -> bool:
        """Wait until more may be put into the queue; False if there is no more, or no end."""
        events, leftovers = self._outbox.queue, self._leftovers
        with self._lock:
            self._is_loading = False
            self._changed.wait_for(
                lambda: (
                    events.is_closing
                    or not leftovers.are_waiting
                    or events.events < self._fewest_waiting
                )
            )
            self._is_loading = leftovers.are_waiting and not events.is_closing
            return self._is_loading

    def _take_over(self) -> None:
        taken = self._leftovers.take_over()
        if not taken.adopted:
            return
        self._counts.adopt(taken.adopted)
        self._drop(taken.dropped)
        self._log.info("spool: sending %d events of processes that ended", taken.adopted.total())
        if taken.dropped:
            self._outbox.tell_drops()

    def _load(self) -> None:
        """Put the events of one file into the queue."""
        loaded = self._leftovers.load()
        if loaded is None:
            return
        again = [place for event, place in loaded.events if event.may_have_arrived]
        events = loaded.events
        if again and not self._sends_again:
            kinds = Counter(event.kind for event, _ in events if event.may_have_arrived)
            loaded.dropped[reasons.UNKNOWN_OUTCOME] = kinds
            events = [each for each in events if not each[0].may_have_arrived]
            self._spool.settle(again)
        self._drop(loaded.dropped)
        self._counts.repeat(Counter(event.kind for event, _ in events if event.may_have_arrived))
        is_wanted = self._waiting_for_it > 0
        for event, place in events:
            self._outbox.readmit(event.kind, event.event, place)
        if loaded.dropped:
            self._outbox.tell_drops()
        if events and is_wanted:
            self._outbox.flush_soon()

    def _drop(self, dropped: Mapping[str, Counter[str]]) -> None:
        """Events that were in files are not sent."""
        for reason, kinds in dropped.items():
            self._counts.drop_spooled(kinds, reason)
