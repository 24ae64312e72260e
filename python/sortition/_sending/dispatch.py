"""What takes the events of a client, in whichever process it is.

Nothing is started before the first event. What holds threads and locks belongs to one process:
after a fork the parent goes on with its queue, and the child has an empty one of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from sortition._process import PerProcess
from sortition._sending import ledger as reasons
from sortition._sending.exits import Closable, close_at_exit

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._health import EndpointStatus, ThreadStatus
    from sortition._sending.ledger import Ledger


class Queue(Closable, Protocol):
    """The events of one process, and what sends them.

    Attributes:
        waits_for_nothing: Whether each event is sent before the call goes on.
    """

    waits_for_nothing: bool

    @property
    def ledger(self) -> Ledger:
        """What became of the events."""

    def flush(self, timeout_s: float) -> bool:
        """Send what waits, and wait for what becomes of it; whether all of it was delivered."""

    def hurry(self) -> None:
        """Send what waits, without waiting for it."""

    def health(self) -> tuple[EndpointStatus, ThreadStatus]:
        """How the server is, and what sends."""


QueueT = TypeVar("QueueT", bound=Queue)


class Dispatch(Generic[QueueT]):
    """Sends from a queue, of which each process has its own.

    Args:
        start: Makes the queue of a process.
        close_timeout_s: How long the interpreter's exit waits for what is left.
    """

    def __init__(self, start: Callable[[], QueueT], close_timeout_s: float) -> None:
        self._close_timeout_s = close_timeout_s
        self._refuses_with: str | None = None

        def start_one() -> QueueT:
            worker = start()
            if not close_at_exit(worker, close_timeout_s):
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
        worker = self._workers.existing()
        return worker is None or worker.flush(timeout_s)

    def hurry(self) -> None:
        """Send what waits, without waiting for it."""
        worker = self._workers.existing()
        if worker is not None:
            worker.hurry()

    def close(self, timeout_s: float, reason: str = reasons.CLOSED) -> bool:
        """Take nothing any more, and send what waits; what is left after this time is dropped.

        Returns:
            Whether nothing was left.
        """
        self._refuses_with = reason
        worker = self._workers.existing()
        return worker is None or worker.close(timeout_s)

    def health(self) -> tuple[EndpointStatus | None, ThreadStatus | None]:
        """How the server and the threads of this process are; None before the first event."""
        worker = self._workers.existing()
        return (None, None) if worker is None else worker.health()

    def release(self) -> None:
        """Nobody uses it any more: send what waits and end, without waiting for it."""
        self._refuses_with = reasons.CLOSED
        worker = self._workers.existing()
        if worker is not None:
            worker.release(self._close_timeout_s)
