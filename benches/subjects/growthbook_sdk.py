"""growthbook: one object for each user, as its documents have it, with the features at hand."""

from __future__ import annotations

from typing import Any

from experiments import ATTRIBUTES, KEY, NAMES
from growthbook import GrowthBook
from serving import USERS, Row, per_user, serve

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
    features = {key: {"defaultValue": "none", "rules": [{**rule, "key": key}]} for key in keys}

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


if __name__ == "__main__":
    serve(
        {
            "decision": lambda: asked(None, {}),
            "five conditions": lambda: asked(CONDITION, ATTRIBUTES),
        }
    )
