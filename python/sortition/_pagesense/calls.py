"""What each call does once its arguments are checked: decide, and tell the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sortition._base.nearest import MOST_NAMES, nearest
from sortition._pagesense import wire
from sortition._pagesense.goal_property import ensure_revenue
from sortition._sending.ledger import CONVERSION, UNKNOWN_GOAL, VISITOR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sortition._base.log import Log
    from sortition._engine.pagesense import Decision, Goal, NamedBy, Settings, Variation
    from sortition._pagesense.activated import Activated
    from sortition._pagesense.deciding import Asked, Chosen, Decider
    from sortition._pagesense.delivery import Delivery
    from sortition._pagesense.wire import Field


class Calls:
    """The calls of one client; each works with one document's settings from beginning to end."""

    def __init__(
        self,
        decider: Decider,
        delivery: Delivery,
        log: Log,
        note_refusal: Callable[[str], object],
        activated: Callable[[], Activated],
    ) -> None:
        self._note_refusal = note_refusal
        self._activated = activated
        self._decider = decider
        self._delivery = delivery
        self._log = log

    def assign(self, settings: Settings, chosen: Chosen, asked: Asked) -> Variation | None:
        """Decide without an event."""
        return self._decider.decide(settings, chosen, asked).variation

    def show(self, settings: Settings, chosen: Chosen, asked: Asked) -> Variation | None:
        """Decide, and count the visitor, unless the experiment is in development mode."""
        decision = self._decider.decide(settings, chosen, asked)
        experiment, variation = decision.experiment, decision.variation
        if experiment is None or variation is None:
            # Most users whom an experiment leaves out are left out on purpose.
            if decision.remark == "mistake":
                self._refuse(VISITOR, decision)
            return None
        self._activated().add(experiment.key, asked.user_id)
        if experiment.is_development_mode:
            return variation
        attributes = self._fields("user_attributes", asked.attributes, VISITOR)
        event = wire.visitor_event(settings, experiment, variation, asked.user_id, attributes)
        self._delivery.accept(VISITOR, asked.user_id, event)
        return variation

    def convert(
        self,
        settings: Settings,
        chosen: Chosen,
        asked: Asked,
        goal_name: str,
        properties: Mapping[object, object] | None,
    ) -> None:
        """Report that a user of an experiment reached a goal; nothing for whoever is not in it."""
        goal = settings.goal(goal_name)
        if goal is not None and goal.counts_revenue and properties is not None:
            ensure_revenue(properties)
        decision = self._decider.decide(settings, chosen, asked, goal_name)
        experiment, variation, mapped = decision.experiment, decision.variation, decision.goal
        if experiment is None or variation is None or mapped is None:
            self._refuse(CONVERSION, decision)
            return
        activated = self._activated()
        if decision.reason != "stored" and not activated.may_hold(experiment.key, asked.user_id):
            activated.others += 1
            name = experiment.name
            self._log.recurring_error(
                (asked.call, "not activated", name),
                lambda: (
                    f"{asked.call}: a user of the experiment {name} was not activated in this "
                    "process, and the user storage does not know them; the goal is sent anyway"
                ),
            )
        event = wire.goal_event(
            settings,
            experiment,
            variation,
            mapped,
            asked.user_id,
            self._fields("user_attributes", asked.attributes, CONVERSION),
            None if properties is None else self._fields("goal_properties", properties, CONVERSION),
        )
        self._delivery.accept(CONVERSION, asked.user_id, event)

    def convert_in_project(
        self,
        settings: Settings,
        goal_name: str,
        named_by: NamedBy,
        asked: Asked,
        properties: Mapping[object, object] | None,
    ) -> None:
        """Report that a user reached a goal of the project, also where they are in no experiment.

        Source: PageSense spec, section 7.4.
        """
        goal = settings.goal(goal_name, named_by)
        if goal is None:
            self._log.recurring_error(
                (asked.call, goal_name),
                lambda: (
                    f"{asked.call}: the project has no such goal"
                    f"{nearest(goal_name, settings.goal_names(named_by, MOST_NAMES + 1))}"
                ),
            )
            self._delivery.ledger.refuse(CONVERSION, UNKNOWN_GOAL)
            self._note_refusal(UNKNOWN_GOAL)
            return
        if goal.counts_revenue:
            ensure_revenue(properties or {})
        seen = []
        for index in _experiments_with(settings, goal):
            decision = self._decider.decide_for(settings, index, asked)
            if decision.experiment is not None and decision.variation is not None:
                seen.append((decision.experiment, decision.variation))
        event = wire.project_goal_event(
            settings,
            goal,
            seen,
            asked.user_id,
            self._fields("user_attributes", asked.attributes, CONVERSION),
            self._fields("goal_properties", properties, CONVERSION),
        )
        self._delivery.accept(CONVERSION, asked.user_id, event)

    def _refuse(self, kind: str, decision: Decision) -> None:
        """Count an event that is not taken."""
        if decision.refusal is None:
            return
        self._delivery.ledger.refuse(kind, decision.refusal)
        if decision.remark == "mistake":
            self._note_refusal(decision.refusal)

    def _fields(
        self, name: str, values: Mapping[Any, object] | None, event_kind: str
    ) -> list[Field]:
        """The values that JSON can carry; the others are counted and logged."""
        if not values:
            return []
        fields, left_out = wire.fields_of(values)
        for what in left_out:
            self._delivery.ledger.leave_out(event_kind)
            words = f"{name}: {what}, and is left out"
            self._log.recurring_error((name, what), lambda words=words: words)  # type: ignore[misc]
        return fields


def _experiments_with(settings: Settings, goal: Goal) -> list[int]:
    """The indices of the experiments that count this very goal, in the document's order."""
    if settings.goal(goal.name) is goal:
        return [one.index for one in settings.experiments_with_goal(goal.name)]
    # Another goal of the same name stands before it.
    return [
        one.index
        for one in settings.experiments
        if any(mapped.goal.link_name == goal.link_name for mapped in one.goals)
    ]
