"""What one call works with from its beginning to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition._engine.pagesense import Settings


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Settings in use.

    Attributes:
        settings: The settings, compiled.
        document: The settings as they came.
    """

    settings: Settings = field(repr=False)
    document: bytes = field(repr=False)
