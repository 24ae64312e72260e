"""The fault server: its port, its schedule, its end, and what it imports."""

from __future__ import annotations

import contextlib
import itertools
import re
import socket
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from operator import ge
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from support.certificates import Certificates
from support.clients import (
    BATCH,
    GENEROUS_S,
    answer_to,
    connect,
    forked,
    open_files,
    post,
    read_to_the_end,
    request_of,
    threads,
)
from support.sink import wait_until

import sortition.testing
from sortition.testing import FaultServer, faults

if TYPE_CHECKING:
    from collections.abc import Iterator


class TestRefused:
    def test_the_port_is_closed_and_opened_again(
        self, server: FaultServer, session: requests.Session
    ) -> None:
        before = threads()
        assert post(session, server.url, range(1)).status_code == 200
        url = server.url
        for _ in range(3):
            server.fault = faults.Refused()
            # The kept connection went with the port, and no thread is left.
            assert not threads() & before
            with pytest.raises(requests.ConnectionError) as caught:
                post(session, url, range(1))
            assert "Connection refused" in repr(caught.value)
            with pytest.raises(ConnectionRefusedError):
                connect(url)
            server.fault = faults.Status(503)
            assert post(session, url, range(1)).status_code == 503
        server.fault = faults.Refused()
        server.script([faults.Status(502)])
        assert post(session, url, range(1)).status_code == 502
        assert post(session, url, range(1)).status_code == 200
        assert (server.url, server.accepted, server.repeated) == (url, 2, 1)

    def test_nobody_else_is_given_the_port(self, server: FaultServer) -> None:
        server.fault = faults.Refused()
        port = urlsplit(server.url).port
        assert port is not None
        with (
            socket.socket() as other,
            pytest.raises(OSError, match="in use"),
        ):
            other.bind(("127.0.0.1", port))

    @pytest.mark.parametrize("fault", [faults.Hang(), faults.NeverRead(), faults.SlowDrip(3600)])
    def test_what_is_under_way_ends_with_the_port(
        self, server: FaultServer, fault: faults.Fault
    ) -> None:
        server.fault = fault
        with connect(server.url) as connection:
            connection.sendall(request_of())
            wait_until(lambda: server.attempts == 1)
            server.fault = faults.Refused()
            with contextlib.suppress(ConnectionResetError):
                assert read_to_the_end(connection) in (b"", b"H")
        accepted = 1 if isinstance(fault, faults.SlowDrip) else 0
        assert server.accepted == accepted

    def test_twice_is_once(self, server: FaultServer, session: requests.Session) -> None:
        for fault in (faults.Refused(), faults.Refused(), faults.Healthy(), faults.Healthy()):
            server.fault = fault
        assert post(session, server.url, range(1)).status_code == 200


