"""Closes the socket of a TLS handshake that could not begin.

Where the other side has reset a connection, `ssl` raises before the handshake and leaves the socket
that it has just made open. Only the traceback still knows that socket, so it would stay open until
the garbage collector finds it, with a `ResourceWarning`.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def closing_after_failure() -> Iterator[None]:
    """Close every TLS socket that an exception of the block leaves open."""
    try:
        yield
    except OSError as error:
        traceback = error.__traceback__
        while traceback is not None:
            made = traceback.tb_frame.f_locals.get("self")
            if isinstance(made, ssl.SSLSocket):
                made.close()
            traceback = traceback.tb_next
        raise
