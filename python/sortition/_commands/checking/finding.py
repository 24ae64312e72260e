"""The finding of a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["ok", "note", "warning", "fault"]
"""How bad it is: a note is worth knowing, a warning may become a fault, and a fault is one now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The finding of a check.

    Attributes:
        check: The check, in a word or two.
        level: How bad it is.
        found: The finding.
        advice: What to do about it; empty if there is nothing to do.
    """

    check: str
    level: Level
    found: str
    advice: str = ""
