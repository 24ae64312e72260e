"""A forked child sends its own events, and neither hangs nor touches what its parent has."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.certificates import certificates
from support.children import in_child
from support.clients import forked, read_to_the_end
from support.documents import settings
from support.sink import wait_until

from sortition import vwo
from sortition._process.forks import ForkedError, PerProcess
from sortition._process.inherited_connections import open_here
from sortition._vwo.delivery import SynchronousDelivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]

GENEROUS_S = 30.0


@pytest.fixture(autouse=True)
def _often_switching() -> Iterator[None]:
    """Threads take turns as often as they can, so that a race is run."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


class TestPerProcess:
    def test_a_child_frees_what_its_parent_made(self) -> None:
        """The parent's queue may be large, and the child never needs it."""

        class Value:
            pass

        values = PerProcess(Value)
        inherited = weakref.ref(values.get())

        def child() -> bool:
            values.get()
            return inherited() is None

        assert in_child(child)
        assert inherited() is not None

    def test_a_process_makes_its_own_once(self) -> None:
        values = PerProcess(object)
        assert values.existing() is None
        mine = values.get()
        assert values.get() is mine
        assert values.existing() is mine

        def child() -> bool:
            return values.existing() is None and values.get() is not mine and in_child(grandchild)

        def grandchild() -> bool:
            return values.existing() is None and values.get() is not mine

        assert in_child(child)
        assert values.get() is mine

    def test_many_threads_get_the_same(self) -> None:
        for _ in range(20):
            values = PerProcess(object)
            with ThreadPoolExecutor(8) as threads:
                found = list(threads.map(lambda _, of=values: of.get(), range(64)))
            assert set(found) == {values.get()}


def test_a_child_sends_its_own(launch: Launch, sink: Sink) -> None:
    client = launch(settings(), request_timeout_s=GENEROUS_S)
    assert client.track("checkout", "parent", "purchase")
    assert in_child(lambda: bool(client.track("checkout", "child", "purchase")))
    assert client.track("checkout", "parent again", "purchase")
    assert len(sink.received) == 3
    # Its own connection, and the parent's is still there.
    assert len(sink.connections) == 2


def test_the_first_events_of_a_child_come_from_many_threads(launch: Launch, sink: Sink) -> None:
    client = launch(settings(), request_timeout_s=GENEROUS_S)
    assert client.track("checkout", "parent", "purchase")

    def work() -> bool:
        with ThreadPoolExecutor(8) as threads:
            sent = threads.map(lambda n: client.track("checkout", f"u{n}", "purchase"), range(16))
            return all(sent)

    for _ in range(20):
        assert in_child(work)
    assert len(sink.received) == 1 + 20 * 16


@pytest.mark.parametrize("way", ["within the call", "in batches"])
def test_a_fork_while_the_http_library_is_imported(sink: Sink, tmp_path: Path, way: str) -> None:
    """In a program that does not use `requests` itself, the first event imports it."""
    program = f"""
import os, sys, threading
from sortition import vwo
options = {{"batch_events": {{"events_per_request": 1}}}} if sys.argv[2] == "in batches" else {{}}
client = vwo.launch({settings()!r}, base_url=sys.argv[1], request_timeout_s=20, **options)
assert "requests" not in sys.modules
first = threading.Thread(target=client.activate, args=("checkout", "parent"))
first.start()
while "requests" not in sys.modules:
    pass
if os.fork() == 0:
    assert client.activate("checkout", "child")
    sys.exit(0 if client.close(20) else 1)
_, status = os.wait()
first.join()
sys.exit(os.waitstatus_to_exitcode(status) or not client.close(20))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, sink.url, way],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=GENEROUS_S * 2,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(sink.received) == 2


def test_a_fork_while_every_lock_is_held(launch: Launch, sink: Sink) -> None:
    """A child leaves inherited objects alone."""
    client = launch(settings(), request_timeout_s=GENEROUS_S)
    assert client.track("checkout", "parent", "purchase")
    delivery = client._delivery
    assert isinstance(delivery, SynchronousDelivery)
    process = delivery._dispatch._process.get()

    def work() -> bool:
        client.activate("none", "Ann")
        tracked = client.track("checkout", "child", "purchase")
        client.close()
        return bool(tracked) and client.track("checkout", "child", "purchase") is None

    def close_only() -> bool:
        client.close()
        return True

    with contextlib.ExitStack() as held:
        locks = (process._breaker._lock, process._outage_log._lock)
        for lock in (*locks, process.pool._lock):
            held.enter_context(lock)
        assert in_child(work)
        assert in_child(close_only)
    assert client.track("checkout", "parent again", "purchase")
    assert len(sink.received) == 3


def test_forks_while_many_threads_send(launch: Launch) -> None:
    client = launch(settings(), request_timeout_s=GENEROUS_S)
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            client.track("checkout", "parent", "purchase")

    def work() -> bool:
        tracked = client.track("checkout", "child", "purchase")
        client.close()
        return bool(tracked)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            assert in_child(work)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    wait_until(lambda: bool(client.track("checkout", "parent", "purchase")))


class TestInheritedConnections:
    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize("when", ["in use", "unused"])
    def test_a_child_does_not_hold_them_open(self, tmp_path: Path, scheme: str, when: str) -> None:
        """And the parent has its answer, and its server the end, while the child is there."""
        made = certificates(tmp_path)
        transport = vwo.RequestsTransport(verify=str(made.authority))
        with ThreadPoolExecutor(1) as threads, socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(GENEROUS_S)
            request = vwo.Request("GET", f"{scheme}://127.0.0.1:{server.getsockname()[1]}/")
            answer = threads.submit(transport.send, request, GENEROUS_S)
            connection = server.accept()[0]
            # Less than a child lives, with which all that it holds would end.
            connection.settimeout(GENEROUS_S / 2)
            if scheme == "https":
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(made.certificate, made.key)
                connection = context.wrap_socket(connection, server_side=True)

            def respond() -> None:
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                assert answer.result().status == 204

            with connection:
                assert connection.recv(65536).startswith(b"GET / ")
                if when == "unused":
                    respond()
                with forked(transport.close):
                    if when == "in use":
                        respond()
                    transport.close()
                    assert read_to_the_end(connection) == b""

    def test_what_has_the_number_of_a_closed_one_is_left_alone(self, tmp_path: Path) -> None:
        holder = type("Holder", (), {})()
        file = tmp_path / "file"
        file.write_bytes(b"mine")
        opened = open_here(holder, socket.socket)
        number = opened.fileno()
        opened.close()
        mine = os.open(file, os.O_RDONLY)
        if mine != number:
            os.dup2(mine, number)
            os.close(mine)
        try:
            assert in_child(lambda: os.pread(number, 9, 0) == b"mine")
        finally:
            os.close(number)

    def test_a_copy_of_who_opens_one_ends(self) -> None:
        """As greenlets are copied; of a fork within the call both have the rest."""
        holder = type("Holder", (), {})()
        parent = os.getpid()
        children = []

        def connect() -> socket.socket:
            children.append(os.fork())
            return socket.socket()

        try:
            open_here(holder, connect).close()
        except ForkedError:
            os._exit(3)
        assert os.getpid() == parent
        assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 3
