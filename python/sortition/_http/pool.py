"""A bounded pool of sending threads, so that a caller can stop waiting at its deadline."""

from __future__ import annotations

import queue
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sortition._base.clock import now_s
from sortition._http.transport import ConnectionLostError, NotSentError, RepeatError
from sortition._process.forks import ForkedError, Forks, raise_if_forked, stops_after_fork

if TYPE_CHECKING:
    from sortition._http.transport import Request, Response, Transport

MOST_SENDERS: Final = 32
"""How many requests of one client may be in flight at once; further ones wait."""

_IDLE_S: Final = 30.0


class SendingError(Exception):
    """There is no response. The message says why, and holds no secret.

    Attributes:
        says_server_is_down: Whether the failure suggests that the server is down. It does not if
            the request was invalid, had too little time, or lost a reused connection.
        may_have_arrived: Whether the server may have received the request.
        is_for_good: Whether the request is invalid, so that no retry can succeed.
        lost_its_connection: Whether a reused connection closed during the request.
        was_repeated: Whether the request was sent twice and may have arrived twice.
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
        """Translate an exception of a transport.

        Args:
            error: The exception.
            had_time: Whether at least half of the request's time was left when it started.
        """
        is_for_good = isinstance(error, ValueError | TypeError)
        is_lost = isinstance(error, ConnectionLostError)
        is_not_sent = isinstance(error, NotSentError)
        # Only the class: the HTTP library's text holds the URL, and with it the SDK key.
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
    """The moment by which a call must end, however many requests it makes."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._end = now_s() + timeout_s

    def remaining_s(self) -> float:
        """The time left, in seconds; 0 after the deadline."""
        return max(0.0, self._end - now_s())

    def leaves_most(self) -> bool:
        """Whether at least half of the time is left."""
        return self.remaining_s() >= self._timeout_s / 2


@dataclass(eq=False, slots=True)
class _Job:
    """A request, its waiting caller, and its outcome.

    Attributes:
        request: The request.
        deadline: The caller's deadline.
        bell: Rings when a place may be free for the request, and when it is done.
        response: The response, if there is one.
        failure: Why there is no response.
        is_done: Whether the sender has finished.
        is_abandoned: Whether the caller has stopped waiting.
    """

    request: Request
    deadline: Deadline
    bell: queue.SimpleQueue[None]
    response: Response | None = None
    failure: SendingError | None = None
    is_done: bool = False
    is_abandoned: bool = False
    _unclaimed: list[None] = field(default_factory=lambda: [None])

    def claim(self) -> bool:
        """Claim the request. True for the first to claim it, a sender or its caller."""
        try:
            self._unclaimed.pop()
        except IndexError:
            return False
        return True


