"""What calls return beside plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition._engine.problem import Problem
    from sortition._engine.vwo import Identifier


class TrackResult(dict[str, bool]):
    """Which campaigns credited a conversion, by key; true where any did.

    Source: Track page, 'Returns'; VWO spec, section 8.
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        return any(self.values())

    def __repr__(self) -> str:
        return f"TrackResult({super().__repr__()})"


@dataclass(frozen=True, slots=True)
class Status:
    """What a client runs on.

    Attributes:
        engine: ``compiled`` or ``pure``.
        settings_version: The version of the settings in use.
        problems: What is wrong in the settings in use.
    """

    engine: str
    settings_version: Identifier
    problems: tuple[Problem, ...]
