"""Each fault, as a real client meets it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import requests
from support.clients import (
    GENEROUS_S,
    LARGE_BYTES,
    RESETS,
    answer_to,
    connect,
    post,
    read_to_the_end,
    request_of,
    send_some,
    threads,
)
from support.sink import wait_until

from sortition.testing import FaultServer, faults


class TestAnswers:
    """Faults that answer, if not always well."""

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 429, 400, 401, 413, 302, 599])
    def test_a_status(self, server: FaultServer, session: requests.Session, status: int) -> None:
        server.fault = faults.Status(status)
        assert post(session, server.url, range(3)).status_code == status
        assert "Retry-After" not in post(session, server.url, range(3)).headers
        assert (server.accepted, len(server.requests)) == (0, 2)

    @pytest.mark.parametrize(
        ("retry_after", "header"),
        [
            (0, "0"),
            (120, "120"),
            (datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC), "Mon, 03 Feb 2031 04:05:06 GMT"),
            (
                datetime(2031, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=5))),
                "Sun, 02 Feb 2031 23:05:06 GMT",
            ),
            ("soon", "soon"),
        ],
    )
    def test_when_to_come_again(
        self,
        server: FaultServer,
        session: requests.Session,
        retry_after: int | datetime | str,
        header: str,
    ) -> None:
        server.fault = faults.Status(429, retry_after)
        assert post(session, server.url, range(1)).headers["Retry-After"] == header

    def test_headers_and_content(self, server: FaultServer, session: requests.Session) -> None:
        server.fault = faults.Status(200, headers={"X-Thing": "some"}, body=b"thing")
        answer = post(session, server.url, range(2))
        assert (answer.headers["X-Thing"], answer.content) == ("some", b"thing")
        assert server.accepted == 2

    @pytest.mark.parametrize("status", [204, 304])
    def test_a_status_without_content(self, server: FaultServer, status: int) -> None:
        server.script([faults.Status(status, body=b"thing")])
        with connect(server.url) as connection:
            connection.sendall(request_of())
            answers = answer_to(connection, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        first, second, content = answers.split(b"\r\n\r\n")
        assert first.startswith(b"HTTP/1.1 %d " % status)
        assert b"Content-Length" not in first
        assert second.startswith(b"HTTP/1.1 200 OK\r\n")
        assert content == b'{"status": "success"}'

    def test_a_batch_that_is_too_large(
        self, server: FaultServer, session: requests.Session
    ) -> None:
        """Halved until it fits, everything arrives once."""
        server.fault = faults.TooManyEvents(12)

        def send(numbers: range) -> None:
            status = post(session, server.url, numbers).status_code
            if status == 413:
                middle = numbers.start + len(numbers) // 2
                send(range(numbers.start, middle))
                send(range(middle, numbers.stop))
            else:
                assert status == 200

        send(range(100))
        assert (server.distinct, server.repeated) == (100, 0)
        sizes = [len(received.json["ev"]) for received in server.requests]
        assert sizes[:5] == [100, 50, 25, 12, 13]
        assert post(session, server.url, range(12)).status_code == 200
        assert post(session, server.url, range(13)).status_code == 413

    @pytest.mark.parametrize("status", [200, 503])
    def test_half_an_answer(
        self, server: FaultServer, session: requests.Session, status: int
    ) -> None:
        server.script([faults.HalfAnswer(status)] * 2)
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            post(session, server.url, range(3))
        with connect(server.url) as connection:
            connection.sendall(request_of())
            head, _, content = read_to_the_end(connection).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        match = re.search(rb"Content-Length: (\d+)", head)
        assert match is not None
        assert 0 < len(content) < int(match[1])
        assert (server.distinct, server.repeated) == ((4, 0) if status == 200 else (0, 0))
        assert post(session, server.url, range(3)).status_code == 200

    def test_a_truncated_status_line(self, server: FaultServer, session: requests.Session) -> None:
        server.script([faults.TruncatedStatusLine()] * 2)
        with pytest.raises(requests.ConnectionError):
            post(session, server.url, range(3))
        with connect(server.url) as connection:
            connection.sendall(request_of())
            assert read_to_the_end(connection) == b"HTTP/1.1 20"
        assert server.accepted == 0

    def test_an_answer_that_drips(self, server: FaultServer, session: requests.Session) -> None:
        server.script([faults.SlowDrip(0.001), faults.SlowDrip(0.001, 503)])
        assert post(session, server.url, range(3)).json() == {"status": "success"}
        assert post(session, server.url, range(3, 6)).status_code == 503
        assert (server.accepted, server.connections) == (3, 1)

    @pytest.mark.parametrize(
        ("part", "first", "again"),
        [
            ("interim", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
            ("status line", b"HTTP/1.1 200 ", b"x"),
            ("headers", b"HTTP/1.1 200 Endless\r\nX-Endless: ", b"x"),
            ("body", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        ],
    )
    def test_an_answer_that_never_ends(
        self, server: FaultServer, part: Any, first: bytes, again: bytes
    ) -> None:
        """It goes on after another fault is set, and ends with the server."""
        server.fault = faults.EndlessAnswer(part, 0.001)
        with connect(server.url) as connection:
            connection.sendall(request_of())
            received = b""
            while len(received) < len(first) + 3 * len(again):
                received += connection.recv(65536)
            assert received.startswith(first + again + again)
            server.fault = faults.Healthy()
            assert connection.recv(65536)
            server.close()
            read_to_the_end(connection)
        assert server.accepted == (0 if part == "interim" else 1)

    @pytest.mark.parametrize("end", ["close", "reset", "keep"])
    def test_a_raw_answer(self, server: FaultServer, end: Any) -> None:
        """Its bytes are sent as they are, and the connection ends as it is told to."""
        server.script([faults.RawAnswer(b"anything\0", end), faults.Healthy()])
        with connect(server.url) as connection:
            connection.sendall(request_of())
            assert connection.recv(65536) == b"anything\0"
            if end == "keep":
                connection.sendall(request_of())
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
            elif end == "reset":
                with pytest.raises(ConnectionResetError):
                    connection.recv(1)
            else:
                assert connection.recv(1) == b""

    @pytest.mark.parametrize("with_reset", [False, True])
    def test_an_end_after_the_answer(self, server: FaultServer, *, with_reset: bool) -> None:
        """The answer does not announce the end of the connection."""
        server.script([faults.EndAfterAnswer(0.01, with_reset=with_reset)])
        with connect(server.url) as connection:
            connection.sendall(request_of())
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"close" not in answer
            if with_reset:
                with pytest.raises(ConnectionResetError):
                    connection.recv(1)
            else:
                assert connection.recv(1) == b""
        assert server.accepted == 1

    def test_one_byte_at_a_time(self, server: FaultServer) -> None:
        """Closing does not wait for the next byte, and a client need not either."""
        before = threads()
        server.fault = faults.SlowDrip(3600)
        with connect(server.url) as connection:
            connection.sendall(request_of())
            assert connection.recv(65536) == b"H"
        wait_until(lambda: threads() <= before)
        with connect(server.url) as connection:
            connection.sendall(request_of())
            assert connection.recv(65536) == b"H"
            server.close()
            assert read_to_the_end(connection) == b""


class TestNoAnswer:
    """Faults that do not answer at all."""

    @pytest.mark.parametrize("fault", RESETS)
    def test_a_reset(
        self, server: FaultServer, session: requests.Session, fault: faults.RequestFault
    ) -> None:
        with connect(server.url) as kept, connect(server.url) as new:
            kept.sendall(request_of())
            assert kept.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
            server.script([fault] * 3)
            for connection in (kept, new):
                with pytest.raises(ConnectionResetError):
                    answer_to(connection, request_of())
        with pytest.raises(requests.ConnectionError):
            post(session, server.url, range(3))
        was_read = not isinstance(fault, faults.ResetBeforeReading)
        assert (server.attempts, len(server.requests)) == (4, 4 if was_read else 1)
        assert server.accepted == (6 if isinstance(fault, faults.AnswerLost) else 1)
        assert post(session, server.url, range(1)).status_code == 200

    def test_a_reset_before_reading_reads_nothing(self, server: FaultServer) -> None:
        """Of a request that never ends, the first byte is enough."""
        server.script([faults.ResetBeforeReading()])
        with connect(server.url) as connection, pytest.raises(ConnectionResetError):
            answer_to(connection, b"P")
        assert server.attempts == 1

    def test_a_lost_answer_is_counted(self, server: FaultServer, session: requests.Session) -> None:
        """The server accepts the event twice, which the client cannot know."""
        server.script([faults.AnswerLost()] * 2)
        with pytest.raises(requests.ConnectionError):
            post(session, server.url, range(100))
        assert (server.distinct, server.repeated) == (100, 0)
        with connect(server.url) as connection:
            connection.sendall(request_of())
            # Closed in order, without a byte.
            assert read_to_the_end(connection) == b""
        assert post(session, server.url, range(60)).status_code == 200
        assert (server.accepted, server.distinct, server.repeated) == (161, 101, 60)

    def test_a_request_that_hangs_is_answered_when_the_fault_is_lifted(
        self, server: FaultServer
    ) -> None:
        server.fault = faults.Hang()

        def send(number: int) -> int:
            with requests.Session() as session:
                return post(session, server.url, range(number, number + 1)).status_code

        with ThreadPoolExecutor(4) as clients:
            sent = [clients.submit(send, number) for number in range(4)]
            wait_until(lambda: len(server.requests) == 4)
            # One that hangs again goes on hanging, and is no further request.
            server.fault = faults.Hang()
            assert not any(one.done() for one in sent)
            assert server.accepted == 0
            server.script([faults.Status(503), faults.Status(401)])
            assert sorted(one.result() for one in sent) == [200, 200, 401, 503]
        assert (server.accepted, len(server.requests), server.attempts) == (2, 4, 4)

    @pytest.mark.parametrize("fault", [faults.Hang(), faults.NeverRead()])
    def test_one_whose_client_has_left_is_not_accepted(
        self, server: FaultServer, session: requests.Session, fault: faults.Fault
    ) -> None:
        before = threads()
        server.fault = fault
        with pytest.raises(requests.Timeout):
            post(session, server.url, range(3), timeout_s=0.05)
        wait_until(lambda: server.attempts == 1)
        server.fault = faults.Healthy()
        wait_until(lambda: threads() <= before)
        assert server.accepted == 0
        assert post(session, server.url, range(3)).status_code == 200
        assert server.repeated == 0

    def test_hanging_ends_when_the_client_leaves(self, server: FaultServer) -> None:
        """A client that tries for hours leaves no thread for each time."""
        before = threads()
        server.fault = faults.Hang()
        with connect(server.url) as connection:
            connection.sendall(request_of())
            wait_until(lambda: len(server.requests) == 1)
            assert threads() - before
        wait_until(lambda: threads() <= before)
        assert server.fault == faults.Hang()

    def test_what_is_never_read(self, server: FaultServer) -> None:
        """The client can send no more than the buffers take, until the fault is lifted."""
        server.fault = faults.NeverRead()
        request = request_of(bytes(LARGE_BYTES))
        with connect(server.url) as connection:
            connection.settimeout(0.1)
            sent = send_some(connection, request)
            assert 0 < sent < len(request)
            assert (server.attempts, server.requests) == (1, [])
            connection.settimeout(GENEROUS_S)
            server.fault = faults.Healthy()
            connection.sendall(request[sent:])
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        assert (server.attempts, len(server.requests), server.accepted) == (1, 1, 1)

    def test_a_connection_that_was_kept_is_not_read_either(
        self, server: FaultServer, session: requests.Session
    ) -> None:
        post(session, server.url, range(1))
        server.fault = faults.NeverRead()
        with pytest.raises(requests.Timeout):
            post(session, server.url, range(1), timeout_s=0.05)
        wait_until(lambda: server.attempts == 2)
        assert len(server.requests) == 1
