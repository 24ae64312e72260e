"""A bounded number of threads that send, so that a caller can stop waiting for one."""

from __future__ import annotations

import queue
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sortition._base.clock import now_s, wait_until
from sortition._http.transport import ConnectionLostError, NotSentError, RepeatError
from sortition._process.forks import ForkedError, Forks, raise_if_forked, stops_after_fork

if TYPE_CHECKING:
    from sortition._http.transport import Request, Response, Transport

MOST_SENDERS: Final = 32
"""How many requests of one client are on their way at once; more wait for their turn."""

_IDLE_S: Final = 30.0


class SendingError(Exception):
    """No answer came; the message says why, in words that hold no secret.

    Attributes:
        says_server_is_down: Whether it says something about the server. A request that cannot be
            sent or had too little time does not, nor does the end of a connection that was used
            before.
        may_have_arrived: Whether the server may have the request nevertheless.
        is_for_good: Whether the request cannot be sent at all, whatever the server's state.
        lost_its_connection: Whether a connection that was used before ended with the request.
        was_repeated: Whether the request was sent twice, and may have arrived twice.
    """

    def __init__(
        self,
        message: str,
        *,
        says_server_is_down: bool = False,
        may_have_arrived: bool = False,
        is_for_good: bool = False,
        lost_its_connection: bool = False,
        was_repeated: bool = False,
    ) -> None:
        super().__init__(message)
        self.says_server_is_down = says_server_is_down
        self.may_have_arrived = may_have_arrived
        self.is_for_good = is_for_good
        self.lost_its_connection = lost_its_connection
        self.was_repeated = was_repeated

    @classmethod
    def of(cls, error: BaseException, *, had_time: bool) -> SendingError:
        """What an exception of a transport means.

        Args:
            error: The exception.
            had_time: Whether the request had most of its time.
        """
        is_for_good = isinstance(error, ValueError | TypeError)
        is_lost = isinstance(error, ConnectionLostError)
        is_not_sent = isinstance(error, NotSentError)
        # By class only: the text of the HTTP library holds the URL, and with it the key.
        wraps = isinstance(error, ConnectionLostError | NotSentError | RepeatError)
        told = error.__cause__ if wraps and error.__cause__ is not None else error
        return cls(
            type(told).__name__,
            says_server_is_down=had_time and not is_for_good and not is_lost,
            may_have_arrived=not is_for_good and not is_not_sent,
            is_for_good=is_for_good,
            lost_its_connection=is_lost,
            was_repeated=isinstance(error, RepeatError) and error.second_may_have_arrived,
        )


