"""optimizely-sdk, with its datafile given at the start."""

from __future__ import annotations

import json
import queue
from typing import TYPE_CHECKING, Any

import requests
from experiments import ATTRIBUTES, GOAL, KEY, NAMES
from optimizely import optimizely
from optimizely.event.event_processor import BatchEventProcessor
from sending import Stub, events_per_second
from serving import MANY, ONCE, USERS, Row, in_threads, per_user, serve

if TYPE_CHECKING:
    from collections.abc import Callable

SENT = 100 if ONCE else 10_000

TESTS = [
    ("country", "exact", "DE"),
    ("basket", "ge", 20),
    ("browser", "substring", "bot"),
    ("visits", "gt", 10),
    ("is_member", "exact", True),
]


def datafile(count: int = 1, *, is_targeted: bool = False) -> str:
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
    others = [
        {**experiment, "id": str(1000 + index), "key": f"campaign-{index}"}
        for index in range(count - 1)
    ]
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
            "experiments": [experiment, *others],
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


class ToStub:
    """A dispatcher that sends to the stub."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/v1/events"
        self._session = requests.Session()

    def dispatch_event(self, event: Any) -> None:
        self._session.post(self._url, data=json.dumps(event.params), headers=event.headers)


def asked(
    attributes: dict[str, Any], count: int = 1, threads: int = 0, *, is_targeted: bool = False
) -> Row:
    text = datafile(count, is_targeted=is_targeted)
    client = optimizely.Optimizely(text, event_dispatcher=Swallow())
    if {client.get_variation(KEY, user, attributes) for user in USERS} != {*NAMES}:
        raise AssertionError("the variations are not assigned")
    if is_targeted and client.get_variation(KEY, "Ann", {}) is not None:
        raise AssertionError("the conditions are met by nobody in particular")

    def once() -> None:
        for user in USERS:
            client.get_variation(KEY, user, attributes)

    return in_threads(threads, once) if threads else per_user(once)


def batched(dispatcher: object) -> Any:
    """Its queue has no bound: a burst overflows the one it has by default."""
    processor = BatchEventProcessor(
        dispatcher,
        batch_size=5000,
        flush_interval=600,
        start_on_init=True,
        event_queue=queue.Queue(),
    )
    return optimizely.Optimizely(datafile(), event_processor=processor), processor


def activated() -> Row:
    client, _ = batched(Swallow())
    if {client.activate(KEY, user) for user in USERS} != {*NAMES}:
        raise AssertionError("the variations are not assigned")

    def once() -> None:
        for user in USERS:
            client.activate(KEY, user)

    return per_user(once)


def tracked() -> Row:
    client, _ = batched(Swallow())

    def once() -> None:
        for user in USERS:
            client.track(GOAL, user)

    return per_user(once)


def end_to_end() -> Row:
    users = [f"user-{number}" for number in range(SENT)]
    stub = Stub(f'"key": "{GOAL}"')

    def measure() -> float:
        client, processor = batched(ToStub(stub.port))

        def send() -> None:
            for user in users:
                client.track(GOAL, user)
            processor.stop()

        return events_per_second(stub, SENT, send)

    return measure


def launching(count: int) -> tuple[int, Callable[[], object]]:
    text = datafile(count, is_targeted=True)
    return len(text), lambda: optimizely.Optimizely(text, event_dispatcher=Swallow())


if __name__ == "__main__":
    serve(
        {
            "decision": lambda: asked({}),
            "five conditions": lambda: asked(ATTRIBUTES, is_targeted=True),
            "100 campaigns": lambda: asked({}, 100),
            "1,000 campaigns": lambda: asked({}, 1000),
            "10,000 campaigns": lambda: asked({}, MANY),
            "activate": activated,
            "track": tracked,
            "end to end": end_to_end,
            "1 thread": lambda: asked({}, threads=1),
            "2 threads": lambda: asked({}, threads=2),
            "8 threads": lambda: asked({}, threads=8),
        },
        launching,
    )
