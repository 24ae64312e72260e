"""Synchronous sending: the caller waits for the answer, and never beyond its deadline."""

from __future__ import annotations

import os
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sortition._log import Log
    from sortition._transport import Request, Response, Transport

MOST_SENDERS: Final = 32
"""How many requests of one client are on their way at once; more wait for their turn."""

_IDLE_S: Final = 30.0
_FAILURES_UNTIL_PAUSE: Final = 3
_PAUSE_S: Final = 10.0
_LOG_INTERVAL_S: Final = 60.0
_OK: Final = range(200, 300)
_OUTAGE: Final = frozenset({408, 429, *range(500, 600)})


class SendingError(Exception):
    """No answer came; the message says why, in words that hold no secret."""


class Deadline:
    """A moment by which a call is to be over, however many requests it makes."""

    def __init__(self, timeout_s: float) -> None:
        self._end = time.monotonic() + timeout_s

    def remaining_s(self) -> float:
        """How much time is left, in seconds; 0 where none is."""
        return max(0.0, self._end - time.monotonic())


@dataclass(eq=False, slots=True)
class _Job:
    """A request, the caller that waits for it, and what came of it."""

    request: Request
    deadline: Deadline
    done: threading.Event
    response: Response | None = None
    failure: str = ""
    is_abandoned: bool = False


class SenderPool:
    """A bounded number of threads that send, so that a caller can stop waiting for one.

    A name look-up or a TLS handshake takes no timeout: the thread that hangs in it is abandoned,
    and its place is taken up again when it comes back. Nothing is started before the first
    request; threads that have nothing to do for half a minute end.
    """

    def __init__(self, transport: Transport, most_senders: int = MOST_SENDERS) -> None:
        self._transport = transport
        self._most_senders = most_senders
        self._places = threading.Semaphore(most_senders)
        self._lock = threading.Lock()
        self._idle: list[_Sender] = []
        self._abandoned = 0
        self._is_closed = False

    def send(self, request: Request, deadline: Deadline) -> Response:
        """Send a request and wait for its answer.

        Raises:
            SendingError: None came before the deadline, or every place is taken by a request that
                its caller gave up on.
        """
        if self._is_closed:
            raise SendingError("the client is closed")
        self._take_place(deadline)
        job = _Job(request, deadline, threading.Event())
        try:
            self._sender().jobs.put(job)
        except RuntimeError as error:
            # The system has no thread left.
            self._places.release()
            raise SendingError("no thread can be started") from error
        job.done.wait(deadline.remaining_s())
        with self._lock:
            if not job.done.is_set():
                job.is_abandoned = True
                self._abandoned += 1
                raise SendingError("no answer in time")
        if job.response is None:
            raise SendingError(job.failure)
        return job.response

    def close(self) -> None:
        """End the threads that have nothing to do; the others end after their request."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for sender in idle:
            sender.jobs.put(None)
        self._transport.close()

    def _take_place(self, deadline: Deadline) -> None:
        if self._places.acquire(blocking=False):
            return
        with self._lock:
            all_hang = self._abandoned >= self._most_senders
        if all_hang or not self._places.acquire(timeout=deadline.remaining_s()):
            raise SendingError("too many requests are on their way")

    def _sender(self) -> _Sender:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        sender = _Sender(self)
        sender.start()
        return sender

    def _finish(self, sender: _Sender, job: _Job) -> bool:
        """Hand a result over; whether the sender is to go on."""
        with self._lock:
            job.done.set()
            if job.is_abandoned:
                self._abandoned -= 1
            goes_on = not self._is_closed
            if goes_on:
                self._idle.append(sender)
        self._places.release()
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
            job.failure = "no answer in time"
            return
        try:
            job.response = self._transport.send(job.request, timeout_s)
        except BaseException as error:  # noqa: BLE001 -- a transport may raise anything
            # By class only: the text of the HTTP library holds the URL, and with it the key.
            job.failure = type(error).__name__


class _Sender(threading.Thread):
    """A thread that sends one request at a time."""

    def __init__(self, pool: SenderPool) -> None:
        # A daemon, so that one that hangs does not keep the interpreter from exiting.
        super().__init__(name="sortition-sender", daemon=True)
        self.jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._pool = pool

    def run(self) -> None:
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


class SynchronousDispatch:
    """Sends each event within the call that makes it, and says whether the server took it.

    After three failures running, events fail at once for ten seconds, so that an outage does not
    hold every thread of the service; then one is tried again. A log line is written when sending
    begins to fail and when it works again, not for each event, and at most every minute.
    """

    def __init__(
        self, transport: Transport, log: Log, timeout_s: float, pause_s: float = _PAUSE_S
    ) -> None:
        self._transport = transport
        self._log = log
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._start_over()

    def deadline(self) -> Deadline:
        """The deadline of a call that starts now."""
        return Deadline(self._timeout_s)

    def send(self, request: Request, deadline: Deadline) -> bool:
        """Send an event; True where the server answered with a 2xx status."""
        if os.getpid() != self._pid:
            # A forked child has none of the parent's threads, and its locks may be held for ever.
            self._start_over()
        if self._fails_at_once():
            return False
        try:
            status = self._pool.send(request, deadline).status
        except SendingError as error:
            self._note_failure(request, str(error), is_outage=True)
            return False
        if status in _OK:
            self._note_success()
            return True
        self._note_failure(request, f"status {status}", is_outage=status in _OUTAGE)
        return False

    def close(self) -> None:
        """End the threads; nothing is sent afterwards."""
        self._pool.close()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._pool = SenderPool(self._transport)
        self._lock = threading.Lock()
        self._failures_running = 0
        self._paused_until = 0.0
        self._is_failure_logged = False
        self._failed_since_logged = 0
        self._logs_failure_from = 0.0

    def _fails_at_once(self) -> bool:
        with self._lock:
            if self._failures_running < _FAILURES_UNTIL_PAUSE:
                return False
            now = time.monotonic()
            if now < self._paused_until:
                self._failed_since_logged += 1
                return True
            # This one tries; the others go on failing until it is known what came of it.
            self._paused_until = now + self._pause_s
            return False

    def _note_failure(self, request: Request, failure: str, *, is_outage: bool) -> None:
        now = time.monotonic()
        with self._lock:
            self._failed_since_logged += 1
            if is_outage:
                self._failures_running += 1
                self._paused_until = now + self._pause_s
            if self._is_failure_logged or now < self._logs_failure_from:
                return
            self._is_failure_logged = True
            self._logs_failure_from = now + _LOG_INTERVAL_S
        self._log.warning(
            "%s failed (%s); no further failure is logged until sending works again",
            request.path,
            failure,
        )

    def _note_success(self) -> None:
        with self._lock:
            self._failures_running = 0
            if not self._is_failure_logged:
                return
            self._is_failure_logged = False
            failed, self._failed_since_logged = self._failed_since_logged, 0
        self._log.warning("sending works again; %d events were not accepted meanwhile", failed)
