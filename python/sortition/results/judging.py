"""Judges the sums of a campaign, and creates its report."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from sortition.results.health import health_of
from sortition.results.report import CampaignReport, Line, MetricReport
from sortition.stats import (
    Mean,
    Proportion,
    bayes,
    benjamini_hochberg,
    compare,
    cuped,
    guardrail,
    holm,
    novelty,
    pagesense_winner,
    sentence,
    vwo_winner,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition.results.campaign import Campaign
    from sortition.results.known import KnownGoal, Variation
    from sortition.stats import BayesComparison, Comparison, Novelty, PlatformWinner
    from sortition.stats.comparison import Method
    from sortition.stats.experiment import Goal, MetricName
    from sortition.stats.metrics import Metric

_PAIR = 2


def report_of(
    campaign: Campaign, *, goal: str | None = None, segment: str | None = None
) -> CampaignReport:
    """The report of a campaign, or of a segment of it."""
    experiment = campaign.experiment
    metrics: list[MetricReport] = []
    for index, one in enumerate(campaign.goals()):
        if goal is not None and goal not in (one.id, one.name):
            continue
        role: Literal["primary", "guardrail", "secondary"] = "secondary"
        if campaign.is_guardrail(one):
            role = "guardrail"
        elif index == 0:
            role = "primary"
        for position, metric in enumerate(campaign.metrics(one)):
            of_metric = role if position == 0 or role == "guardrail" else "secondary"
            metrics.append(_Judging(campaign, one, metric, segment).report(of_metric))
    return CampaignReport(
        id=campaign.known.id,
        name=campaign.known.name or campaign.known.key or campaign.known.id,
        platform=campaign.known.platform,
        segment=segment,
        method=experiment.method,
        level=experiment.level,
        planned_visitors=experiment.planned_visitors,
        days=len(campaign.sums.days()),
        health=health_of(campaign, segment),
        metrics=tuple(_adjusted(metrics, experiment.level)),
    )


class _Judging:
    """A metric of a goal."""

    def __init__(
        self, campaign: Campaign, goal: KnownGoal, metric: MetricName, segment: str | None
    ) -> None:
        self._campaign = campaign
        self._goal = goal
        self._metric = metric
        self._segment = segment
        self._definition: Goal = campaign.definition(goal)
        self._variations = campaign.variations()
        experiment = campaign.experiment
        self._level = experiment.level
        self._method: Method = "fixed" if experiment.method == "fixed" else "sequential"
        # The plan is for all variations; a comparison has two.
        planned, count = experiment.planned_visitors, max(_PAIR, len(self._variations))
        self._planned = None if planned is None else max(1, round(planned * _PAIR / count))

    def report(self, role: Literal["primary", "guardrail", "secondary"]) -> MetricReport:
        plain = [self._of(one) for one in self._variations]
        is_adjusted = self._campaign.sums.has_covariate and len(plain) > 1
        arms: Sequence[Metric] = cuped(plain) if is_adjusted else plain
        lines = []
        for index, variation in enumerate(self._variations):
            line = self._line(variation, plain[index])
            if index:
                line = self._compared(line, arms[0], arms[index], variation, role)
            lines.append(line)
        return MetricReport(
            self._goal.name, self._metric, role, tuple(lines), is_adjusted, self._winner(plain)
        )

    def _of(self, variation: Variation) -> Metric:
        return self._campaign.sums.metric(
            variation.id, self._goal.id, self._metric, segment=self._segment
        )

    def _line(self, variation: Variation, metric: Metric) -> Line:
        sums, goal, segment = self._campaign.sums, self._goal.id, self._segment
        rate = sums.metric(variation.id, goal, "rate", segment=segment)
        times = sums.metric(variation.id, goal, "conversions", segment=segment)
        revenue = sums.metric(variation.id, goal, "revenue", segment=segment)
        return Line(
            variation=variation.name,
            visitors=metric.n,
            converters=rate.converted if isinstance(rate, Proportion) else 0,
            conversions=round(times.sum) if isinstance(times, Mean) else 0,
            revenue=revenue.sum if isinstance(revenue, Mean) else 0.0,
            estimate=metric.estimate,
        )

    def _compared(
        self, line: Line, control: Metric, treatment: Metric, variation: Variation, role: str
    ) -> Line:
        comparison = compare(
            control,
            treatment,
            method=self._method,
            level=self._level,
            planned_visitors=self._planned,
        )
        direction, definition = self._definition.direction, self._definition
        kept = None
        if role == "guardrail":
            kept = guardrail(
                control,
                treatment,
                margin=definition.margin,
                direction=direction,
                method=self._method,
                level=self._level,
                planned_visitors=self._planned,
            )
        return dataclasses.replace(
            line,
            comparison=comparison,
            at_the_end=compare(control, treatment, method="fixed", level=self._level),
            belief=self._belief(control, treatment),
            guardrail=kept,
            novelty=self._novelty(variation),
            words=sentence(
                comparison,
                control,
                treatment=line.variation,
                control=self._variations[0].name,
                direction=direction,
                target=definition.target,
            ),
        )

    def _belief(self, control: Metric, treatment: Metric) -> BayesComparison | None:
        try:
            return bayes(
                control, treatment, level=self._level, direction=self._definition.direction
            )
        except ValueError:
            return None

    def _novelty(self, variation: Variation) -> Novelty | None:
        sums = self._campaign.sums
        if not sums.by_day:
            return None
        pairs = zip(
            sums.since_exposure(self._variations[0].id, self._goal.id, self._metric),
            sums.since_exposure(variation.id, self._goal.id, self._metric),
            strict=True,
        )
        return novelty(list(pairs))

    def _winner(self, arms: Sequence[Metric]) -> PlatformWinner | None:
        if self._definition.direction == "down":
            # The platforms' rules look for the highest rate.
            return None
        rates = [one for one in arms if isinstance(one, Proportion) and one.n]
        if len(rates) < max(_PAIR, len(arms)):
            return None
        platform, days = self._campaign.known.platform, len(self._campaign.sums.days())
        if platform == "vwo":
            return vwo_winner(rates, days, is_revenue=self._goal.has_revenue)
        planned = self._campaign.experiment.planned_visitors
        if platform == "pagesense" and planned is not None:
            return pagesense_winner(rates, visitors=planned, significance=self._level)
        return None


def _adjusted(metrics: list[MetricReport], level: float) -> list[MetricReport]:
    """The metrics with p-values adjusted for the number of comparisons."""
    primary = [one.role == "primary" for one in metrics]
    places = {
        True: [
            (at, line)
            for at, is_one in enumerate(primary)
            if is_one
            for line in _pairs(metrics[at])
        ],
        False: [
            (at, line)
            for at, is_one in enumerate(primary)
            if not is_one
            for line in _pairs(metrics[at])
        ],
    }
    lines = [list(one.lines) for one in metrics]
    for is_primary, found in places.items():
        comparisons = [_comparison(lines[at][line]) for at, line in found]
        adjust = holm if is_primary else benjamini_hochberg
        adjusted = adjust([one.p_value for one in comparisons])
        for (at, line), p_value in zip(found, adjusted, strict=True):
            lines[at][line] = _with_adjusted(lines[at][line], p_value, level)
    return [
        dataclasses.replace(one, lines=tuple(of_one))
        for one, of_one in zip(metrics, lines, strict=True)
    ]


def _pairs(metric: MetricReport) -> list[int]:
    return [at for at, line in enumerate(metric.lines) if line.comparison is not None]


def _comparison(line: Line) -> Comparison:
    if line.comparison is None:
        raise ValueError("the control is compared with nothing")
    return line.comparison


def _with_adjusted(line: Line, p_value: float, level: float) -> Line:
    words = line.words
    if _comparison(line).is_decided and p_value >= 1 - level:
        words = (
            f"{words} With so many comparisons it may still be chance (adjusted p = {p_value:.2g})."
        )
    return dataclasses.replace(line, adjusted_p_value=p_value, words=words)
