"""The report on VWO's events, by campaign, goal and variation."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from sortition.collector.settings_file import Named, parts, text_or_none
from sortition.collector.store import NO_CONVERSIONS, Counts

if TYPE_CHECKING:
    from sortition.collector.event import Owner
    from sortition.collector.store import Conversions
    from sortition.collector.vwo.account import Account


class VariationReport(TypedDict):
    """A variation's visitors and conversions.

    ``rate`` is unique converters divided by visitors; None without visitors.
    ``unreadable_revenues`` counts conversions whose revenue cannot be read. The other numbers
    include these conversions, without an amount.
    """

    id: str
    name: str | None
    visitors: int
    conversions: int
    unique_converters: int
    revenue: float
    unreadable_revenues: int
    rate: float | None


class GoalReport(TypedDict):
    """A goal, by variation. ``unattributed`` counts conversions without a variation."""

    id: str
    identifier: str | None
    type: str | None
    variations: list[VariationReport]
    unattributed: int


class VisitorReport(TypedDict):
    """The number of a variation's visitors."""

    id: str
    name: str | None
    visitors: int


class CampaignReport(TypedDict):
    """A campaign."""

    id: str
    key: str | None
    name: str | None
    type: str | None
    status: str | None
    variations: list[VisitorReport]
    goals: list[GoalReport]


class AccountReport(TypedDict):
    """An account. ``pushes`` is the number of visitor properties that were set."""

    account_id: str
    campaigns: list[CampaignReport]
    pushes: int


def accounts(counts: dict[Owner, Counts], account: Account | None) -> list[AccountReport]:
    """The report on VWO's events, with the names from the settings file."""
    owners = {owner for owner in counts if owner.platform == "vwo"}
    if account is not None:
        owners.add(account.owner)
    return [
        {
            "account_id": owner.account,
            "campaigns": _campaigns(
                of_owner := counts.get(owner, Counts()),
                account.campaigns if account is not None and account.owner == owner else [],
            ),
            "pushes": of_owner.pushes,
        }
        for owner in sorted(owners)
    ]


def _campaigns(counts: Counts, known: list[Named]) -> list[CampaignReport]:
    """The campaigns of the settings in their order, then those that only events name."""
    by_id = {str(campaign.get("id")): campaign for campaign in known}
    ids = [*by_id, *sorted(counts.campaigns - by_id.keys())]
    return [_campaign(id_, by_id.get(id_, {}), *counts.of_campaign(id_)) for id_ in ids]


def _campaign(
    campaign_id: str,
    known: Named,
    visitors: dict[str, int],
    reached: dict[tuple[str | None, str], Conversions],
) -> CampaignReport:
    variations = {str(one.get("id")): one.get("name") for one in parts(known, "variations")}
    unnamed = (visitors.keys() | {seen for seen, _ in reached if seen}) - variations.keys()
    names = {**variations, **dict.fromkeys(sorted(unnamed))}
    goals = {str(one.get("id")): one for one in parts(known, "goals")}
    goal_ids = [*goals, *sorted({goal for _, goal in reached} - goals.keys())]
    return {
        "id": campaign_id,
        "key": _text(known, "key"),
        "name": _text(known, "name"),
        "type": _text(known, "type"),
        "status": _text(known, "status"),
        "variations": [
            {"id": id_, "name": text_or_none(name), "visitors": visitors.get(id_, 0)}
            for id_, name in names.items()
        ],
        "goals": [
            {
                "id": goal_id,
                "identifier": _text(goals.get(goal_id, {}), "identifier"),
                "type": _text(goals.get(goal_id, {}), "type"),
                "variations": [
                    _variation(
                        id_, name, visitors.get(id_, 0), reached.get((id_, goal_id), NO_CONVERSIONS)
                    )
                    for id_, name in names.items()
                ],
                "unattributed": reached.get((None, goal_id), NO_CONVERSIONS).conversions,
            }
            for goal_id in goal_ids
        ],
    }


def _variation(
    variation_id: str, name: object, visitors: int, reached: Conversions
) -> VariationReport:
    return {
        "id": variation_id,
        "name": text_or_none(name),
        "visitors": visitors,
        "conversions": reached.conversions,
        "unique_converters": reached.unique_converters,
        "revenue": float(reached.revenue),
        "unreadable_revenues": reached.unreadable_revenues,
        "rate": reached.unique_converters / visitors if visitors else None,
    }


def _text(known: Named, name: str) -> str | None:
    return text_or_none(known.get(name))
