"""A connection that is read only when told to, so that a fault can come before any reading."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import struct
import sys
import time
from typing import Final

from sortition.testing.forks import NO_FORK

_CHUNK_BYTES: Final = 64 * 1024
# The closing of a socket that lingers for no time resets the connection.
_NO_LINGER: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)

if sys.platform == "win32":
    _Selector = selectors.SelectSelector
else:
    # It takes no descriptor of its own, and any number of connections may hang.
    _Selector = selectors.PollSelector


class Connection:
    """One side of a TCP connection, in the clear or with TLS.

    One thread uses it; `shut_down` may be called by another. Everything raises `OSError` where the
    connection is broken.

    Args:
        connected: The socket, which is the connection's from here on.
        context: For TLS, whose handshake is then to be made; None: in the clear.
    """

    def __init__(self, connected: socket.socket, context: ssl.SSLContext | None = None) -> None:
        connected.setblocking(True)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_tls = context is not None
        self._socket = connected
        if context is not None:
            self._socket = context.wrap_socket(
                connected, server_side=True, do_handshake_on_connect=False
            )
        self._unread = bytearray()

    def wait_for_bytes(self) -> bool:
        """Wait for a first byte without reading it; False if the other side ends instead."""
        # Past the TLS layer, which cannot look without reading.
        return bool(self._unread or socket.socket.recv(self._socket, 1, socket.MSG_PEEK))

    def shake_hands(self) -> None:
        """Make the TLS handshake."""
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.do_handshake()

    def wait_for_request(self) -> bool:
        """Wait for the first byte of a request; False if the other side ends instead.

        Nothing is read, but with TLS, where the first record tells a request from an end.
        """
        if self.is_tls:
            return bool(self._unread) or self._fill()
        return self.wait_for_bytes()

    def unread(self) -> bytes:
        """What has come behind what was read; from here on it counts as read."""
        return self._take(len(self._unread))

    def receive(self) -> bytes:
        """What is unread or comes next; empty if the other side has ended."""
        if not self._unread:
            self._fill()
        return self.unread()

    def read_through(self, mark: bytes, most_bytes: int) -> bytes | None:
        """Everything up to this mark and with it.

        Returns:
            None if the other side ends before it, or it does not come within so many bytes.
        """
        searched = 0
        while (found := self._unread.find(mark, searched)) < 0:
            searched = max(0, len(self._unread) - len(mark) + 1)
            if len(self._unread) > most_bytes or not self._fill():
                return None
        return self._take(found + len(mark))

    def read_exactly(self, size: int) -> bytes | None:
        """This number of bytes; None if the other side ends before."""
        while len(self._unread) < size:
            if not self._fill():
                return None
        return self._take(size)

    def send(self, content: bytes) -> None:
        """Send all of it."""
        self._socket.sendall(content)

    def stays(self, timeout_s: float | None, waker: socket.socket | None = None) -> bool:
        """Wait while nothing is to be sent; whether the other side is still there then.

        Args:
            timeout_s: How long to wait, in seconds. None: until the waker can be read.
            waker: What ends the waiting before its time.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with _Selector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            if waker is not None:
                selector.register(waker, selectors.EVENT_READ)
            while True:
                left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
                ready = [key.fileobj for key, _ in selector.select(left_s)]
                if self._socket in ready and not self._fill_from_what_is_there():
                    return False
                if waker in ready or (deadline is not None and time.monotonic() >= deadline):
                    return True

    def reset(self) -> None:
        """End the connection with a reset (RST)."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        with NO_FORK:
            self._socket.close()

    def shut_down(self) -> None:
        """End both directions, which wakes the thread that uses the connection."""
        # It may have ended already. Past the TLS layer, which would pull itself from under that
        # thread.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection in order (FIN). A second time does nothing."""
        self.shut_down()
        self._socket.close()

    def abandon(self) -> None:
        """In a forked child: close its side of what it shares with its parent."""
        self._socket.close()

    def fileno(self) -> int:
        """The descriptor of the socket, for a selector."""
        return self._socket.fileno()

    def _fill(self) -> bool:
        """Read what comes next; False if the other side has ended."""
        chunk = self._socket.recv(_CHUNK_BYTES)
        self._unread += chunk
        return bool(chunk)

    def _fill_from_what_is_there(self) -> bool:
        """Read without waiting; False if the other side has ended."""
        self._socket.setblocking(False)
        try:
            return self._fill()
        except (BlockingIOError, ssl.SSLWantReadError):
            # There was no more than a part of a TLS record.
            return True
        except OSError:
            return False
        finally:
            self._socket.setblocking(True)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken
