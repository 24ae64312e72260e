"""What takes the events of a client, in whichever process it is.

Nothing is started before the first event. What holds threads and locks belongs to one process:
after a fork the parent goes on with its queue, and the child has an empty one of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from sortition._base.health import SendingHealth
from sortition._process.forks import PerProcess
from sortition._sending import ledger as reasons
from sortition._sending.exits import close_at_exit
from sortition._sending.intake import Intake
from sortition._sending.spool.takeover import Queue as SpoolQueue
from sortition._sending.spool.takeover import Takeover

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._base.health import EndpointStatus, ThreadStatus
    from sortition._base.log import Log
    from sortition._sending.batched import Batching
    from sortition._sending.ledger import Ledger
    from sortition._sending.spool.owner import Owner


class Queue(SpoolQueue, Protocol):
    """The events of one process, and what sends them.

    Attributes:
        waits_for_nothing: Whether each event is sent before the call goes on.
    """

    waits_for_nothing: bool

    @property
    def ledger(self) -> Ledger:
        """What became of the events."""

    @property
    def adopter(self) -> Takeover | None:
        """What takes over the files of dead processes for it; None where there is no spool."""

    def health(self) -> tuple[EndpointStatus, ThreadStatus]:
        """How the server is, and what sends."""


QueueT = TypeVar("QueueT", bound=Queue)


class Dispatch(Generic[QueueT]):
    """Sends from a queue, of which each process has its own.

    Args:
        start: Makes the queue of a process.
        log: The client's log.
        batching: How events are gathered and sent.
        owner: Whose the events are; needed where there is a spool.
    """

    def __init__(
        self,
        start: Callable[[Intake], QueueT],
        log: Log,
        batching: Batching,
        owner: Callable[[], Owner | None] | None,
    ) -> None:
        self._close_timeout_s = batching.close_timeout_s
        self._has_spool = batching.spool is not None
        self._refuses_with: str | None = None

        def start_one() -> QueueT:
            spool = None
            if batching.spool is not None and owner is not None:
                # Imported here, so that importing sortition is cheap.
                from sortition._sending.spool.spool import Spool  # noqa: PLC0415

                spool = Spool(batching.spool, owner, log, batching.events_per_request)
            intake = Intake(log, batching, spool)
            worker = start(intake)
            if spool is not None:
                intake.adopter = Takeover(
                    worker,
                    intake,
                    spool,
                    log,
                    events_per_request=batching.events_per_request,
                    sends_again=batching.on_unknown_outcome == "resend",
                )
            if not close_at_exit(_outer(worker), batching.close_timeout_s):
                worker.waits_for_nothing = True
            return worker

        self._workers = PerProcess(start_one)

    @property
    def ledger(self) -> Ledger:
        """What became of this process's events."""
        return self._workers.get().ledger

    def flush(self, timeout_s: float) -> bool:
        """Send what waits, and wait for what becomes of it.

        Returns:
            Whether the server accepted all of it in time.
        """
        worker = self._to_flush()
        return worker is None or _outer(worker).flush(timeout_s)

    def hurry(self) -> None:
        """Send what waits, without waiting for it."""
        worker = self._to_flush()
        if worker is not None:
            _outer(worker).hurry()

    def close(self, timeout_s: float, reason: str = reasons.CLOSED) -> bool:
        """Take nothing any more, and send what waits; what is left after this time is dropped.

        Returns:
            Whether nothing was left.
        """
        self._refuses_with = reason
        worker = self._workers.existing()
        return worker is None or _outer(worker).close(timeout_s)

    def health(self) -> SendingHealth:
        """How the server, the threads and the spool of this process are."""
        worker = self._workers.existing()
        if worker is None:
            return SendingHealth()
        adopter = worker.adopter
        return SendingHealth(*worker.health(), None if adopter is None else adopter.spool_failure)

    def release(self) -> None:
        """Nobody uses it any more: send what waits and end, without waiting for it."""
        self._refuses_with = reasons.CLOSED
        worker = self._workers.existing()
        if worker is not None:
            _outer(worker).release(self._close_timeout_s)

    def _to_flush(self) -> QueueT | None:
        # In the spool there may be something of a process before this one.
        if self._has_spool and self._refuses_with is None:
            return self._workers.get()
        return self._workers.existing()


def _outer(queue: Queue) -> Queue | Takeover:
    """The queue with what is in its spool, where it has one."""
    adopter = queue.adopter
    return queue if adopter is None else adopter
