"""Simulated users, and what they did."""

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
    """What users of one variation did for one goal."""

    conversions: int = 0
    converters: set[str] = field(default_factory=set)
    revenue: Decimal = Decimal(0)

    def add(self, user_id: str, revenue: Decimal) -> None:
        """Count that a user reached it."""
        self.conversions += 1
        self.converters.add(user_id)
        self.revenue += revenue


@dataclass
class Tally:
    """What the simulated users saw and did, as the client's answers say.

    Attributes:
        visitors: How many users saw a variation, by campaign and variation name.
        goals: What they did, by campaign, variation name and goal.
        unattributed: What users did who were in no campaign, by goal.
        calls: How many calls were made, by name.
        failed: How many conversions the server did not receive.
    """

    visitors: Counter[tuple[str, str]] = field(default_factory=Counter)
    goals: dict[tuple[str, str, str], Goal] = field(default_factory=dict)
    unattributed: dict[str, Goal] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    failed: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count what one user did."""
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
        """How often any goal was reached."""
        goals = [*self.goals.values(), *self.unattributed.values()]
        return sum(goal.conversions for goal in goals)


@dataclass
class Outcome:
    """What one user saw and did.

    Attributes:
        user_id: The user.
        seen: The variations that the user saw, by campaign.
        converted: The goals that the user reached: the campaign, or None without one; the goal's
            name; and the revenue.
        calls: How many calls were made, by name.
        failed: How many conversions the server did not receive.
    """

    user_id: str
    seen: dict[str, str] = field(default_factory=dict)
    converted: list[tuple[str | None, str, Decimal]] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    failed: int = 0


def simulate(visit: Callable[[int], Outcome], users: int, advance: Callable[[], None]) -> Tally:
    """Let so many users visit, by their numbers; `advance` is called after each of them."""
    tally = Tally()
    with ThreadPoolExecutor(_THREADS) as pool:
        for outcome in pool.map(visit, range(users)):
            tally.add(outcome)
            advance()
    return tally
