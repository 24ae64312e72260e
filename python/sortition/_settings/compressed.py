"""A settings document that is kept as it came, for whoever asks for it again."""

from __future__ import annotations

from typing import Final

_LARGE: Final = 64 * 1024
"""From how many bytes on a document is worth compressing."""
_FASTEST: Final = 1


class CompressedDocument:
    """A document in little memory: it repeats itself, and is seldom asked for.

    Attributes:
        content: The document, byte for byte; made again each time where it is a large one.
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
