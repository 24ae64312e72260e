"""A settings document that is kept as received, for callers who ask for it."""

from __future__ import annotations

from typing import Final

_LARGE: Final = 64 * 1024
"""The size in bytes from which a document is compressed."""
_FASTEST: Final = 1


class CompressedDocument:
    """A document in little memory: it repeats itself, and callers rarely ask for it.

    Attributes:
        content: The document, byte for byte; a large one is decompressed each time.
    """

    __slots__ = ("_is_compressed", "_kept")

    def __init__(self, document: bytes) -> None:
        self._is_compressed = len(document) >= _LARGE
        self._kept = document
        if self._is_compressed:
            import zlib  # noqa: PLC0415 -- only where it is needed: an import takes time

            self._kept = zlib.compress(document, _FASTEST)

    @property
    def content(self) -> bytes:
        if not self._is_compressed:
            return self._kept
        import zlib  # noqa: PLC0415

        return zlib.decompress(self._kept)
