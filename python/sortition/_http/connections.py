"""Connections of ``requests`` that keep an exchange's deadline and record its progress.

They also write no URL into a log, because it may contain the key and user ids: urllib3 would warn
of broken headers with the whole URL. Importing this module imports ``requests`` and urllib3.
"""

from __future__ import annotations

import functools
import http.client
import io
from typing import TYPE_CHECKING, Any, Final

from requests.adapters import HTTPAdapter

from sortition._base.clock import now_s
from sortition._base.handshakes import closing_after_failure
from sortition._http.exchange import LONGEST_IDLE_S, Exchange
from sortition._process.inherited_connections import open_here

if TYPE_CHECKING:
    import socket

    from urllib3 import PoolManager

_MOST_LINE_BYTES: Final = 64 * 1024
_SWITCHING_PROTOCOLS: Final = 101


class Adapter(HTTPAdapter):
    """The adapter that opens such connections."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See `HTTPAdapter`."""
        super().init_poolmanager(*args, **kwargs)
        _use_own_classes(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> PoolManager:
        """See `HTTPAdapter`."""
        manager: PoolManager = super().proxy_manager_for(proxy, **kwargs)
        _use_own_classes(manager)
        return manager


def _use_own_classes(manager: PoolManager) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _own_class(pool) for scheme, pool in pools.items()}


class _Reader(io.RawIOBase):
    """Reads from a socket, and waits only as long as the exchange allows."""

    def __init__(self, raw: Any, connected: socket.socket, exchange: Exchange) -> None:
        self._raw = raw
        self._connected = connected
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._connected.settimeout(self._exchange.wait_s())
        count: int = self._raw.readinto(buffer)
        if count:
            self._exchange.has_answer_begun = True
        return count

    def close(self) -> None:
        try:
            self._raw.close()
        finally:
            super().close()


def _is_interim(status: int) -> bool:
    """Whether the final answer follows this one."""
    return 100 <= status < 200 and status != _SWITCHING_PROTOCOLS  # noqa: PLR2004


def _skip_headers(stream: Any) -> None:
    while stream.readline(_MOST_LINE_BYTES) not in (b"\r\n", b"\n", b""):
        pass


def _end_at_status_line(response: http.client.HTTPResponse) -> None:
    """Treat an answer as one without headers and content, and close the connection after it."""
    response.headers = response.msg = http.client.HTTPMessage()
    response.chunked = False
    response.will_close = True
    response.length = 0


def _write(connected: socket.socket, data: bytes, exchange: Exchange) -> None:
    left = memoryview(data)
    while left:
        connected.settimeout(exchange.wait_s())
        count = connected.send(left)
        exchange.written_bytes += count
        left = left[count:]


def _response_class(base: Any) -> Any:
    class Response(base):  # type: ignore[misc]
        fp: Any

        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            self._exchange = Exchange.current()
            self.fp = io.BufferedReader(_Reader(self.fp.detach(), sock, self._exchange))

        def _read_status(self) -> tuple[str, int, str]:
            while True:
                version, status, reason = super()._read_status()
                if not _is_interim(status):
                    break
                _skip_headers(self.fp)
            self._exchange.note_status(status)
            return version, status, reason

        def begin(self) -> None:
            try:
                super().begin()
            except http.client.UnknownProtocol:
                raise
            except (http.client.HTTPException, OSError):
                if self._exchange.status is None:
                    raise
                # The status decides, and it is there. Nothing more can be read.
                self._exchange.is_head_cut = True
                _end_at_status_line(self)
            # urllib3 would warn of these.
            self.msg.defects.clear()
            self.msg.set_payload("")

    return Response


def _connection_class(base: Any) -> Any:
    class Connection(base):  # type: ignore[misc]
        response_class = _response_class(base.response_class)
        idle_since_s = 0.0
        _has_answered = False

        def connect(self) -> None:
            self._has_answered = False
            with closing_after_failure():
                super().connect()

        def _new_conn(self) -> socket.socket:
            exchange = Exchange.current()
            self.timeout = exchange.wait_s()
            opened = open_here(self, super()._new_conn)
            # For TLS and a proxy's tunnel.
            opened.settimeout(exchange.wait_s())
            return opened

        def putrequest(self, *args: Any, **kwargs: Any) -> None:
            is_reused = self.sock is not None and self._has_answered
            Exchange.current().note_request(is_reused=is_reused)
            super().putrequest(*args, **kwargs)

        def send(self, data: Any) -> None:
            # The head, and the content after it: both are bytes.
            if self.sock is None:
                self.connect()
            _write(self.sock, data, Exchange.current())

        def getresponse(self, *args: Any, **kwargs: Any) -> Any:
            answer = super().getresponse(*args, **kwargs)
            self._has_answered = True
            return answer

    return Connection


@functools.cache
def _own_class(pool_class: Any) -> Any:
    """The class of pools with such connections. A proxy's connections have other classes."""
    if getattr(pool_class, "is_own", False):
        return pool_class

    class Pool(pool_class):  # type: ignore[misc]
        ConnectionCls = _connection_class(pool_class.ConnectionCls)
        is_own = True

        def _get_conn(self, *args: Any, **kwargs: Any) -> Any:
            # A connection that is readable without a request has ended; urllib3 checks that and
            # opens a new one.
            connection = super()._get_conn(*args, **kwargs)
            is_stale = now_s() - connection.idle_since_s > LONGEST_IDLE_S
            is_unwanted = is_stale or Exchange.current().needs_new_connection
            if connection.sock is not None and is_unwanted:
                # The next request opens a new one.
                connection.close()
            return connection

        def _put_conn(self, connection: Any) -> None:
            if connection is not None:
                connection.idle_since_s = now_s()
            super()._put_conn(connection)

    return Pool
