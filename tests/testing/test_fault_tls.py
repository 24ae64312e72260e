"""The fault server with TLS."""

from __future__ import annotations

import contextlib
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from support.certificates import Certificates
from support.clients import (
    RESETS,
    connect,
    post,
    request_of,
    threads,
)
from support.sink import wait_until

from sortition.testing import FaultServer, faults

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


class TestTls:
    def test_a_client_that_trusts_it(self, secure: FaultServer, session: requests.Session) -> None:
        assert secure.url.startswith("https://127.0.0.1:")
        for _ in range(3):
            assert post(session, secure.url, range(100)).status_code == 200
        assert (secure.distinct, secure.repeated, secure.connections) == (100, 200, 1)

    def test_a_client_that_does_not(self, secure: FaultServer) -> None:
        with requests.Session() as session, pytest.raises(requests.exceptions.SSLError):
            post(session, secure.url, range(1))
        assert (secure.accepted, secure.attempts) == (0, 0)

    def test_the_strictest_client(self, secure: FaultServer, made: Certificates) -> None:
        context = ssl.create_default_context(cafile=made.authority)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        with (
            connect(secure.url) as connection,
            context.wrap_socket(connection, server_hostname="localhost") as wrapped,
        ):
            wrapped.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert wrapped.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")

    def test_one_file_for_both(self, made: Certificates, tmp_path: Path) -> None:
        both = tmp_path / "both.pem"
        both.write_bytes(made.key.read_bytes() + made.certificate.read_bytes())
        with FaultServer(certificate=both) as server, requests.Session() as session:
            session.trust_env = False
            session.verify = str(made.authority)
            assert post(session, server.url, range(1)).status_code == 200

    @pytest.mark.parametrize(
        "fault",
        [*RESETS, faults.AnswerLost(), faults.HalfAnswer(), faults.TruncatedStatusLine()],
    )
    def test_what_breaks_a_connection(
        self, secure: FaultServer, session: requests.Session, fault: faults.RequestFault
    ) -> None:
        """On the first request of a connection, and on a later one."""
        secure.script([fault, faults.Healthy(), fault])
        for numbers in (range(3), range(3, 6)):
            with pytest.raises(
                (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
            ):
                post(session, secure.url, numbers)
            assert post(session, secure.url, range(6, 9)).status_code == 200
        is_accepted = isinstance(fault, faults.AnswerLost | faults.HalfAnswer)
        assert (secure.distinct, secure.attempts) == (9 if is_accepted else 3, 4)

    def test_a_handshake_that_is_never_read(
        self, secure: FaultServer, session: requests.Session
    ) -> None:
        secure.fault = faults.NeverRead()
        with ThreadPoolExecutor(1) as client:
            sent = client.submit(post, session, secure.url, range(3))
            wait_until(lambda: secure.attempts == 1)
            assert secure.requests == []
            secure.fault = faults.Healthy()
            assert sent.result().status_code == 200
        assert (secure.attempts, secure.accepted) == (1, 3)

    def test_hanging(self, secure: FaultServer, session: requests.Session) -> None:
        before = threads()
        post(session, secure.url, range(3))
        secure.fault = faults.Hang()
        with pytest.raises(requests.Timeout):
            post(session, secure.url, range(3), timeout_s=0.05)
        # The client has left, and nothing is under way any more.
        wait_until(lambda: len(secure.requests) == 2 and threads() <= before)
        with ThreadPoolExecutor(1) as client:
            sent = client.submit(post, session, secure.url, range(3, 6))
            wait_until(lambda: len(secure.requests) == 3)
            secure.fault = faults.Healthy()
            assert sent.result().status_code == 200
        assert (secure.accepted, secure.repeated) == (6, 0)

    def test_an_end_is_no_request(self, secure: FaultServer, made: Certificates) -> None:
        """A client that says goodbye takes no step of a script."""
        context = ssl.create_default_context(cafile=made.authority)
        with (
            connect(secure.url) as connection,
            context.wrap_socket(connection, server_hostname="localhost") as wrapped,
        ):
            wrapped.sendall(request_of())
            assert wrapped.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
            secure.script([faults.Status(503)])
            # It is not answered in kind.
            with contextlib.suppress(OSError):
                wrapped.unwrap()
        assert secure.attempts == 1
        assert secure.fault == faults.Status(503)

    def test_dripping_and_refusing(self, secure: FaultServer, session: requests.Session) -> None:
        secure.fault = faults.SlowDrip(0.001)
        assert post(session, secure.url, range(1)).status_code == 200
        secure.fault = faults.Refused()
        with pytest.raises(requests.ConnectionError):
            post(session, secure.url, range(1))
        secure.fault = faults.Healthy()
        assert post(session, secure.url, range(1)).status_code == 200
        assert (secure.accepted, secure.connections) == (2, 2)
