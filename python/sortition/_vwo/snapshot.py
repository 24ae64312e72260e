"""What one call works with from its beginning to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition._engine.vwo import Settings
    from sortition._settings.compressed import CompressedDocument
    from sortition._vwo.wire import Events


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Settings, and the requests that are made by them.

    Attributes:
        settings: The settings, compiled.
        events: Makes requests by them.
        compressed: The settings as they came.
    """

    settings: Settings = field(repr=False)
    events: Events = field(repr=False)
    compressed: CompressedDocument = field(repr=False)

    @property
    def document(self) -> bytes:
        """The settings as they came."""
        return self.compressed.content
