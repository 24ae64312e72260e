"""What is wrong in a settings document: where, what was wanted, and what stood there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

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
    "ambiguous",
    "campaign_stopped",
    "used_as_it_is",
    "ignored",
]
"""What a problem costs.

- ``document_refused``, ``campaign_set_aside``, ``experiment_set_aside``, ``audience_set_aside``,
  ``goal_set_aside``: that part of the document cannot be used. An audience takes the experiments
  with it that refer to it; campaigns and experiments serve without a goal.
- ``goal_unmapped``: the experiment serves, and does not count the goal.
- ``never_matches``: the expression is false once its evaluation gets there.
- ``clause_false``: the clause is false.
- ``lets_in``: the audience cannot be evaluated from there on, and whoever comes so far is in it.
- ``ambiguous``: another part of the document has the same name or id, and only one can be found.
- ``campaign_stopped``: the campaign counts as one that does not run.
- ``used_as_it_is``: a warning. It is used as it stands there, which is hardly what was meant.
- ``ignored``: a warning. It counts as missing, which is all right there.
"""

WARNINGS: Final = frozenset({"used_as_it_is", "ignored"})
"""The consequences of problems with which a document is good all the same."""


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

    @property
    def is_warning(self) -> bool:
        """Whether the document is good all the same."""
        return self.consequence in WARNINGS

    def __str__(self) -> str:
        return f"{self.path or 'settings'}: expected {self.wanted}, found {self.found}"
