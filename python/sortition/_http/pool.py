"""A bounded number of threads that send, so that a caller can stop waiting for one."""

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
    """A request, the caller that waits for it, and what came of it.

    Attributes:
        request: The request.
        deadline: The caller's deadline.
        bell: Rings when the request may get a place, and when it is done.
        response: The answer.
        failure: Why there is no answer.
        is_done: Whether the sender has finished.
        is_abandoned: Whether the caller no longer waits.
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
        """Take the request; whether nobody has before. Only one sender or its caller does."""
        try:
            self._unclaimed.pop()
        except IndexError:
            return False
        return True


class SenderPool:
    """Sends requests on threads of its own, each at most until its caller's deadline.

    A transport ends each exchange at its deadline, whatever the server does. If it cannot, as with
    a name look-up that hangs, the caller continues at the deadline without it. The place of the
    request is free again when the transport returns. Nothing is started before the first request;
    threads that have nothing to do for half a minute end.

    A signal handler may raise in a caller at any point, or send something itself. So every change
    is one step that can be repeated, callers wait for a bell and never in a condition, and senders
    take no lock that an interrupted caller may hold.
    """

    def __init__(self, transport: Transport, most_senders: int = MOST_SENDERS) -> None:
        self._transport = transport
        self._forks = Forks.count
        self._most_senders = most_senders
        # Held by callers alone, while one takes a place.
        self._lock = threading.RLock()
        self._with_place: set[_Job] = set()
        self._waiting: dict[_Job, None] = {}
        self._idle: dict[_Sender, bool] = {}
        self._is_closed = False

    @property
    def free_places(self) -> int:
        """How many more requests may be on their way."""
        return self._most_senders - len(self._with_place)

    def send(self, request: Request, deadline: Deadline) -> Response:
        """Send a request and wait for its answer.

        Raises:
            SendingError: None came before the deadline, the pool is closed, every place is taken
                by a request that its caller gave up on, or the interpreter is ending.
        """
        if sys.is_finalizing():
            # A thread that starts now never runs, and one that has ended may hold our lock.
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
        """Refuse what waits for its turn. Threads end, where they send after their request.

        Args:
            joins: Whether to wait for the end of those that do not send.
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
            # Before it looks: a place that is free from now on rings the bell.
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
        """Note that its caller no longer waits; whether a sender has taken it."""
        self._waiting.pop(job, None)
        job.is_abandoned = True
        is_unsent = job.claim()
        if is_unsent:
            self._with_place.discard(job)
        # It may have had its turn, which is another's now.
        self._give_turn()
        return not is_unsent

    def _give_turn(self) -> None:
        """Let the next request look for a place, if there is one."""
        if self.free_places > 0:
            for job in list(self._waiting):
                self._waiting.pop(job, None)
                job.bell.put(None)
                return

    def _start(self, job: _Job) -> None:
        for sender in reversed(list(self._idle)):
            # In this order: whatever interrupts this, no sender waits for what never comes.
            sender.jobs.put(job)
            if self._idle.pop(sender, False):
                return
            # It has another request or has ended. Whoever claims this one first sends it.
        sender = _Sender(self)
        sender.jobs.put(job)
        try:
            sender.start()
        except KeyError as error:
            # A signal handler raised, and Python's own bookkeeping of the thread fails instead.
            raise error.__context__ or error from None
        except RuntimeError as error:
            if threading.main_thread().is_alive():
                raise SendingError("no thread can be started") from error
            # The interpreter is exiting and starts no thread any more: better to send here,
            # within the bounds that the transport keeps, than not at all.
            self._work_on(sender, job)
            self._idle.pop(sender, None)

    def _work_on(self, sender: _Sender, job: _Job) -> bool:
        """Send a request for a sender; whether that is to go on."""
        # An interrupted caller may have left it among the idle ones.
        self._idle.pop(sender, None)
        is_claimed = job.claim()
        if is_claimed:
            self._exchange(job)
            self._with_place.discard(job)
        # Before the caller goes on, who may send again at once.
        self._idle[sender] = True
        if is_claimed:
            job.is_done = True
            job.bell.put(None)
            self._give_turn()
        return not self._is_closed

    def _retire(self, sender: _Sender) -> bool:
        """Take a sender out of the idle ones; False if a request was just given to it."""
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
                job = None
            # After a close too, a caller may have given it a request that has its place.
            goes_on = job is not None and self._pool._work_on(self, job)  # noqa: SLF001 -- two halves of one thing
            if not goes_on and self._pool._retire(self):  # noqa: SLF001
                return


def _wait(bell: queue.SimpleQueue[None], deadline: Deadline) -> bool:
    """Wait until a bell rings; whether it did before the deadline."""
    try:
        bell.get(timeout=deadline.remaining_s())
    except queue.Empty:
        return False
    return True
