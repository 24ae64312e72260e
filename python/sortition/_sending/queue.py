"""What a queue of events is: the interface of the compiled one and of its twin in plain Python.

A method of the compiled queue is a single call, which no signal handler can interrupt. What the
pure one can promise is said in `sortition._sending.pure`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._sending.spool.segment import Place


class Bell(Protocol):
    """Wakes whoever waits for it, such as a `queue.SimpleQueue`."""

    def put(self, item: None, /) -> None:
        """Ring."""


class InFlight(Protocol):
    """Events that a call sends itself. Whatever ends the call, they are counted once."""

    def end(self, reason: str | None = None) -> None:
        """Count them as delivered, or as dropped for this reason; only the first end counts.

        Events whose object goes without an end count as dropped with an unknown outcome.
        """


class Counts(Protocol):
    """The numbers of a ledger."""

    def begin(self, kinds: dict[str, int]) -> InFlight:
        """Count these as accepted and in flight."""

    def refuse(self, kind: str, reason: str, count: int = 1) -> None:
        """Events were not taken."""

    def leave_out(self, kind: str) -> None:
        """A value was left out of an event of this kind."""

    def adopt(self, kinds: dict[str, int]) -> None:
        """Events were taken over from another process; they are in the spool alone."""

    def drop_spooled(self, kinds: dict[str, int], reason: str) -> None:
        """Events that are in the spool alone are lost; that is noted to be told."""

    def repeat(self, kinds: dict[str, int]) -> None:
        """Events are sent again, and the server may have them already."""

    def note_html(self, kinds: dict[str, int]) -> None:
        """The server answered with a web page to a request with these events."""

    @property
    def has_untold(self) -> bool:
        """Whether there are losses or refusals that were not told yet."""

    def take_untold(self) -> dict[str, int]:
        """How many events were lost or refused since this was last asked, by reason."""

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
        kind: What the ledger calls it.
        event: Its bytes.
        user: Whose it is, where the queue keeps an order per user.
        place: Where it is in a file; None where it is in memory alone.
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
    """The events that waited or were being sent when somebody asked for a flush."""

    @property
    def left(self) -> int:
        """How many have not come to their end."""

    @property
    def lost(self) -> int:
        """How many of the others were lost."""


class SenderPlace(Protocol):
    """The place of one thread that sends; it is free again once this object is gone."""

    def end_if_idle(self) -> bool:
        """Free the place where no event waits; whether it is free."""

    def end(self) -> None:
        """Free the place."""


class Queue(Protocol):
    """Events that wait to be sent, and those that senders have taken.

    Where it keeps an order per user, an event is not to be had while an earlier one of its user is
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
        """How often a flush was asked for."""

    @property
    def is_closing(self) -> bool:
        """Whether nothing is taken any more."""

    def refusal(self, size: int) -> str | None:
        """Why an event of so many bytes would be refused now; None where it would be taken."""

    def needs_thread(self, user: str = "") -> bool:
        """Whether an event of this user needs another thread that sends."""

    def put(
        self, kind: str, event: bytes, user: str = "", place: Place | None = None
    ) -> str | None:
        """Take an event, count it and wake a sender where one has to see it.

        Returns:
            Why it is refused, which is counted and, unless the queue is closed, noted to be told;
            None where it was taken.
        """

    def readmit(self, kind: str, event: bytes, user: str, place: Place) -> None:
        """Take an event that was counted as spooled."""

    def wake(self) -> None:
        """Wake all senders that wait for events."""

    def flush(self, bell: Bell) -> Flush:
        """Have all that was accepted sent now; the bell rings once all of it has come to an end."""

    def close(self, timeout_s: float) -> None:
        """Take nothing any more; the first call says how much time there is to send the rest."""

    def limit_time(self, timeout_s: float) -> None:
        """Say how much time there is from now on, without a close."""

    def time_left_s(self) -> float | None:
        """How much time there is to send what is left; None while nobody limits it."""

    def give_up(self) -> tuple[int, int]:
        """Give up every event that has not come to its end.

        An event that a file keeps stays there and counts as spooled, even if a request with it is
        under way. Any other event is dropped: with an unknown outcome if a request with it is under
        way, otherwise as closed.

        Returns:
            How many events were left, and how many of them were dropped with an unknown outcome.
        """

    def claim_thread(self) -> SenderPlace | None:
        """A place for one more thread; None where there are enough."""

    def begin_sleep(self) -> None:
        """A sender is about to wait for the bell. To be called before it looks for a last time."""

    def end_sleep(self) -> None:
        """It does not wait any more, and the bell has not rung."""

    def set_batch_events(self, events: int) -> None:
        """Say how many events make a batch."""

    def due_in_s(self, interval_s: float) -> float | None:
        """In how many seconds there is something to send; None where nothing is to be had."""

    def take(self, most_events: int, most_bytes: int) -> Sequence[QueuedEvent]:
        """The next events, at least one where there is one; they count as in flight."""

    def hold(self, event: QueuedEvent, user: str) -> None:
        """Keep back the later events of this user until this one is settled."""

    def is_held(self, user: str) -> bool:
        """Whether the events of this user are kept back."""

    def put_back(self, event: QueuedEvent, user: str) -> None:
        """Put an event behind those of its user that are not settled."""

    def set_on_its_way(self, events: Sequence[QueuedEvent], is_on_its_way: bool) -> None:
        """Say whether a request with these events is under way."""

    def end(
        self, events: Sequence[QueuedEvent], reason: str | None, *, gives_up: bool = False
    ) -> int:
        """Count what became of these events, once for each.

        Args:
            events: Events that were taken.
            reason: Why they are lost; None where they were delivered.
            gives_up: Whether those in files are left to the next process instead.

        Returns:
            Of how many it was not known before.
        """

    def settle(self, events: Sequence[QueuedEvent]) -> None:
        """Forget events that have come to their end, and tell those who flush."""


class CountsClass(Protocol):
    """Makes a ledger's numbers."""

    def __call__(self) -> Counts: ...


class QueueClass(Protocol):
    """Makes a queue.

    Args:
        counts: Where its events are counted.
        bell: What senders wait for.
        events: How many events may wait.
        size: How many bytes of events may wait.
        largest: The most bytes of one event, and of one batch.
        batch_events: How many events make a batch.
        threads: The most threads that send.
        is_per_user: Whether events of one user keep their order.
        is_plain: Whether the compiled engine may put events into it by itself.
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
    """What a module of queues holds."""

    @property
    def Counts(self) -> CountsClass:  # noqa: N802 -- a class
        """A ledger's numbers."""

    @property
    def Queue(self) -> QueueClass:  # noqa: N802 -- a class
        """A queue."""
