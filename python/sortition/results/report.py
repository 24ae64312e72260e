"""The content of a report, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sortition.stats.result import Result

if TYPE_CHECKING:
    from sortition.results.sums import Excluded
    from sortition.stats import (
        BayesComparison,
        Comparison,
        Guardrail,
        Novelty,
        PlatformWinner,
        SampleRatio,
        SeveralVariations,
    )
    from sortition.stats.experiment import MetricName, ReportMethod


@dataclass(frozen=True, slots=True)
class Line(Result):
    """A variation's metric, against the control.

    Attributes:
        variation: The variation's name.
        visitors: Visitors who count.
        converters: Visitors who reached the goal.
        conversions: The number of their conversions.
        revenue: Their revenue, in the unit of the data.
        estimate: The metric: a rate from 0 to 1, or an amount per visitor or per conversion.
        comparison: The comparison with the control by the experiment's method, or with ``bayes`` by
            the sequential method; None for the control.
        at_the_end: The comparison by the fixed method, which is valid at the planned end only.
        belief: The Bayesian view, by the goal's direction; None for the control, and while the
            spread is unknown.
        adjusted_p_value: The p-value of `comparison`, adjusted for the number of comparisons: by
            Holm over the variations of the primary goal, by Benjamini and Hochberg over all others.
        guardrail: Whether the guardrail is kept; None if the goal is not a guardrail.
        novelty: The change of the effect by day since exposure; None unless requested.
        words: The comparison in one sentence; None for the control.
    """

    variation: str
    visitors: int
    converters: int
    conversions: int
    revenue: float
    estimate: float
    comparison: Comparison | None = None
    at_the_end: Comparison | None = None
    belief: BayesComparison | None = None
    adjusted_p_value: float | None = None
    guardrail: Guardrail | None = None
    novelty: Novelty | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True)
class MetricReport(Result):
    """A metric of a goal.

    Attributes:
        goal: The goal's name.
        metric: ``rate``, ``conversions``, ``revenue`` or ``revenue_per_conversion``.
        role: ``primary`` for the metric that decides, ``guardrail`` for one that must not get
            worse, else ``secondary``.
        lines: The variations, the control first.
        is_adjusted: Whether CUPED has adjusted the comparisons.
        platform_winner: The winner by the platform's own rule, which is not a reason to stop; None
            if there is no such rule, or if less is better, because the rules look for the highest
            rate.
    """

    goal: str
    metric: MetricName
    role: Literal["primary", "guardrail", "secondary"]
    lines: tuple[Line, ...]
    is_adjusted: bool
    platform_winner: PlatformWinner | None = None


@dataclass(frozen=True, slots=True)
class Health(Result):
    """Whether a campaign's data can be trusted.

    Attributes:
        split: The chi-square test of the split, for one look; None without visitors.
        split_by_day: The sequential test, with a look after each day of first exposures.
        several: Visitors of all segments who were shown several variations.
        excluded: The visitors and conversions of all segments that do not count.
        alarms: The reasons not to trust the results, in words.
        warnings: Other remarkable findings, in words.
    """

    split: SampleRatio | None
    split_by_day: SampleRatio | None
    several: SeveralVariations
    excluded: Excluded
    alarms: tuple[str, ...]
    warnings: tuple[str, ...]


def deciding_split(
    method: ReportMethod, split: SampleRatio | None, split_by_day: SampleRatio | None
) -> SampleRatio | None:
    """The test of the split that decides: with ``fixed`` the one for one look."""
    return split if method == "fixed" else split_by_day


@dataclass(frozen=True, slots=True)
class CampaignReport(Result):
    """A campaign.

    Attributes:
        id: Its id in events.
        name: Its name.
        platform: ``vwo`` or ``pagesense``; None if it is unknown.
        segment: The segment that this report is about; None for all visitors.
        method: The method of the comparisons.
        level: The confidence of the intervals, from 0 to 1.
        planned_visitors: The planned visitors of all variations together; None without a plan.
        days: The number of days with first exposures.
        health: Whether its data can be trusted.
        metrics: The metrics of its goals, the deciding one first.
    """

    id: str
    name: str
    platform: str | None
    segment: str | None
    method: ReportMethod
    level: float
    planned_visitors: int | None
    days: int
    health: Health
    metrics: tuple[MetricReport, ...]


@dataclass(frozen=True, slots=True)
class Report(Result):
    """The report on all campaigns.

    Attributes:
        campaigns: The campaigns.
        unattributed: Conversions that belong to no campaign.
    """

    campaigns: tuple[CampaignReport, ...]
    unattributed: int = 0

    @property
    def is_healthy(self) -> bool:
        """Whether no campaign has an alarm."""
        return not any(one.health.alarms for one in self.campaigns)
