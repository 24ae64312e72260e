"""The report on PageSense's events, by project, experiment, goal and variation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

from sortition.collector.settings_file import Named, parts, text_or_none
from sortition.collector.store import NO_CONVERSIONS, Counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition.collector.event import Owner
    from sortition.collector.pagesense.project import Project
    from sortition.collector.store import Conversions

# Source: PageSense spec, sections 1.3 and 1.4.
_GOAL_TYPES: Final[Mapping[float, str]] = {10: "custom event", 11: "revenue"}
_EXPERIMENT_TYPES: Final[Mapping[float, str]] = {
    14: "A/B test",
    15: "feature flag",
    16: "feature rollout",
}
_STATUSES: Final[Mapping[float, str]] = {
    1: "draft",
    2: "running",
    3: "paused",
    4: "completed",
    5: "archived",
    6: "scheduled",
}


class VisitorReport(TypedDict):
    """How many visitors a variation has."""

    key: str
    name: str | None
    visitors: int


class ReachedReport(TypedDict):
    """The conversions of a goal, the users who converted, and their revenue.

    ``unreadable_revenues`` counts conversions whose revenue cannot be read. The other numbers
    include these conversions, without an amount.
    """

    conversions: int
    unique_converters: int
    revenue: float
    unreadable_revenues: int


class VariationReport(VisitorReport, ReachedReport):
    """A variation's visitors and conversions.

    ``rate`` is unique converters divided by visitors; None without visitors.
    """

    rate: float | None


class GoalReport(TypedDict):
    """A goal of an experiment, by variation."""

    link_name: str
    name: str | None
    type: str | None
    variations: list[VariationReport]


class ExperimentReport(TypedDict):
    """An experiment."""

    key: str
    name: str | None
    type: str | None
    status: str | None
    variations: list[VisitorReport]
    goals: list[GoalReport]


class UnattributedReport(ReachedReport):
    """A goal's conversions of users who are in no experiment that counts it."""

    link_name: str
    name: str | None
    type: str | None


class ProjectReport(TypedDict):
    """A project. ``unattributed`` holds the conversions that count for no experiment."""

    portal_name: str
    project_key: str
    project_name: str | None
    experiments: list[ExperimentReport]
    unattributed: list[UnattributedReport]


def projects(counts: dict[Owner, Counts], project: Project | None) -> list[ProjectReport]:
    """The report on PageSense's events, with the names from the settings document."""
    owners = {owner for owner in counts if owner.platform == "pagesense"}
    if project is not None:
        owners.add(project.owner)
    return [
        _project(
            owner,
            counts.get(owner, Counts()),
            project if project is not None and project.owner == owner else None,
        )
        for owner in sorted(owners)
    ]


def _project(owner: Owner, counts: Counts, project: Project | None) -> ProjectReport:
    goals = _by(project.goals if project else [], "goal_link_name")
    experiments = _by(project.experiments if project else [], "experiment_key")
    # First the experiments of the settings, in their order; then those that only events name.
    keys = [*experiments, *sorted(counts.campaigns - experiments.keys())]
    _, reached = counts.of_campaign(None)
    unattributed = {link_name: found for (_, link_name), found in reached.items()}
    return {
        "portal_name": owner.account,
        "project_key": owner.project,
        "project_name": project.project_name if project else None,
        "experiments": [
            _experiment(key, experiments.get(key, {}), goals, *counts.of_campaign(key))
            for key in keys
        ],
        "unattributed": [
            {
                "link_name": link_name,
                "name": _goal_name(goals, link_name),
                "type": _goal_type(goals, link_name),
                **_reached(unattributed.get(link_name, NO_CONVERSIONS)),
            }
            for link_name in [*goals, *sorted(unattributed.keys() - goals.keys())]
        ],
    }


def _experiment(
    key: str,
    known: Named,
    goals: dict[str, Named],
    visitors: dict[str, int],
    reached: dict[tuple[str | None, str], Conversions],
) -> ExperimentReport:
    variations = _by(parts(known, "variations"), "variation_key")
    unnamed = (visitors.keys() | {seen for seen, _ in reached if seen}) - variations.keys()
    names = {
        **{seen: text_or_none(one.get("variation_name")) for seen, one in variations.items()},
        **dict.fromkeys(sorted(unnamed)),
    }
    mapped = _by(parts(known, "goals"), "goal_link_name")
    link_names = [*mapped, *sorted({link_name for _, link_name in reached} - mapped.keys())]
    return {
        "key": key,
        "name": text_or_none(known.get("experiment_name")),
        "type": _word(_EXPERIMENT_TYPES, known.get("experiment_type")),
        "status": _word(_STATUSES, known.get("experiment_status")),
        "variations": [
            {"key": seen, "name": name, "visitors": visitors.get(seen, 0)}
            for seen, name in names.items()
        ],
        "goals": [
            {
                "link_name": link_name,
                "name": _goal_name(goals, link_name),
                "type": _goal_type(goals, link_name),
                "variations": [
                    _variation(
                        {"key": seen, "name": name, "visitors": visitors.get(seen, 0)},
                        reached.get((seen, link_name), NO_CONVERSIONS),
                    )
                    for seen, name in names.items()
                ],
            }
            for link_name in link_names
        ],
    }


def _variation(shown: VisitorReport, reached: Conversions) -> VariationReport:
    visitors = shown["visitors"]
    rate = reached.unique_converters / visitors if visitors else None
    return {**shown, **_reached(reached), "rate": rate}


def _reached(reached: Conversions) -> ReachedReport:
    return {
        "conversions": reached.conversions,
        "unique_converters": reached.unique_converters,
        "revenue": float(reached.revenue),
        "unreadable_revenues": reached.unreadable_revenues,
    }


def _goal_name(goals: dict[str, Named], link_name: str) -> str | None:
    return text_or_none(goals.get(link_name, {}).get("goal_name"))


def _goal_type(goals: dict[str, Named], link_name: str) -> str | None:
    return _word(_GOAL_TYPES, goals.get(link_name, {}).get("goal_type"))


def _word(words: Mapping[float, str], number: object) -> str | None:
    """The word for a number in the settings; the number itself if it is unknown."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return words.get(number, str(number))


def _by(named: list[Named], name: str) -> dict[str, Named]:
    """Parts of a settings document by the value of this field, in their order."""
    return {key: one for one in named if isinstance(key := one.get(name), str)}
