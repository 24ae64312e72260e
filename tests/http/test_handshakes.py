"""A connection that is reset before its TLS handshake leaves no socket open."""

from __future__ import annotations

import gc
import select
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from sortition._base.clock import now_s
from sortition._base.handshakes import closing_after_failure
from sortition._http import connections
from sortition._http.transport import Request, RequestsTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def opened_and_reset(
    listener: socket.socket, connect: Callable[[], socket.socket]
) -> socket.socket:
    """A connection that nobody accepted before the port was closed, which resets it."""
    opened = connect()
    listener.close()
    until = now_s() + 10
    while not select.select([opened], [], [], 0.1)[0]:
        assert now_s() < until
    return opened


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def test_a_request(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request fails, and no warning of an unclosed socket follows."""
    port = listener.getsockname()[1]
    monkeypatch.setattr(
        connections, "open_here", lambda _, connect: opened_and_reset(listener, connect)
    )
    with pytest.raises(Exception):  # noqa: B017, PT011 -- a transport may raise anything
        RequestsTransport().send(Request("GET", f"https://127.0.0.1:{port}/"), 10)
    gc.collect()


def test_each_socket_that_ssl_leaves(listener: socket.socket) -> None:
    """Its error is raised on, and its socket closed."""
    address = listener.getsockname()
    opened = opened_and_reset(listener, lambda: socket.create_connection(address))
    with pytest.raises(ConnectionResetError) as raised, closing_after_failure():
        ssl.create_default_context().wrap_socket(opened, server_hostname="localhost")
    made = [entry.frame.f_locals.get("self") for entry in raised.traceback]
    sockets = [one for one in made if isinstance(one, ssl.SSLSocket)]
    assert sockets
    assert all(one.fileno() == -1 for one in sockets)
