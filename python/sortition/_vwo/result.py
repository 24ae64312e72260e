"""The classes of results that are not plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sortition._settings.status import ClientStatus

if TYPE_CHECKING:
    from sortition._engine.vwo import Identifier


class TrackResult(dict[str, bool]):
    """Whether each campaign credited a conversion, by campaign key. True if at least one did.

    Source: Track page, 'Returns'; VWO spec, section 8.
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        return any(self.values())

    def __repr__(self) -> str:
        return f"TrackResult({super().__repr__()})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(ClientStatus):
    """The state of a client in this process.

    Attributes:
        settings_version: The version of the settings in use; None without settings.
    """

    settings_version: Identifier | None
