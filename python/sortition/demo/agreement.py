"""Whether the collector's report says what the simulated users did."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from sortition.demo.simulation import Goal

if TYPE_CHECKING:
    from sortition.collector.report import Report
    from sortition.collector.vwo.report import CampaignReport
    from sortition.demo.simulation import Tally


def differences(report: Report, tally: Tally) -> list[str]:
    """Where the report differs from the tally, in words; none where they agree."""
    found: list[str] = []

    def compare(what: str, reported: object, done: object) -> None:
        if reported != done:
            found.append(f"{what}: the report says {reported}, the users did {done}")

    campaigns = [one for account in report["accounts"] for one in account["campaigns"]]
    reported_goals = set()
    for campaign in campaigns:
        key = campaign["key"] or campaign["id"]
        for variation in campaign["variations"]:
            name = variation["name"] or variation["id"]
            done = tally.visitors[key, name]
            compare(f"visitors of {name} in {key}", variation["visitors"], done)
        for goal_key, reported, goal in _goals(campaign, tally):
            reported_goals.add(goal_key)
            done_here = (goal.conversions, len(goal.converters), goal.revenue)
            compare(f"{goal_key[2]} of {goal_key[1]} in {key}", reported, done_here)
    missing = sorted(tally.goals.keys() - reported_goals)
    return found + [f"{' · '.join(goal_key)} is missing in the report" for goal_key in missing]


def _goals(
    campaign: CampaignReport, tally: Tally
) -> list[tuple[tuple[str, str, str], tuple[int, int, Decimal], Goal]]:
    """Each goal of each variation: its key, what is reported and what was done."""
    return [
        (
            key := (
                campaign["key"] or campaign["id"],
                variation["name"] or variation["id"],
                goal["identifier"] or goal["id"],
            ),
            (
                variation["conversions"],
                variation["unique_converters"],
                Decimal(str(variation["revenue"])),
            ),
            tally.goals.get(key, Goal()),
        )
        for goal in campaign["goals"]
        for variation in goal["variations"]
    ]
