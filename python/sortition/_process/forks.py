"""Values of one process: after a fork, the child makes its own and does not touch the parent's.

A forked child has none of its parent's threads, shares its sockets, and may find its locks held
forever. So each process makes its own threads, sockets and locks at their first use.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class ForkedError(BaseException):
    """Raised in a greenlet that a fork has copied: its work belongs to the parent."""


class Forks:
    """How often this process and its ancestors were forked."""

    count = 0
    # Greenlets of this process whose work must not continue in a child.
    greenlets: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()

    @classmethod
    def note(cls) -> None:
        cls.count += 1
        inherited = list(cls.greenlets)
        cls.greenlets.clear()
        for greenlet in inherited:
            # As soon as the greenlet is scheduled.
            greenlet.kill(ForkedError, block=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Forks.note)


def raise_if_forked(forks: int) -> None:
    """End a copied greenlet that runs in a child before `Forks.note` has ended it.

    Args:
        forks: `Forks.count` when its work began.

    Raises:
        ForkedError: It is a copy.
    """
    if Forks.count != forks:
        raise ForkedError


def stops_after_fork(work: Callable[[], None]) -> Callable[[], None]:
    """Wrap the work of a thread, so that it stops if a fork copies it.

    A fork does not copy threads. If gevent has replaced threads by greenlets, a fork copies them,
    and each would continue in both processes: it would also send the parent's events from the child
    and read answers from the shared connection. (Eventlet's greenlets continue in neither: there,
    the child has to create a new hub.)
    """

    def run() -> None:
        gevent = sys.modules.get("gevent")
        current = None if gevent is None else gevent.getcurrent()
        # In a system thread it is the root greenlet, which is not gevent's.
        if gevent is not None and isinstance(current, gevent.Greenlet):
            Forks.greenlets.add(current)
        try:
            work()
        except ForkedError:
            # The fork made the interpreter forget the thread, and it would complain at the end of
            # the thread; asking for the thread registers it again.
            threading.current_thread()

    return run


class PerProcess(Generic[T]):
    """A value that each process makes when it first needs it.

    Safe to use from any number of threads. Takes no lock.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[tuple[int, int], T] = {}

    def get(self) -> T:
        """This process's value."""
        # The number of forks distinguishes a child from an ancestor with the same, reused process
        # id; the process id distinguishes them if the hook did not run.
        process = (Forks.count, os.getpid())
        value = self._values.get(process)
        if value is None:
            # All threads that come here at the same time get the value of the first one.
            value = self._values.setdefault(process, self._make())
            # A process never needs the values of its ancestors again. If the hook did not run, they
            # stay, because their destructors could not know that they belong to the parent.
            for other in list(self._values):
                if other[0] < process[0]:
                    self._values.pop(other, None)
        return value

    def existing(self) -> T | None:
        """This process's value; None if it was never needed."""
        return self._values.get((Forks.count, os.getpid()))
