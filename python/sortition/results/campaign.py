"""A campaign: its sums, its names and its definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sortition.results.known import KnownGoal, Variation

if TYPE_CHECKING:
    from sortition.results.known import Known
    from sortition.results.sums import CampaignSums
    from sortition.stats import Experiment, Goal
    from sortition.stats.experiment import MetricName


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign with everything that its report needs.

    Attributes:
        known: The campaign in the settings.
        sums: The sums of its events.
        experiment: Its definition.
    """

    known: Known
    sums: CampaignSums
    experiment: Experiment

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which a caller can find the campaign."""
        found = (self.known.key, self.known.name, self.known.id)
        return tuple(name for name in found if name is not None)

    def variations(self) -> list[Variation]:
        """The variations, the control first, those that only events name last."""
        known = {one.id: one for one in self.known.variations}
        unknown = [one for one in self.sums.variations() if one not in known]
        found = [
            *known.values(),
            *(Variation(one, one, self._weight_of_unknown) for one in unknown),
        ]
        control = self.experiment.control
        return (
            sorted(found, key=lambda one: control not in (one.id, one.name)) if control else found
        )

    @property
    def _weight_of_unknown(self) -> float | None:
        """A variation that is not in the settings should have no visitors."""
        return 0.0 if self.known.variations else None

    def weights(self) -> list[float]:
        """The variations' weights: from the definition, from the settings, or equal ones."""
        variations = self.variations()
        given = self.experiment.weights
        if given is not None:
            return [given.get(one.name, given.get(one.id, 0.0)) for one in variations]
        if any(one.weight is None for one in variations):
            return [1.0] * len(variations)
        return [one.weight or 0.0 for one in variations]

    def weights_on(self, day_s: int) -> list[float]:
        """The variations' weights on a day, if they changed."""
        held = [one for one in self.experiment.periods if one.since_s <= day_s]
        if not held:
            return self.weights()
        given = held[-1].weights
        return [given.get(one.name, given.get(one.id, 0.0)) for one in self.variations()]

    def goals(self) -> list[KnownGoal]:
        """The goals, the primary one first, then the guardrails."""
        known = {one.id: one for one in self.known.goals}
        unknown = [one for one in self.sums.goals() if one not in known]
        found = [*known.values(), *(KnownGoal(one, one) for one in unknown)]
        if not found:
            return []
        primary = self.experiment.primary or found[0].name
        return sorted(
            found, key=lambda one: (primary not in (one.id, one.name), not self.is_guardrail(one))
        )

    def is_guardrail(self, goal: KnownGoal) -> bool:
        """Whether a goal must not get worse."""
        return bool({goal.id, goal.name} & set(self.experiment.guardrails))

    def definition(self, goal: KnownGoal) -> Goal:
        """The definition of a goal."""
        by_name = self.experiment.goals.get(goal.name)
        return by_name if by_name is not None else self.experiment.goal(goal.id)

    def metrics(self, goal: KnownGoal) -> list[MetricName]:
        """The metrics of a goal."""
        wanted = self.definition(goal).metric
        if wanted is not None:
            return [wanted]
        has_revenue = goal.has_revenue or self.sums.reached_in_all(goal.id).revenue > 0
        return ["rate", "revenue"] if has_revenue else ["rate"]
