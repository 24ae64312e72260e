"""Helpers for the tests of servers: clients, and checks of the received requests."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from sortition.testing import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GENEROUS_S = 30.0
BATCH = "/server-side/batch-events"
LARGE_BYTES = 32 * 1024 * 1024
"""More than the buffers of two connections take."""
RESETS: list[faults.RequestFault] = [
    faults.ResetBeforeReading(),
    faults.ResetAfterReading(),
    faults.AnswerLost(with_reset=True),
]


def user(number: int) -> str:
    return f"{number:032X}"


def items(numbers: range) -> list[dict[str, object]]:
    return [{"u": user(number), "sId": 7, "e": 1, "c": 2, "eT": 1} for number in numbers]


def post(
    session: requests.Session, url: str, numbers: range, timeout_s: float = GENEROUS_S
) -> requests.Response:
    """Send a batch with a visitor event for each of these users."""
    headers = {"Authorization": "0123456789abcdef"}
    body = json.dumps({"ev": items(numbers)})
    return session.post(f"{url}{BATCH}?a=1", body, headers=headers, timeout=timeout_s)


def connect(url: str) -> socket.socket:
    split = urlsplit(url)
    assert split.hostname is not None
    assert split.port is not None
    return socket.create_connection((split.hostname, split.port), GENEROUS_S)


def request_of(body: bytes = b"", path: str = "/any") -> bytes:
    return b"POST %b HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)


def read_to_the_end(connection: socket.socket) -> bytes:
    """All bytes until the other side closes the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def answer_to(connection: socket.socket, text: bytes) -> bytes:
    """Send this, and read to the end."""
    connection.sendall(text)
    return read_to_the_end(connection)


def send_some(connection: socket.socket, content: bytes) -> int:
    """Send until it is all sent or no more is taken in time; how much was."""
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < len(content):
            sent += connection.send(content[sent : sent + 65536])
    return sent


def threads() -> set[threading.Thread]:
    """The threads of all fault servers and proxies of this process."""
    names = {"sortition-fault-server", "sortition-proxy"}
    return {one for one in threading.enumerate() if one.name in names}


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@contextlib.contextmanager
def forked(work: Callable[[], object]) -> Iterator[None]:
    """A forked child that has done this work well, and is there until the end."""
    told, tells = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(int(GENEROUS_S))
        try:
            work()
            os.write(tells, b".")
            signal.pause()
        finally:
            os._exit(1)
    try:
        os.close(tells)
        with os.fdopen(told, "rb") as pipe:
            assert pipe.read(1) == b"."
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
