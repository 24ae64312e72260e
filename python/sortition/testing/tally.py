"""Counts the requests and events of a `FaultServer`."""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sortition.testing.event import Event, Identity
    from sortition.testing.request import Received


class Tally:
    """Connections, requests and accepted events. Safe to use from any number of threads.

    Args:
        most_kept: How many requests and how many events are kept, the latest; None: all. What is
            counted is complete in any case.
    """

    def __init__(self, most_kept: int | None) -> None:
        self._lock = threading.Lock()
        self._requests: deque[Received] = deque(maxlen=most_kept)
        self._events: deque[Event] = deque(maxlen=most_kept)
        self._counts: Counter[Identity] = Counter()
        self._accepted = 0
        self._attempts = 0
        self._connections = 0

    def note_connection(self) -> None:
        """A connection was accepted."""
        with self._lock:
            self._connections += 1

    def note_attempt(self) -> None:
        """A request began."""
        with self._lock:
            self._attempts += 1

    def note_request(self, request: Received) -> None:
        """A request was read."""
        with self._lock:
            self._requests.append(request)

    def accept(self, events: Iterable[Event]) -> None:
        """Events were accepted."""
        with self._lock:
            for event in events:
                self._events.append(event)
                self._counts[event.identity] += 1
                self._accepted += 1

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._requests.clear()
            self._events.clear()
            self._counts.clear()
            self._accepted = self._attempts = self._connections = 0

    @property
    def requests(self) -> list[Received]:
        """The requests that were read, in their order."""
        with self._lock:
            return list(self._requests)

    @property
    def events(self) -> list[Event]:
        """The accepted events, in their order."""
        with self._lock:
            return list(self._events)

    @property
    def counts(self) -> Counter[Identity]:
        """How often each event was accepted."""
        with self._lock:
            return self._counts.copy()

    @property
    def accepted(self) -> int:
        """How many events were accepted, each time."""
        with self._lock:
            return self._accepted

    @property
    def distinct(self) -> int:
        """How many different events were accepted."""
        with self._lock:
            return len(self._counts)

    @property
    def repeated(self) -> int:
        """How many events were accepted beyond the first of their identity."""
        with self._lock:
            return self._accepted - len(self._counts)

    @property
    def attempts(self) -> int:
        """How many requests began, those that were never read included."""
        with self._lock:
            return self._attempts

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        with self._lock:
            return self._connections
