"""A report as CSV: a row for each variation of each metric."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sortition.results.report import CampaignReport, Line, MetricReport, Report

_HEADS: Final = (
    "campaign",
    "segment",
    "goal",
    "metric",
    "role",
    "variation",
    "visitors",
    "converters",
    "conversions",
    "revenue",
    "estimate",
    "difference",
    "difference_low",
    "difference_high",
    "uplift",
    "uplift_low",
    "uplift_high",
    "p_value",
    "adjusted_p_value",
    "method",
    "win",
    "guardrail",
    "is_healthy",
)


def csv_of(report: Report) -> str:
    """The report as CSV, with a row of names first."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_HEADS)
    for campaign in report.campaigns:
        for metric in campaign.metrics:
            for line in metric.lines:
                writer.writerow(_row(campaign, metric, line))
    return file.getvalue()


def _row(campaign: CampaignReport, metric: MetricReport, line: Line) -> list[object]:
    compared: list[object] = [None] * 8
    if (one := line.comparison) is not None:
        compared = [
            one.difference,
            *one.difference_interval,
            one.uplift,
            *(one.uplift_interval or (None, None)),
            one.p_value,
            line.adjusted_p_value,
        ]
    cells = [
        campaign.name,
        campaign.segment,
        metric.goal,
        metric.metric,
        metric.role,
        line.variation,
        line.visitors,
        line.converters,
        line.conversions,
        line.revenue,
        line.estimate,
        *compared,
        None if line.comparison is None else line.comparison.method,
        None if line.belief is None else line.belief.win,
        None if line.guardrail is None else line.guardrail.verdict,
        not campaign.health.alarms,
    ]
    return [None if isinstance(one, float) and not math.isfinite(one) else one for one in cells]
