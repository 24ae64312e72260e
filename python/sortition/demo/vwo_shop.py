"""The users of the demo's first part: customers of a shop that tests with VWO."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from sortition.demo.simulation import Outcome

if TYPE_CHECKING:
    from sortition.vwo import Client

_SEED: Final = 20261121
_COUNTRIES: Final = ("DE", "de", "FR", "NL", "US", "US", "GB", "IN")
_BROWSERS: Final = ("Chrome 141", "Chrome 141", "Firefox 144", "Safari 26", "Googlebot 2.1")
_STAFF: Final = 0.01

# The probability that a user reaches a goal, by the variation that they see.
_ADDS_TO_BASKET: Final = {"Control": 0.40, "One page": 0.42}
_BUYS: Final = {"Control": 0.18, "One page": 0.24}
_BUYS_FOR_BANNER: Final = {"Control": 1.0, "On top": 1.1, "In the basket": 1.25}
_OPENS_PRODUCT: Final = {"Control": 0.30, "As you type": 0.38}
_BUYS_AGAIN: Final = 0.1


def visit(client: Client, number: int) -> Outcome:
    """Simulate one user's visit to the shop. The same number always gives the same visit."""
    # Each user has their own random numbers, so that the order of the threads does not matter.
    chance = random.Random(f"{_SEED}:{number}")  # noqa: S311 -- a simulation
    one = _Visit(client, f"user-{number:06d}@example.com", chance)
    one.look_around()
    one.act()
    return one.outcome


class _Visit:
    """A user with their attributes and actions."""

    def __init__(self, client: Client, user_id: str, chance: random.Random) -> None:
        self.outcome = Outcome(user_id)
        self._client = client
        self._chance = chance
        self._basket = round(chance.uniform(5, 120), 2)
        self._attributes: dict[str, object] = {
            "country": chance.choice(_COUNTRIES),
            "basket": self._basket,
            "browser": chance.choice(_BROWSERS),
        }
        self._targeting: dict[str, object] = {"staff": chance.random() < _STAFF}

    def look_around(self) -> None:
        """Activate the user in each campaign."""
        client, user_id = self._client, self.outcome.user_id
        attributes = self._attributes
        checkout = client.activate(
            "checkout",
            user_id,
            custom_variables=attributes,
            variation_targeting_variables=self._targeting,
        )
        banner = client.activate("shipping-banner", user_id, custom_variables=attributes)
        is_search_new = client.is_feature_enabled("search", user_id)
        search = client.get_variation_name("search", user_id)
        if is_search_new != (search == "As you type"):
            raise RuntimeError("is_feature_enabled and get_variation_name disagree")
        rollout = "Rollout" if client.is_feature_enabled("dark-mode", user_id) else None
        self.outcome.calls.update(activate=2, is_feature_enabled=2, get_variation_name=1)
        given = {"checkout": checkout, "shipping-banner": banner, "search": search}
        for campaign, variation in {**given, "dark-mode": rollout}.items():
            if variation is not None:
                self.outcome.seen[campaign] = variation

    def act(self) -> None:
        """Reach goals with probabilities that depend on the user's variations."""
        seen, chance = self.outcome.seen, self._chance
        checkout, search = seen.get("checkout"), seen.get("search")
        if checkout and chance.random() < _ADDS_TO_BASKET[checkout]:
            self._reach(["checkout"], "add-to-basket")
        banner = seen.get("shipping-banner", "Control")
        likely = _BUYS[checkout or "Control"] * _BUYS_FOR_BANNER[banner]
        while chance.random() < likely:
            self._reach(["checkout", "shipping-banner"], "purchase", self._basket)
            likely = _BUYS_AGAIN
        if search and chance.random() < _OPENS_PRODUCT[search]:
            self._reach(["search"], "product-opened")

    def _reach(self, campaigns: list[str], identifier: str, revenue: float | None = None) -> None:
        outcome = self.outcome
        result = self._client.track(
            campaigns,
            outcome.user_id,
            identifier,
            revenue_value=revenue,
            custom_variables=self._attributes,
            variation_targeting_variables=self._targeting,
        )
        outcome.calls.update(track=1)
        for campaign, is_tracked in (result or {}).items():
            if is_tracked:
                brought = Decimal(0) if revenue is None else Decimal(str(revenue))
                outcome.converted.append((campaign, identifier, brought))
            elif campaign in outcome.seen:
                outcome.failed += 1
