"""Accepts the events of a client, in any process.

Starts nothing before the first event. The parts with threads belong to one process: after a fork,
the parent keeps its queue, and the child gets an empty one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sortition._base.health import SendingHealth
from sortition._process.forks import PerProcess
from sortition._sending import ledger as reasons
from sortition._sending.exits import close_at_exit
from sortition._sending.outbox import Outbox
from sortition._sending.queues import queues_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from sortition._base.log import Log
    from sortition._http.transport import Request, Transport
    from sortition._sending.ledger import Ledger
    from sortition._sending.options import Batching
    from sortition._sending.queue import Queue
    from sortition._sending.spool.owner import Owner
    from sortition._sending.spool.takeover import Takeover


class Dispatch:
    """Accepts events and sends them from a queue; each process has its own queue.

    Args:
        engine: The client's engine, which includes the queue.
        transport: Sends requests.
        log: The client's log.
        batching: The options of sending.
        request_of: Makes the request for a batch.
        requests_at_once: How many requests may be under way at once.
        is_per_user: Whether each event is one request and the events of one user keep their order.
        user_of: Returns the user of an event; empty if unknown.
        owner: Returns the owner of the events; required for a spool.
    """

    def __init__(
        self,
        engine: Literal["compiled", "pure"],
        transport: Transport,
        log: Log,
        batching: Batching,
        request_of: Callable[[Sequence[bytes]], Request],
        *,
        requests_at_once: int = 1,
        is_per_user: bool = False,
        user_of: Callable[[bytes], str] = lambda _: "",
        owner: Callable[[], Owner | None] | None = None,
    ) -> None:
        self._close_timeout_s = batching.close_timeout_s
        self._is_plain = engine == "compiled" and batching.spool is None
        self._has_spool = batching.spool is not None
        self._refuses_with: str | None = None
        # The modules are imported by a launch, so that importing sortition is cheap, and not by the
        # first event: a signal handler that sends an event would find them half imported.
        queues = queues_of(engine)
        if batching.spool is not None:
            from sortition._sending.spool.spool import Spool  # noqa: PLC0415
            from sortition._sending.spool.takeover import Takeover  # noqa: PLC0415

        def start() -> _Process:
            spool = None
            if batching.spool is not None and owner is not None:
                spool = Spool(batching.spool, owner, log, batching.events_per_request)
            outbox = Outbox(
                queues,
                transport,
                log,
                batching,
                request_of,
                requests_at_once=requests_at_once,
                is_per_user=is_per_user,
                user_of=user_of,
                spool=spool,
            )
            takeover = None
            if spool is not None:
                takeover = Takeover(
                    outbox,
                    spool,
                    log,
                    events_per_request=batching.events_per_request,
                    sends_again=batching.on_unknown_outcome == "resend",
                )
            process = _Process(outbox, takeover)
            if not close_at_exit(process.outer, batching.close_timeout_s):
                outbox.send_at_once()
            return process

        self._processes = PerProcess(start)

    @property
    def ledger(self) -> Ledger:
        """What happened to this process's events."""
        return self._processes.get().outbox.ledger

    def queue(self) -> Queue | None:
        """The queue of this process, if the compiled engine may use it directly."""
        return self._processes.get().outbox.queue if self._is_plain else None

    def accept(self, kind: str, event: bytes, user: str = "") -> bool:
        """Accept an event of a user; False if it is refused, which is counted."""
        process = self._processes.get()
        if self._refuses_with is not None:
            process.outbox.ledger.refuse(kind, self._refuses_with)
            return False
        if process.takeover is not None:
            process.takeover.start()
        return process.outbox.accept(kind, event, user)

    def flush(self, timeout_s: float) -> bool:
        """Send waiting events, and wait for their outcome.

        Returns:
            Whether the server accepted all of them in time.
        """
        process = self._to_flush()
        return process is None or process.outer.flush(timeout_s)

    def flush_soon(self) -> None:
        """Start to send waiting events, without waiting for the answers."""
        process = self._to_flush()
        if process is not None:
            process.outer.flush_soon()

    def close(self, timeout_s: float, reason: str = reasons.CLOSED) -> bool:
        """Refuse new events, and send the waiting ones; drop what is left after this time.

        Returns:
            Whether all events were sent.
        """
        self._refuses_with = reason
        process = self._processes.existing()
        return process is None or process.outer.close(timeout_s)

    def release(self) -> None:
        """Send waiting events and end, without waiting: nobody uses it any more."""
        self._refuses_with = reasons.CLOSED
        process = self._processes.existing()
        if process is not None:
            process.outer.release(self._close_timeout_s)

    def health(self) -> SendingHealth:
        """The health of the server, the threads and the spool of this process."""
        process = self._processes.existing()
        if process is None:
            return SendingHealth()
        takeover = process.takeover
        failure = None if takeover is None else takeover.spool_failure
        return SendingHealth(*process.outbox.health(), failure)

    def _to_flush(self) -> _Process | None:
        # The spool may have events of an earlier process.
        if self._has_spool and self._refuses_with is None:
            return self._processes.get()
        return self._processes.existing()


class _Process:
    """The parts that belong to one process.

    Attributes:
        outbox: Its events.
        takeover: Takes over the files of processes that ended; None without a spool.
        outer: The outbox, including its spool if it has one.
    """

    def __init__(self, outbox: Outbox, takeover: Takeover | None) -> None:
        self.outbox = outbox
        self.takeover = takeover
        self.outer: Outbox | Takeover = outbox if takeover is None else takeover
