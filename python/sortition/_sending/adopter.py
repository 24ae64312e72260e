"""Taking over what processes that died have left in the spool, and closing the spool at the end."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

from sortition._process.forks import only_here
from sortition._sending import ledger as reasons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._base.log import Log
    from sortition._sending.batched import Batching
    from sortition._sending.intake import Intake
    from sortition._sending.spool.record import StoredEvent
    from sortition._sending.spool.segment import Place
    from sortition._sending.spool.spool import Spool

_LOOKS_AGAIN_AFTER_S: Final = 60.0
"""How often it is looked whether another process has died."""
_FEWEST_WAITING: Final = 100
"""Where fewer events wait, there is room for some that were taken over."""
_LEAST_CLOSING_S: Final = 0.1

# Its own source, so that the service's seeded random numbers are not disturbed.
_RANDOM: Final = random.SystemRandom()


class Readmitting(Protocol):
    """A queue, as far as events from files go into it."""

    @property
    def is_current(self) -> bool:
        """Whether the thread that asks is one that sends."""

    def readmit(self, events: Sequence[tuple[StoredEvent, Place]]) -> None:
        """Put events into the queue that the intake has counted."""

    def flush(self, timeout_s: float) -> bool:
        """Send what waits, and wait for what becomes of it; whether all of it was delivered."""

    def hurry(self) -> None:
        """Send what waits, without waiting for it."""

    def release(self, timeout_s: float) -> None:
        """Begin to send what waits, for at most so long."""

    def close(self, timeout_s: float) -> bool:
        """Send what waits, and give up what is left after this time."""


class Adopter:
    """Hands what dead processes left to the queue of this one, with a thread of its own.

    It looks for it at the first event, and every minute from then on. Only one file at a time is in
    memory beside what waits.

    Args:
        queue: Where the events are sent from.
        intake: The limits of the queue, with its spool.
        batching: How events are gathered and sent.
        log: The client's log.
    """

    def __init__(self, queue: Readmitting, intake: Intake, batching: Batching, log: Log) -> None:
        self._queue = queue
        self._intake = intake
        self._batching = batching
        self._log = log
        self._changed = intake.changed
        self._thread: threading.Thread | None = None
        self._looked = 0
        self._waiting_for_it = 0
        self._cannot_start = False

    @property
    def spool_failure(self) -> str | None:
        """Why events cannot be kept in files; None where they can."""
        return self._spool.failure

    def start(self) -> None:
        """Start the thread, where it does not run."""
        if self._thread is not None or self._cannot_start:
            return
        with self._changed:
            if self._thread is not None:
                return
            # A daemon, so that a disk that hangs does not keep the interpreter from exiting.
            self._thread = threading.Thread(
                target=only_here(self._run), name="sortition-spool", daemon=True
            )
            try:
                self._thread.start()
            except RuntimeError:
                # At the exit of the interpreter, or for want of memory: what was left stays there.
                self._thread = None
                self._cannot_start = True

    def flush(self, timeout_s: float) -> bool:
        """Send what waits, in files too; whether all of it was delivered in time."""
        deadline = time.monotonic() + timeout_s
        lost = self._lost()
        is_empty = self._drain(deadline)
        is_delivered = self._queue.flush(max(0.0, deadline - time.monotonic()))
        return is_delivered and is_empty and self._lost() == lost

    def hurry(self) -> None:
        """Send what waits, without waiting for it."""
        self.start()
        self._queue.hurry()

    def release(self, timeout_s: float) -> None:
        """Take nothing any more, and end when what waits was sent or this time has passed."""
        self._queue.release(timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Take nothing any more and send what waits; what is left stays in the spool."""
        deadline = time.monotonic() + timeout_s
        is_empty = self._intake.is_closing or self._thread is None or self._drain(deadline)
        is_delivered = self._queue.close(max(0.0, deadline - time.monotonic()))
        if self._queue.is_current:
            # A callback of the caller's: the threads go on after it, and end in time.
            return False
        thread = self._thread
        if thread is None:
            # What is on its way after all is for the end of the process.
            if self._is_at_rest():
                self._spool.close()
        else:
            thread.join(max(_LEAST_CLOSING_S, deadline - time.monotonic()))
        left = sum(self._intake.ledger.stats().spooled.values())
        if left:
            self._log.warning("closed while %d events wait in the spool", left)
        return is_delivered and is_empty and not left

    @property
    def _spool(self) -> Spool:
        spool = self._intake.spool
        assert spool is not None  # noqa: S101 -- whoever has no spool has no adopter
        return spool

    def _lost(self) -> int:
        dropped = self._intake.ledger.stats().dropped
        return sum(sum(kinds.values()) for kinds in dropped.values())

    def _drain(self, deadline: float) -> bool:
        """Wait until what was found in files is in the queue; whether it was in time."""
        self.start()
        if self._queue.is_current:
            return False
        self._queue.hurry()
        with self._changed:
            self._waiting_for_it += 1
            try:
                while not self._looked or self._spool.has_backlog:
                    left_s = deadline - time.monotonic()
                    if left_s <= 0 or self._thread is None or self._intake.is_closing:
                        return False
                    self._changed.wait(left_s)
            finally:
                self._waiting_for_it -= 1
        return True

    def _run(self) -> None:
        while not self._intake.is_closing:
            try:
                self._adopt()
                while self._wait_for_room():
                    self._load()
            except Exception as error:  # noqa: BLE001 -- the thread is not to die of a fault
                self._log.exception_of("the code that takes over the spool", error)
            with self._changed:
                self._looked += 1
                self._changed.notify_all()
                # Not all processes of a machine at the same moment.
                again_s = _LOOKS_AGAIN_AFTER_S * _RANDOM.uniform(0.75, 1.25)
                self._changed.wait_for(lambda: self._intake.is_closing, again_s)
        with self._changed:
            self._changed.wait_for(self._is_at_rest)
        self._spool.close()

    def _is_at_rest(self) -> bool:
        return self._intake.ledger.is_at_rest()

    def _wait_for_room(self) -> bool:
        """Wait until more may be put into the queue; False where there is no more, or no end."""
        fewest = max(_FEWEST_WAITING, self._batching.events_per_request)
        intake = self._intake
        with self._changed:
            self._changed.wait_for(
                lambda: intake.is_closing or not self._spool.has_backlog or intake.events < fewest
            )
            return self._spool.has_backlog and not intake.is_closing

    def _adopt(self) -> None:
        adoption = self._spool.adopt()
        if not adoption.adopted:
            return
        intake = self._intake
        with self._changed:
            intake.ledger.adopt(adoption.adopted)
            for reason, kinds in adoption.dropped.items():
                intake.ledger.drop(kinds, "spooled", reason)
                intake.drops.note(reason, kinds.total())
        self._log.info("%d events of a process that ended are sent", adoption.adopted.total())
        if adoption.dropped:
            intake.tell_drops()

    def _load(self) -> None:
        """Put the events of one file into the queue."""
        loaded = self._spool.load()
        if loaded is None:
            return
        intake = self._intake
        again = [place for event, place in loaded.events if event.may_have_arrived]
        events = loaded.events
        if again and self._batching.on_unknown_outcome == "drop":
            kinds = Counter(event.kind for event, _ in events if event.may_have_arrived)
            loaded.dropped[reasons.UNKNOWN_OUTCOME] = kinds
            events = [each for each in events if not each[0].may_have_arrived]
            self._spool.settle(again)
        with self._changed:
            for reason, kinds in loaded.dropped.items():
                intake.ledger.drop(kinds, "spooled", reason)
                intake.drops.note(reason, kinds.total())
            if events:
                kinds = Counter(event.kind for event, _ in events)
                intake.readmit(kinds, sum(len(event.event) for event, _ in events))
                sent = Counter(event.kind for event, _ in events if event.may_have_arrived)
                intake.ledger.repeat(sent)
                is_wanted = self._waiting_for_it > 0
        if loaded.dropped:
            intake.tell_drops()
        if events:
            self._queue.readmit(events)
            if is_wanted:
                self._queue.hurry()