class Deadline:
    """A moment by which a call is to be over, however many requests it makes."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._end = now_s() + timeout_s

    def remaining_s(self) -> float:
        """How much time is left, in seconds; 0 where none is."""
        return max(0.0, self._end - now_s())

    def leaves_most(self) -> bool:
        """Whether at least half of the time is left."""
        return self.remaining_s() >= self._timeout_s / 2


@dataclass(eq=False, slots=True)
class _Job:
    """A request, the caller that waits for it, and what came of it."""

    request: Request
    deadline: Deadline
    done: threading.Event
    response: Response | None = None
    failure: SendingError | None = None
    is_abandoned: bool = False
    is_handed_over: bool = False


class SenderPool:
    """Sends requests on threads of its own, each at most until its caller's deadline.

    A transport ends each exchange at its deadline, whatever the server does. Where it cannot, as
    with a name look-up that hangs, the caller goes on at the deadline without it, and its place is
    free again when it comes back. Nothing is started before the first request; threads that have
    nothing to do for half a minute end.
    """

    def __init__(self, transport: Transport, most_senders: int = MOST_SENDERS) -> None:
        self._transport = transport
        self._forks = Forks.count
        self._most_senders = most_senders
        self._free_places = most_senders
        # Entered by itself: a signal handler may interrupt the entering of a condition.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._idle: list[_Sender] = []
        self._abandoned = 0
        self._is_closed = False

    def send(self, request: Request, deadline: Deadline) -> Response:
        """Send a request and wait for its answer.

        Raises:
            SendingError: None came before the deadline, the pool is closed, every place is taken
                by a request that its caller gave up on, or the interpreter is ending.
        """
        if sys.is_finalizing():
            # A thread that starts now never runs, and one that has ended may hold our lock.
            raise SendingError("the interpreter is ending")
        self._take_place(deadline)
        has_most_of_its_time = deadline.leaves_most()
        job = _Job(request, deadline, threading.Event())
        try:
            self._start(job)
        except SendingError:
            raise
        except BaseException:
            # A signal handler raised: the place is free again, unless a sender has the request.
            with self._lock:
                if not job.is_handed_over:
                    self._free_places += 1
                    self._changed.notify()
            raise
        job.done.wait(deadline.remaining_s())
        with self._lock:
            if not job.done.is_set():
                job.is_abandoned = True
                self._abandoned += 1
                raise SendingError(
                    "no answer in time",
                    says_server_is_down=has_most_of_its_time,
                    may_have_arrived=True,
                )
        if job.response is None:
            raise job.failure or SendingError("no answer")
        return job.response

    def close(self, *, joins: bool = False) -> None:
        """Refuse what waits for its turn. Threads end, where they send after their request.

        Args:
            joins: Whether to wait for the end of those that do not send.
        """
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for sender in idle:
            sender.jobs.put(None)
        for sender in idle if joins else ():
            sender.join()

    def _take_place(self, deadline: Deadline) -> None:
        with self._lock:
            if self._abandoned < self._most_senders:
                wait_until(
                    self._changed,
                    lambda: self._free_places or self._is_closed,
                    deadline.remaining_s(),
                )
            if self._is_closed:
                raise SendingError("the client is closed")
            if not self._free_places:
                raise SendingError("too many requests are on their way")
            if not deadline.remaining_s():
                self._changed.notify()
                raise SendingError("no time was left for it")
            self._free_places -= 1

    def _start(self, job: _Job) -> None:
        with self._lock:
            sender = self._idle.pop() if self._idle else None
        if sender is not None:
            job.is_handed_over = True
            sender.jobs.put(job)
            return
        sender = _Sender(self)
        job.is_handed_over = True
        sender.jobs.put(job)
        try:
            sender.start()
        except RuntimeError as error:
            if not threading.main_thread().is_alive():
                # The interpreter is exiting and starts no thread any more: better to send here,
                # within the bounds that the transport keeps, than not at all.
                self._exchange(job)
                self._finish(sender, job, goes_on=False)
                return
            self._finish(sender, job, goes_on=False)
            raise SendingError("no thread can be started") from error

    def _finish(self, sender: _Sender, job: _Job, *, goes_on: bool = True) -> bool:
        """Hand a result over; whether the sender is to go on."""
        with self._lock:
            job.done.set()
            if job.is_abandoned:
                self._abandoned -= 1
            goes_on = goes_on and not self._is_closed
            if goes_on:
                self._idle.append(sender)
            self._free_places += 1
            self._changed.notify()
        return goes_on

    def _retire(self, sender: _Sender) -> bool:
        """Take a sender out of the idle ones; False where a request was just given to it."""
        with self._lock:
            if sender in self._idle:
                self._idle.remove(sender)
                return True
            return False

    def _exchange(self, job: _Job) -> None:
        timeout_s = job.deadline.remaining_s()
        if timeout_s <= 0:
            job.failure = SendingError("no time was left for it")
            return
        has_most_of_its_time = job.deadline.leaves_most()
        raise_if_forked(self._forks)
        try:
            job.response = self._transport.send(job.request, timeout_s)
        except ForkedError:
            raise
        except BaseException as error:  # noqa: BLE001 -- a transport may raise anything
            raise_if_forked(self._forks)
            job.failure = SendingError.of(error, had_time=has_most_of_its_time)


class _Sender(threading.Thread):
    """A thread that sends one request at a time."""

    def __init__(self, pool: SenderPool) -> None:
        # A daemon, so that one that hangs does not keep the interpreter from exiting.
        super().__init__(name="sortition-sender", daemon=True)
        self.jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._pool = pool

    def run(self) -> None:
        stops_after_fork(self._work)()

    def _work(self) -> None:
        while True:
            try:
                job = self.jobs.get(timeout=_IDLE_S)
            except queue.Empty:
                if self._pool._retire(self):  # noqa: SLF001 -- two halves of one thing
                    return
                continue
            if job is None:
                return
            self._pool._exchange(job)  # noqa: SLF001
            if not self._pool._finish(self, job):  # noqa: SLF001
                return