class SenderPool:
    """Sends requests on its own threads, and lets each caller continue at its deadline.

    A transport should end each exchange at its deadline. If it cannot, for example because a name
    look-up hangs, the caller stops waiting at the deadline. The request keeps its place until the
    transport returns. The pool starts its first thread with the first request, and a thread ends
    after half a minute without work.

    A signal handler may raise in a caller at any point, or send a request itself. Therefore every
    change of state is a single step that can be repeated, callers wait for a bell and never on a
    condition variable, and senders take no lock that an interrupted caller may hold.
    """

    def __init__(self, transport: Transport, most_senders: int = MOST_SENDERS) -> None:
        self._transport = transport
        self._forks = Forks.count
        self._most_senders = most_senders
        # Only callers hold it, while they take a place.
        self._lock = threading.RLock()
        self._with_place: set[_Job] = set()
        self._waiting: dict[_Job, None] = {}
        self._idle: dict[_Sender, bool] = {}
        self._is_closed = False

    @property
    def free_places(self) -> int:
        """How many more requests may be in flight."""
        return self._most_senders - len(self._with_place)

    def send(self, request: Request, deadline: Deadline) -> Response:
        """Send a request and wait for its response.

        Raises:
            SendingError: No response came before the deadline, the pool is closed, abandoned
                requests hold every place, or the interpreter is ending.
        """
        if sys.is_finalizing():
            # A thread started now never runs, and a thread that has ended may hold our lock.
            raise SendingError("the interpreter is ending")
        job = _Job(request, deadline, queue.SimpleQueue())
        try:
            self._take_place(job)
            has_most_of_its_time = deadline.leaves_most()
            self._start(job)
            while not job.is_done and _wait(job.bell, deadline):
                pass
        except BaseException:
            self._abandon(job)
            raise
        if not job.is_done:
            was_sent = self._abandon(job)
            raise SendingError(
                "no answer in time" if was_sent else "it was not sent in time",
                says_server_is_down=was_sent and has_most_of_its_time,
                may_have_arrived=was_sent,
            )
        if job.response is None:
            raise job.failure or SendingError("no answer")
        return job.response

    def close(self, *, joins: bool = False) -> None:
        """Refuse waiting requests and end the threads, busy ones after their current request.

        Args:
            joins: Whether to wait until the idle threads have ended.
        """
        self._is_closed = True
        idle = list(self._idle)
        for job in list(self._waiting):
            job.bell.put(None)
        for sender in idle:
            sender.jobs.put(None)
        for sender in idle if joins else ():
            sender.join()

    def _take_place(self, job: _Job) -> None:
        while True:
            # Before looking for a place, so that any place freed from now on rings the bell.
            self._waiting[job] = None
            with self._lock:
                if self._is_closed:
                    raise SendingError("the client is closed")
                if self.free_places > 0:
                    if not job.deadline.remaining_s():
                        raise SendingError("no time was left for it")
                    self._with_place.add(job)
                    self._waiting.pop(job, None)
                    return
            taken = list(self._with_place)
            if len(taken) < self._most_senders and job.deadline.remaining_s():
                continue
            if all(one.is_abandoned for one in taken) or not job.deadline.remaining_s():
                raise SendingError("too many requests are on their way")
            _wait(job.bell, job.deadline)

    def _abandon(self, job: _Job) -> bool:
        """Note that the caller has stopped waiting. True if a sender had claimed the request."""
        self._waiting.pop(job, None)
        job.is_abandoned = True
        is_unsent = job.claim()
        if is_unsent:
            self._with_place.discard(job)
        # The job may have been given the next turn: pass it on.
        self._give_turn()
        return not is_unsent

    def _give_turn(self) -> None:
        """If a place is free, wake the request that waits longest."""
        if self.free_places > 0:
            for job in list(self._waiting):
                self._waiting.pop(job, None)
                job.bell.put(None)
                return

    def _start(self, job: _Job) -> None:
        for sender in reversed(list(self._idle)):
            # Put first, pop second: if a signal interrupts this, no sender waits for a job that
            # never comes.
            sender.jobs.put(job)
            if self._idle.pop(sender, False):
                return
            # The sender is busy or has ended. The first sender to claim this job sends it.
        sender = _Sender(self)
        sender.jobs.put(job)
        try:
            sender.start()
        except KeyError as error:
            # A signal handler raised, and Python's bookkeeping of threads failed as a result:
            # raise the handler's exception.
            raise error.__context__ or error from None
        except RuntimeError as error:
            if threading.main_thread().is_alive():
                raise SendingError("no thread can be started") from error
            # The interpreter is exiting and starts no more threads. Send on this thread instead,
            # within the transport's own time limit.
            self._work_on(sender, job)
            self._idle.pop(sender, None)

    def _work_on(self, sender: _Sender, job: _Job) -> bool:
        """Send a request on a sender's thread. True if the sender should continue."""
        # An interrupted caller may have left the sender among the idle ones.
        self._idle.pop(sender, None)
        is_claimed = job.claim()
        if is_claimed:
            self._exchange(job)
            self._with_place.discard(job)
        # Before the caller wakes, because it may send its next request at once.
        self._idle[sender] = True
        if is_claimed:
            job.is_done = True
            job.bell.put(None)
            self._give_turn()
        return not self._is_closed

    def _retire(self, sender: _Sender) -> bool:
        """Remove a sender from the idle ones. False if a caller just gave it a request."""
        self._idle.pop(sender, None)
        return sender.jobs.empty()

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
        # A daemon thread, so that a hanging request does not keep the interpreter from exiting.
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
                job = None
            # Even after `close`, a caller whose request has a place may have put it here.
            goes_on = job is not None and self._pool._work_on(self, job)  # noqa: SLF001 -- two halves of one thing
            if not goes_on and self._pool._retire(self):  # noqa: SLF001
                return


def _wait(bell: queue.SimpleQueue[None], deadline: Deadline) -> bool:
    """Wait until a bell rings. False if it has not rung by the deadline."""
    try:
        bell.get(timeout=deadline.remaining_s())
    except queue.Empty:
        return False
    return True
