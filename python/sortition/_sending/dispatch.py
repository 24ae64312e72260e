"""What takes the events of a client, in whichever process it is.

Nothing is started before the first event. What holds threads belongs to one process: after a fork
the parent goes on with its queue, and the child has an empty one of its own.
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
    """Takes events, and sends them from a queue, of which each process has its own.

    Args:
        engine: Which engine the client uses; the queue is part of it.
        transport: How requests reach the server.
        log: The client's log.
        batching: How events are gathered and sent.
        request_of: Makes the request of a batch.
        requests_at_once: How many requests may be under way at once.
        is_per_user: Whether each event has a request of its own, and the events of one user keep
            their order.
        user_of: The user of an event; empty where nobody can tell.
        owner: Whose the events are; needed where there is a spool.
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

        def start() -> _Process:
            spool = None
            if batching.spool is not None and owner is not None:
                # Imported here, so that importing sortition is cheap.
                from sortition._sending.spool.spool import Spool  # noqa: PLC0415

                spool = Spool(batching.spool, owner, log, batching.events_per_request)
            outbox = Outbox(
                queues_of(engine),
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
                from sortition._sending.spool.takeover import Takeover  # noqa: PLC0415

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
        """What became of this process's events."""
        return self._processes.get().outbox.ledger

    def queue(self) -> Queue | None:
        """The queue of this process, where the compiled engine may put events into it by itself."""
        return self._processes.get().outbox.queue if self._is_plain else None

    def accept(self, kind: str, event: bytes, user: str = "") -> bool:
        """Take an event of a user to be sent; False where it is refused, which is counted."""
        process = self._processes.get()
        if self._refuses_with is not None:
            process.outbox.ledger.refuse(kind, self._refuses_with)
            return False
        if process.takeover is not None:
            process.takeover.start()
        return process.outbox.accept(kind, event, user)

    def flush(self, timeout_s: float) -> bool:
        """Send what waits, and wait for what becomes of it.

        Returns:
            Whether the server accepted all of it in time.
        """
        process = self._to_flush()
        return process is None or process.outer.flush(timeout_s)

    def flush_soon(self) -> None:
        """Send what waits, without waiting for it."""
        process = self._to_flush()
        if process is not None:
            process.outer.flush_soon()

    def close(self, timeout_s: float, reason: str = reasons.CLOSED) -> bool:
        """Take nothing any more, and send what waits; what is left after this time is dropped.

        Returns:
            Whether nothing was left.
        """
        self._refuses_with = reason
        process = self._processes.existing()
        return process is None or process.outer.close(timeout_s)

    def release(self) -> None:
        """Nobody uses it any more: send what waits and end, without waiting for it."""
        self._refuses_with = reasons.CLOSED
        process = self._processes.existing()
        if process is not None:
            process.outer.release(self._close_timeout_s)

    def health(self) -> SendingHealth:
        """How the server, the threads and the spool of this process are."""
        process = self._processes.existing()
        if process is None:
            return SendingHealth()
        takeover = process.takeover
        failure = None if takeover is None else takeover.spool_failure
        return SendingHealth(*process.outbox.health(), failure)

    def _to_flush(self) -> _Process | None:
        # In the spool there may be something of a process before this one.
        if self._has_spool and self._refuses_with is None:
            return self._processes.get()
        return self._processes.existing()


class _Process:
    """What belongs to one process.

    Attributes:
        outbox: Its events.
        takeover: What takes over the files of processes that ended; None where there is no spool.
        outer: The outbox with what is in its spool, where it has one.
    """

    def __init__(self, outbox: Outbox, takeover: Takeover | None) -> None:
        self.outbox = outbox
        self.takeover = takeover
        self.outer: Outbox | Takeover = outbox if takeover is None else takeover
