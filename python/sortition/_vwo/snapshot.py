"""What one call works with from its beginning to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._engine.vwo import Settings
    from sortition._transport import Request
    from sortition._vwo.events import Events


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Settings, and the requests that are made by them.

    Attributes:
        settings: The settings, compiled.
        events: Makes requests by them.
        document: The settings as they came.
    """

    settings: Settings = field(repr=False)
    events: Events = field(repr=False)
    document: bytes = field(repr=False)


class Current:
    """Which snapshot is in use.

    It is replaced whole, by one assignment: a call that has taken one keeps it, and whoever comes
    later gets the next.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def batch(self, events: Sequence[bytes]) -> Request:
        """The request of a batch, with the key that is in use now."""
        return self.snapshot.events.batch(events)
