"""Compares the collector's report with the actions of the simulated users."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from sortition.demo.simulation import Goal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition.collector.pagesense.report import ReachedReport
    from sortition.collector.report import Report
    from sortition.demo.simulation import Tally
    from sortition.vwo import Stats

_Visitors: TypeAlias = "Iterator[tuple[str, str, int]]"
"""Campaign, variation and number of visitors."""

_Reached: TypeAlias = "tuple[int, int, Decimal]"
"""Conversions, unique converters and revenue."""

_Goals: TypeAlias = "Iterator[tuple[str, str, str, _Reached]]"
"""Campaign, variation, goal and its conversions."""


def account_differences(report: Report, tally: Tally) -> list[str]:
    """The differences between the report on VWO's accounts and the tally, as sentences."""
    return _differences(_account_visitors(report), _account_goals(report), tally)


def project_differences(report: Report, tally: Tally) -> list[str]:
    """The differences between the report on PageSense's projects and the tally, as sentences."""
    found = _differences(_project_visitors(report), _project_goals(report), tally)
    reported = {
        goal["name"] or goal["link_name"]: _reported(goal)
        for project in report["projects"]
        for goal in project["unattributed"]
    }
    for name in sorted(reported.keys() | tally.unattributed.keys()):
        done = _of(tally.unattributed.get(name, Goal()))
        if reported.get(name) != done:
            found.append(_words(f"{name} without an experiment", reported.get(name), done))
    return found


def ledger_differences(report: Report, stats: Stats) -> list[str]:
    """The differences between the report on PageSense's projects and the client's ledger.

    This assumes that the demo activated every user once in each experiment, and that no goal of a
    project counted for several experiments.
    """
    visitors = sum(visitors for _, _, visitors in _project_visitors(report))
    conversions = sum(reached[0] for *_, reached in _project_goals(report))
    conversions += sum(
        goal["conversions"] for project in report["projects"] for goal in project["unattributed"]
    )
    reported = +Counter(visitor=visitors, conversion=conversions)
    ledger = {"accepted": stats.accepted, "delivered": stats.delivered}
    return [
        f"events: the report says {dict(reported)}, the client has {term} {dict(kinds)}"
        for term, kinds in ledger.items()
        if Counter(kinds) != reported
    ]


def _differences(visitors: _Visitors, goals: _Goals, tally: Tally) -> list[str]:
    found = []
    missing: set[tuple[str, ...]] = {*tally.visitors, *tally.goals}
    for campaign, variation, reported in visitors:
        missing.discard((campaign, variation))
        done = tally.visitors[campaign, variation]
        if reported != done:
            found.append(_words(f"visitors of {variation} in {campaign}", reported, done))
    for campaign, variation, goal, reached in goals:
        missing.discard((campaign, variation, goal))
        done_here = _of(tally.goals.get((campaign, variation, goal), Goal()))
        if reached != done_here:
            found.append(_words(f"{goal} of {variation} in {campaign}", reached, done_here))
    return found + [f"the report lacks {' · '.join(key)}" for key in sorted(missing)]


def _account_visitors(report: Report) -> _Visitors:
    for account in report["accounts"]:
        for campaign in account["campaigns"]:
            for variation in campaign["variations"]:
                yield (
                    campaign["key"] or campaign["id"],
                    variation["name"] or variation["id"],
                    variation["visitors"],
                )


def _account_goals(report: Report) -> _Goals:
    for account in report["accounts"]:
        for campaign in account["campaigns"]:
            for goal in campaign["goals"]:
                for variation in goal["variations"]:
                    yield (
                        campaign["key"] or campaign["id"],
                        variation["name"] or variation["id"],
                        goal["identifier"] or goal["id"],
                        _reported(variation),
                    )


def _project_visitors(report: Report) -> _Visitors:
    for project in report["projects"]:
        for experiment in project["experiments"]:
            for variation in experiment["variations"]:
                yield (
                    experiment["name"] or experiment["key"],
                    variation["name"] or variation["key"],
                    variation["visitors"],
                )


def _project_goals(report: Report) -> _Goals:
    for project in report["projects"]:
        for experiment in project["experiments"]:
            for goal in experiment["goals"]:
                for variation in goal["variations"]:
                    yield (
                        experiment["name"] or experiment["key"],
                        variation["name"] or variation["key"],
                        goal["name"] or goal["link_name"],
                        _reported(variation),
                    )


def _reported(reached: ReachedReport) -> _Reached:
    revenue = Decimal(str(reached["revenue"]))
    return reached["conversions"], reached["unique_converters"], revenue


def _of(goal: Goal) -> _Reached:
    return goal.conversions, len(goal.converters), goal.revenue


def _words(what: str, reported: object, done: object) -> str:
    return f"{what}: the report says {reported}, the users did {done}"
