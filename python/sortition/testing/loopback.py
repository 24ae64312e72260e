"""A port of the loopback that can be closed and opened again, and a thread for each connection."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
from typing import TYPE_CHECKING, Final

from sortition.testing.connection import Connection
from sortition.testing.forks import NO_FORK, close_in_children

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

_HOST: Final = "127.0.0.1"
# As many connections as a burst of clients opens before the first of them is accepted.
_BACKLOG: Final = 1024


class Loopback:
    """Listens on a free port and serves each connection in a thread of its own.

    The threads are daemons, so that a server that nobody closes keeps no interpreter from exiting;
    closing waits for all of them. `open`, `close` and `close_port` are for one thread at a time.

    Args:
        serve: Serves a connection to its end. It may raise `OSError` where the connection is
            broken.
        name: The name of the threads.
        context: For TLS; None: in the clear.
    """

    def __init__(
        self,
        serve: Callable[[Connection], None],
        name: str,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._serve = serve
        self._name = name
        self._context = context
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, Connection] = {}
        self._borrowed: set[Connection] = set()
        self._ended: list[threading.Thread] = []
        self._acceptor: _Acceptor | None = None
        self.is_abandoned = False
        """Whether it is another process's, which forked this one."""
        with NO_FORK:
            self._socket = _bound(0)
            close_in_children(self)
        self.port: int = self._socket.getsockname()[1]

    def open(self) -> None:
        """Listen; nothing where it does already."""
        if self._acceptor is None:
            self._socket.listen(_BACKLOG)
            self._acceptor = _Acceptor(self._socket, self._start, self._name)

    def close(self) -> None:
        """Close the port, end every connection, and wait for every thread."""
        acceptor, self._acceptor = self._acceptor, None
        if acceptor is not None:
            acceptor.stop()
        with NO_FORK:
            self._socket.close()
        self._end_connections()

    def close_port(self) -> None:
        """As `close`, but the port stays reserved for the next `open`; nothing where it is."""
        if self._acceptor is not None:
            self.close()
            # A port that is bound and does not listen refuses, and nobody else is given it.
            with NO_FORK:
                self._socket = _bound(self.port)

    @contextlib.contextmanager
    def borrowing(self, connection: Connection) -> Iterator[None]:
        """Take a connection to another server under its care: it ends with the others."""
        with self._lock:
            self._borrowed.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._borrowed.discard(connection)
                connection.close()

    def abandon(self) -> None:
        """In a forked child: close what was inherited, so that only the parent holds it."""
        self.is_abandoned = True
        if self._acceptor is not None:
            self._acceptor.abandon()
        self._socket.close()
        for connection in [*self._connections.values(), *self._borrowed]:
            connection.abandon()

    def _start(self, accepted: socket.socket) -> None:
        try:
            connection = Connection(accepted, self._context)
        except OSError:
            # The client has left already.
            accepted.close()
            return
        thread = threading.Thread(
            target=self._run, args=(connection,), name=self._name, daemon=True
        )
        with self._lock:
            ended, self._ended = self._ended, []
            self._connections[thread] = connection
            try:
                thread.start()
            except RuntimeError:
                # No thread can be started, as a test may want to see.
                del self._connections[thread]
                connection.close()
        for one in ended:
            one.join()

    def _run(self, connection: Connection) -> None:
        try:
            # The client broke it, or the server ends it.
            with contextlib.suppress(OSError):
                self._serve(connection)
        finally:
            with self._lock:
                # Under the lock, so that nobody shuts down what has just been closed.
                connection.close()
                thread = threading.current_thread()
                del self._connections[thread]
                self._ended.append(thread)

    def _end_connections(self) -> None:
        with self._lock:
            threads = [*self._connections, *self._ended]
            self._ended.clear()
            for connection in [*self._connections.values(), *self._borrowed]:
                connection.shut_down()
        for thread in threads:
            thread.join()


class _Acceptor:
    """A thread that accepts the connections of a listening socket until it is stopped."""

    def __init__(
        self, listener: socket.socket, take: Callable[[socket.socket], None], name: str
    ) -> None:
        self._listener = listener
        self._take = take
        self._waiting, self._waking = socket.socketpair()
        # A client that leaves before it is accepted must not hold up the next ones.
        listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._waiting, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._accept, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Accept nothing any more."""
        self._waking.send(b"\0")
        self._thread.join()
        self.abandon()

    def abandon(self) -> None:
        """Close what it waits with."""
        self._selector.close()
        self._waiting.close()
        self._waking.close()

    def _accept(self) -> None:
        while True:
            ready = [key.fileobj for key, _ in self._selector.select()]
            if self._waiting in ready:
                return
            with NO_FORK, contextlib.suppress(OSError):
                accepted, _ = self._listener.accept()
                self._take(accepted)


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # Connections of before that are still closing do not hold the port. Elsewhere the
            # option would let two sockets listen at once.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((_HOST, port))
    except BaseException:
        bound.close()
        raise
    return bound
