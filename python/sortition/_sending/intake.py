"""What is taken to be sent, and for how long: the limits of a queue, whoever empties it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from sortition._sending import ledger as reasons
from sortition._sending.dropping import Drops
from sortition._sending.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sortition._base.log import Log
    from sortition._sending.batched import Batching
    from sortition._sending.ledger import Kinds, Waiting
    from sortition._sending.spool.segment import Place
    from sortition._sending.spool.spool import Spool
    from sortition._sending.spool.takeover import Takeover


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
        spool: Where what waits is kept in files too; None where it is not.
        adopter: What takes over the files of others; None where there is no spool.
        changed: Notified where events came to their end, or nothing is taken any more.
    """

    def __init__(self, log: Log, batching: Batching, spool: Spool | None = None) -> None:
        self.ledger = Ledger()
        self.spool = spool
        self.adopter: Takeover | None = None
        self.changed = threading.Condition(self.ledger.lock)
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
        if self.waits_for_nothing:
            self.closes_at = time.monotonic() + self._batching.close_timeout_s
        reason = self._refusal(size)
        if reason is None:
            self.events += 1
            self.size += size
            self.ledger.queue(kind)
            return None
        self.ledger.refuse(kind, reason)
        self.drops.note(reason, 1)
        return reason

    def room(self) -> tuple[int, int]:
        """How many events, and how many bytes of them, may still be taken to wait."""
        if self.is_closing or self.waits_for_nothing:
            return 0, 0
        batching = self._batching
        return (
            max(0, batching.queue_events - self.events),
            max(0, batching.queue_bytes - self.size),
        )

    def keep(self, kind: str, event: bytes) -> Place | None:
        """Write an event to the spool before it is taken; to be called without the lock.

        Returns:
            Where it is; None where it is in no file, as where it is going to be refused.
        """
        spool = self.spool
        if spool is None:
            return None
        if self.adopter is not None:
            self.adopter.start()
        with self.ledger.lock:
            if self._refusal(len(event)) is not None:
                return None
        kept: list[Place] = []
        spool.append(kind, event, kept)
        return kept[0] if kept else None

    def discard(self, place: Place | None) -> None:
        """An event that was kept is not taken; to be called without the lock."""
        if place is not None and self.spool is not None:
            self.spool.settle([place])

    def readmit(self, kinds: Kinds, size: int) -> None:
        """Count events of so many bytes that come from files."""
        with self.ledger.lock:
            self.ledger.move(kinds, "spooled", "queued")
            self.events += sum(kinds.values())
            self.size += size

    def note_drops(self, drops: Mapping[str, Counter[str]]) -> None:
        """Events that were in files are not sent; to be called under the lock."""
        for reason, kinds in drops.items():
            self.ledger.drop(kinds, "spooled", reason)
            self.drops.note(reason, kinds.total())

    def leave(self, events: int, size: int) -> None:
        """So many events wait no more."""
        self.events -= events
        self.size -= size
        self.changed.notify_all()

    def give_up(
        self, events: Iterable[tuple[str, Place | None]], source: Waiting, reason: str
    ) -> None:
        """This process does not send these events; to be called under the lock.

        What is in the spool stays there for the next one; the rest is lost.
        """
        kept: Counter[str] = Counter()
        lost: Counter[str] = Counter()
        for kind, place in events:
            (lost if place is None else kept)[kind] += 1
        self.ledger.move(kept, source, "spooled")
        if lost:
            self.ledger.drop(lost, source, reason)
            self.drops.note(reason, lost.total())

    def close(self, timeout_s: float) -> None:
        """Take nothing any more, and give up after this time what still waits."""
        self.is_closing = True
        self.changed.notify_all()
        if self.closes_at is None:
            self.closes_at = time.monotonic() + timeout_s

    def _refusal(self, size: int) -> str | None:
        """Why an event of so many bytes would be refused."""
        batching = self._batching
        if self.is_closing:
            return reasons.CLOSED
        if size > batching.request_bytes:
            return reasons.TOO_LARGE
        if self.events >= batching.queue_events or self.size + size > batching.queue_bytes:
            return reasons.QUEUE_FULL
        return None

    def is_over(self) -> bool:
        """Whether the time is over in which what waits may be sent."""
        return self.closes_at is not None and time.monotonic() >= self.closes_at

    def tell_drops(self) -> None:
        """Tell of what was lost or refused; to be called without the lock."""
        self.drops.tell(is_ending=self.is_closing or self.waits_for_nothing)

    def end(self) -> bool:
        """Say what was left when everything that waited was given up; whether nothing was."""
        on_their_way = sum(self.ledger.stats().in_flight.values())
        if on_their_way:
            self._log.warning("closed while %d events were on their way", on_their_way)
        self.tell_drops()
        return not on_their_way
