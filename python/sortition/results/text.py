"""A report as plain text: tables, and sentences that explain them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sortition.results.report import deciding_split
from sortition.stats.words import amount, percent

if TYPE_CHECKING:
    from sortition.results.report import CampaignReport, Line, MetricReport, Report
    from sortition.stats import Comparison

_METRICS: Final = {
    "rate": "conversion rate",
    "conversions": "conversions per visitor",
    "revenue": "revenue per visitor",
    "revenue_per_conversion": "revenue per conversion",
}
_PLATFORMS: Final = {"vwo": "VWO", "pagesense": "PageSense"}
_LEAST_P: Final = 0.0001
_SURE: Final = 0.999
_PAIR: Final = 2


def text_of(report: Report) -> str:
    """The report as text, with a line break at the end."""
    parts = [_campaign(one) for one in report.campaigns] or ["No campaign was found.\n"]
    if report.unattributed:
        count = report.unattributed
        told = "1 conversion belongs" if count == 1 else f"{count:,} conversions belong"
        parts.append(f"{told} to no campaign.\n")
    return "\n".join(parts)


def _campaign(campaign: CampaignReport) -> str:
    title = campaign.name
    if campaign.segment is not None:
        title += f", {campaign.segment or 'no segment'}"
    about = [_PLATFORMS.get(campaign.platform or "", ""), _days(campaign.days), campaign.method]
    if campaign.planned_visitors is not None:
        about.append(f"{campaign.planned_visitors:,} visitors planned")
    lines = [f"{title} ({', '.join(one for one in about if one)})", *_health(campaign)]
    for metric in campaign.metrics:
        lines += ["", *_metric(metric, campaign)]
    return "\n".join(lines) + "\n"


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def _health(campaign: CampaignReport) -> list[str]:
    health = campaign.health
    lines = [f"  ALARM: {alarm}" for alarm in health.alarms]
    lines += [f"  Warning: {warning}" for warning in health.warnings]
    split = deciding_split(campaign.method, health.split, health.split_by_day)
    if split is not None and not split.is_alarm:
        shown = ", ".join(f"{count:,}" for count in split.counts)
        lines.append(
            f"  Split: {shown} visitors, in line with the weights (p = {split.p_value:.2g})"
        )
    excluded = health.excluded
    counted_apart = {
        "conversions without an exposure": excluded.without_exposure,
        "conversions before the exposure": excluded.before_exposure,
        "conversions after the window": excluded.after_window,
        "visitors in several variations": excluded.visitors_in_several,
        "conversions of theirs": excluded.of_visitors_in_several,
    }
    told = [f"{count:,} {name}" for name, count in counted_apart.items() if count]
    return [*lines, *([f"  Not counted: {', '.join(told)}"] if told else [])]


def _metric(metric: MetricReport, campaign: CampaignReport) -> list[str]:
    level = f"{campaign.level * 100:.4g} %"
    is_fixed = campaign.method == "fixed"
    heads = ["", "Visitors", "Converted", _short(metric), "Uplift"]
    heads += [f"{level}, at the end only"] if is_fixed else [f"{level}, at any look"]
    heads += ["p"] if is_fixed else ["p", "at the end only"]
    heads += ["better"]
    rows = [heads, *(_row(line, metric, is_fixed=is_fixed) for line in metric.lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    about = f"{metric.goal}, {_METRICS[metric.metric]} ({metric.role})"
    lines = [f"  {about}{', adjusted by CUPED' if metric.is_adjusted else ''}"]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append(f"    {'  '.join(cells)}".rstrip())
    is_alone = len(metric.lines) <= _PAIR
    lines += [
        f"    {words if is_alone else f'{line.variation}: {words}'}"
        for line in metric.lines
        for words in _words(line)
    ]
    winner = metric.platform_winner
    if winner is not None and winner.winner is not None:
        platform = winner.rule.split(":")[0].split(",")[0]
        name = metric.lines[winner.winner].variation
        lines.append(f"    {platform}'s own rule would name {name}; that is no reason to stop.")
    return lines


def _words(line: Line) -> list[str]:
    if line.words is None:
        return []
    found = [line.words]
    if line.guardrail is not None:
        share = f"{line.guardrail.margin * 100:.4g} %"
        told = {
            "kept": f"The guardrail is kept: {line.variation} is worse by less than {share}.",
            "broken": f"The guardrail is broken: {line.variation} is worse by more than {share}.",
            "open": f"The guardrail is open: more than {share} worse is not ruled out yet.",
        }
        found.append(told[line.guardrail.verdict])
    return found


def _short(metric: MetricReport) -> str:
    return "Rate" if metric.metric == "rate" else "Amount"


def _row(line: Line, metric: MetricReport, *, is_fixed: bool) -> list[str]:
    cells = [line.variation, f"{line.visitors:,}", f"{line.converters:,}", _estimate(line, metric)]
    comparison, at_the_end = line.comparison, line.at_the_end
    if comparison is None or at_the_end is None:
        return [*cells, *[""] * (4 if is_fixed else 5)]
    uplift = "" if math.isnan(comparison.uplift) else percent(comparison.uplift)
    cells += [uplift, _interval(comparison), _p_value(comparison.p_value)]
    if not is_fixed:
        cells.append(_interval(at_the_end))
    return [*cells, "" if line.belief is None else _probability(line.belief.win)]


def _estimate(line: Line, metric: MetricReport) -> str:
    if math.isnan(line.estimate):
        return ""
    return f"{line.estimate:.2%}" if metric.metric == "rate" else f"{line.estimate:,.3f}"


def _interval(comparison: Comparison) -> str:
    if comparison.uplift_interval is not None:
        low, high = comparison.uplift_interval
        return f"{percent(low)} to {percent(high)}"
    low, high = comparison.difference_interval
    return "unknown" if math.isinf(low) else f"{amount(low)} to {amount(high)}"


def _p_value(p_value: float) -> str:
    return "<0.0001" if p_value < _LEAST_P else f"{p_value:.4f}"


def _probability(share: float) -> str:
    if share > _SURE:
        return ">99.9%"
    return "<0.1%" if share < 1 - _SURE else f"{share:.1%}"
