"""Explains the result of a call, in words and as data.

The engine decides; this module only describes the decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sortition._engine.vwo import Decision, Json, Step
    from sortition.storages.findings import Finding

_REASONS: Final = {
    "whitelisted": "a targeting rule gives the user this variation",
    "stored": "the user storage holds this variation for the user",
    "bucketed": "the user's bucket lies in this variation's range",
    "campaign_unknown": "the settings have no campaign with this key",
    "campaign_set_aside": "the campaign is broken and was set aside",
    "campaign_not_running": "the campaign is not running",
    "wrong_campaign_type": "the call does not apply to campaigns of this type",
    "user_storage_needed": "the campaign requires a user storage, and none is configured",
    "goal_unknown": "the campaign does not have this goal",
    "goal_type_not_tracked": "goals of this type are not tracked",
    "revenue_missing": "the goal counts revenue, and the call gave none",
    "not_activated": "a user storage is configured, and the user was not activated before",
    "goal_already_tracked": "the goal was already tracked for this user",
    "segment_not_matched": "the user does not match the campaign's segments",
    "outside_traffic": "the user's bucket lies outside the campaign's traffic",
    "group_whitelisted_elsewhere": "a targeting rule of another group member selects the user",
    "group_stored_elsewhere": "the user storage holds another campaign of the group for the user",
    "group_not_won": "another campaign of the group won the user, or none did",
    "no_range": "the user's bucket lies outside the ranges of all variations",
    "records_needed": "the user storage must be asked first",
}


MOST_PATTERN_STEPS: Final = 2_000_000
"""The number of steps after which the searches of one decision give up."""


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """The decision of a call, and every step towards it. ``str()`` returns it as text.

    Attributes:
        call: The explained call.
        campaign_key: The campaign of the call.
        campaign_type: Its type; None if there is no such campaign.
        variation: The name of the variation; None if the user gets none.
        reason: The reason in one word; see `sentence`.
        steps: The steps in order, each with its name under ``step``.
        storage_findings: The faults of the user storage, each with its name.
        gave_up_on_pattern: Whether the search for a pattern took too long and counted as no match.
        pattern_steps: How many of the 2,000,000 steps that one decision may take the searches for
            ``regex()`` operands took together. Always 0 with the pure engine, whose searches have
            no bound.
    """

    call: str
    campaign_key: str
    campaign_type: str | None
    variation: str | None
    reason: str
    steps: tuple[Step, ...] = field(repr=False)
    gave_up_on_pattern: bool = False
    storage_findings: tuple[Finding, ...] = ()
    pattern_steps: int = 0

    @classmethod
    def of(
        cls,
        call: str,
        campaign_key: str,
        decision: Decision,
        steps: list[Step],
        findings: Sequence[Finding],
    ) -> Explanation:
        """The explanation of a decision."""
        return cls(
            call=call,
            campaign_key=campaign_key,
            campaign_type=decision.campaign.type if decision.campaign else None,
            variation=decision.variation.name if decision.variation else None,
            reason=decision.reason,
            steps=tuple(steps),
            storage_findings=tuple(findings),
            gave_up_on_pattern=decision.gave_up_on_pattern,
            pattern_steps=decision.pattern_steps,
        )

    @property
    def sentence(self) -> str:
        """The reason in a sentence."""
        return _REASONS[self.reason]

    def as_dict(self) -> dict[str, Json]:
        """Everything as plain values for JSON."""
        return {
            "call": self.call,
            "campaign_key": self.campaign_key,
            "campaign_type": self.campaign_type,
            "variation": self.variation,
            "reason": self.reason,
            "sentence": self.sentence,
            "gave_up_on_pattern": self.gave_up_on_pattern,
            "pattern_steps": self.pattern_steps,
            "steps": [dict(step) for step in self.steps],
            "storage_findings": [
                {"name": one.name, "sentence": one.sentence} for one in self.storage_findings
            ],
        }

    def __str__(self) -> str:
        kind = f" ({self.campaign_type})" if self.campaign_type else ""
        result = "no variation" if self.variation is None else self.variation
        lines = [f"{self.call} of {self.campaign_key}{kind}: {result}: {self.sentence}"]
        lines += [f"  {number}. {_line(step)}" for number, step in enumerate(self.steps, start=1)]
        if self.gave_up_on_pattern:
            lines.append(
                "  The search for a pattern took too long and counts as no match: "
                f"{self.pattern_steps:,} of {MOST_PATTERN_STEPS:,} steps are used up."
            )
        lines += [f"  {one.sentence}." for one in self.storage_findings]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Explanation of {self.call} of {self.campaign_key}: {self.reason}>"


def _line(step: Step) -> str:
    match step["step"]:
        case "campaign":
            return f"The campaign is {'' if step['is_running'] else 'not '}running."
        case "whitelisting_clause":
            return f"Targeting rule of {step['variation']}: {_clause(step)}."
        case "whitelisting":
            return _whitelisting(step)
        case "user_storage":
            return _user_storage(step)
        case "segment_clause":
            return f"Segment: {_clause(step)}."
        case "segments":
            return f"The user {'matches' if step['is_matched'] else 'does not match'} the segments."
        case "traffic":
            comparison = "within" if step["is_within"] else "outside"
            bucket, percent = step["bucket"], step["percent_traffic"]
            return (
                f"Traffic: hash {step['hash']}, bucket {bucket} of 100, "
                f"{comparison} {_number(percent)} %."
            )
        case "group":
            return _group(step)
        case "range":
            owner = step["variation"]
            place = "in no variation's range" if owner is None else f"in the range of {owner}"
            return f"Variation: hash {step['hash']}, bucket {step['bucket']}, {place}."
    return str(dict(step))


def _clause(step: Mapping[str, Json]) -> str:
    value = "not known" if step["value"] is None else repr(step["value"])
    wanted = f"wanted {'not ' if step['is_negated'] else ''}{step['operand']}"
    if step["is_true"] is None:
        return f"{step['variable']} is {value}, {wanted}: cannot be evaluated"
    holds = step["is_true"] is not step["is_negated"]
    return f"{step['variable']} is {value}, {wanted}: {'yes' if holds else 'no'}"


def _whitelisting(step: Step) -> str:
    if not step["is_enabled"]:
        return "Whitelisting is not enabled."
    if step["variation"] is None:
        return "No targeting rule matches."
    matched = step["matched"]
    others = len(matched) if isinstance(matched, list) else 0
    among = f" among {others} that match" if others > 1 else ""
    return f"Whitelisting gives {step['variation']}{among}."


def _user_storage(step: Step) -> str:
    if not step["has_record"]:
        return "The user storage has no record."
    goal = ", and that the goal was tracked" if step["has_goal"] else ""
    if step["variation"] is None:
        return f"The user storage holds a variation that is gone{goal}."
    return f"The user storage holds {step['variation']}{goal}."


def _group(step: Step) -> str:
    group = f"Group {step['group']}"
    if step["whitelisted"] is not None:
        return f"{group}: a targeting rule of {step['whitelisted']} selects the user."
    if step["stored"] is not None:
        return f"{group}: the user storage holds {step['stored']} for the user."
    eligible = step["eligible"]
    names = ", ".join(map(str, eligible)) if isinstance(eligible, list) else ""
    winner = step["winner"]
    return f"{group}: eligible are {names}; {'none' if winner is None else winner} wins."


def _number(value: Json) -> str:
    """A share without an unnecessary fraction."""
    return f"{value:g}" if isinstance(value, float) else str(value)
