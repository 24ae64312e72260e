"""Synchronous sending: the caller waits for the answer, and never beyond its deadline."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from sortition._process import PerProcess
from sortition._sending.pool import Deadline, SenderPool, SendingError

if TYPE_CHECKING:
    from sortition._log import Log
    from sortition._transport import Request, Transport

_FAILURES_UNTIL_PAUSE: Final = 3
_PAUSE_S: Final = 10.0
_LOG_INTERVAL_S: Final = 60.0
_OK: Final = range(200, 300)
_OUTAGE: Final = frozenset({408, 429, *range(500, 600)})


class SynchronousDispatch:
    """Sends each event within the call that makes it, and says whether the server took it.

    After three failures running, events fail at once for ten seconds, so that an outage does not
    hold every thread of the service; then one is tried again. A failure is what says that the
    server is down: a request that it refuses, or that was left too little time, is none.
    """

    def __init__(
        self, transport: Transport, log: Log, timeout_s: float, pause_s: float = _PAUSE_S
    ) -> None:
        self._log = log
        self._timeout_s = timeout_s
        self._is_closed = False
        self._warned_of_event_loop = False
        self._pools = PerProcess(lambda: SenderPool(transport))
        self._outages = PerProcess(lambda: _Outage(pause_s, log))

    def deadline(self) -> Deadline:
        """The deadline of a call that starts now."""
        return Deadline(self._timeout_s)

    def send(self, request: Request, deadline: Deadline) -> bool:
        """Send an event; True where the server answered with a 2xx status."""
        if self._is_closed:
            return False
        self._warn_of_event_loop()
        outage = self._outages.get()
        if outage.fails_at_once():
            return False
        try:
            status = self._pools.get().send(request, deadline).status
        except SendingError as error:
            outage.note_failure(request, str(error), is_down=error.says_server_is_down)
            return False
        if status in _OK:
            outage.note_success()
            return True
        outage.note_failure(request, f"status {status}", is_down=status in _OUTAGE, is_answer=True)
        return False

    def close(self) -> None:
        """Send nothing any more, and end the threads of this process."""
        self._is_closed = True
        pool = self._pools.existing()
        if pool is not None:
            pool.close()

    def _warn_of_event_loop(self) -> None:
        """Say once that the caller holds up everything else on its event loop."""
        # Where nobody imported asyncio, no loop runs.
        asyncio = sys.modules.get("asyncio")
        if self._warned_of_event_loop or asyncio is None:
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        self._warned_of_event_loop = True
        self._log.warning(
            "an event is sent within a call on a running event loop, which waits for the answer; "
            "call the client in a thread instead, such as with asyncio.to_thread"
        )


class _Outage:
    """Whether the server seems to be down, and what the log says of it.

    A line is written when sending begins to fail and when it works again, not for each event, and
    at most every minute.
    """

    def __init__(self, pause_s: float, log: Log) -> None:
        self._pause_s = pause_s
        self._log = log
        self._lock = threading.Lock()
        self._failures_running = 0
        self._paused_until = 0.0
        self._is_failure_logged = False
        self._failed_since_logged = 0
        self._logs_failure_from = 0.0

    def fails_at_once(self) -> bool:
        """Whether an event is not to be sent now."""
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

    def note_failure(
        self, request: Request, failure: str, *, is_down: bool, is_answer: bool = False
    ) -> None:
        """An event was not accepted.

        Args:
            request: What was sent.
            failure: Why it failed.
            is_down: Whether that says that the server is down.
            is_answer: Whether the server answered, which says that it is not where `is_down` is
                false.
        """
        now = time.monotonic()
        with self._lock:
            self._failed_since_logged += 1
            if is_down:
                self._failures_running += 1
                self._paused_until = now + self._pause_s
            elif is_answer:
                self._failures_running = 0
            if self._is_failure_logged or now < self._logs_failure_from:
                return
            self._is_failure_logged = True
            self._logs_failure_from = now + _LOG_INTERVAL_S
        self._log.warning(
            "%s failed (%s); no further failure is logged until sending works again",
            request.url,
            failure,
        )

    def note_success(self) -> None:
        """An event was accepted."""
        with self._lock:
            self._failures_running = 0
            if not self._is_failure_logged:
                return
            self._is_failure_logged = False
            failed, self._failed_since_logged = self._failed_since_logged, 0
        self._log.warning("sending works again; %d events were not accepted meanwhile", failed)
