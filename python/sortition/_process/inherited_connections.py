"""Connections that a fork copies: the child lets go of each.

Parent and child share every socket that is open at a fork. With greenlets in place of threads, a
copied greenlet could read its parent's answer in the child, and a connection that the parent closes
would stay open as long as a child lives. So in the child, the descriptor of each connection leads
to the end of an empty pipe. The number stays in use, so that code which still knows it finds
nothing else there. The parent and the server notice nothing.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sortition._process.forks import Forks, raise_if_forked

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class _Descriptor:
    """A descriptor and its target: a closed descriptor's number is reused."""

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
    """Open a connection that a forked child will let go of.

    Args:
        connection: The object that will hold it.
        connect: Opens it. A later wrapper of the socket, such as TLS, keeps its descriptor.

    Raises:
        ForkedError: The parent opened it: this is a copy of the greenlet that asked for it.
    """
    forks = Forks.count
    opened = connect()
    raise_if_forked(forks)
    with contextlib.suppress(OSError):
        _OPEN[connection] = _Descriptor.of(opened.fileno())
    return opened


def _let_go() -> None:
    inherited = [one for one in list(_OPEN.values()) if one.is_current()]
    _OPEN.clear()
    if not inherited:
        return
    # Without a free descriptor they stay as they are.
    with contextlib.suppress(OSError):
        # Not a socket pair: gevent closes it late, in a loop that still belongs to the parent.
        ended, other = os.pipe()
        os.close(other)
        for one in inherited:
            os.dup2(ended, one.number, inheritable=False)
        os.close(ended)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
