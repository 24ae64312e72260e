"""Runs simulated users and counts their actions."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_THREADS: Final = 4


@dataclass
class Goal:
    """The conversions of one goal in one variation."""

    conversions: int = 0
    converters: set[str] = field(default_factory=set)
    revenue: Decimal = Decimal(0)

    def add(self, user_id: str, revenue: Decimal) -> None:
        """Count a conversion of a user."""
        self.conversions += 1
        self.converters.add(user_id)
        self.revenue += revenue


@dataclass
class Tally:
    """The totals over all simulated users, from the client's results.

    Attributes:
        visitors: The number of visitors, by campaign and variation name.
        goals: The conversions, by campaign, variation name and goal.
        unattributed: The conversions of users in no campaign, by goal.
        calls: The number of calls, by name.
        failed: The number of conversions that the server did not receive.
    """

    visitors: Counter[tuple[str, str]] = field(default_factory=Counter)
    goals: dict[tuple[str, str, str], Goal] = field(default_factory=dict)
    unattributed: dict[str, Goal] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    failed: int = 0

    def add(self, outcome: Outcome) -> None:
        """Add one user's actions."""
        self.visitors.update(outcome.seen.items())
        self.calls.update(outcome.calls)
        self.failed += outcome.failed
        for campaign, name, revenue in outcome.converted:
            if campaign is None:
                goal = self.unattributed.setdefault(name, Goal())
            else:
                goal = self.goals.setdefault((campaign, outcome.seen[campaign], name), Goal())
            goal.add(outcome.user_id, revenue)

    @property
    def conversions(self) -> int:
        """The number of conversions of all goals."""
        goals = [*self.goals.values(), *self.unattributed.values()]
        return sum(goal.conversions for goal in goals)


@dataclass
class Outcome:
    """One user's variations and conversions.

    Attributes:
        user_id: The user's id.
        seen: The user's variations, by campaign.
        converted: The user's conversions: the campaign, or None for none; the goal's name; and the
            revenue.
        calls: The number of calls, by name.
        failed: The number of conversions that the server did not receive.
    """

    user_id: str
    seen: dict[str, str] = field(default_factory=dict)
    converted: list[tuple[str | None, str, Decimal]] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    failed: int = 0


def simulate(visit: Callable[[int], Outcome], users: int, advance: Callable[[], None]) -> Tally:
    """Simulate the visits of this many users. Calls `advance` after each."""
    tally = Tally()
    with ThreadPoolExecutor(_THREADS) as pool:
        for outcome in pool.map(visit, range(users)):
            tally.add(outcome)
            advance()
    return tally
