"""The users of the demo's second part: customers of a shop that tests with PageSense."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from sortition.demo.simulation import Outcome

if TYPE_CHECKING:
    from sortition.pagesense import Client

_SEED: Final = 20261122
_COUNTRIES: Final = ("DE", "FR", "NL", "US", "US", "GB", "IN")
_BROWSERS: Final = ("Chrome", "Chrome", "Firefox", "Safari", "Googlebot")

_PRODUCT_PAGE: Final = "Product page"
_DELIVERY_DATE: Final = "Delivery date"

# The probability that a user reaches a goal, by the variation that they see.
_ADDS_TO_BASKET: Final = {"Original": 0.35, "Large pictures": 0.45, "Video": 0.33}
_BUYS: Final = {"Original": 0.2, "Shown early": 0.28}
_ASKS_FOR_NEWS: Final = 0.15


def visit(client: Client, number: int) -> Outcome:
    """Simulate one user's visit to the shop. The same number always gives the same visit."""
    # Each user has their own random numbers, so that the order of the threads does not matter.
    chance = random.Random(f"{_SEED}:{number}")  # noqa: S311 -- a simulation
    one = _Visit(client, f"customer-{number:06d}@example.com", chance)
    one.look_around()
    one.act()
    return one.outcome


class _Visit:
    """A user with their attributes and actions."""

    def __init__(self, client: Client, user_id: str, chance: random.Random) -> None:
        self.outcome = Outcome(user_id)
        self._client = client
        self._chance = chance
        self._attributes: dict[str, object] = {
            "country": chance.choice(_COUNTRIES),
            "browser": chance.choice(_BROWSERS),
        }

    def look_around(self) -> None:
        """Activate the user in each experiment."""
        for experiment in (_PRODUCT_PAGE, _DELIVERY_DATE):
            variation = self._client.activate_experiment(
                experiment, self.outcome.user_id, self._attributes
            )
            self.outcome.calls.update(activate_experiment=1)
            if variation is not None:
                self.outcome.seen[experiment] = variation

    def act(self) -> None:
        """Reach goals with probabilities that depend on the user's variations."""
        seen, chance = self.outcome.seen, self._chance
        page = seen.get(_PRODUCT_PAGE, "Original")
        if chance.random() < _ADDS_TO_BASKET[page]:
            self._reach(_PRODUCT_PAGE, "Added to basket")
        if chance.random() < _BUYS[seen.get(_DELIVERY_DATE, "Original")]:
            paid = chance.randrange(500, 12_000)  # cents
            self._reach(_PRODUCT_PAGE, "Bought", paid)
            self._reach(_DELIVERY_DATE, "Bought", paid)
        if chance.random() < _ASKS_FOR_NEWS:
            self._reach_in_project("Asked for news")

    def _reach(self, experiment: str, goal: str, revenue: int | None = None) -> None:
        """Reach a goal of an experiment. It counts only for users in the experiment."""
        outcome = self.outcome
        properties = None if revenue is None else {"revenue": str(revenue)}
        self._client.track_goal(
            experiment, outcome.user_id, goal, self._attributes, goal_properties=properties
        )
        outcome.calls.update(track_goal=1)
        if experiment in outcome.seen:
            outcome.converted.append((experiment, goal, Decimal(revenue or 0)))

    def _reach_in_project(self, goal: str) -> None:
        """Reach a goal of the project. The client sends it for every user."""
        outcome = self.outcome
        self._client.track_project_goal(goal, outcome.user_id, self._attributes)
        outcome.calls.update(track_project_goal=1)
        experiment = _PRODUCT_PAGE if _PRODUCT_PAGE in outcome.seen else None
        outcome.converted.append((experiment, goal, Decimal(0)))
