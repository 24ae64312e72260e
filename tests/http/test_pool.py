"""The threads that send: every place comes back, and none is started where it would never run."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
from support.documents import settings
from support.sink import BlackHole, Sink, wait_until

from sortition._http.pool import Deadline, SenderPool, SendingError
from sortition._http.transport import Request, RequestsTransport, Response
from sortition.testing import FaultServer, faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._http.transport import Transport

SHORT_S: Final = 0.3
GENEROUS_S: Final = 60.0


def gives_up_on_time(transport: Transport, request: Request) -> list[SendingError]:
    """Send more requests than there are places, one after the other; why each failed."""
    pool = SenderPool(transport, most_senders=2)
    failures = []
    for _ in range(5):
        with pytest.raises(SendingError) as raised:
            pool.send(request, Deadline(SHORT_S))
        failures.append(raised.value)
        wait_until(lambda: pool.free_places == 2)
    pool.close()
    assert not any("too many" in str(one) for one in failures)
    return failures


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_answers(scheme: str) -> None:
    """Neither its silence nor a TLS handshake without an end holds a place."""
    with BlackHole() as hole:
        transport = RequestsTransport()
        url = hole.url.replace("http", scheme)
        gives_up_on_time(transport, Request("POST", f"{url}/any", body=b"{}"))
        transport.close()


@pytest.mark.parametrize("part", ["interim", "status line", "headers", "body"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_whose_answer_never_ends(scheme: str, part: faults.EndlessPart) -> None:
    """Its answer to a tunnel is bounded as that of a server is."""
    with FaultServer() as proxy:
        proxy.fault = faults.EndlessAnswer(part, 0.01, status=503)
        transport = RequestsTransport(proxies={scheme: proxy.url})
        url = f"{scheme}://server.example/any"
        pool = SenderPool(transport, most_senders=2)
        for _ in range(5):
            try:
                assert pool.send(Request("GET", url), Deadline(SHORT_S)).status == 503
            except SendingError as error:
                assert "too many" not in str(error)  # noqa: PT017 -- an answer is right, too
            wait_until(lambda: pool.free_places == 2)
        pool.close()
        transport.close()


def test_a_server_that_reads_nothing() -> None:
    """A request that is larger than the buffers of a connection ends on time."""
    with FaultServer() as server:
        server.fault = faults.NeverRead()
        transport = RequestsTransport()
        request = Request("POST", f"{server.url}/any", body=bytes(50_000_000))
        failures = gives_up_on_time(transport, request)
        assert all(one.may_have_arrived for one in failures)
        transport.close()


def test_no_thread_is_started_while_the_interpreter_ends() -> None:
    """A finalizer that tracks neither hangs nor waits for its deadline: the event is not sent."""
    program = """
    import sys
    from sortition import vwo

    class Last:
        def __init__(self, client):
            self.client = client

        def __del__(self):
            tracked = self.client.track("checkout", "last", "purchase")
            sys.stderr.write(f"{dict(tracked)} {self.client.stats().dropped}")

    client = vwo.launch(sys.argv[1], base_url=sys.argv[2], request_timeout_s=600)
    assert client.track("checkout", "first", "purchase")
    # A global is finalized when the interpreter ends.
    last = Last(client)
    """
    with Sink() as sink:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), json.dumps(settings()), sink.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stderr.endswith("{'checkout': False} {'not_sent': {'conversion': 1}}")
        assert len(sink.received) == 1


class Answering:
    """A transport that answers at once, and does something before each answer."""

    def __init__(self, act: Callable[[], object] = lambda: None) -> None:
        self.act = act
        self.sent = 0

    def send(self, _request: Request, _timeout_s: float) -> Response:
        self.sent += 1
        self.act()
        return Response(200, b"")


class Jobs:
    """The requests of a sender; does something before it gets one."""

    def __init__(self, real: Any, act: Callable[[], object]) -> None:
        self._real = real
        self._act = act

    def put(self, job: object) -> None:
        if job is not None:
            # A close puts None itself.
            self._act()
        self._real.put(job)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_a_request_that_has_its_place_is_sent_when_the_pool_closes() -> None:
    """Also if the pool closes just before an idle sender gets the request."""
    transport = Answering()
    pool = SenderPool(transport)
    request = Request("GET", "http://server.example")
    pool.send(request, Deadline(GENEROUS_S))
    (sender,) = pool._idle
    sender.jobs = cast("Any", Jobs(sender.jobs, pool.close))
    assert pool.send(request, Deadline(GENEROUS_S)).status == 200
    assert transport.sent == 2
    assert pool.free_places == 32
    sender.join(GENEROUS_S)
    assert not sender.is_alive()


def test_a_request_that_no_sender_took_has_not_arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    """And its failure says nothing about the server."""
    transport = Answering()
    pool = SenderPool(transport)
    monkeypatch.setattr(pool, "_start", lambda _: None)
    with pytest.raises(SendingError) as raised:
        pool.send(Request("GET", "http://server.example"), Deadline(SHORT_S))
    assert not raised.value.may_have_arrived
    assert not raised.value.says_server_is_down
    assert (transport.sent, pool.free_places) == (0, 32)
