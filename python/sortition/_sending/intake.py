"""What is taken to be sent, and for how long: the limits of a queue, whoever empties it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sortition._sending import ledger as reasons
from sortition._sending.dropping import Drops
from sortition._sending.ledger import Ledger

if TYPE_CHECKING:
    from sortition._log import Log
    from sortition._sending.batched import Batching


class Intake:
    """The limits of what waits, with what counts against them.

    It is shared by all that send from one queue, and guarded by the ledger's lock.

    Attributes:
        ledger: What became of the events.
        drops: What was lost or refused, and is to be told.
        events: How many events wait.
        size: How many bytes of events wait.
        is_closing: Whether nothing is taken any more.
        closes_at: When what still waits is given up, on the monotonic clock; None while nobody
            closes.
        waits_for_nothing: Whether each event is sent before the call goes on, as during the exit of
            the interpreter, which nothing that waits would survive.
    """

    def __init__(self, log: Log, batching: Batching) -> None:
        self.ledger = Ledger()
        self.drops = Drops(self.ledger.lock, log, batching.on_drop)
        self.events = 0
        self.size = 0
        self.is_closing = False
        self.closes_at: float | None = None
        self.waits_for_nothing = False
        self._log = log
        self._batching = batching

    def take(self, kind: str, size: int) -> str | None:
        """Count an event of so many bytes; why it is refused, or None where it is to be sent."""
        batching = self._batching
        if self.waits_for_nothing:
            self.closes_at = time.monotonic() + batching.close_timeout_s
        if self.is_closing:
            reason = reasons.CLOSED
        elif size > batching.request_bytes:
            reason = reasons.TOO_LARGE
        elif self.events >= batching.queue_events or self.size + size > batching.queue_bytes:
            reason = reasons.QUEUE_FULL
        else:
            self.events += 1
            self.size += size
            self.ledger.accept({kind: 1}, "queued")
            return None
        self.ledger.refuse(kind, reason)
        self.drops.note(reason, 1)
        return reason

    def leave(self, events: int, size: int) -> None:
        """So many events wait no more."""
        self.events -= events
        self.size -= size

    def close(self, timeout_s: float) -> None:
        """Take nothing any more, and give up after this time what still waits."""
        self.is_closing = True
        if self.closes_at is None:
            self.closes_at = time.monotonic() + timeout_s

    def is_over(self) -> bool:
        """Whether the time is over in which what waits may be sent."""
        return self.closes_at is not None and time.monotonic() >= self.closes_at

    def end(self) -> bool:
        """Say what was left when everything that waited was given up; whether nothing was."""
        on_their_way = sum(self.ledger.stats().in_flight.values())
        if on_their_way:
            self._log.warning("closed while %d events were on their way", on_their_way)
        self.drops.tell()
        return not on_their_way
