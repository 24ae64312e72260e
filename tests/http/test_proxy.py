"""The proxy, as clients that have to go through one meet it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import requests
from support.certificates import Certificates
from support.clients import (
    GENEROUS_S,
    LARGE_BYTES,
    RESETS,
    answer_to,
    connect,
    forked,
    open_files,
    post,
    read_to_the_end,
    send_some,
    threads,
)
from support.sink import wait_until

from sortition.testing import FaultServer, Passage, Proxy, faults

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def secure(made: Certificates) -> Iterator[FaultServer]:
    with FaultServer(certificate=made.certificate, key=made.key) as server:
        yield server


@pytest.fixture
def session(made: Certificates) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(made.authority)
        yield session


@pytest.fixture(autouse=True)
def _only_by_proxy(session: requests.Session, proxy: Proxy) -> None:
    session.proxies = {"http": proxy.url, "https": proxy.url}


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        yield proxy


def test_a_tunnel(secure: FaultServer, session: requests.Session, proxy: Proxy) -> None:
    for numbers in (range(100), range(100, 200)):
        assert post(session, secure.url, numbers).status_code == 200
    host, port = address(secure)
    assert proxy.passages == [Passage("CONNECT", host, port)]
    assert (secure.distinct, secure.repeated, secure.connections) == (200, 0, 1)


def test_a_client_that_does_not_wait_for_the_tunnel(server: FaultServer, proxy: Proxy) -> None:
    host, port = address(server)
    with connect(proxy.url) as connection:
        connection.sendall(
            f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n"
            "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".encode()
        )
        tunnel, _, answer = read_to_the_end(connection).partition(b"\r\n\r\n")
    assert tunnel.startswith(b"HTTP/1.1 200 ")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_requests_for_urls(server: FaultServer, session: requests.Session, proxy: Proxy) -> None:
    assert post(session, server.url, range(100)).status_code == 200
    headers = {"X-Thing": "some thing"}
    answer = session.get(f"{server.url}/a%20b?x=1&y=", headers=headers, timeout=GENEROUS_S)
    assert answer.json() == {"status": "success"}
    assert session.get(server.url, timeout=GENEROUS_S).status_code == 200
    host, port = address(server)
    assert proxy.passages == [Passage(method, host, port) for method in ("POST", "GET", "GET")]
    first, second, third = server.requests
    assert (len(first.json["ev"]), server.distinct) == (100, 102)
    assert (second.path, second.query) == ("/a%20b", {"x": "1", "y": ""})
    assert second.headers["x-thing"] == "some thing"
    assert not [name for name in second.headers if name.startswith("proxy-")]
    assert third.path == "/"


def test_content_in_chunks(server: FaultServer, session: requests.Session) -> None:
    answer = session.post(server.url, iter([b"abc", b"def"]), timeout=GENEROUS_S)
    assert answer.status_code == 200
    assert server.requests[0].body == b"abcdef"


@pytest.mark.parametrize("credentials", [None, "ann:wrong", "ann"])
def test_who_may_not_pass(
    server: FaultServer,
    secure: FaultServer,
    session: requests.Session,
    credentials: str | None,
) -> None:
    with Proxy(credentials=("ann", "secret: &")) as proxy:
        user_info = "" if credentials is None else f"{credentials}@"
        url = proxy.url.replace("//", f"//{user_info}")
        session.proxies = {"http": url, "https": url}
        answer = post(session, server.url, range(1))
        assert answer.status_code == 407
        assert answer.headers["Proxy-Authenticate"].startswith("Basic ")
        with pytest.raises(requests.exceptions.ProxyError, match="407"):
            post(session, secure.url, range(1))
        assert (proxy.passages, proxy.refused) == ([], 2)
        assert (server.attempts, secure.connections) == (0, 0)


def test_who_may_pass(server: FaultServer, secure: FaultServer, session: requests.Session) -> None:
    with Proxy(credentials=("ann", "secret: &")) as proxy:
        url = proxy.url.replace("//", f"//ann:{quote('secret: &')}@")
        session.proxies = {"http": url, "https": url}
        assert post(session, server.url, range(1)).status_code == 200
        assert post(session, secure.url, range(1)).status_code == 200
        assert [passage.method for passage in proxy.passages] == ["POST", "CONNECT"]
        assert proxy.refused == 0
        assert "proxy-authorization" not in server.requests[0].headers
        proxy.clear()
        assert proxy.passages == []


@pytest.mark.parametrize(
    "fault",
    [*RESETS, faults.AnswerLost(), faults.HalfAnswer(), faults.TruncatedStatusLine()],
)
def test_faults_pass(
    server: FaultServer,
    secure: FaultServer,
    session: requests.Session,
    fault: faults.RequestFault,
) -> None:
    for one in (server, secure):
        one.script([fault])
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            post(session, one.url, range(1))
        assert post(session, one.url, range(1)).status_code == 200


def test_a_reset_is_a_reset(server: FaultServer, proxy: Proxy) -> None:
    server.script([faults.ResetAfterReading()])
    with connect(proxy.url) as connection, pytest.raises(ConnectionResetError):
        answer_to(connection, f"GET {server.url}/ HTTP/1.1\r\n\r\n".encode())


def test_nobody_there(session: requests.Session, server: FaultServer) -> None:
    server.fault = faults.Refused()
    assert post(session, server.url, range(1)).status_code == 502
    with pytest.raises(requests.exceptions.ProxyError, match="502"):
        post(session, server.url.replace("http:", "https:"), range(1))


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "GET /path HTTP/1.1",
        "GET ftp://127.0.0.1/ HTTP/1.1",
        "GET http://127.0.0.1:x/ HTTP/1.1",
        "CONNECT 127.0.0.1 HTTP/1.1",
        "CONNECT 127.0.0.1:99999 HTTP/1.1",
    ],
)
def test_what_it_cannot_forward(proxy: Proxy, line: str) -> None:
    with connect(proxy.url) as connection:
        answer = answer_to(connection, f"{line}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert proxy.passages == []


def test_a_client_that_leaves(server: FaultServer, proxy: Proxy) -> None:
    """The other server hears of it."""
    server.fault = faults.Hang()
    with connect(proxy.url) as connection:
        connection.sendall(f"GET {server.url}/ HTTP/1.1\r\n\r\n".encode())
        wait_until(lambda: len(server.requests) == 1)
    # The threads that accept, and no other.
    wait_until(lambda: len(threads()) == 2)
    server.fault = faults.Healthy()
    assert server.accepted == 0


def test_closing_leaves_nothing() -> None:
    """Also where the other server stops reading."""
    threads_before, files_before = threads(), open_files()
    with FaultServer() as server:
        server.fault = faults.NeverRead()
        proxy = Proxy()
        host, port = address(server)
        with connect(proxy.url) as connection, connect(proxy.url):
            connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            connection.settimeout(0.1)
            assert 0 < send_some(connection, bytes(LARGE_BYTES)) < LARGE_BYTES
            proxy.close()
            proxy.close()
        with pytest.raises(ConnectionRefusedError):
            connect(proxy.url)
    assert threads() <= threads_before
    assert open_files() <= files_before


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_holds_nothing(server: FaultServer) -> None:
    """Both sides of a tunnel, and the port, end also where a child is still there."""
    host, port = address(server)
    with Proxy() as proxy, connect(proxy.url) as connection:
        connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        wait_until(lambda: server.connections == 1)
        with forked(proxy.close):
            server.script([faults.ResetAfterReading()])
            with pytest.raises(ConnectionResetError):
                answer_to(connection, b"GET / HTTP/1.1\r\n\r\n")
            proxy.close()
            with pytest.raises(ConnectionRefusedError):
                connect(proxy.url)


def address(server: FaultServer) -> tuple[str, int]:
    host, _, port = server.url.partition("//")[2].partition(":")
    return host, int(port)
