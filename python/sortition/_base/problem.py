"""What is wrong in a settings document: where, what was wanted, and what stood there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Consequence: TypeAlias = Literal[
    "document_refused",
    "campaign_set_aside",
    "experiment_set_aside",
    "audience_set_aside",
    "goal_set_aside",
    "goal_unmapped",
    "never_matches",
    "clause_false",
    "lets_in",
]
"""What a problem costs: the document, or the part of it that it lies in.

An audience or a goal that is set aside takes the experiments with it that refer to it. A goal that
is unmapped is not counted in its experiment. An audience that lets in cannot be evaluated from that
place on, and whoever comes so far is in it.
"""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a settings document.

    Its text shows no value, only kinds of values: a document holds a secret key.

    Attributes:
        path: The place, such as ``campaigns[3].variations[0].weight``; empty for the whole
            document.
        wanted: What was wanted there.
        found: What stood there instead.
        consequence: What it costs.
    """

    path: str
    wanted: str
    found: str
    consequence: Consequence

    def __str__(self) -> str:
        return f"{self.path or 'settings'}: expected {self.wanted}, found {self.found}"