class TestSchedule:
    def test_a_script(self, server: FaultServer, session: requests.Session) -> None:
        server.script([faults.Status(503), faults.AnswerLost(), faults.Status(429, 1)])
        following: list[faults.Fault] = [server.fault]
        assert post(session, server.url, range(1)).status_code == 503
        with pytest.raises(requests.ConnectionError):
            post(session, server.url, range(1))
        following.append(server.fault)
        assert post(session, server.url, range(1)).status_code == 429
        following.append(server.fault)
        assert post(session, server.url, range(1)).status_code == 200
        assert following == [faults.Status(503), faults.Status(429, 1), faults.Healthy()]
        assert [type(received.fault) for received in server.requests] == [
            faults.Status,
            faults.AnswerLost,
            faults.Status,
            faults.Healthy,
        ]

    def test_a_fault_ends_a_script(self, server: FaultServer, session: requests.Session) -> None:
        server.script([faults.Status(503)] * 9)
        server.fault = faults.Status(401)
        assert post(session, server.url, range(1)).status_code == 401
        server.script([])
        assert post(session, server.url, range(1)).status_code == 200

    def test_each_step_is_taken_once(self, server: FaultServer) -> None:
        statuses = list(range(400, 500))
        server.script([faults.Status(status) for status in statuses])

        def send(number: int) -> int:
            with requests.Session() as session:
                return post(session, server.url, range(number, number + 1)).status_code

        with ThreadPoolExecutor(8) as clients:
            met = list(clients.map(send, range(110)))
        assert sorted(met) == [200] * 10 + statuses
        assert (server.accepted, server.attempts) == (10, 110)

    def test_by_request(self, server: FaultServer, session: requests.Session) -> None:
        def choose(received: sortition.testing.Received) -> faults.RequestFault:
            if received.path == BATCH:
                return faults.TooManyEvents(2)
            return faults.Status(200, body=b"{}")

        server.fault = faults.ByRequest(choose)
        assert post(session, server.url, range(3)).status_code == 413
        assert post(session, server.url, range(2)).status_code == 200
        answer = session.get(f"{server.url}/server-side/settings", timeout=GENEROUS_S)
        assert answer.json() == {}
        assert server.requests[0].fault == faults.TooManyEvents(2)
        assert server.accepted == 2

    def test_a_function_that_raises(
        self, server: FaultServer, session: requests.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A mistake of the test's own is to be seen."""
        raised: list[threading.ExceptHookArgs] = []
        monkeypatch.setattr(threading, "excepthook", raised.append)

        def choose(received: sortition.testing.Received) -> faults.RequestFault:
            raise LookupError(received.path)

        server.fault = faults.ByRequest(choose)
        with pytest.raises(requests.ConnectionError):
            post(session, server.url, range(1))
        server.fault = faults.Healthy()
        assert post(session, server.url, range(1)).status_code == 200
        wait_until(lambda: len(raised) == 1)
        assert raised[0].exc_type is LookupError

    @pytest.mark.parametrize("fault", [faults.Healthy, 503, None])
    def test_what_is_no_fault(self, server: FaultServer, fault: Any) -> None:
        with pytest.raises(TypeError, match="not a fault"):
            server.fault = fault
        with pytest.raises(TypeError, match="not a fault that a request can meet"):
            server.script([faults.Healthy(), fault])
        assert server.fault == faults.Healthy()

    def test_a_closed_port_sees_no_request(self, server: FaultServer) -> None:
        with pytest.raises(TypeError, match="not a fault that a request can meet"):
            server.script([faults.Refused()])  # type: ignore[list-item]  # which is the point

    def test_what_a_fault_cannot_be(self) -> None:
        for status in (0, 100, 199, 600):
            with pytest.raises(ValueError, match="from 200 to 599"):
                faults.Status(status)
            with pytest.raises(ValueError, match="from 200 to 599"):
                faults.HalfAnswer(status)
            with pytest.raises(ValueError, match="from 200 to 599"):
                faults.SlowDrip(1, status)
        with pytest.raises(ValueError, match="must not be negative"):
            faults.SlowDrip(-1)
        with pytest.raises(ValueError, match="must not be negative"):
            faults.EndlessAnswer("body", -1)
        with pytest.raises(ValueError, match="from 200 to 599"):
            faults.EndlessAnswer("body", status=600)
        with pytest.raises(ValueError, match="part must be one of"):
            faults.EndlessAnswer("tail")  # type: ignore[arg-type]  # which is the point
        with pytest.raises(ValueError, match="time zone"):
            faults.Status(503, datetime(2031, 2, 3))  # noqa: DTZ001 -- which is the point

    def test_switching_while_events_flow(self, server: FaultServer) -> None:
        """Whatever happens meanwhile, an event is counted where its client was told so."""
        stop = threading.Event()
        switched: Iterator[faults.Fault] = itertools.cycle(
            [
                faults.Status(503),
                faults.ResetBeforeReading(),
                faults.Hang(),
                faults.ResetAfterReading(),
                faults.HalfAnswer(503),
                faults.NeverRead(),
                faults.TruncatedStatusLine(),
                faults.SlowDrip(0),
                faults.TooManyEvents(4),
                faults.Healthy(),
            ]
        )

        def send(client: int) -> int:
            told = 0
            with requests.Session() as session:
                for start in itertools.count(client * 10**6, 5):
                    with contextlib.suppress(requests.RequestException):
                        if post(session, server.url, range(start, start + 5)).ok:
                            told += 5
                    if stop.is_set():
                        return told
            raise AssertionError

        with ThreadPoolExecutor(6) as clients:
            sent = [clients.submit(send, client) for client in range(6)]
            for _ in range(40):
                seen = server.attempts
                server.fault = next(switched)
                # Each of the clients begins once more, also where it is held up then.
                wait_until(lambda seen=seen: server.attempts >= seen + 6)  # type: ignore[misc]
            server.fault = faults.Healthy()
            stop.set()
            told = sum(one.result() for one in sent)
        assert server.accepted == server.distinct == told > 0
        met = {type(received.fault) for received in server.requests}
        assert met >= {faults.Hang, faults.ResetAfterReading, faults.TooManyEvents}

    def test_a_port_that_comes_and_goes_while_events_flow(self, server: FaultServer) -> None:
        """Sent until its answer comes, each event arrives."""
        stop = threading.Event()

        def send(client: int) -> int:
            with requests.Session() as session:
                for number in itertools.count(client * 10**6):
                    if stop.is_set():
                        return number - client * 10**6
                    while True:
                        with contextlib.suppress(requests.RequestException):
                            if post(session, server.url, range(number, number + 1)).ok:
                                break
            raise AssertionError

        with ThreadPoolExecutor(4) as clients:
            sent = [clients.submit(send, client) for client in range(4)]
            for _ in range(10):
                seen = server.accepted
                server.fault = faults.Refused()
                server.fault = faults.Healthy()
                wait_until(lambda seen=seen: server.accepted > seen + 9)  # type: ignore[misc]
            stop.set()
            total = sum(one.result() for one in sent)
        assert server.distinct == total
        assert server.accepted == total + server.repeated


class TestClosing:
    def test_nothing_is_left(self, made: Certificates) -> None:
        """Neither of what is under way, nor of what was never finished."""
        threads_before, files_before = threads(), open_files()
        for fault in (faults.Healthy(), faults.Hang(), faults.NeverRead(), faults.SlowDrip(3600)):
            plain = FaultServer()
            secure = FaultServer(certificate=made.certificate, key=made.key)
            with contextlib.ExitStack() as connections:
                for server in (plain, secure):
                    # Idle; in the middle of a request or of a handshake; with a whole request.
                    connections.enter_context(connect(server.url))
                    for text in (b"POST / HTTP", b"\x16\x03\x01", request_of(b"1"), request_of()):
                        connections.enter_context(connect(server.url)).sendall(text)
                    server.fault = fault
                    connections.enter_context(connect(server.url)).sendall(request_of())
                wait_until(lambda plain=plain: plain.connections == 6)  # type: ignore[misc]
                assert threads() - threads_before
                plain.close()
                secure.close()
                assert threads() <= threads_before
                for server in (plain, secure):
                    with pytest.raises(ConnectionRefusedError):
                        connect(server.url)
        assert open_files() <= files_before

    def test_by_many_at_once(self) -> None:
        server = FaultServer()
        server.fault = faults.Hang()
        with connect(server.url) as connection, ThreadPoolExecutor(8) as closers:
            connection.sendall(request_of())
            wait_until(lambda: len(server.requests) == 1)
            for one in [closers.submit(server.close) for _ in range(8)]:
                one.result()
            assert read_to_the_end(connection) == b""
        server.close()

    def test_a_closed_server_takes_no_orders(self) -> None:
        server = FaultServer()
        with requests.Session() as session:
            post(session, server.url, range(3))
        server.close()
        with pytest.raises(ValueError, match="closed"):
            server.fault = faults.Healthy()
        with pytest.raises(ValueError, match="closed"):
            server.script([])
        with pytest.raises(ConnectionRefusedError):
            connect(server.url)
        # What it saw can still be asked for.
        assert (server.distinct, len(server.events)) == (3, 3)

    def test_while_its_port_is_closed(self) -> None:
        files_before = open_files()
        server = FaultServer()
        server.fault = faults.Refused()
        server.close()
        assert open_files() <= files_before

    def test_a_server_that_cannot_be_made_leaves_nothing(self, tmp_path: Path) -> None:
        threads_before, files_before = threads(), open_files()
        with pytest.raises(FileNotFoundError):
            FaultServer(certificate=tmp_path / "none.pem")
        (tmp_path / "broken.pem").write_text("nonsense")
        with pytest.raises(ssl.SSLError):
            FaultServer(certificate=tmp_path / "broken.pem")
        assert threads() <= threads_before
        assert open_files() <= files_before

    def test_no_thread_to_be_had(
        self, server: FaultServer, session: requests.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A test of a client may take the threads of its whole process."""

        def start(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(requests.ConnectionError):
                post(session, server.url, range(1))
        assert post(session, server.url, range(1)).status_code == 200

    def test_nothing_is_printed_and_nobody_need_close(self) -> None:
        """Neither for what clients do, nor at the end of a program that forgets to close."""
        program = """
            import socket
            from sortition.testing import FaultServer, faults
            server = FaultServer()
            address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
            for fault in (faults.Healthy(), faults.ResetAfterReading(), faults.HalfAnswer()):
                server.fault = fault
                for text in (b"nonsense\\r\\n\\r\\n", b"GET / HTTP/1.1\\r\\n\\r\\n", b"GET"):
                    with socket.create_connection(address) as connection:
                        connection.sendall(text)
            server.fault = faults.Hang()
            kept = socket.create_connection(address)
            kept.sendall(b"GET /kept HTTP/1.1\\r\\n\\r\\n")
            while not any(one.path == "/kept" for one in server.requests):
                pass
        """
        done = subprocess.run(
            [sys.executable, "-c", re.sub("(?m)^ {12}", "", program)],
            timeout=GENEROUS_S,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
    def test_a_forked_child_holds_nothing(
        self, server: FaultServer, session: requests.Session
    ) -> None:
        """A connection is reset, and a port closed, also where a child is still there."""
        with connect(server.url) as connection:
            wait_until(lambda: server.connections == 1)
            with forked(server.close):
                server.script([faults.ResetAfterReading()])
                with pytest.raises(ConnectionResetError):
                    answer_to(connection, request_of())
                server.fault = faults.Refused()
                with pytest.raises(ConnectionRefusedError):
                    connect(server.url)
                server.fault = faults.Healthy()
                assert post(session, server.url, range(1)).status_code == 200

    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
    def test_forks_while_clients_come_and_go(self, server: FaultServer) -> None:
        """No fork comes between a connection and its being known."""
        stop = threading.Event()
        resets = [0] * 4

        def come_and_go(client: int) -> None:
            while not stop.is_set():
                with connect(server.url) as connection:
                    with pytest.raises(ConnectionResetError):
                        answer_to(connection, request_of())
                    resets[client] += 1

        server.fault = faults.ResetAfterReading()
        with ThreadPoolExecutor(4) as clients:
            coming = [clients.submit(come_and_go, client) for client in range(4)]
            try:
                for _ in range(20):
                    with forked(server.close):
                        enough = [count + 3 for count in resets]
                        # Well before the child ends by itself.
                        wait_until(lambda: all(map(ge, resets, enough)), within_s=10)  # noqa: B023
            finally:
                stop.set()
            for one in coming:
                one.result()
