"""The whole outcome of a public call: a decision, and everything that follows from it.

Each function takes a question and returns the answer, the event to send, the assignments to save,
and the level at which to log the reason. The caller reads the arguments before and acts on the
outcome.

Source: PageSense spec, "Our choices" and sections 3 to 7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sortition._engine.pure.pagesense import decide, event, reason
from sortition._engine.pure.pagesense.decision import Decision
from sortition._engine.pure.pagesense.event import NO_FIELDS
from sortition._engine.pure.trace import silent

if TYPE_CHECKING:
    from sortition._engine import pagesense as model
    from sortition._engine.pure.pagesense.decision import Request
    from sortition._engine.pure.pagesense.profile import Profile
    from sortition._engine.pure.pagesense.settings import Settings


@dataclass(frozen=True, slots=True)
class Visit:
    """A user saw a variation."""

    experiment: model.Experiment
    variation: model.Variation

    def encode(self, settings: Settings, visitor: event.Visitor, _properties: str | None) -> str:
        """The event as the queue holds it."""
        return event.visit(settings, self.experiment, self.variation, visitor)


@dataclass(frozen=True, slots=True)
class Goal:
    """A user reached a goal of an experiment."""

    experiment: model.Experiment
    variation: model.Variation
    mapped: model.MappedGoal

    def encode(self, settings: Settings, visitor: event.Visitor, properties: str | None) -> str:
        """The event as the queue holds it; the properties are a JSON list of fields."""
        arm = (self.experiment, self.variation)
        return event.goal(settings, *arm, self.mapped, visitor, properties)


@dataclass(frozen=True, slots=True)
class ProjectGoal:
    """A user reached a goal of the project.

    Attributes:
        goal: The goal.
        seen: The variations that the user has of the experiments that count the goal.
    """

    goal: model.Goal
    seen: tuple[tuple[model.Experiment, model.Variation], ...]

    def encode(self, settings: Settings, visitor: event.Visitor, properties: str | None) -> str:
        """The event as the queue holds it; the properties are a JSON list of fields."""
        return event.project_goal(
            settings, self.goal, self.seen, visitor, NO_FIELDS if properties is None else properties
        )


@dataclass(slots=True)
class Outcome:
    """The outcome of a call.

    Attributes:
        decision: The decision; None for a goal of the project that exists, since each experiment
            that counts it has a decision of its own.
        needs_profile: Whether nothing is decided yet: the caller must repeat the call with the
            user's profile.
        answer: The call's result; None for none.
        event: The event to send.
        assignments: The variations to save, each with its experiment.
        remark: The level at which to log the reason.
        refusal: Why the call sends no event; None if it sends one, or never sends any.
        revenue_fault: Why the goal's revenue is invalid. In that case nothing was decided.
        presumes_activation: Whether the event is about a user whom the user storage does not know.
            An earlier call should have activated them.
    """

    decision: Decision | None = None
    needs_profile: bool = False
    answer: str | None = None
    event: Visit | Goal | ProjectGoal | None = None
    assignments: list[tuple[model.Experiment, model.Variation]] = field(default_factory=list)
    remark: model.Remark = "silent"
    refusal: str | None = None
    revenue_fault: model.RevenueFault | None = None
    presumes_activation: bool = False

    def profile_to_save(self, user_id: str, known: Profile) -> str:
        """The profile to save, as JSON text, in place of what the user storage holds now."""
        keys = [(experiment.key, variation.key) for experiment, variation in self.assignments]
        return known.with_assignments(user_id, keys)


def assign(
    settings: Settings, experiment: str | int, named_by: model.NamedBy, request: Request
) -> Outcome:
    """Decide without an event."""
    decision = decide(settings, experiment, named_by, request, silent)
    outcome = Outcome(
        decision,
        needs_profile=decision.reason == reason.PROFILE_NEEDED,
        remark=decision.remark,
    )
    if decision.experiment is not None and decision.variation is not None:
        variation = decision.variation
        outcome.answer = variation.name if named_by == "name" else variation.link_name
        if decision.saves_assignment:
            outcome.assignments.append((decision.experiment, variation))
    return outcome


def show(
    settings: Settings, experiment: str | int, named_by: model.NamedBy, request: Request
) -> Outcome:
    """Decide, and count the user as a visitor, unless the experiment is in development mode."""
    outcome = assign(settings, experiment, named_by, request)
    decision = outcome.decision
    if decision is None:
        return outcome
    if decision.experiment is not None and decision.variation is not None:
        if not decision.experiment.is_development_mode:
            outcome.event = Visit(decision.experiment, decision.variation)
    elif outcome.remark == "mistake":
        # Most users outside an experiment are outside on purpose: no visitor is missing.
        outcome.refusal = decision.refusal
    return outcome


def convert(
    settings: Settings,
    experiment: str | int,
    named_by: model.NamedBy,
    request: Request,
    *,
    has_properties: bool,
    revenue: object,
) -> Outcome:
    """Decide, and report the request's goal if the user is in the experiment.

    The revenue is the one in the conversion's properties; None without one.
    """
    index = None if request.goal_name is None else settings.goal(request.goal_name)
    if index is not None and has_properties:
        fault = _fault_of(settings.goals[index], revenue)
        if fault is not None:
            return Outcome(revenue_fault=fault)
    outcome = assign(settings, experiment, named_by, request)
    outcome.answer = None
    decision = outcome.decision
    if decision is None:
        return outcome
    if (
        decision.experiment is not None
        and decision.variation is not None
        and decision.goal is not None
    ):
        outcome.event = Goal(decision.experiment, decision.variation, decision.goal)
        outcome.presumes_activation = decision.reason != reason.STORED
    else:
        outcome.refusal = decision.refusal
    return outcome


def convert_in_project(
    settings: Settings,
    goal_name: str,
    named_by: model.NamedBy,
    request: Request,
    revenue: object,
) -> Outcome:
    """Decide for every experiment that counts a goal of the project, and report the goal.

    It reports the goal even if the user is in no experiment.

    Source: PageSense spec, section 7.4.
    """
    find = settings.goal if named_by == "name" else settings.goal_by_link_name
    index = find(goal_name)
    if index is None:
        decision = Decision(reason.GOAL_UNKNOWN)
        return Outcome(decision, remark="mistake", refusal=decision.refusal)
    fault = _fault_of(settings.goals[index], revenue)
    if fault is not None:
        return Outcome(revenue_fault=fault)
    outcome = Outcome()
    seen = []
    for place, experiment in enumerate(settings.experiments):
        if experiment.goal(index) is None:
            continue
        decision = decide(settings, place, "name", request, silent)
        if decision.reason == reason.PROFILE_NEEDED:
            return Outcome(needs_profile=True)
        if decision.experiment is None or decision.variation is None:
            continue
        seen.append((decision.experiment, decision.variation))
        if decision.saves_assignment:
            outcome.assignments.append((decision.experiment, decision.variation))
    outcome.event = ProjectGoal(settings.goals[index], tuple(seen))
    return outcome


def _fault_of(goal: model.Goal, revenue: object) -> model.RevenueFault | None:
    """The fault of a goal's revenue; None for a goal that does not count revenue."""
    if not goal.counts_revenue:
        return None
    if revenue is None:
        return "missing"
    try:
        is_usable = isinstance(revenue, str) and int(revenue) >= 0
    except ValueError:
        # Python also raises for too many digits.
        is_usable = False
    return None if is_usable else "unreadable"
