"""How the events of a client leave: the part that all platforms share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sortition._base.health import SendingHealth
from sortition._process.forks import PerProcess
from sortition._sending.ledger import Ledger
from sortition._sending.queues import queues_of

if TYPE_CHECKING:
    from sortition._sending.queue import Queue


class Delivery(Protocol):
    """The way out for a client's events. Each platform adds how it accepts them."""

    @property
    def waits_for_answers(self) -> bool:
        """Whether a call waits until the server has answered."""

    @property
    def ledger(self) -> Ledger:
        """What happened to this process's events."""

    def flush(self, timeout_s: float) -> bool | None:
        """Send waiting events; whether the server accepted all, or None if events never wait."""

    def close(self, timeout_s: float, reason: str) -> bool:
        """Refuse new events and send the waiting ones; whether all were sent."""

    def release(self) -> None:
        """Send waiting events and end, without waiting: nobody uses it any more."""

    def health(self) -> SendingHealth:
        """The health of the server and of sending; None if nothing is sent."""

    def queue(self) -> Queue | None:
        """The queue into which the compiled engine may put events; None if there is none."""


class NoDelivery:
    """Development mode: everything counts as accepted, and nothing is sent."""

    waits_for_answers = False

    def __init__(self, *, is_queued: bool) -> None:
        """Make one.

        Args:
            is_queued: Whether events would wait in a queue that can be flushed.
        """
        queues = queues_of("pure")
        self._ledgers = PerProcess(lambda: Ledger(queues.Counts()))
        self._flushed = True if is_queued else None

    @property
    def ledger(self) -> Ledger:
        """See `Delivery`."""
        return self._ledgers.get()

    def flush(self, _timeout_s: float) -> bool | None:
        """See `Delivery`."""
        return self._flushed

    def close(self, _timeout_s: float, _reason: str) -> bool:
        """See `Delivery`."""
        return True

    def release(self) -> None:
        """See `Delivery`."""

    def health(self) -> SendingHealth:
        """See `Delivery`."""
        return SendingHealth()

    def queue(self) -> Queue | None:
        """See `Delivery`."""
        return None
