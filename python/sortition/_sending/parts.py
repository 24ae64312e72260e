"""The parts of a batch, if the server does not accept it as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sortition._sending.queue import QueuedEvent


class Parts:
    """The events of a batch without an outcome, and how many of them the next request has.

    Parts leave in the order of the batch. If the server refuses one, its halves are tried, so that
    a refused event ends up alone.

    Args:
        events: The events of the batch.
        most_refusals: How many parts may be refused before the rest is refused with them.
    """

    def __init__(self, events: Sequence[QueuedEvent], most_refusals: int) -> None:
        self.rest = list(events)
        self._refusals = 0
        self._most_refusals = most_refusals
        self._most = len(self.rest)
        # How many of the first events are known to include one that the server refuses.
        self._suspects = 0
        self._size = len(self.rest)
        self._is_narrowed = False

    @property
    def next(self) -> list[QueuedEvent]:
        """The events of the next request; empty if all have an outcome."""
        return self.rest[: self._size]

    def pop(self) -> list[QueuedEvent]:
        """Remove the part, which has an outcome; its events."""
        done, self.rest = self.rest[: self._size], self.rest[self._size :]
        self._suspects = max(0, self._suspects - len(done))
        if self._suspects:
            self._size = max(1, self._suspects // 2)
        elif self._is_narrowed:
            self._size = 2 * len(done)
            self._is_narrowed = self._size < len(self.rest)
        else:
            self._size = len(self.rest)
        self._size = min(self._size, self._most)
        return done

    def take_all(self) -> list[QueuedEvent]:
        """Remove all remaining events, which have an outcome; these events."""
        rest, self.rest = self.rest, []
        return rest

    def halve_by_size(self) -> bool:
        """Halve a part that the server finds too large; False if it is a single event."""
        if len(self.next) == 1:
            return False
        self._most = self._size = (len(self.next) + 1) // 2
        return True

    def halve_by_refusal(self) -> bool:
        """Halve a refused part; False if it is a single event, or after too many refusals."""
        self._refusals += 1
        count = len(self.next)
        if count == 1 or self.are_refused:
            return False
        self._suspects = count
        self._size = count // 2
        return True

    def allow_refusals(self, most: int) -> None:
        """Let at least this many parts be refused before the rest is refused with them."""
        self._most_refusals = max(self._most_refusals, most)

    @property
    def are_refused(self) -> bool:
        """Whether so many parts were refused that the rest counts as refused too."""
        return self._refusals >= self._most_refusals

    def narrow(self) -> bool:
        """Halve a part with which the server keeps failing; False if it is a single event."""
        count = len(self.next)
        if count == 1:
            return False
        self._size = count // 2
        self._is_narrowed = True
        return True

    def remove(self, numbers: Collection[int]) -> None:
        """Leave the events with these numbers to a later batch."""
        if numbers:
            self.rest = [event for event in self.rest if event.number not in numbers]
            self._suspects = 0
            self._size = max(1, min(self._size, len(self.rest)))
