"""Synchronous sending: bounded in time, in threads and in what it says of an outage."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.documents import settings
from support.paths import TESTS
from support.sink import Answer, BlackHole, free_url, wait_until

from sortition import vwo
from sortition._base.log import Log
from sortition._http import pool as pool_module
from sortition._http.pool import Deadline, SenderPool, SendingError
from sortition._http.transport import Request, RequestsTransport, Response
from sortition._sending.synchronous import SynchronousDispatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]

GENEROUS_S = 30.0


def senders() -> set[threading.Thread]:
    """The sending threads of all clients of this process, those of earlier tests included."""
    return {one for one in threading.enumerate() if one.name == "sortition-sender"}


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


class Hanging:
    """A transport whose requests hang until they are let go, as a name look-up does."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.let_go = threading.Event()

    def send(self, _request: Request, _timeout_s: float) -> Response:
        self.started.release()
        self.let_go.wait(GENEROUS_S)
        return Response(200, b"")


class Scripted:
    """A transport that does what it is told, one request after the other."""

    def __init__(self, *script: int | BaseException) -> None:
        self.script = list(script)
        self.sent = 0

    def send(self, _request: Request, _timeout_s: float) -> Response:
        self.sent += 1
        step = self.script.pop(0) if self.script else 200
        if isinstance(step, BaseException):
            raise step
        return Response(step, b"")


ONE = {"conversion": 1}
REQUEST = Request("GET", "http://127.0.0.1/server-side/track-goal", query={"env": "secret"})


