"""What belongs to one process: after a fork the child makes its own, and leaves the parent's alone.

A forked child has none of its parent's threads, shares its sockets, and may find its locks held for
ever. So what holds threads, sockets or locks is made anew by each process, at its first use.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Forks:
    """How often this process and its ancestors were forked."""

    count = 0

    @classmethod
    def note(cls) -> None:
        cls.count += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Forks.note)


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
        return value

    def existing(self) -> T | None:
        """This process's value; None where it was never needed."""
        return self._values.get((Forks.count, os.getpid()))
