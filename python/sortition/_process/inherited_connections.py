"""Connections that a fork takes along: the child lets go of each.

Parent and child share every socket that is open at a fork. Where greenlets have the place of
threads, one that the fork has copied could read its parent's answer in the child; and a connection
that the parent closes would stay open for as long as a child lives. So in the child the descriptor
of each leads to the end of an empty pipe. It stays taken, so that code which still knows its number
finds nothing else under it. The parent and the server notice nothing.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sortition._process.forks import Forks, end_copy

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class _Descriptor:
    """A descriptor, and what it led to: its number is given again when it is closed."""

    number: int
    device: int
    inode: int

    @classmethod
    def of(cls, number: int) -> _Descriptor:
        found = os.fstat(number)
        return cls(number, found.st_dev, found.st_ino)

    def is_current(self) -> bool:
        try:
            return _Descriptor.of(self.number) == self
        except OSError:
            return False


_OPEN: weakref.WeakKeyDictionary[Any, _Descriptor] = weakref.WeakKeyDictionary()


def open_here(connection: object, connect: Callable[[], socket.socket]) -> socket.socket:
    """Open a connection that a child will let go of.

    Args:
        connection: The object that will hold it.
        connect: What opens it. What is put around the socket later, as TLS is, keeps its
            descriptor.

    Raises:
        ForkedError: It was opened by the parent: this is a copy of the greenlet that asked for it.
    """
    forks = Forks.count
    opened = connect()
    end_copy(forks)
    with contextlib.suppress(OSError):
        _OPEN[connection] = _Descriptor.of(opened.fileno())
    return opened


def _let_go() -> None:
    inherited = [one for one in list(_OPEN.values()) if one.is_current()]
    _OPEN.clear()
    if not inherited:
        return
    # Where there is no descriptor left for it, they stay as they are.
    with contextlib.suppress(OSError):
        # Not a pair of sockets: gevent's closes late, by a loop that still is the parent's.
        ended, other = os.pipe()
        os.close(other)
        for one in inherited:
            os.dup2(ended, one.number, inheritable=False)
        os.close(ended)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
