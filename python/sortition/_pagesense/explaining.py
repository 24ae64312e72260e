"""Explains the result of a call, in words and as data.

The engine decides; this module only describes the decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._engine.pagesense import Decision, Json, Step
    from sortition.storages.findings import Finding

_REASONS: Final = {
    "stored": "the user storage holds this variation for the user",
    "bucketed": "the user's bucket lies in this variation's range",
    "only_variation": "it is the only variation, which every user in the audiences gets",
    "experiment_unknown": "the settings have no experiment with this name",
    "experiment_set_aside": "the experiment is broken and was set aside",
    "experiment_not_running": "the experiment is not running",
    "wrong_experiment_type": "the experiment is not an A/B test",
    "goal_unknown": "the project has no goal with this name",
    "goal_not_mapped": "the experiment does not count the goal",
    "attributes_missing": "no attributes were given, or one has an empty name or value",
    "audience_not_matched": "the user is not in every audience of the experiment",
    "outside_traffic": "the user's bucket lies outside the permitted traffic",
    "no_range": "the user's bucket lies outside the ranges of all variations",
    "profile_needed": "the user storage must be asked first",
}
_OPERATORS: Final = {
    "equal": "equal to one of",
    "not_equal": "equal to none of",
    "contain": "a part of one of",
    "not_contain": "a part of none of",
}


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """The decision of a call, and every step towards it. ``str()`` returns it as text.

    Attributes:
        experiment: The experiment's name in the call.
        experiment_key: The experiment's key; None if there is no such experiment.
        variation: The name of the variation; None if the user gets none.
        variation_link_name: Its link name.
        reason: The reason in one word; see `sentence`.
        steps: The steps in order, each with its name under ``step``.
        storage_findings: The faults of the user storage, each with its name.
    """

    experiment: str
    experiment_key: str | None
    variation: str | None
    variation_link_name: str | None
    reason: str
    steps: tuple[Step, ...] = field(repr=False)
    storage_findings: tuple[Finding, ...] = ()

    @classmethod
    def of(
        cls, experiment: str, decision: Decision, steps: list[Step], findings: Sequence[Finding]
    ) -> Explanation:
        """The explanation of a decision."""
        variation = decision.variation
        return cls(
            experiment=experiment,
            experiment_key=decision.experiment.key if decision.experiment else None,
            variation=variation.name if variation else None,
            variation_link_name=variation.link_name if variation else None,
            reason=decision.reason,
            steps=tuple(steps),
            storage_findings=tuple(findings),
        )

    @property
    def sentence(self) -> str:
        """The reason in a sentence."""
        return _REASONS[self.reason]

    def as_dict(self) -> dict[str, Json]:
        """Everything as plain values for JSON."""
        return {
            "experiment": self.experiment,
            "experiment_key": self.experiment_key,
            "variation": self.variation,
            "variation_link_name": self.variation_link_name,
            "reason": self.reason,
            "sentence": self.sentence,
            "steps": [dict(step) for step in self.steps],
            "storage_findings": [
                {"name": one.name, "sentence": one.sentence} for one in self.storage_findings
            ],
        }

    def __str__(self) -> str:
        result = "no variation" if self.variation is None else self.variation
        lines = [f"{self.experiment}: {result}: {self.sentence}"]
        lines += [f"  {number}. {_line(step)}" for number, step in enumerate(self.steps, start=1)]
        lines += [f"  {one.sentence}." for one in self.storage_findings]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Explanation of {self.experiment}: {self.reason}>"


def _line(step: Step) -> str:
    match step["step"]:
        case "experiment":
            kind = "an A/B test" if step["is_ab_test"] else "not an A/B test"
            state = "running" if step["is_running"] else "not running"
            return f"The experiment is {kind} and {state}."
        case "goal":
            return f"The experiment {'counts' if step['is_mapped'] else 'does not count'} the goal."
        case "user_storage":
            return _user_storage(step)
        case "everyone":
            whom = "everyone" if step["is_for_everyone"] else "its audiences"
            return f"The experiment is for {whom}."
        case "attributes":
            state = "There are attributes" if step["are_complete"] else "Attributes are missing"
            return f"{state}{', none of them empty' if step['are_complete'] else ' or empty'}."
        case "clause":
            return f"Audience {step['audience']}: {_clause(step)}."
        case "audience":
            return _audience(step)
        case "range":
            return _range(step)
    return str(dict(step))


def _user_storage(step: Step) -> str:
    if step["profile"] == "nothing":
        return "The user storage has nothing for the user."
    if step["profile"] == "invalid":
        return "The user storage has no valid profile for the user, or one with an invalid entry."
    if step["variation"] is None:
        return "The user storage has no variation of this experiment for the user."
    return f"The user storage holds {step['variation']}."


def _clause(step: Step) -> str:
    value = "not known" if step["value"] is None else repr(step["value"])
    operator = step["operator"]
    wanted = _OPERATORS.get(operator, "nothing") if isinstance(operator, str) else "nothing"
    values = step["values"]
    listed = ", ".join(map(repr, values)) if isinstance(values, list) else ""
    answer = "yes" if step["is_true"] else "no"
    return f"{step['attribute']} is {value}, wanted {wanted} {listed}: {answer}"


def _audience(step: Step) -> str:
    outcome = {
        "matched": "is in the audience",
        "not_matched": "is not in the audience",
        "let_in": "is let in, because the condition cannot be evaluated: audience",
    }[str(step["outcome"])]
    return f"The user {outcome} {step['audience']}."


def _range(step: Step) -> str:
    variation = step["variation"]
    if step["is_only_variation"]:
        return f"There is only one variation: {variation}."
    owner = "in no variation's range" if variation is None else f"in the range of {variation}"
    permitted = step["permitted_traffic"]
    share = f"{permitted:g}" if isinstance(permitted, int | float) else str(permitted)
    return f"Hash {step['hash']}, bucket {step['bucket']} of 10000, {owner}, {share} % let in."
