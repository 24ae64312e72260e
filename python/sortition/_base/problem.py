"""A problem in a settings document: its place, what was expected, and what was found."""

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
"""The consequence of a problem.

- ``document_refused``, ``campaign_set_aside``, ``experiment_set_aside``, ``audience_set_aside``,
  ``goal_set_aside``: that part of the document is not used. Experiments that refer to the audience
  are not used either; campaigns and experiments work without a goal.
- ``goal_unmapped``: the experiment works, but does not count the goal.
- ``never_matches``: the expression is false if its evaluation gets there.
- ``clause_false``: the clause is false.
- ``lets_in``: the audience cannot be evaluated from there on, and includes every user who gets that
  far.
- ``ambiguous``: another part of the document has the same name or id, and only one can be found.
- ``campaign_stopped``: the campaign counts as not running.
- ``used_as_it_is``: a warning. The value is used, but is probably a mistake.
- ``ignored``: a warning. The value counts as missing, which is harmless.
"""

WARNINGS: Final = frozenset({"used_as_it_is", "ignored"})
"""The consequences of problems that are only warnings."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem in a settings document.

    Its text contains only kinds of values, because a document contains a secret key.

    Attributes:
        path: The place, such as ``campaigns[3].variations[0].weight``; empty for the whole
            document.
        wanted: What was expected there.
        found: What was found instead.
        consequence: The consequence.
    """

    path: str
    wanted: str
    found: str
    consequence: Consequence

    @property
    def is_warning(self) -> bool:
        """Whether it is only a warning."""
        return self.consequence in WARNINGS

    def __str__(self) -> str:
        return f"{self.path or 'settings'}: expected {self.wanted}, found {self.found}"
