"""The thread of one process that asks for settings, and the turns of all who ask."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sortition._base.clock import now_s, wait_until
from sortition._base.health import Heartbeat
from sortition._http.pool import Deadline, SenderPool
from sortition._process.forks import stops_after_fork
from sortition._settings.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Hashable

    from sortition._base.health import ThreadStatus
    from sortition._base.log import Log
    from sortition._http.transport import Transport
    from sortition._settings.schedule import Schedule

_LONGEST_BEAT_S: Final = 10.0
"""The longest time between two signs of life of the thread; less if it asks more often."""
_MOST_SENDERS: Final = 2
"""One sends; the other replaces it if it hangs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of asking for settings.

    Attributes:
        is_new: Whether other settings are in use now.
        error: Why the answer was not usable, without secrets; None if it was usable, even if it
            changed nothing.
        kind: What the errors of one kind have in common if their texts have numbers; None if the
            text says it.
        status: The HTTP status of an error; None if there was no answer.
        retry_after_s: The pause that the server asks for, in seconds.
    """

    is_new: bool
    error: str | None = None
    kind: str | None = None
    status: int | None = None
    retry_after_s: float = 0.0

    @property
    def is_success(self) -> bool:
        """Whether the answer was usable."""
        return self.error is None


class Attempt(Protocol):
    """One request for settings, and the use of what came."""

    def __call__(self, pool: SenderPool, deadline: Deadline) -> Outcome:
        """Ask, and use the answer; raises only for a bug."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """The last request that ended: its number, what it asked for, and its outcome."""

    number: int
    about: Hashable
    outcome: Outcome


class Poller:
    """Asks when it is time, and takes turns with callers who ask.

    Starts nothing before `begin`, and the thread runs only while there is something to wait for. It
    refers only to the arguments given here.
    """

    def __init__(
        self,
        schedule: Schedule,
        attempt: Attempt,
        transport: Transport,
        log: Log,
        request_timeout_s: float,
    ) -> None:
        self._schedule = schedule
        self._attempt = attempt
        self._log = log
        self._request_timeout_s = request_timeout_s
        self._beat_s = min(schedule.interval_s or _LONGEST_BEAT_S, _LONGEST_BEAT_S)
        self._pool = SenderPool(transport, _MOST_SENDERS)
        self._heartbeat = Heartbeat()
        # Enter the lock, not the condition, which is Python code.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        # Held during a request: callers who ask wait for each other, and nobody else does.
        self._turns = Turns()
        self._thread: threading.Thread | None = None
        self._begun = 0
        self._ended: _Ended | None = None
        self._is_closed = False

    def begin(self) -> bool:
        """Start the thread, if there is something to wait for and none is running.

        Returns:
            Whether the thread runs if it is needed; False if no thread can be started.
        """
        with self._lock:
            if self._is_closed or self._schedule.next_at is None:
                return True
            if self._thread is not None and self._thread.is_alive():
                return True
            if sys.is_finalizing():
                # Up to Python 3.11, starting a thread would now wait forever.
                return False
            # A daemon, so that it does not keep the interpreter from exiting.
            thread = threading.Thread(
                target=stops_after_fork(self._run), name="sortition-settings", daemon=True
            )
            try:
                thread.start()
            except (RuntimeError, MemoryError) as error:
                why = str(error) or type(error).__name__
                self._log.recurring_error(
                    "settings thread",
                    lambda: f"settings: no thread can be started to ask for new ones: {why}",
                )
                return False
            self._thread = thread
        return True

    def wake(self) -> None:
        """Ask as soon as allowed."""
        with self._lock:
            self._schedule.wake(now_s())
            self._changed.notify_all()
        self.begin()

    def stop(self) -> None:
        """Stop polling."""
        with self._lock:
            self._schedule.stop()
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread and the waiting callers' turns; requests under way continue."""
        with self._lock:
            self._is_closed = True
            self._changed.notify_all()
        self._pool.close()

    def ask(self, about: Hashable, attempt: Attempt, timeout_s: float) -> Outcome:
        """Ask now, on the caller's thread.

        If several callers want the same at the same time, one asks for all.

        Args:
            about: Identifies the request.
            attempt: The request.
            timeout_s: How long that may take, in seconds, including the wait for a turn.
        """
        deadline = Deadline(timeout_s)
        with self._lock:
            begun = self._begun
        turn = self._turns.begin(deadline.remaining_s())
        if turn is None:
            return Outcome(is_new=False, error="another request took too long")
        try:
            ended = self._ended
            if ended is not None and ended.number > begun and ended.about == about:
                return ended.outcome
            with self._lock:
                wait_s = self._schedule.wait_s(now_s())
                if wait_s > deadline.remaining_s():
                    error = f"the server asked to be left alone for {wait_s:.0f} more seconds"
                    return Outcome(is_new=False, error=error, kind="left alone")
                if wait_until(self._changed, lambda: self._is_closed, wait_s):
                    return Outcome(is_new=False, error="the client is closed")
            return self._exchange(about, attempt, deadline)
        finally:
            turn.end()

    def status(self) -> ThreadStatus:
        """The health of the thread."""
        thread = self._thread
        return self._heartbeat.status(is_running=thread is not None and thread.is_alive())

    def _run(self) -> None:
        while self._waits():
            turn = self._turns.begin(self._beat_s)
            if turn is None:
                continue
            try:
                if self._is_due():
                    self._heartbeat.beat(max(self._beat_s, self._request_timeout_s))
                    self._exchange(None, self._attempt, Deadline(self._request_timeout_s))
            except Exception as error:  # noqa: BLE001 -- the thread is not to die of a fault
                self._log.exception_of("the code that asks for settings", error)
            finally:
                turn.end()

    def _waits(self) -> bool:
        """Wait until it is time to ask; False if there is nothing left to wait for."""
        with self._lock:
            while True:
                at = self._schedule.next_at
                if self._is_closed or at is None:
                    # A later caller finds no thread and starts another.
                    self._thread = None
                    self._heartbeat.beat(None)
                    return False
                self._heartbeat.beat(self._beat_s)
                wait_s = min(at - now_s(), self._beat_s)
                if wait_s <= 0:
                    return True
                self._changed.wait(wait_s)

    def _is_due(self) -> bool:
        with self._lock:
            at = self._schedule.next_at
            return not self._is_closed and at is not None and at <= now_s()

    def _exchange(self, about: Hashable, attempt: Attempt, deadline: Deadline) -> Outcome:
        with self._lock:
            self._begun += 1
            number = self._begun
            self._schedule.begin(now_s())
        outcome = Outcome(is_new=False, error="a fault of sortition")
        try:
            outcome = attempt(self._pool, deadline)
        finally:
            self._ended = _Ended(number, about, outcome)
            with self._lock:
                if outcome.is_success:
                    self._schedule.note_success(now_s(), outcome.retry_after_s)
                else:
                    self._schedule.note_failure(now_s(), outcome.status, outcome.retry_after_s)
                self._changed.notify_all()
        return outcome
