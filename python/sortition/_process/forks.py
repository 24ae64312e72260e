"""What belongs to one process: after a fork the child makes its own, and leaves the parent's alone.

A forked child has none of its parent's threads, shares its sockets, and may find its locks held for
ever. So each process makes its own threads, sockets and locks at their first use.
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
    """Raised in a greenlet that came along with a fork: what it has in hand is its parent's."""


class Forks:
    """How often this process and its ancestors were forked."""

    count = 0
    # Those of this process whose work is not to go on in a child.
    greenlets: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()

    @classmethod
    def note(cls) -> None:
        cls.count += 1
        inherited = list(cls.greenlets)
        cls.greenlets.clear()
        for greenlet in inherited:
            # As soon as greenlets have their turns again.
            greenlet.kill(ForkedError, block=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Forks.note)


def end_copy(forks: int) -> None:
    """End a greenlet that runs in a child before the notice of the fork has reached it.

    Args:
        forks: `Forks.count` where its work began.

    Raises:
        ForkedError: It is a copy.
    """
    if Forks.count != forks:
        raise ForkedError


def only_here(work: Callable[[], None]) -> Callable[[], None]:
    """The work of a thread, which ends where a fork takes it along.

    A fork leaves threads behind. Where gevent has put greenlets in their place, it copies them, and
    each would go on in both processes: sending the parent's events from the child as well, and
    reading answers from the connection that the two share. (Eventlet's go on in neither: there a
    child has to make itself a new hub.)
    """

    def run() -> None:
        gevent = sys.modules.get("gevent")
        current = None if gevent is None else gevent.getcurrent()
        # In a thread of the system it is the root of greenlets, and none of gevent's.
        if gevent is not None and isinstance(current, gevent.Greenlet):
            Forks.greenlets.add(current)
        try:
            work()
        except ForkedError:
            # The fork made the interpreter forget the thread, at whose end it would complain of
            # that; asking for it makes it known again.
            threading.current_thread()

    return run


class PerProcess(Generic[T]):
    """A value that each process makes for itself when it first needs it.

    Safe to use from any number of threads, and takes no lock.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[tuple[int, int], T] = {}

    def get(self) -> T:
        """This process's value."""
        # The number of forks tells a child from an ancestor whose process id it was given again;
        # the process id tells it where the hook did not run.
        process = (Forks.count, os.getpid())
        value = self._values.get(process)
        if value is None:
            # Of several threads that come here at once, all get the value of the first one.
            value = self._values.setdefault(process, self._make())
            # A process never needs the values of its ancestors again. Where the hook did not run,
            # they stay: what frees them could not tell that they belong to the parent.
            for other in list(self._values):
                if other[0] < process[0]:
                    self._values.pop(other, None)
        return value

    def existing(self) -> T | None:
        """This process's value; None where it was never needed."""
        return self._values.get((Forks.count, os.getpid()))
