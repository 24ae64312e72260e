"""Reads names, weights and goals of campaigns from both platforms' settings documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sortition.collector.settings_file import Named, object_in, parts, platform_of, text_or_none

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_RUNNING: Final = 2
_REVENUE_GOAL: Final = 11


@dataclass(frozen=True, slots=True)
class Variation:
    """A variation in the settings.

    Attributes:
        id: Its id in events.
        name: Its name.
        weight: Its weight, in any unit; None if it is unknown.
    """

    id: str
    name: str
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class KnownGoal:
    """A goal in the settings.

    Attributes:
        id: Its id in events.
        name: Its name.
        has_revenue: Whether it measures revenue.
    """

    id: str
    name: str
    has_revenue: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A campaign in the settings.

    Attributes:
        id: Its id in events.
        key: Its key; None without one.
        name: Its name.
        platform: ``vwo`` or ``pagesense``; None if it is unknown.
        is_running: Whether it runs; None if it is unknown.
        variations: Its variations, the control first.
        goals: Its goals, the primary one first.
    """

    id: str
    key: str | None = None
    name: str | None = None
    platform: str | None = None
    is_running: bool | None = None
    variations: tuple[Variation, ...] = ()
    goals: tuple[KnownGoal, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """The campaigns of some settings documents.

    Attributes:
        campaigns: By platform, account, project and the campaign's id.
    """

    campaigns: Mapping[tuple[str, str, str, str], Known] = field(default_factory=dict)

    @classmethod
    def read(cls, *paths: Path) -> Settings:
        """Read settings files.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file is not a settings document; the message names it.
        """
        found: dict[tuple[str, str, str, str], Known] = {}
        for path in paths:
            document = path.read_bytes()
            try:
                read = _vwo if platform_of(document) == "vwo" else _pagesense
                found |= read(object_in(document))
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error
        return cls(found)


def _vwo(document: Named) -> dict[tuple[str, str, str, str], Known]:
    account = str(document.get("accountId"))
    found = {}
    for one in parts(document, "campaigns"):
        key = text_or_none(one.get("key"))
        known = Known(
            id=str(one.get("id")),
            key=key,
            name=text_or_none(one.get("name")) or key,
            platform="vwo",
            is_running=one.get("status") == "RUNNING",
            variations=tuple(
                Variation(
                    str(each.get("id")),
                    text_or_none(each.get("name")) or str(each.get("id")),
                    _weight(each.get("weight")),
                )
                for each in parts(one, "variations")
            ),
            goals=tuple(
                KnownGoal(
                    str(each.get("id")),
                    text_or_none(each.get("identifier")) or str(each.get("id")),
                    each.get("type") == "REVENUE_TRACKING",
                )
                for each in parts(one, "goals")
            ),
        )
        found["vwo", account, "", known.id] = known
    return found


def _pagesense(document: Named) -> dict[tuple[str, str, str, str], Known]:
    found = {}
    for project in parts(document, "projectsettings")[:1]:
        goals = {str(one.get("goal_link_name")): one for one in parts(project, "goals")}
        for one in parts(project, "experiments"):
            known = Known(
                id=str(one.get("experiment_key")),
                key=text_or_none(one.get("experiment_link_name")),
                name=text_or_none(one.get("experiment_name")),
                platform="pagesense",
                is_running=one.get("experiment_status") == _RUNNING,
                variations=_pagesense_variations(one),
                goals=_pagesense_goals(one, goals),
            )
            owner = (str(project.get("portal_name")), str(project.get("project_key")))
            found["pagesense", *owner, known.id] = known
    return found


def _pagesense_variations(experiment: Named) -> tuple[Variation, ...]:
    ordered = sorted(parts(experiment, "variations"), key=lambda one: not one.get("is_original"))
    return tuple(
        Variation(
            str(one.get("variation_key")),
            text_or_none(one.get("variation_name")) or str(one.get("variation_key")),
            _weight(one.get("traffic_distribution")),
        )
        for one in ordered
    )


def _pagesense_goals(experiment: Named, goals: Mapping[str, Named]) -> tuple[KnownGoal, ...]:
    ordered = sorted(parts(experiment, "goals"), key=lambda one: not one.get("is_primary_goal"))
    links = [str(one.get("goal_link_name")) for one in ordered]
    return tuple(
        KnownGoal(
            link,
            text_or_none(goals.get(link, {}).get("goal_name")) or link,
            goals.get(link, {}).get("goal_type") == _REVENUE_GOAL,
        )
        for link in links
    )


def _weight(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
