"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["ok", "note", "warning", "fault"]
"""How bad it is: a note is worth knowing, a warning may become a fault, and a fault is one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        check: The check, in a word or two.
        level: How bad it is.
        found: What was found.
        advice: What to do about it; empty where nothing is to be done.
    """

    check: str
    level: Level
    found: str
    advice: str = ""
