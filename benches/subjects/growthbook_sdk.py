"""growthbook: one object for each user, as its documents have it, given the features.

They are made once; dictionaries would be parsed again for every user.
"""

from __future__ import annotations

from typing import Any

from experiments import ATTRIBUTES, KEY, NAMES
from growthbook import GrowthBook
from growthbook.common_types import Feature
from serving import MANY, USERS, Row, per_user, serve

CONDITION = {
    "country": {"$in": ["DE", "de"]},
    "basket": {"$gte": 20},
    "browser": {"$not": {"$regex": "bot"}},
    "visits": {"$gt": 10},
    "is_member": True,
}


def asked(condition: dict[str, Any] | None, attributes: dict[str, Any], count: int = 1) -> Row:
    rule: dict[str, Any] = {
        "variations": list(NAMES),
        "weights": [0.5, 0.5],
        "coverage": 1,
        "hashAttribute": "id",
        "key": KEY,
    }
    if condition is not None:
        rule["condition"] = condition
    keys = [KEY, *(f"campaign-{index}" for index in range(count - 1))]
    features = {key: Feature(defaultValue="none", rules=[{**rule, "key": key}]) for key in keys}

    def ask(user: str, attributes: dict[str, Any]) -> object:
        book = GrowthBook(attributes={"id": user, **attributes}, features=features)
        return book.get_feature_value(KEY, "none")

    if {ask(user, attributes) for user in USERS} != {*NAMES}:
        raise AssertionError("the variations are not assigned")
    if condition is not None and ask("Ann", {}) != "none":
        raise AssertionError("the conditions are met by nobody in particular")

    def once() -> None:
        for user in USERS:
            ask(user, attributes)

    return per_user(once)


def activated() -> Row:
    """With its event, which is handed to a function of the caller's."""
    seen = 0

    def see(**_: object) -> None:
        nonlocal seen
        seen += 1

    rule = {"variations": list(NAMES), "weights": [0.5, 0.5], "hashAttribute": "id", "key": KEY}
    features = {KEY: Feature(defaultValue="none", rules=[rule])}

    def once() -> None:
        for user in USERS:
            book = GrowthBook(attributes={"id": user}, features=features, on_experiment_viewed=see)
            book.get_feature_value(KEY, "none")

    once()
    if seen != len(USERS):
        raise AssertionError(seen)
    return per_user(once)


if __name__ == "__main__":
    serve(
        {
            "decision": lambda: asked(None, {}),
            "five conditions": lambda: asked(CONDITION, ATTRIBUTES),
            "100 campaigns": lambda: asked(None, {}, 100),
            "1,000 campaigns": lambda: asked(None, {}, 1000),
            "10,000 campaigns": lambda: asked(None, {}, MANY),
            "activate": activated,
        }
    )
