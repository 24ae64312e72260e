"""A strict server behind a strict front: it refuses what common servers refuse, and hangs up."""

from __future__ import annotations

import json
import socket
import struct
import threading
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

LONGEST_LINE = 8 * 1024
"""Of a request's head, as nginx and others have it."""
MOST_HEAD_BYTES = 32 * 1024


class RefusedError(Exception):
    """A request that no server would pass on; `args` are the status and why."""


class Front:
    """The server. It takes events of both platforms, in the query and in batches.

    Attributes:
        events: The events that it took, each as a dictionary.
        refused: What it refused, by status and reason.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.refused: list[tuple[int, str]] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            try:
                while self._exchange(connection, stream):
                    pass
            except OSError:
                pass

    def _exchange(self, connection: socket.socket, stream: Any) -> bool:
        try:
            taken = _read(stream)
        except RefusedError as error:
            status, why = error.args
            self.refused.append((status, why))
            connection.sendall(b"HTTP/1.1 %d no\r\nConnection: close\r\n\r\n" % status)
            # What was not read makes this a reset, as that of a server that closes at once.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if taken is None:
            return False
        self.events += taken
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return True


def _read(stream: Any) -> list[dict[str, Any]] | None:
    """The events of the next request; None where no request comes."""
    lines: list[str] = []
    size = 0
    while True:
        line = stream.readline(LONGEST_LINE + 1)
        if not line:
            return None
        if len(line) > LONGEST_LINE:
            raise RefusedError(414 if not lines else 431, "a line of the head is too long")
        size += len(line)
        if size > MOST_HEAD_BYTES:
            raise RefusedError(431, "the head is too long")
        text = line.rstrip(b"\r\n")
        if not text:
            break
        if not all(32 <= byte < 127 for byte in text):
            raise RefusedError(400, "the head has other characters than printable ASCII")
        lines.append(text.decode())
    parts = lines[0].split(" ")
    if len(parts) != 3 or any(": " not in line and not line.endswith(":") for line in lines[1:]):
        raise RefusedError(400, "the head is malformed")
    headers = {name.lower(): value for name, _, value in (one.partition(":") for one in lines[1:])}
    body = stream.read(int(headers.get("content-length", 0)))
    try:
        return _events_of(parts[1], body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"the events are malformed: {error}") from None


def _events_of(target: str, body: bytes) -> list[dict[str, Any]]:
    split = urlsplit(target)
    query = dict(parse_qsl(split.query, keep_blank_values=True, strict_parsing=True))
    if split.path.endswith("/batch-events"):
        events: list[dict[str, Any]] = _strictly(body)["ev"]
        return events
    if "raw" in query:
        return [_strictly(query["raw"].encode())]
    return [{**query, **(_strictly(body) if body else {})}]


def _strictly(text: bytes) -> Any:
    """JSON as a strict reader reads it: finite numbers, and text that UTF-8 can hold."""
    value = json.loads(
        text.decode(), parse_constant=_refuse, parse_float=_finite, parse_int=_finite
    )
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number
