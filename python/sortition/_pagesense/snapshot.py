"""The snapshot that one call uses from its beginning to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition._engine.pagesense import Settings
    from sortition._settings.compressed import CompressedDocument


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Settings in use.

    Attributes:
        settings: The settings, compiled.
        compressed: The settings as they came.
    """

    settings: Settings = field(repr=False)
    compressed: CompressedDocument = field(repr=False)

    @property
    def document(self) -> bytes:
        """The settings as they came."""
        return self.compressed.content
