"""Which fault the next request meets."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from sortition.testing.faults import (
    Fault,
    Healthy,
    NeverRead,
    Refused,
    RequestFault,
    ResetBeforeReading,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BEFORE_READING = ResetBeforeReading | NeverRead | Refused
"""The faults that act before a request is read."""


class Turn(NamedTuple):
    """The fault of a request.

    Attributes:
        fault: The fault.
        order: The number of the order that set it.
    """

    fault: Fault
    order: int


class Schedule:
    """A script of faults, one for each request, and a fault for all that come after it.

    Safe to use from any number of threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._script: deque[RequestFault] = deque()
        self._standing: Fault = Healthy()
        self._order = 0
        self._wakers: set[socket.socket] = set()

    @property
    def next(self) -> Fault:
        """The fault for the next request."""
        with self._lock:
            return self._next()

    def give(self, script: Iterable[RequestFault], standing: Fault) -> None:
        """Set a new order, which ends hanging exchanges.

        Args:
            script: The faults for the next requests, one for each.
            standing: The fault for all later requests.
        """
        with self._lock:
            self._script = deque(script)
            self._standing = standing
            self._order += 1
            for waker in self._wakers:
                waker.send(b"\0")
            # One byte is enough.
            self._wakers.clear()

    def take(self) -> Turn:
        """The fault for this request."""
        with self._lock:
            return self._take()

    def take_before_reading(self) -> Turn | None:
        """The fault that acts before a request is read. None without one; then nothing is taken."""
        with self._lock:
            return self._take() if isinstance(self._next(), BEFORE_READING) else None

    @contextlib.contextmanager
    def order_after(self, turn: Turn) -> Iterator[socket.socket]:
        """A socket that can be read as soon as the turn's order is not the last one."""
        waiting, waker = socket.socketpair()
        with waiting, waker:
            with self._lock:
                if self._order == turn.order:
                    self._wakers.add(waker)
                else:
                    waker.send(b"\0")
            try:
                yield waiting
            finally:
                with self._lock:
                    self._wakers.discard(waker)

    def _next(self) -> Fault:
        return self._script[0] if self._script else self._standing

    def _take(self) -> Turn:
        fault = self._script.popleft() if self._script else self._standing
        return Turn(fault, self._order)
