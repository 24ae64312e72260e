"""How the events of a client leave, as far as every platform has it in common."""

from __future__ import annotations

from typing import Protocol

from sortition._base.health import SendingHealth
from sortition._process.forks import PerProcess
from sortition._sending.ledger import Ledger
from sortition._sending.queues import queues_of


class Delivery(Protocol):
    """What a client's events leave by. Each platform adds how it takes them."""

    @property
    def ledger(self) -> Ledger:
        """What became of this process's events."""

    def flush(self, timeout_s: float) -> bool | None:
        """Send what waits; whether the server accepted all of it, None where nothing ever waits."""

    def close(self, timeout_s: float, reason: str) -> bool:
        """Take nothing any more, and send what waits; whether nothing was left."""

    def release(self) -> None:
        """Nobody uses it any more: send what waits and end, without waiting for it."""

    def health(self) -> SendingHealth:
        """How the server that takes events is, and what sends them; None where none is."""


class NoDelivery:
    """Development mode: everything counts as accepted, and nothing is sent."""

    def __init__(self, *, is_queued: bool) -> None:
        """Make one.

        Args:
            is_queued: Whether events would wait in a queue, which can be flushed.
        """
        self._ledgers = PerProcess(lambda: Ledger(queues_of("pure").Counts()))
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
