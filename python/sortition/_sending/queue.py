"""The interface of a queue of events, for the compiled one and its twin in plain Python.

A method of the compiled queue is a single call that no signal handler can interrupt.
`sortition._sending.pure` says what the pure queue guarantees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._sending.spool.segment import Place


class Bell(Protocol):
    """Wakes its waiting threads, such as a `queue.SimpleQueue`."""

    def put(self, item: None, /) -> None:
        """Ring."""


class InFlight(Protocol):
    """Events that a call sends itself. They are counted once, however the call ends."""

    def end(self, reason: str | None = None) -> None:
        """Count them as delivered, or as dropped for this reason; only the first end counts.

        Events whose object is freed without an end count as dropped with an unknown outcome.
        """


class Counts(Protocol):
    """The numbers of a ledger."""

    def begin(self, kinds: dict[str, int]) -> InFlight:
        """Count these as accepted and in flight."""

    def refuse(self, kind: str, reason: str, count: int = 1) -> None:
        """Count refused events."""

    def leave_out(self, kind: str) -> None:
        """Count a value that was left out of an event of this kind."""

    def adopt(self, kinds: dict[str, int]) -> None:
        """Count events that were taken over from another process and are in the spool only."""

    def drop_spooled(self, kinds: dict[str, int], reason: str) -> None:
        """Count lost events that were in the spool only, and note them to be reported."""

    def repeat(self, kinds: dict[str, int]) -> None:
        """Count events that are sent again and that the server may already have."""

    def note_html(self, kinds: dict[str, int]) -> None:
        """Count events whose request was answered with a web page."""

    @property
    def has_untold(self) -> bool:
        """Whether there are losses or refusals that were not reported yet."""

    def take_untold(self) -> dict[str, int]:
        """The number of events lost or refused since the last call, by reason."""

    def is_at_rest(self) -> bool:
        """Whether nothing is queued or in flight."""

    def total(self, term: str) -> int:
        """How many events of all kinds a term counts."""

    def terms(self) -> dict[str, dict[str, int]]:
        """The terms by kind; ``dropped`` and ``refused`` by reason, and then by kind."""


class QueuedEvent(Protocol):
    """An event that a sender has taken.

    Attributes:
        number: Events are numbered as they are accepted.
        kind: Its kind in the ledger.
        event: Its bytes.
        user: Its user, if the queue keeps the order per user.
        place: Its place in a file; None if it is in memory only.
    """

    @property
    def number(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def event(self) -> bytes: ...
    @property
    def user(self) -> str: ...
    @property
    def place(self) -> Place | None: ...


class Flush(Protocol):
    """The events that waited or were being sent when a flush was requested."""

    @property
    def left(self) -> int:
        """How many have no outcome yet."""

    @property
    def lost(self) -> int:
        """How many of the others were lost."""


class SenderPlace(Protocol):
    """The place of one sender thread; it is free again once this object is freed."""

    def end_if_idle(self) -> bool:
        """Free the place if no event waits; whether it is free."""

    def end(self) -> None:
        """Free the place."""


class Queue(Protocol):
    """Events that wait to be sent, and events that senders have taken.

    If it keeps the order per user, an event is not available while an earlier one of its user is
    not settled.
    """

    @property
    def events(self) -> int:
        """How many events wait."""

    @property
    def size(self) -> int:
        """How many bytes of events wait."""

    @property
    def threads(self) -> int:
        """How many threads send."""

    @property
    def flush_count(self) -> int:
        """How many flushes were requested."""

    @property
    def is_closing(self) -> bool:
        """Whether new events are refused."""

    def refusal(self, size: int) -> str | None:
        """Why an event of this size would be refused now; None if it would be accepted."""

    def needs_thread(self, user: str = "") -> bool:
        """Whether an event of this user needs another sender thread."""

    def put(
        self, kind: str, event: bytes, user: str = "", place: Place | None = None
    ) -> str | None:
        """Accept an event, count it, and wake a sender if necessary.

        Returns:
            Why it is refused, which is counted and, unless the queue is closed, noted to be
            reported; None if it was accepted.
        """

    def readmit(self, kind: str, event: bytes, user: str, place: Place) -> None:
        """Accept an event that counts as spooled."""

    def wake(self) -> None:
        """Wake all senders that wait for events."""

    def flush(self, bell: Bell) -> Flush:
        """Send all accepted events now; the bell rings once all of them have an outcome."""

    def close(self, timeout_s: float) -> None:
        """Refuse new events; the first call sets the time to send the rest."""

    def limit_time(self, timeout_s: float) -> None:
        """Limit the time from now on, without a close."""

    def time_left_s(self) -> float | None:
        """The time to send the rest, in seconds; None if it is not limited."""

    def give_up(self) -> tuple[int, int]:
        """Give up every event without an outcome.

        An event in a file stays there and counts as spooled, even if a request with it is
        under way. Any other event is dropped: with an unknown outcome if a request with it is under
        way, otherwise as closed.

        Returns:
            How many events were left, and how many of them were dropped with an unknown outcome.
        """

    def claim_thread(self) -> SenderPlace | None:
        """A place for one more thread; None if there are enough."""

    def begin_sleep(self) -> None:
        """Note that a sender will wait for the bell. It calls this before it looks a last time."""

    def end_sleep(self) -> None:
        """Note that it no longer waits, although the bell has not rung."""

    def set_batch_events(self, events: int) -> None:
        """Set how many events make a batch."""

    def due_in_s(self, interval_s: float) -> float | None:
        """The seconds until there is something to send; None if nothing is available."""

    def take(self, most_events: int, most_bytes: int) -> Sequence[QueuedEvent]:
        """Take the next events, at least one if there is one; they count as in flight."""

    def hold(self, event: QueuedEvent, user: str) -> None:
        """Hold back the later events of this user until this one is settled."""

    def is_held(self, user: str) -> bool:
        """Whether the events of this user are held back."""

    def put_back(self, event: QueuedEvent, user: str) -> None:
        """Put an event back, behind the unsettled events of its user."""

    def set_on_its_way(self, events: Sequence[QueuedEvent], is_on_its_way: bool) -> None:
        """Set whether a request with these events is under way."""

    def end(
        self, events: Sequence[QueuedEvent], reason: str | None, *, gives_up: bool = False
    ) -> int:
        """Count the outcome of these events, once for each.

        Args:
            events: Events that were taken.
            reason: Why they are lost; None if they were delivered.
            gives_up: Whether to leave those in files to the next process instead.

        Returns:
            How many of them had no outcome before.
        """

    def settle(self, events: Sequence[QueuedEvent]) -> None:
        """Forget events with an outcome, and notify flushes."""


class CountsClass(Protocol):
    """Makes a ledger's numbers."""

    def __call__(self) -> Counts: ...


class QueueClass(Protocol):
    """Makes a queue.

    Args:
        counts: Counts its events.
        bell: The bell that senders wait for.
        events: How many events may wait.
        size: How many bytes of events may wait.
        largest: The most bytes of one event, and of one batch.
        batch_events: How many events make a batch.
        threads: The most threads that send.
        is_per_user: Whether events of one user keep their order.
        is_plain: Whether the compiled engine may use it directly.
    """

    def __call__(
        self,
        counts: Counts,
        bell: Bell,
        *,
        events: int,
        size: int,
        largest: int,
        batch_events: int,
        threads: int,
        is_per_user: bool,
        is_plain: bool,
    ) -> Queue: ...


class QueueModule(Protocol):
    """A module with a queue."""

    @property
    def Counts(self) -> CountsClass:  # noqa: N802 -- a class
        """A ledger's numbers."""

    @property
    def Queue(self) -> QueueClass:  # noqa: N802 -- a class
        """A queue."""
