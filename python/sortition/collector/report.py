"""What the events say of each campaign, goal and variation."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypedDict

from sortition.collector.account import Named, parts
from sortition.collector.store import Conversions

if TYPE_CHECKING:
    from sortition.collector.account import Account
    from sortition.collector.store import Counts

_NONE: Final = Conversions(0, 0, Decimal(0))


class VariationReport(TypedDict):
    """A variation's visitors and what they did.

    ``rate`` is unique converters by visitors; None without visitors.
    """

    id: str
    name: str | None
    visitors: int
    conversions: int
    unique_converters: int
    revenue: float
    rate: float | None


class GoalReport(TypedDict):
    """A goal, variation by variation; ``unattributed`` are conversions of who was shown none."""

    id: str
    identifier: str | None
    type: str | None
    variations: list[VariationReport]
    unattributed: int


class VisitorReport(TypedDict):
    """How many visitors a variation has."""

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
    """An account; ``pushes`` is how many visitor properties were set."""

    account_id: str
    campaigns: list[CampaignReport]
    pushes: int


class Report(TypedDict):
    """Everything the collector knows; names are None where no settings file tells them."""

    accounts: list[AccountReport]


def report(counts: Counts, account: Account | None) -> Report:
    """The report on all events, with the names that the settings file gives."""
    ids = {account_id for account_id, _, _ in counts.visitors}
    ids |= {account_id for account_id, _, _, _ in counts.conversions} | set(counts.pushes)
    if account is not None:
        ids.add(account.account_id)
    return {
        "accounts": [
            {
                "account_id": account_id,
                "campaigns": _campaigns(
                    counts,
                    account_id,
                    account.campaigns
                    if account is not None and account.account_id == account_id
                    else [],
                ),
                "pushes": counts.pushes.get(account_id, 0),
            }
            for account_id in sorted(ids)
        ]
    }


def _campaigns(counts: Counts, account_id: str, known: list[Named]) -> list[CampaignReport]:
    """The campaigns of the settings in their order, then those that only events tell of."""
    by_id = {str(campaign.get("id")): campaign for campaign in known}
    seen = {campaign for account, campaign, _ in counts.visitors if account == account_id}
    seen |= {campaign for account, campaign, _, _ in counts.conversions if account == account_id}
    ids = [*by_id, *sorted(seen - by_id.keys())]
    return [_campaign(counts, account_id, id_, by_id.get(id_, {})) for id_ in ids]


def _campaign(counts: Counts, account_id: str, campaign_id: str, known: Named) -> CampaignReport:
    here = (account_id, campaign_id)
    visitors = {key[2]: n for key, n in counts.visitors.items() if key[:2] == here}
    reached = {key[2:]: n for key, n in counts.conversions.items() if key[:2] == here}
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
            {"id": id_, "name": _name(name), "visitors": visitors.get(id_, 0)}
            for id_, name in names.items()
        ],
        "goals": [
            {
                "id": goal_id,
                "identifier": _text(goals.get(goal_id, {}), "identifier"),
                "type": _text(goals.get(goal_id, {}), "type"),
                "variations": [
                    _variation(id_, name, visitors.get(id_, 0), reached.get((id_, goal_id), _NONE))
                    for id_, name in names.items()
                ],
                "unattributed": reached.get((None, goal_id), _NONE).conversions,
            }
            for goal_id in goal_ids
        ],
    }


def _variation(
    variation_id: str, name: object, visitors: int, reached: Conversions
) -> VariationReport:
    return {
        "id": variation_id,
        "name": _name(name),
        "visitors": visitors,
        "conversions": reached.conversions,
        "unique_converters": reached.unique_converters,
        "revenue": float(reached.revenue),
        "rate": reached.unique_converters / visitors if visitors else None,
    }


def _text(known: Named, name: str) -> str | None:
    return _name(known.get(name))


def _name(value: object) -> str | None:
    return value if isinstance(value, str) else None
