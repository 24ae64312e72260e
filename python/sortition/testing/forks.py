"""What a forked child must not hold on to.

A connection is reset, and a port is closed, only when no process holds it any more. So a child
closes what it inherits of these, and is not forked while one is about to be known or to be gone.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Final, Protocol


class Inherited(Protocol):
    """Something with sockets that only the process that made it is to hold."""

    def abandon(self) -> None:
        """Close them, in a child. It must wait for no lock: its holder is not in the child."""


NO_FORK: Final = threading.RLock()
"""While it is held, no process is forked."""

_inherited: Final[weakref.WeakSet[Inherited]] = weakref.WeakSet()


def close_in_children(one: Inherited) -> None:
    """Have each forked child abandon this, as long as it is there."""
    _inherited.add(one)


def _abandon_all() -> None:
    try:
        for one in _inherited:
            one.abandon()
    finally:
        NO_FORK.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=NO_FORK.acquire, after_in_parent=NO_FORK.release, after_in_child=_abandon_all
    )
