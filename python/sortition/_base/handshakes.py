"""Closes the socket of a TLS handshake that could not begin.

If the other side has reset the connection, `ssl` raises before the handshake and leaves its new
socket open. Only the traceback refers to that socket, so it would stay open until the garbage
collector finds it and gives a `ResourceWarning`.
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
