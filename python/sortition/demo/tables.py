"""The collector's report as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich.box
import rich.table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition.collector.pagesense.report import ExperimentReport, ProjectReport
    from sortition.collector.pagesense.report import GoalReport as ProjectGoalReport
    from sortition.collector.report import Report
    from sortition.collector.vwo.report import CampaignReport, GoalReport


def account_tables(report: Report) -> Iterator[rich.table.Table]:
    """The running campaigns of VWO's accounts."""
    for account in report["accounts"]:
        for campaign in account["campaigns"]:
            if campaign["status"] == "RUNNING":
                yield _campaign(campaign)


def project_tables(report: Report) -> Iterator[rich.table.Table]:
    """The running experiments of PageSense's projects, and what belongs to none."""
    for project in report["projects"]:
        for experiment in project["experiments"]:
            if experiment["status"] == "running":
                yield _experiment(experiment)
        yield _unattributed(project)


def _campaign(campaign: CampaignReport) -> rich.table.Table:
    table = _table(f"{campaign['name']} ({campaign['key']}, {campaign['type']})")
    for goal in campaign["goals"]:
        table.add_row(f"[bold]{goal['identifier']}[/bold]")
        _add_variations(table, goal, has_revenue=goal["type"] == "REVENUE_TRACKING", digits=2)
    if not campaign["goals"]:
        for variation in campaign["variations"]:
            table.add_row(f"  {variation['name']}", f"{variation['visitors']:,}")
    return table


def _experiment(experiment: ExperimentReport) -> rich.table.Table:
    table = _table(f"{experiment['name']} ({experiment['type']})")
    for goal in experiment["goals"]:
        table.add_row(f"[bold]{goal['name']}[/bold]")
        _add_variations(table, goal, has_revenue=goal["type"] == "revenue", digits=0)
    return table


def _unattributed(project: ProjectReport) -> rich.table.Table:
    table = _table("Goals that count for no experiment")
    for goal in project["unattributed"]:
        if goal["conversions"]:
            reached = (f"{goal['conversions']:,}", f"{goal['unique_converters']:,}")
            table.add_row(f"[bold]{goal['name']}[/bold]", "", *reached)
    return table


def _table(title: str) -> rich.table.Table:
    table = rich.table.Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=rich.box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("Goal and variation", no_wrap=True)
    for name in ("Visitors", "Conversions", "Converted", "Rate", "Uplift", "Revenue"):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _add_variations(
    table: rich.table.Table,
    goal: GoalReport | ProjectGoalReport,
    *,
    has_revenue: bool,
    digits: int,
) -> None:
    control = goal["variations"][0]["rate"] if goal["variations"] else None
    for index, variation in enumerate(goal["variations"]):
        rate = variation["rate"]
        uplift = "" if index == 0 or not control or rate is None else f"{rate / control - 1:+.1%}"
        table.add_row(
            f"  {variation['name']}",
            f"{variation['visitors']:,}",
            f"{variation['conversions']:,}",
            f"{variation['unique_converters']:,}",
            "" if rate is None else f"{rate:.1%}",
            uplift,
            f"{variation['revenue']:,.{digits}f}" if has_revenue else "",
        )
