"""The settings that one call uses from its beginning to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition._engine.vwo import Settings
    from sortition._settings.compressed import CompressedDocument
    from sortition._vwo.wire import Events


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Settings, and the requests for their account.

    Attributes:
        settings: The compiled settings.
        events: Makes the requests.
        compressed: The settings document, compressed.
    """

    settings: Settings = field(repr=False)
    events: Events = field(repr=False)
    compressed: CompressedDocument = field(repr=False)

    @property
    def document(self) -> bytes:
        """The settings document as received."""
        return self.compressed.content
