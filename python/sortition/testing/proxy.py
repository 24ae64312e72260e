"""A forward proxy that records what passes through it."""

from __future__ import annotations

import selectors
import socket
import threading
from base64 import b64encode
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from sortition.testing import message
from sortition.testing.connection import Connection
from sortition.testing.loopback import Loopback
from sortition.testing.message import Head, MalformedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_THREAD_NAME: Final = "sortition-proxy"
_CONNECT_TIMEOUT_S: Final = 10.0
_ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_CHALLENGE: Final = {"Proxy-Authenticate": 'Basic realm="sortition"'}
# These concern only the client and the proxy, or the proxy sends its own.
_NOT_FORWARDED: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that passed through a proxy: a request, or a tunnel with its content.

    Attributes:
        method: ``CONNECT`` for a tunnel, else the request's.
        host: The target host.
        port: The target port.
    """

    method: str
    host: str
    port: int


class Proxy:
    """A forward proxy on the loopback interface, for tests of clients behind a proxy.

    It opens tunnels (``CONNECT``, as for HTTPS) and forwards requests for ``http`` URLs, one per
    connection, and breaks a connection if the server breaks it::

        with FaultServer() as server, Proxy(credentials=("ann", "secret")) as proxy:
            ...  # send to server.url by way of proxy.url
            assert len(proxy.passages) == 1

    It listens from its construction until `close`, belongs to the process that created it, and is
    safe to use from any thread.

    Args:
        credentials: The user and the password that it requires by Basic authentication; None: it
            requires none.
    """

    def __init__(self, credentials: tuple[str, str] | None = None) -> None:
        self._authorization = None
        if credentials is not None:
            encoded = b64encode(":".join(credentials).encode()).decode()
            self._authorization = f"Basic {encoded}"
        self._lock = threading.Lock()
        self._passages: list[Passage] = []
        self._refused = 0
        self._closing = threading.Lock()
        self._is_closed = False
        self._loopback = Loopback(self._serve, _THREAD_NAME)
        self.url: Final = f"http://127.0.0.1:{self._loopback.port}"
        """Its URL, without credentials."""
        self._loopback.open()

    @property
    def passages(self) -> list[Passage]:
        """The exchanges that passed through the proxy, in the order of their start."""
        with self._lock:
            return list(self._passages)

    @property
    def refused(self) -> int:
        """How many requests were refused (407) for wrong or missing credentials."""
        with self._lock:
            return self._refused

    def clear(self) -> None:
        """Forget what passed through it."""
        with self._lock:
            self._passages.clear()
            self._refused = 0

    def close(self) -> None:
        """Close the port and every connection, and wait for every thread. May be called again."""
        if self._loopback.is_abandoned:
            return
        with self._closing:
            if not self._is_closed:
                self._is_closed = True
                self._loopback.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, client: Connection) -> None:
        if not client.wait_for_bytes():
            return
        try:
            head = message.read_head(client)
            if head is None:
                return
            body = message.read_body(client, head)
            passage = _passage(head)
        except MalformedError as error:
            _refuse(client, 400, reason=str(error))
            return
        if body is None:
            return
        if self._authorization not in (None, head.headers.get("proxy-authorization")):
            with self._lock:
                self._refused += 1
            _refuse(client, 407, _CHALLENGE)
            return
        try:
            connected = socket.create_connection((passage.host, passage.port), _CONNECT_TIMEOUT_S)
        except OSError:
            _refuse(client, 502)
            return
        server = Connection(connected)
        with self._loopback.borrowing(server):
            with self._lock:
                self._passages.append(passage)
            if head.method == "CONNECT":
                client.send(_ESTABLISHED)
                server.send(client.unread())
            else:
                server.send(_forwarded(head, body))
            _relay(client, server)


def _relay(client: Connection, server: Connection) -> None:
    """Carry bytes both ways until one side ends; where the server breaks off, so does this."""
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, (client, server))
        selector.register(server, selectors.EVENT_READ, (server, client))
        while True:
            for key, _ in selector.select():
                source: Connection = key.data[0]
                target: Connection = key.data[1]
                try:
                    carried = source.receive()
                except OSError:
                    if source is server:
                        client.reset()
                    return
                if not carried:
                    return
                target.send(carried)


def _refuse(
    client: Connection, status: int, headers: Mapping[str, str] = _NO_HEADERS, reason: str = ""
) -> None:
    client.send(message.answer(status, headers, reason.encode(), closes=True))


def _passage(head: Head) -> Passage:
    """Where a request is to go.

    Raises:
        MalformedError: It does not say, or it is nowhere that this proxy goes.
    """
    is_tunnel = head.method == "CONNECT"
    try:
        url = urlsplit(f"//{head.target}" if is_tunnel else head.target)
        port = url.port
    except ValueError:
        raise MalformedError("the target has no port") from None
    if not is_tunnel and url.scheme == "http":
        port = port or 80
    if url.hostname is None or port is None:
        raise MalformedError("the target is neither a host with its port nor an http URL")
    return Passage(head.method, url.hostname, port)


def _forwarded(head: Head, body: bytes) -> bytes:
    """A request as the server is to see it."""
    url = urlsplit(head.target)
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    headers = {name: value for name, value in head.headers.items() if name not in _NOT_FORWARDED}
    lines = [
        f"{head.method} {target} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"content-length: {len(body)}",
        "connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
