"""optimizely-sdk, with its datafile given at the start."""

from __future__ import annotations

import json
from typing import Any

from experiments import ATTRIBUTES, GOAL, KEY, NAMES
from optimizely import optimizely
from optimizely.event.event_processor import BatchEventProcessor
from serving import USERS, Row, per_user, serve

TESTS = [
    ("country", "exact", "DE"),
    ("basket", "ge", 20),
    ("browser", "substring", "bot"),
    ("visits", "gt", 10),
    ("is_member", "exact", True),
]


def datafile(*, is_targeted: bool) -> str:
    conditions: list[Any] = ["and"]
    for name, match, value in TESTS:
        leaf = {"type": "custom_attribute", "name": name, "match": match, "value": value}
        conditions.append(["not", leaf] if match == "substring" else leaf)
    variations = [{"id": str(n), "key": name, "variables": []} for n, name in enumerate(NAMES)]
    experiment = {
        "id": "228",
        "key": KEY,
        "layerId": "1",
        "status": "Running",
        "forcedVariations": {},
        "audienceIds": [],
        "variations": variations,
        "trafficAllocation": [
            {"entityId": "0", "endOfRange": 5000},
            {"entityId": "1", "endOfRange": 10_000},
        ],
    }
    if is_targeted:
        experiment["audienceConditions"] = ["or", "5"]
    return json.dumps(
        {
            "version": "4",
            "rollouts": [],
            "typedAudiences": [{"id": "5", "name": "five", "conditions": conditions}],
            "audiences": [],
            "anonymizeIP": True,
            "projectId": "1",
            "variables": [],
            "featureFlags": [],
            "experiments": [experiment],
            "groups": [],
            "attributes": [{"id": str(n), "key": test[0]} for n, test in enumerate(TESTS)],
            "botFiltering": False,
            "accountId": "1",
            "events": [{"id": "7", "key": GOAL, "experimentIds": ["228"]}],
            "revision": "1",
        }
    )


class Swallow:
    """A dispatcher that takes everything at once."""

    def dispatch_event(self, _event: object) -> None:
        return None


def asked(attributes: dict[str, Any], *, is_targeted: bool) -> Row:
    client = optimizely.Optimizely(datafile(is_targeted=is_targeted), event_dispatcher=Swallow())
    if {client.get_variation(KEY, user, attributes) for user in USERS} != {*NAMES}:
        raise AssertionError("the variations are not assigned")
    if is_targeted and client.get_variation(KEY, "Ann", {}) is not None:
        raise AssertionError("the conditions are met by nobody in particular")

    def once() -> None:
        for user in USERS:
            client.get_variation(KEY, user, attributes)

    return per_user(once)


def tracked() -> Row:
    processor = BatchEventProcessor(Swallow(), batch_size=5000, start_on_init=True)
    client = optimizely.Optimizely(datafile(is_targeted=False), event_processor=processor)

    def once() -> None:
        for user in USERS:
            client.track(GOAL, user)

    return per_user(once)


if __name__ == "__main__":
    serve(
        {
            "decision": lambda: asked({}, is_targeted=False),
            "five conditions": lambda: asked(ATTRIBUTES, is_targeted=True),
            "track": tracked,
        }
    )
