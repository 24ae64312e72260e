"""Messages of HTTP/1.1, read from a connection and written for one.

Source: RFC 9112.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition.testing.connection import Connection

_MOST_HEAD_BYTES: Final = 1024 * 1024
_MOST_LINE_BYTES: Final = 64 * 1024
_END_OF_HEAD: Final = b"\r\n\r\n"
_END_OF_LINE: Final = b"\r\n"
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_WITHOUT_CONTENT: Final = frozenset({204, 304})


class MalformedError(Exception):
    """A message is malformed. The exception's text says why, without quoting the message."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a request, and its headers.

    Attributes:
        method: Such as ``GET``.
        target: What is asked for: a path with its query, a URL, or a host with its port.
        headers: The headers by their names in lower case; repeated ones are joined by commas.
        is_kept_alive: Whether the connection is to be used for further requests.
    """

    method: str
    target: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    is_kept_alive: bool


def read_head(connection: Connection) -> Head | None:
    """Read what comes before the content.

    Returns:
        None if the other side ends before it is whole.

    Raises:
        MalformedError: It is no request.
    """
    text = connection.read_through(_END_OF_HEAD, _MOST_HEAD_BYTES)
    if text is None:
        return None
    # An empty line before a request is to be ignored.
    first, *lines = text.decode("latin-1").strip("\r\n").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):  # noqa: PLR2004 -- of a request's first line
        raise MalformedError("the first line is not a request line")
    method, target, version = parts
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise MalformedError("a header has no colon")
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    wish = headers.get("connection", "").lower()
    is_kept_alive = "keep-alive" in wish if version == "HTTP/1.0" else "close" not in wish
    return Head(method, target, headers, is_kept_alive)


def read_body(connection: Connection, head: Head) -> bytes | None:
    """Read the content that belongs to a head.

    Returns:
        None if the other side ends before it is whole.

    Raises:
        MalformedError: Its length is not a number.
    """
    if head.headers.get("expect", "").lower() == "100-continue":
        connection.send(_CONTINUE)
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        return _read_chunks(connection)
    return connection.read_exactly(_length(head.headers.get("content-length", "0"), base=10))


def answer(status: int, headers: Mapping[str, str], body: bytes, *, closes: bool) -> bytes:
    """An answer, whole.

    Args:
        status: The HTTP status.
        headers: The headers beside those of the connection and of the content's length.
        body: The content; for a status that has none it is left out.
        closes: Whether the connection is closed after it.
    """
    has_content = status not in _WITHOUT_CONTENT
    length = {"Content-Length": str(len(body))} if has_content else {}
    ending = {"Connection": "close"} if closes else {}
    head = answer_head(status, {**length, **ending, **headers})
    return head + body if has_content else head


def answer_head(status: int, headers: Mapping[str, str]) -> bytes:
    """The head of a response."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def endless(part: str, status: int) -> tuple[bytes, bytes]:
    """An answer with a part that never ends: what comes first, and what comes again and again.

    Args:
        part: The part; see `sortition.testing.faults.EndlessAnswer`.
        status: The HTTP status.
    """
    if part == "interim":
        return _CONTINUE, _CONTINUE
    line = f"HTTP/1.1 {status} "
    if part == "status line":
        return line.encode(), b"x"
    if part == "headers":
        return f"{line}Endless\r\nX-Endless: ".encode(), b"x"
    return answer_head(status, {"Transfer-Encoding": "chunked"}), b"1\r\n \r\n"


def _read_chunks(connection: Connection) -> bytes | None:
    body = bytearray()
    while True:
        line = connection.read_through(_END_OF_LINE, _MOST_LINE_BYTES)
        if line is None:
            return None
        size = _length(line.decode("latin-1").split(";")[0].strip(), base=16)
        if size == 0:
            break
        chunk = connection.read_exactly(size + len(_END_OF_LINE))
        if chunk is None:
            return None
        body += chunk[:size]
    # Headers may follow, which nobody needs, up to an empty line.
    while line != _END_OF_LINE:
        line = connection.read_through(_END_OF_LINE, _MOST_LINE_BYTES)
        if line is None:
            return None
    return bytes(body)


def _length(text: str, *, base: int) -> int:
    try:
        length = int(text, base)
    except ValueError:
        length = -1
    if length < 0:
        raise MalformedError("a length is no number")
    return length
