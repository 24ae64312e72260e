"""Reads the content of an answer within the exchange's deadline, and decodes it within a bound.

A failure here does not change the meaning of the answer's status.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._http.exchange import Exchange

_CHUNK_BYTES: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_GZIP_NAMES: Final = frozenset({"gzip", "x-gzip"})
_MOST_MEMBERS: Final = 1024


def content_of(
    raw: Any, headers: Mapping[str, str], most: int, exchange: Exchange
) -> tuple[bytes, bool]:
    """The content of an answer, and whether it is complete.

    If the exchange does not need the content, it is read undecoded, only to reuse the connection.

    Args:
        raw: The answer of urllib3, with only its head read.
        headers: Its headers, with names in lower case.
        most: The size beyond which the content is cut off, in bytes.
        exchange: The exchange, whose deadline bounds every wait.
    """
    body, is_whole = _read(raw, headers, most)
    is_whole &= not exchange.is_head_cut
    if not exchange.needs_body or not is_whole:
        return body, is_whole
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return body, True
    if encoding not in _GZIP_NAMES:
        # We asked for nothing else. A list of encodings could expand a few bytes to gigabytes.
        return b"", False
    return _inflated(body, most)


def _read(raw: Any, headers: Mapping[str, str], most: int) -> tuple[bytes, bool]:
    body = bytearray()
    try:
        while len(body) <= most:
            chunk = raw.read(min(_CHUNK_BYTES, most + 1 - len(body)), decode_content=False)
            if not chunk:
                return bytes(body), _is_complete(len(body), headers)
            body += chunk
    except Exception:  # noqa: BLE001 -- requests and urllib3 may raise anything here
        # This closes the connection, because the content was not read to the end.
        return bytes(body), False
    return bytes(body[:most]), False


def _is_complete(size: int, headers: Mapping[str, str]) -> bool:
    """Whether the number of bytes is the promised one; not every urllib3 checks that."""
    promised = headers.get("content-length", "").strip()
    is_chunked = "transfer-encoding" in headers
    return is_chunked or not (promised.isascii() and promised.isdigit()) or size >= int(promised)


def _inflated(body: bytes, most: int) -> tuple[bytes, bool]:
    content = bytearray()
    left = body
    try:
        for _ in range(_MOST_MEMBERS):
            decoder = zlib.decompressobj(_GZIP)
            content += decoder.decompress(left, most + 1 - len(content))
            if len(content) > most:
                return bytes(content[:most]), False
            if not decoder.eof:
                return bytes(content), False
            left = decoder.unused_data
            # Several may follow one another; like other clients, ignore anything else after them.
            if not left.startswith(b"\x1f\x8b"):
                return bytes(content), True
    except zlib.error:
        pass
    return bytes(content), False
