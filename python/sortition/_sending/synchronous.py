"""Synchronous sending: the caller waits for the answer, and never beyond its deadline."""

from __future__ import annotations

import contextlib
import sys
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from sortition._base.health import SendingHealth
from sortition._http.answers import outcome_of
from sortition._http.breaker import PAUSE_S, Breaker
from sortition._http.pool import Deadline, SenderPool, SendingError
from sortition._process.event_loops import running_loop
from sortition._process.exit import Exit
from sortition._process.forks import PerProcess
from sortition._sending import ledger as reasons
from sortition._sending.drops import CallDrops, call_back
from sortition._sending.exits import close_at_exit
from sortition._sending.ledger import Ledger
from sortition._sending.outage_log import OutageLog
from sortition._sending.queues import queues_of

if TYPE_CHECKING:
    from types import FrameType

    from sortition._base.health import EndpointStatus
    from sortition._base.log import Log
    from sortition._http.answers import Outcome
    from sortition._http.transport import Request, Transport
    from sortition._sending.drops import OnDrop
    from sortition._sending.options import OnUnknownOutcome
    from sortition._sending.queue import QueueModule


class SynchronousDispatch:
    """Sends each event within the call that makes it, and says whether the server took it.

    A call whose event failed may be made again, so that nothing is sent again later. Only where a
    connection that was used before ends with the request, the request goes once more on a new one,
    within the same deadline.

    After three failures in a row, events fail at once for ten seconds, so that an outage does not
    hold every thread of the service; then one is tried again. Only what says that the server is
    down is a failure. A request that the server refuses, or that had too little time, does not
    count.

    Args:
        engine: Which engine the client uses; the ledger's numbers are part of it.
        transport: How requests reach the server.
        log: The client's log.
        timeout_s: How long a call may take, in seconds.
        on_drop: Told of events that were lost.
        on_unknown_outcome: Whether a request that the server may have goes once more.
        pause_s: How long events fail at once, in seconds.
    """

    def __init__(
        self,
        engine: Literal["compiled", "pure"],
        transport: Transport,
        log: Log,
        timeout_s: float,
        on_drop: OnDrop | None = None,
        on_unknown_outcome: OnUnknownOutcome = "resend",
        pause_s: float = PAUSE_S,
    ) -> None:
        self._log = log
        self._on_drop = on_drop
        self._timeout_s = timeout_s
        self._resends = on_unknown_outcome == "resend"
        self._is_closed = False
        self._warned_of_event_loop = False

        # Imported now and not by the first event: a signal handler that sends an event would find
        # the module half imported.
        queues = queues_of(engine)

        def start() -> _Process:
            process = _Process(queues, transport, pause_s, log)
            close_at_exit(process, 0.0)
            return process

        self._process = PerProcess(start)

    @property
    def ledger(self) -> Ledger:
        """The outcome of this process's events."""
        return self._process.get().ledger

    def deadline(self) -> Deadline:
        """The deadline of a call that starts now."""
        return Deadline(self._timeout_s)

    def send(self, request: Request, deadline: Deadline, kinds: dict[str, int]) -> bool:
        """Send events; True where the server answered with a 2xx status.

        Args:
            request: The request that carries them.
            deadline: When the call is to be over.
            kinds: How many events of each kind it carries.
        """
        process = self._process.get()
        counts = process.ledger.counts
        if self._is_closed:
            self._count_refused(kinds, reasons.CLOSED)
            return False
        self._warn_of_event_loop()
        in_flight = counts.begin(kinds)
        try:
            outcome = process.exchange(replace(request, may_be_repeated=self._resends), deadline)
            if outcome is not None and outcome.was_repeated:
                counts.repeat(kinds)
            if outcome is not None and outcome.is_accepted:
                in_flight.end()
                if outcome.is_html:
                    counts.note_html(kinds)
                return True
            reason = _reason_of(outcome)
            in_flight.end(reason)
        except BaseException:
            # A signal handler raised, such as that of Ctrl-C. Where it does so before these lines,
            # the end of the object counts the events; only the first end counts.
            in_flight.end(reasons.UNKNOWN_OUTCOME)
            self._log_drop(process, reasons.UNKNOWN_OUTCOME)
            raise
        self._log_drop(process, reason)
        call_back(self._log, self._on_drop, reason, sum(kinds.values()))
        return False

    def refuse_for_lack_of_threads(self, kinds: dict[str, int]) -> None:
        """Count events that no thread can send, and report them."""
        self._count_refused(kinds, reasons.QUEUE_FULL)
        self._log_drop(self._process.get(), reasons.QUEUE_FULL)
        call_back(self._log, self._on_drop, reasons.QUEUE_FULL, sum(kinds.values()))

    def _count_refused(self, kinds: dict[str, int], reason: str) -> None:
        for kind, count in kinds.items():
            self.ledger.counts.refuse(kind, reason, count)

    def close(self) -> None:
        """Send nothing any more, and end the threads of this process."""
        self._is_closed = True
        process = self._process.existing()
        if process is not None:
            process.pool.close()
            process.drops.log_rest()

    def health(self) -> SendingHealth:
        """How the server is in this process; there is no thread whose health would matter."""
        process = self._process.existing()
        return SendingHealth(None if process is None else process.endpoint())

    def _log_drop(self, process: _Process, reason: str) -> None:
        process.drops.note(reason)
        if self._is_closed or Exit.has_come:
            # Nobody would log it later.
            process.drops.log_rest()

    def _warn_of_event_loop(self) -> None:
        """Say once that the caller holds up everything else on its event loop."""
        if self._warned_of_event_loop or running_loop() is None:
            return
        self._warned_of_event_loop = True
        words = (
            "an event is sent within a call on a running event loop, which waits for the answer; "
            "launch the client with alaunch and await its calls, or launch it with batch_events"
        )
        self._log.warning(words)
        # A call never raises, whatever the service makes of warnings.
        with contextlib.suppress(RuntimeWarning):
            warnings.warn(words, RuntimeWarning, stacklevel=_frames_of_ours())


