"""What one call works with from its beginning to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition._engine.vwo import Settings
    from sortition._settings.kept_document import KeptDocument
    from sortition._vwo.wire import Events


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Settings, and the requests that are made by them.

    Attributes:
        settings: The settings, compiled.
        events: Makes requests by them.
        kept_document: The settings as they came.
    """

    settings: Settings = field(repr=False)
    events: Events = field(repr=False)
    kept_document: KeptDocument = field(repr=False)

    @property
    def document(self) -> bytes:
        """The settings as they came."""
        return self.kept_document.content