class TestPool:
    def test_an_answer_is_handed_to_its_caller(self, sink: Sink) -> None:
        sink.answer = lambda received: Answer(200 + int(received.query["n"]))
        pool = SenderPool(RequestsTransport())

        def status(number: int) -> int:
            request = Request("GET", f"{sink.url}/x", query={"n": number})
            return pool.send(request, Deadline(GENEROUS_S)).status

        with ThreadPoolExecutor(16) as callers:
            statuses = list(callers.map(status, range(99)))
        pool.close()
        assert statuses == [200 + number for number in range(99)]

    def test_a_caller_gives_up_at_its_deadline(self) -> None:
        transport = Hanging()
        pool = SenderPool(transport)
        with pytest.raises(SendingError, match=r"no answer in time|no time was left for it"):
            pool.send(REQUEST, Deadline(0.05))
        transport.let_go.set()
        pool.close()

    def test_when_all_hang_the_next_fails_at_once_and_recovers(self) -> None:
        transport = Hanging()
        pool = SenderPool(transport, most_senders=2)

        def hangs() -> bool:
            with pytest.raises(SendingError, match=r"no answer in time|no time was left for it"):
                pool.send(REQUEST, Deadline(0.05))
            # On a busy machine a sender may begin too late to take its request.
            return transport.started.acquire(blocking=False)

        for _ in range(2):
            wait_until(hangs)
        with pytest.raises(SendingError, match="too many requests"):
            # A deadline this far away would fail the test by its timeout.
            pool.send(REQUEST, Deadline(3600))
        transport.let_go.set()

        def works() -> bool:
            try:
                return pool.send(REQUEST, Deadline(GENEROUS_S)).status == 200
            except SendingError:
                return False

        wait_until(works)
        pool.close()

    def test_more_callers_than_senders_wait_for_their_turn(self) -> None:
        before = senders()
        transport = Scripted()
        pool = SenderPool(transport, most_senders=2)
        with ThreadPoolExecutor(16) as callers:
            sent = [callers.submit(pool.send, REQUEST, Deadline(GENEROUS_S)) for _ in range(200)]
            assert [one.result().status for one in sent] == [200] * 200
        assert len(senders() - before) <= 2
        pool.close()
        wait_until(lambda: not senders() - before)

    def test_whatever_a_transport_raises_is_a_failure_by_its_class(self) -> None:
        pool = SenderPool(Scripted(OSError("secret"), SystemExit("secret"), KeyError("secret")))
        for name in ("OSError", "SystemExit", "KeyError"):
            with pytest.raises(SendingError) as caught:
                pool.send(REQUEST, Deadline(GENEROUS_S))
            assert str(caught.value) == name
        assert pool.send(REQUEST, Deadline(GENEROUS_S)).status == 200
        pool.close()

    def test_closing_refuses_what_waits_for_its_turn(self) -> None:
        transport = Hanging()
        pool = SenderPool(transport, most_senders=1)

        def failure_of_one() -> str:
            try:
                return str(pool.send(REQUEST, Deadline(GENEROUS_S)).status)
            except SendingError as error:
                return str(error)

        with ThreadPoolExecutor(3) as callers:
            first = callers.submit(failure_of_one)
            assert transport.started.acquire(timeout=GENEROUS_S)
            waiting = [callers.submit(failure_of_one) for _ in range(2)]
            pool.close()
            assert [one.result() for one in waiting] == ["the client is closed"] * 2
            transport.let_go.set()
            assert first.result() == "200"
        assert not transport.started.acquire(blocking=False)

    def test_no_request_is_started_without_time_left(self) -> None:
        transport = Scripted()
        pool = SenderPool(transport)
        with pytest.raises(SendingError, match="no time was left"):
            pool.send(REQUEST, Deadline(0))
        assert transport.sent == 0
        assert pool.send(REQUEST, Deadline(GENEROUS_S)).status == 200
        pool.close()

    def test_no_thread_to_be_had(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def start(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        pool = SenderPool(Scripted(), most_senders=1)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(SendingError, match="no thread can be started"):
                pool.send(REQUEST, Deadline(GENEROUS_S))
        assert pool.send(REQUEST, Deadline(GENEROUS_S)).status == 200
        pool.close()

    def test_a_closed_pool_sends_nothing(self) -> None:
        transport = Scripted()
        pool = SenderPool(transport)
        pool.close()
        with pytest.raises(SendingError, match="closed"):
            pool.send(REQUEST, Deadline(GENEROUS_S))
        assert transport.sent == 0

    def test_closing_a_client_leaves_no_thread_and_no_connection(
        self, launch: Launch, sink: Sink
    ) -> None:
        before, files = senders(), open_files()
        client = launch(settings())
        with ThreadPoolExecutor(8) as callers:
            assert all(callers.map(lambda n: client.activate("checkout", f"u{n}"), range(64)))
        assert len(sink.received) == 64
        assert senders() - before
        client.close()
        wait_until(lambda: not senders() - before)
        # The server's side of a connection is open until it notices.
        wait_until(lambda: open_files() <= files)


class TestOutage:
    def dispatch(self, *script: int | BaseException) -> tuple[SynchronousDispatch, Scripted]:
        transport = Scripted(*script)
        return SynchronousDispatch(
            "compiled", transport, Log("vwo"), GENEROUS_S, pause_s=0.05
        ), transport

    def test_after_three_failures_running_events_fail_at_once(self) -> None:
        transport = Scripted(*[OSError()] * 100)
        dispatch = SynchronousDispatch("compiled", transport, Log("vwo"), GENEROUS_S, pause_s=3600)
        for _ in range(50):
            assert not dispatch.send(REQUEST, dispatch.deadline(), ONE)
        assert transport.sent == 3
        dispatch.close()

    def test_then_one_is_tried_again(self) -> None:
        dispatch, transport = self.dispatch(503, OSError(), 500)
        for _ in range(3):
            assert not dispatch.send(REQUEST, dispatch.deadline(), ONE)
        assert transport.sent == 3
        wait_until(lambda: dispatch.send(REQUEST, dispatch.deadline(), ONE))
        assert transport.sent == 4
        assert dispatch.send(REQUEST, dispatch.deadline(), ONE)
        dispatch.close()

    def test_refusals_are_no_outage(self) -> None:
        dispatch, transport = self.dispatch(*[400, 401, 404] * 5)
        for _ in range(15):
            assert not dispatch.send(REQUEST, dispatch.deadline(), ONE)
        assert transport.sent == 15
        dispatch.close()

    def test_an_answer_ends_it(self) -> None:
        """A server that refuses is not down, also where it was before."""
        dispatch, transport = self.dispatch(*[500, 400, 500, 401, 500, 404] * 5)
        for _ in range(30):
            assert not dispatch.send(REQUEST, dispatch.deadline(), ONE)
        assert transport.sent == 30
        dispatch.close()

    def test_what_tells_nothing_of_the_server_is_none(self) -> None:
        """A request that cannot be sent, and one that was left too little time."""
        script = [UnicodeEncodeError("utf-8", "x", 0, 1, ""), TypeError(), ValueError()]
        dispatch, transport = self.dispatch(*script, *[OSError()] * 10)
        for _ in script:
            assert not dispatch.send(REQUEST, dispatch.deadline(), ONE)
        for _ in range(10):
            assert not dispatch.send(REQUEST, Deadline(0), ONE)
        for _ in range(10):
            late = Deadline(0.5)
            wait_until(lambda late=late: not late.leaves_most())  # type: ignore[misc]
            assert not dispatch.send(REQUEST, late, ONE)
        sent = transport.sent
        # On a slow machine some of them had no time left, and were not sent.
        transport.script.clear()
        assert dispatch.send(REQUEST, dispatch.deadline(), ONE)
        assert transport.sent == sent + 1
        dispatch.close()

    def test_one_line_at_its_beginning_and_one_at_its_end(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        dispatch, _ = self.dispatch(*[OSError("secret")] * 10)
        attempts = 0
        deadline = time.monotonic() + GENEROUS_S
        while not dispatch.send(REQUEST, dispatch.deadline(), ONE):
            attempts += 1
            assert time.monotonic() < deadline
        messages = [record.getMessage() for record in caplog.records]
        assert [message for message in messages if "lost: " not in message] == [
            (
                "http://127.0.0.1/server-side/track-goal failed (OSError); "
                "no further failure is logged until sending works again"
            ),
            f"sending works again, after {attempts} requests that failed",
        ]
        dispatch.close()

    def test_a_server_that_fails_now_and_then_fills_no_log(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        dispatch, _ = self.dispatch(*[500, 200] * 200)
        for _ in range(400):
            dispatch.send(REQUEST, dispatch.deadline(), ONE)
        # And one of what was lost.
        assert len(caplog.records) == 3
        dispatch.close()


class TestRealConnections:
    def test_an_answer_that_drips_is_given_up(self, launch: Launch) -> None:
        """A byte at a time never ends by a read timeout alone."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stop = threading.Event()

            def drip() -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    while not stop.wait(0.01):
                        connection.sendall(b"H")

            thread = threading.Thread(target=drip)
            thread.start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            client = launch(settings(), base_url=url, request_timeout_s=0.2)
            assert client.track("checkout", "Ann", "purchase") == {"checkout": False}
            stop.set()
            thread.join()

    def test_connections_are_kept(self, launch: Launch, sink: Sink) -> None:
        before = senders()
        client = launch(settings())
        for number in range(20):
            assert client.activate("checkout", f"user-{number}")
        assert len(senders() - before) == 1
        assert len(sink.connections) == 1

    def test_a_thread_that_ends_leaves_its_connection(
        self, launch: Launch, sink: Sink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A service with long pauses makes no connection after the other."""
        monkeypatch.setattr(pool_module, "_IDLE_S", 0.001)
        before = senders()
        client = launch(settings())
        for number in range(20):
            assert client.activate("checkout", f"user-{number}")
            wait_until(lambda: not senders() - before)
        assert len(sink.connections) == 1

    def test_a_large_answer_is_cut_off(self, launch: Launch, sink: Sink) -> None:
        sink.answer = lambda _: Answer(200, b"x" * 1_000_000)
        assert launch(settings()).track("checkout", "Ann", "purchase")

    def test_cookies_are_not_kept(self, launch: Launch, sink: Sink) -> None:
        sink.answer = lambda _: Answer(200, headers={"Set-Cookie": "a=b"})
        client = launch(settings())
        client.activate("checkout", "Ann")
        client.activate("checkout", "Bob")
        assert all("cookie" not in received.headers for received in sink.received)

    def test_netrc_is_not_read(
        self, launch: Launch, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login me password mine\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        launch(settings()).activate("checkout", "Ann")
        assert "authorization" not in sink.received[0].headers

    def test_a_hanging_server_keeps_nobody_from_exiting(self) -> None:
        """The interpreter ends while a request is still on its way."""
        with BlackHole() as hole:
            program = (
                "from sortition import vwo\n"
                "from support.documents import settings\n"
                f"client = vwo.launch(settings(), base_url={hole.url!r}, request_timeout_s=0.1)\n"
                "assert client.track('checkout', 'Ann', 'purchase') == {'checkout': False}\n"
            )
            here = str(TESTS)
            done = subprocess.run(
                [sys.executable, "-c", program],
                env={**os.environ, "PYTHONPATH": here},
                timeout=GENEROUS_S,
                capture_output=True,
                check=False,
            )
        assert (done.returncode, done.stdout) == (0, b"")
        assert b"failed" in done.stderr
        assert b"Traceback" not in done.stderr


def test_an_event_of_the_last_moment(sink: Sink) -> None:
    """Also where the interpreter starts no thread any more."""
    program = (
        "import atexit\n"
        "from sortition import vwo\n"
        "from support.documents import settings\n"
        f"client = vwo.launch(settings(), base_url={sink.url!r})\n"
        "atexit.register(lambda: print(client.track('checkout', 'Ann', 'purchase')))\n"
    )
    here = str(TESTS)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": here},
        timeout=GENEROUS_S,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("TrackResult({'checkout': True})\n", "")
    assert len(sink.received) == 1


def test_a_transport_of_the_caller_is_the_caller_s_to_close(launch: Launch) -> None:
    class Mine(Scripted):
        def close(self) -> None:
            raise AssertionError

    mine = Mine()
    one, other = (launch(settings(), transport=mine) for _ in range(2))
    assert one.track("checkout", "Ann", "purchase")
    one.close()
    assert not one.track("checkout", "Ann", "purchase")
    assert other.track("checkout", "Ann", "purchase")
    assert mine.sent == 2


def test_a_running_event_loop_is_warned_of_once(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    client = launch(settings())

    async def serve() -> None:
        for _ in range(3):
            assert client.activate("checkout", "Ann")
            assert await asyncio.to_thread(client.activate, "checkout", "Ann")

    assert client.activate("checkout", "Ann")
    assert not caplog.records
    asyncio.run(serve())
    (record,) = (one for one in caplog.records if one.name == "sortition.vwo")
    assert "running event loop" in record.getMessage()


def test_two_clients_do_not_affect_one_another(launch: Launch, sink: Sink) -> None:
    dead = launch(settings(accountId=1), base_url=free_url())
    alive = launch({**settings(accountId=2), "collectionPrefix": "eu"})
    for number in range(10):
        assert not dead.track("checkout", f"user-{number}", "purchase")
        assert alive.track("checkout", f"user-{number}", "purchase")
    dead.close()
    assert alive.track("checkout", "Ann", "purchase")
    assert {received.query["account_id"] for received in sink.received} == {"2"}
    assert set(sink.paths) == {"/eu/server-side/track-goal"}


@pytest.mark.parametrize("batch_events", [None, {"events_per_request": 7}])
def test_debug_logging_changes_nothing(
    launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture, batch_events: object
) -> None:
    """A handler that calls the client again, and threads that launch others."""
    client = launch(settings(), batch_events=batch_events)

    class Nested(logging.Handler):
        depth = 0

        def emit(self, _record: logging.LogRecord) -> None:
            if self.depth == 0:
                self.depth = 1
                client.get_variation_name("checkout", "nested")
                client.flush_events("async")
                client.stats()
                self.depth = 0

    handler = Nested()
    logger = logging.getLogger("sortition")
    caplog.set_level(logging.DEBUG, logger="sortition")
    logger.addHandler(handler)
    try:
        with ThreadPoolExecutor(8) as callers:
            assert all(callers.map(lambda n: client.activate("checkout", f"u{n}"), range(40)))
            assert all(callers.map(lambda _: launch(settings()), range(40)))
    finally:
        logger.removeHandler(handler)
    client.close()
    assert client.stats().delivered == {"visitor": 40}
    assert sink.received