class _Process:
    """What belongs to one process: the threads that send, and what is known of the server."""

    def __init__(
        self,
        queues: QueueModule,
        transport: Transport,
        pause_s: float,
        log: Log,
    ) -> None:
        self.pool = SenderPool(transport)
        self.ledger = Ledger(queues.Counts())
        self.drops = CallDrops(self.ledger, log)
        self._outage_log = OutageLog(log)
        self._breaker = Breaker(pause_s)

    def release(self, timeout_s: float) -> None:
        """See `sortition._sending.exits.Closable`. Nothing waits here."""

    def close(self, timeout_s: float) -> bool:  # noqa: ARG002 -- nothing waits here
        """See `sortition._sending.exits.Closable`. What was lost and not logged yet is logged."""
        self.drops.log_rest()
        return True

    def exchange(self, request: Request, deadline: Deadline) -> Outcome | None:
        """Send a request; None if it is not sent, as the server is down."""
        if not self._breaker.allows():
            self._outage_log.note_unsent()
            return None
        try:
            outcome = outcome_of(self.pool.send(request, deadline))
        except SendingError as error:
            outcome = outcome_of(error)
        else:
            if not outcome.is_server_down:
                # A server that refuses is not down.
                self._breaker.note_success()
        if outcome.is_server_down:
            self._breaker.note_failure()
        self._outage_log.note(request.url, outcome)
        return outcome

    def endpoint(self) -> EndpointStatus:
        """How the server has answered."""
        return self._outage_log.status()


def _reason_of(outcome: Outcome | None) -> str:
    """Why an event is lost."""
    if outcome is None or (not outcome.is_answer and not outcome.may_have_arrived):
        return reasons.NOT_SENT
    return reasons.UNKNOWN_OUTCOME if outcome.may_have_arrived else reasons.REJECTED


def _frames_of_ours() -> int:
    """How many frames above the one that asks belong to sortition, so that a warning names none."""
    depth = 1
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 -- the way to it
    while frame is not None and frame.f_globals.get("__name__", "").startswith("sortition."):
        depth += 1
        frame = frame.f_back
    return depth
