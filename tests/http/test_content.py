"""The content of answers with settings: whole, decoded, and within a bound."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Final

import pytest
from support.documents import settings

from sortition import SettingsUnavailableError, vwo
from sortition._http.transport import Request, RequestsTransport
from sortition.testing import FaultServer, faults

if TYPE_CHECKING:
    from collections.abc import Iterator

GENEROUS_S: Final = 30.0
MOST: Final = 1_000_000
TEXT: Final = json.dumps(settings()).encode()


def gzipped(content: bytes) -> bytes:
    """The same bytes whenever they are made: the name of a test may hold them."""
    return gzip.compress(content, mtime=0)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as found:
        yield found


@pytest.fixture
def transport() -> Iterator[RequestsTransport]:
    found = RequestsTransport()
    yield found
    found.close()


def answer(body: bytes, encoding: str | None) -> faults.Status:
    headers = {} if encoding is None else {"Content-Encoding": encoding}
    return faults.Status(200, headers=headers, body=body)


def asked(server: FaultServer, most: int = MOST) -> Request:
    return Request("GET", f"{server.url}/any", most_answer_bytes=most, needs_body=True)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (TEXT, None),
        (TEXT, "identity"),
        (TEXT, ""),
        (gzipped(TEXT), "gzip"),
        (gzipped(TEXT), "X-Gzip"),
        (gzipped(TEXT[:100]) + gzipped(TEXT[100:]), "gzip"),
        (gzipped(TEXT) + b"\0\0\0", "gzip"),
    ],
)
def test_what_can_be_decoded(
    server: FaultServer, transport: RequestsTransport, body: bytes, encoding: str | None
) -> None:
    """Plain, or one gzip of any number of members; only gzip is asked for."""
    server.fault = answer(body, encoding)
    response = transport.send(asked(server), GENEROUS_S)
    assert (response.body, response.is_whole) == (TEXT, True)
    assert server.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzipped(gzipped(TEXT)), "gzip, gzip"),
        (gzipped(TEXT), "gzip,"),
        (zlib.compress(TEXT), "deflate"),
        (TEXT, "br"),
        (TEXT, "gzip"),
        (b"", "gzip"),
        (gzipped(TEXT)[:-4], "gzip"),
        (gzipped(TEXT)[:50], "gzip"),
        (gzipped(bytes(MOST + 1)), "gzip"),
        (gzipped(b"") * 10_000, "gzip"),
        (bytes(MOST + 1), None),
    ],
)
def test_what_is_not_whole(
    server: FaultServer, transport: RequestsTransport, body: bytes, encoding: str | None
) -> None:
    """An encoding that was not asked for, a broken or too large content, or a list of encodings."""
    server.fault = answer(body, encoding)
    response = transport.send(asked(server), GENEROUS_S)
    assert response.status == 200
    assert not response.is_whole
    assert len(response.body) <= MOST


@pytest.mark.parametrize("size", [MOST - 1, MOST])
def test_the_largest_that_is_whole(
    server: FaultServer, transport: RequestsTransport, size: int
) -> None:
    """The bound itself still is, plain and encoded."""
    for body, encoding in ((bytes(size), None), (gzipped(bytes(size)), "gzip")):
        server.fault = answer(body, encoding)
        response = transport.send(asked(server), GENEROUS_S)
        assert (len(response.body), response.is_whole) == (size, True)


def test_a_bomb_costs_no_more_than_the_bound(
    server: FaultServer, transport: RequestsTransport
) -> None:
    """A few bytes that would become 500 MB are inflated up to the bound alone."""
    compressor = zlib.compressobj(9, wbits=31)
    bomb = b"".join(compressor.compress(bytes(10_000_000)) for _ in range(50)) + compressor.flush()
    server.fault = answer(bomb, "gzip")
    transport.send(asked(server), GENEROUS_S)
    tracemalloc.start()
    response = transport.send(asked(server), GENEROUS_S)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not response.is_whole
    assert peak < 10 * MOST


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + TEXT,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b" % (len(TEXT), TEXT),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 150 + b"\r\n" + TEXT,
    ],
    ids=["shorter than promised", "chunks that end early", "too many headers"],
)
def test_settings_that_are_cut_are_not_used(server: FaultServer, content: bytes) -> None:
    """Even where what came could be read as a document."""
    server.fault = faults.RawAnswer(content)
    with pytest.raises(SettingsUnavailableError, match="incomplete"):
        vwo.get_settings_file("604812", "key", base_url=server.url)


def test_settings_behind_an_interim_answer(server: FaultServer) -> None:
    """103 Early Hints is read over, and the next answer is not mistaken for it."""
    length = b"Content-Length: %d" % len(TEXT)
    final = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n" + TEXT
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    server.fault = faults.RawAnswer(hints * 3 + final, end="keep")
    assert json.loads(vwo.get_settings_file("604812", "key", base_url=server.url)) == settings()
