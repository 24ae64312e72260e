"""How connections are reused, and what it means when one ends: first used, or used before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
import requests
from support.documents import settings
from support.pagesense import DOCUMENT
from support.sink import free_url, wait_until

from sortition import pagesense, vwo
from sortition._http import connections, retrying
from sortition._http.transport import (
    ConnectionLostError,
    NotSentError,
    RepeatError,
    Request,
    RequestsTransport,
)
from sortition.testing import FaultServer, faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition._sending.options import OnUnknownOutcome
    from sortition.testing.faults import RequestFault

GENEROUS_S: Final = 30.0
HEALTHY: Final = faults.Healthy()
ENDS: Final = {
    "reset before reading": faults.ResetBeforeReading(),
    "reset after reading": faults.ResetAfterReading(),
    "closed after reading": faults.RawAnswer(b"", is_accepted=False),
    "answer lost": faults.AnswerLost(),
    "answer lost by a reset": faults.AnswerLost(with_reset=True),
}
"""Ends of a connection before the first byte of an answer."""
CUTS: Final = {
    "within the status line": faults.TruncatedStatusLine(),
    "no HTTP": faults.RawAnswer(b"\0\1\2\r\n\r\n", is_accepted=False),
    "an interim answer and no other": faults.RawAnswer(
        b"HTTP/1.1 103 Early Hints\r\n\r\n", is_accepted=False
    ),
}
"""Ends of a connection behind the first byte of an answer and before its meaning."""


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


BODIES: Final = {
    "an encoding that is none": head("Content-Encoding: gzip", "Content-Length: 2") + b"ok",
    "an unknown encoding": head("Content-Encoding: nonsense", "Content-Length: 2") + b"ok",
    "many encodings": head("Content-Encoding: " + ", ".join(["gzip"] * 20), "Content-Length: 2")
    + b"ok",
    "shorter than promised": head("Content-Length: 1000") + b"half",
    "nothing of what was promised": head("Content-Length: 1000"),
    "no length": head() + b"until the end",
    "a length that is none": head("Content-Length: many") + b"ok",
    "a negative length": head("Content-Length: -7") + b"ok",
    "chunks that end early": head("Transfer-Encoding: chunked") + b"5\r\nab",
    "chunks that are none": head("Transfer-Encoding: chunked") + b"zz\r\nab\r\n0\r\n\r\n",
    "150 headers": head(*[f"X-{number}: y" for number in range(150)], "Content-Length: 2") + b"ok",
    "a header of 100 KB": head("X: " + "y" * 100_000, "Content-Length: 2") + b"ok",
    "a header without a colon": head("nonsense", "Content-Length: 2") + b"ok",
    "cut within the headers": b"HTTP/1.1 200 OK\r\nContent-Le",
    "cut behind the status": b"HTTP/1.1 200\r\n",
    "more than promised": head("Content-Length: 2") + b"ok and more",
    "a long body": head("Content-Length: 300000") + bytes(300_000),
}
"""Answers whose status says 200, and what follows."""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as found:
        yield found


@pytest.fixture
def transport() -> Iterator[RequestsTransport]:
    found = RequestsTransport()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(retrying, "_LONGEST_PAUSE_S", 0.001)


def request(server: FaultServer, *, may_be_repeated: bool = False) -> Request:
    url = f"{server.url}/events"
    return Request("POST", url, body=b"{}", may_be_repeated=may_be_repeated)


@pytest.mark.parametrize("end", [pytest.param(fault, id=name) for name, fault in ENDS.items()])
class TestEnds:
    """A connection ends before the first byte of the answer."""

    def test_on_a_first_use(
        self, server: FaultServer, transport: RequestsTransport, end: RequestFault
    ) -> None:
        """The server failed: the transport says so, and does not send again."""
        server.script([end])
        with pytest.raises(requests.ConnectionError):
            transport.send(request(server, may_be_repeated=True), GENEROUS_S)
        assert server.attempts == 1

    def test_on_a_connection_that_was_used(
        self, server: FaultServer, transport: RequestsTransport, end: RequestFault
    ) -> None:
        """The request goes once more on a new connection, and that is counted."""
        transport.send(request(server), GENEROUS_S)
        server.script([end])
        response = transport.send(request(server, may_be_repeated=True), GENEROUS_S)
        assert response.status == 200
        assert response.was_repeated
        assert (server.attempts, server.connections) == (3, 2)

    def test_where_nothing_may_be_sent_twice(
        self, server: FaultServer, transport: RequestsTransport, end: RequestFault
    ) -> None:
        """The outcome is unknown, and that says nothing about the server."""
        transport.send(request(server), GENEROUS_S)
        server.script([end])
        with pytest.raises(ConnectionLostError):
            transport.send(request(server), GENEROUS_S)
        assert server.attempts == 2

    def test_within_the_call_it_is_no_failure(
        self, server: FaultServer, caplog: pytest.LogCaptureFixture, end: RequestFault
    ) -> None:
        """However often it happens, events go on and nothing is logged."""
        client = vwo.launch(settings(), base_url=server.url)
        for number in range(20):
            server.script([HEALTHY, end, HEALTHY])
            assert client.track("checkout", f"a{number}", "purchase")
            assert client.track("checkout", f"b{number}", "purchase")
        assert client.stats().delivered == {"conversion": 40}
        assert client.stats().possibly_duplicated == {"conversion": 20}
        assert client.status().reasons == ()
        client.close()
        assert caplog.records == []

    def test_within_the_call_with_drop(self, server: FaultServer, end: RequestFault) -> None:
        """The event is lost as of unknown outcome, and no pause begins."""
        client = vwo.launch(settings(), base_url=server.url, on_unknown_outcome="drop")
        for number in range(5):
            server.script([HEALTHY, end])
            assert client.track("checkout", f"a{number}", "purchase")
            assert not client.track("checkout", f"b{number}", "purchase")
        assert client.stats().delivered == {"conversion": 5}
        assert client.stats().dropped == {"unknown_outcome": {"conversion": 5}}
        assert client.stats().possibly_duplicated == {}
        client.close()

    @pytest.mark.parametrize("outcome", ["resend", "drop"])
    def test_in_batches(
        self,
        server: FaultServer,
        caplog: pytest.LogCaptureFixture,
        end: RequestFault,
        outcome: OnUnknownOutcome,
    ) -> None:
        """With `resend` everything arrives at once and the status stays `ready`."""
        client = vwo.launch(
            settings(),
            base_url=server.url,
            on_unknown_outcome=outcome,
            batch_events={"events_per_request": 1},
        )
        server.script([HEALTHY, end])
        client.track("checkout", "Ann", "purchase")
        assert client.flush_events()
        client.track("checkout", "Bob", "purchase")
        assert client.flush_events() is (outcome == "resend")
        stats = client.stats()
        if outcome == "resend":
            assert stats.delivered == {"conversion": 2}
            assert stats.possibly_duplicated == {"conversion": 1}
        else:
            assert stats.dropped == {"unknown_outcome": {"conversion": 1}}
        assert client.status().state == "ready"
        client.close()
        assert "failed" not in caplog.text

    def test_with_pagesense(self, server: FaultServer, end: RequestFault) -> None:
        """The event arrives, and is counted as possibly duplicated."""
        client = pagesense.launch(DOCUMENT, base_url=server.url)
        server.script([HEALTHY, end])
        client.activate_experiment("Exp All", "Ann")
        assert client.flush()
        client.activate_experiment("Exp All", "Bob")
        assert client.flush()
        assert client.stats().delivered == {"visitor": 2}
        assert client.stats().possibly_duplicated == {"visitor": 1}
        assert client.status().state == "ready"
        client.close()


@pytest.mark.parametrize("cut", [pytest.param(fault, id=name) for name, fault in CUTS.items()])
def test_an_answer_that_began_is_no_lost_connection(
    server: FaultServer, transport: RequestsTransport, cut: RequestFault
) -> None:
    """A response without a status counts as a failure of the server."""
    transport.send(request(server), GENEROUS_S)
    server.script([cut])
    with pytest.raises(requests.ConnectionError):
        transport.send(request(server, may_be_repeated=True), GENEROUS_S)
    assert server.attempts == 2


@pytest.mark.parametrize("is_batched", [False, True], ids=["within the call", "batches"])
@pytest.mark.parametrize("is_first", [False, True], ids=["used", "first"])
@pytest.mark.parametrize("content", [pytest.param(body, id=name) for name, body in BODIES.items()])
def test_2xx_is_delivered_whatever_follows(
    server: FaultServer, content: bytes, *, is_first: bool, is_batched: bool
) -> None:
    """The event is sent once, and the next one finds a connection that works."""
    batches = {"events_per_request": 1} if is_batched else None
    client = vwo.launch(settings(), base_url=server.url, batch_events=batches)
    script: list[RequestFault] = [faults.RawAnswer(content)]
    if not is_first:
        script.insert(0, HEALTHY)
    server.script(script)
    for number in range(3):
        assert client.track("checkout", f"u{number}", "purchase")
        client.flush_events()
        if number == len(script) - 1:
            # The server closes the connection behind its answer. A request that crosses the end
            # may have arrived, so it would count as possibly duplicated.
            wait_until(lambda: not server._loopback._connections)
    assert client.stats().delivered == {"conversion": 3}
    assert client.stats().possibly_duplicated == {}
    assert (server.distinct, server.repeated, len(server.requests)) == (3, 0, 3)
    client.close()


@pytest.mark.parametrize("with_reset", [False, True])
@pytest.mark.parametrize("pause_s", [0.0, 0.0005, 0.002, 0.01])
def test_a_server_that_closes_after_its_answer_costs_nothing(
    server: FaultServer, pause_s: float, *, with_reset: bool
) -> None:
    """It closes without having announced it, while the client may be about to send."""
    server.fault = faults.EndAfterAnswer(pause_s, with_reset=with_reset)
    client = vwo.launch(settings(), base_url=server.url)
    for number in range(100):
        assert client.track("checkout", f"u{number}", "purchase")
    assert client.stats().delivered == {"conversion": 100}
    client.close()


def test_a_connection_that_was_idle_is_not_used_again(
    server: FaultServer, transport: RequestsTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers close idle connections, and balancers forget them."""
    clock = [1000.0]
    monkeypatch.setattr(connections, "now_s", lambda: clock[0])
    for idle_s, connected in ((0.0, 1), (0.8, 1), (1.0, 2), (0.8, 2), (60.0, 3)):
        clock[0] += idle_s
        transport.send(request(server), GENEROUS_S)
        assert server.connections == connected


def test_a_connection_that_ended_meanwhile_is_not_used_again(
    server: FaultServer, transport: RequestsTransport
) -> None:
    """The client sends nothing on a closed connection, so nothing arrives twice."""
    transport.send(request(server), GENEROUS_S)
    server.fault = faults.Refused()
    server.fault = HEALTHY
    response = transport.send(request(server, may_be_repeated=True), GENEROUS_S)
    assert not response.was_repeated
    assert (len(server.requests), server.connections) == (2, 2)


def test_the_second_attempt_is_the_last(server: FaultServer, transport: RequestsTransport) -> None:
    """A new connection that ends is a failure of the server."""
    transport.send(request(server), GENEROUS_S)
    server.fault = faults.ResetAfterReading()
    with pytest.raises(RepeatError) as raised:
        transport.send(request(server, may_be_repeated=True), GENEROUS_S)
    assert raised.value.second_may_have_arrived
    assert server.attempts == 3


def test_nothing_written_is_not_sent(transport: RequestsTransport) -> None:
    """Without a connection, the server cannot have received the request."""
    with pytest.raises(NotSentError):
        transport.send(Request("GET", f"{free_url()}/events"), GENEROUS_S)
