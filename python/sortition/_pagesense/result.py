"""What calls return beside plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition._engine.problem import Problem


@dataclass(frozen=True, slots=True)
class Status:
    """What a client runs on.

    Attributes:
        engine: ``compiled`` or ``pure``.
        project_name: The project of the settings in use.
        data_center: The data center that events go to; None where only a `base_url` was given.
        problems: What is wrong in the settings in use.
    """

    engine: str
    project_name: str
    data_center: str | None
    problems: tuple[Problem, ...]
