"""What one call works with from its beginning to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition._engine.pagesense import Settings
    from sortition._settings.kept_document import KeptDocument


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Settings in use.

    Attributes:
        settings: The settings, compiled.
        kept_document: The settings as they came.
    """

    settings: Settings = field(repr=False)
    kept_document: KeptDocument = field(repr=False)

    @property
    def document(self) -> bytes:
        """The settings as they came."""
        return self.kept_document.content
