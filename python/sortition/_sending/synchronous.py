"""Synchronous sending: the caller waits for the answer, and never beyond its deadline."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from sortition._base.health import SendingHealth
from sortition._http.pool import Deadline, SenderPool, SendingError
from sortition._process.forks import PerProcess
from sortition._sending import ledger as reasons
from sortition._sending.dropping import tell_of_drop
from sortition._sending.ledger import Ledger
from sortition._sending.outage import OutageLog

if TYPE_CHECKING:
    from sortition._base.health import EndpointStatus
    from sortition._base.log import Log
    from sortition._http.transport import Request, Transport
    from sortition._sending.dropping import OnDrop
    from sortition._sending.ledger import Kinds

_FAILURES_UNTIL_PAUSE: Final = 3
_PAUSE_S: Final = 10.0
_OK: Final = range(200, 300)
_OUTAGE: Final = frozenset({408, 429, *range(500, 600)})


class SynchronousDispatch:
    """Sends each event within the call that makes it, and says whether the server took it.

    Each is sent once: whoever is told that it failed may call again. After three failures running,
    events fail at once for ten seconds, so that an outage does not hold every thread of the
    service; then one is tried again. A failure is what says that the server is down: a request that
    it refuses, or that was left too little time, is none.
    """

    def __init__(
        self,
        transport: Transport,
        log: Log,
        timeout_s: float,
        on_drop: OnDrop | None = None,
        pause_s: float = _PAUSE_S,
    ) -> None:
        self._log = log
        self._on_drop = on_drop
        self._timeout_s = timeout_s
        self._is_closed = False
        self._warned_of_event_loop = False
        self._process = PerProcess(lambda: _Process(transport, pause_s, log))

    @property
    def ledger(self) -> Ledger:
        """What became of this process's events."""
        return self._process.get().ledger

    def deadline(self) -> Deadline:
        """The deadline of a call that starts now."""
        return Deadline(self._timeout_s)

    def send(self, request: Request, deadline: Deadline, kinds: Kinds) -> bool:
        """Send events; True where the server answered with a 2xx status.

        Args:
            request: The request that carries them.
            deadline: When the call is to be over.
            kinds: How many events of each kind it carries.
        """
        process = self._process.get()
        ledger = process.ledger
        if self._is_closed:
            for kind, count in kinds.items():
                ledger.refuse(kind, reasons.CLOSED, count)
            return False
        self._warn_of_event_loop()
        ledger.accept(kinds, "in_flight")
        try:
            reason = process.exchange(request, deadline)
        except BaseException:
            # A signal handler raised, such as that of Ctrl-C.
            ledger.drop(kinds, "in_flight", reasons.UNKNOWN_OUTCOME)
            raise
        if reason is None:
            ledger.move(kinds, "in_flight", "delivered")
            return True
        ledger.drop(kinds, "in_flight", reason)
        if self._on_drop is not None:
            tell_of_drop(self._log, self._on_drop, reason, sum(kinds.values()))
        return False

    def close(self) -> None:
        """Send nothing any more, and end the threads of this process."""
        self._is_closed = True
        process = self._process.existing()
        if process is not None:
            process.pool.close()

    def health(self) -> SendingHealth:
        """How the server is in this process; there is no thread whose health would matter."""
        process = self._process.existing()
        return SendingHealth(None if process is None else process.endpoint())

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
            "launch with batch_events, or call the client in a thread, such as with "
            "asyncio.to_thread"
        )


class _Process:
    """What belongs to one process: the threads that send, and what is known of the server."""

    def __init__(self, transport: Transport, pause_s: float, log: Log) -> None:
        self.pool = SenderPool(transport)
        self.ledger = Ledger()
        self._outage_log = OutageLog(log)
        self._pause_s = pause_s
        self._lock = threading.RLock()
        self._failures_running = 0
        self._paused_until = 0.0

    def exchange(self, request: Request, deadline: Deadline) -> str | None:
        """Send a request; why it failed, or None where it was accepted."""
        if self._fails_at_once():
            self._outage_log.note_unsent()
            return reasons.NOT_SENT
        try:
            status = self.pool.send(request, deadline).status
        except SendingError as error:
            self._note_failure(is_down=error.says_server_is_down)
            self._outage_log.note_failure(request.url, str(error))
            return reasons.UNKNOWN_OUTCOME if error.may_have_arrived else reasons.NOT_SENT
        if status in _OK:
            self._note_answer()
            self._outage_log.note_success()
            return None
        self._outage_log.note_failure(request.url, f"status {status}")
        if status in _OUTAGE:
            self._note_failure(is_down=True)
            return reasons.UNKNOWN_OUTCOME
        # A server that refuses is not down.
        self._note_answer()
        return reasons.REJECTED

    def endpoint(self) -> EndpointStatus:
        """How the server has answered."""
        return self._outage_log.status()

    def _fails_at_once(self) -> bool:
        with self._lock:
            if self._failures_running < _FAILURES_UNTIL_PAUSE:
                return False
            now = time.monotonic()
            if now < self._paused_until:
                return True
            # This one tries; the others go on failing until it is known what came of it.
            self._paused_until = now + self._pause_s
            return False

    def _note_failure(self, *, is_down: bool) -> None:
        if is_down:
            with self._lock:
                self._failures_running += 1
                self._paused_until = time.monotonic() + self._pause_s

    def _note_answer(self) -> None:
        with self._lock:
            self._failures_running = 0
