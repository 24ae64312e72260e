"""The platform's own SDK, vwo-python-sdk."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import experiments
import vwo
from experiments import ATTRIBUTES, CONDITIONS, GOAL, KEY, NAMES
from sending import Stub, events_per_second
from serving import MANY, ONCE, USERS, Row, in_threads, per_user, serve
from vwo.constants import constants
from vwo.http import connection

if TYPE_CHECKING:
    from collections.abc import Callable

logging.disable(logging.CRITICAL)
SENT = 100 if ONCE else 5_000


class Records(vwo.UserStorage):
    """A user storage in memory."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        return self.records.get((user_id, campaign_key))

    def set(self, user_data: dict[str, Any]) -> None:
        self.records[user_data["userId"], user_data["campaignKey"]] = user_data


def launch(document: dict[str, Any], **options: Any) -> Any:
    return vwo.launch(experiments.text(document), **options)


def expect(wanted: object, got: object) -> None:
    if wanted != got:
        raise AssertionError(f"wanted {wanted!r}, got {got!r}")


def untargeted(document: dict[str, Any], **options: Any) -> Row:
    client = launch(document, is_development_mode=True, **options)
    expect("Control", client.get_variation_name(KEY, "Ann"))
    expect({*NAMES}, {client.get_variation_name(KEY, user) for user in USERS})

    def once() -> None:
        for user in USERS:
            client.get_variation_name(KEY, user)

    return per_user(once)


def targeted() -> Row:
    client = launch(experiments.document(experiments.campaign(CONDITIONS)))
    expect(None, client.get_variation_name(KEY, "Ann"))
    expect("Control", client.get_variation_name(KEY, "Ann", custom_variables=ATTRIBUTES))

    def once() -> None:
        for user in USERS:
            client.get_variation_name(KEY, user, custom_variables=ATTRIBUTES)

    return per_user(once)


def whitelisted() -> Row:
    client = launch(experiments.document(experiments.campaign(whitelists=True)))
    variables = {"plan": "variation 2"}
    name = client.get_variation_name(KEY, "Ann", variation_targeting_variables=variables)
    expect(NAMES[1], name)

    def once() -> None:
        for user in USERS:
            client.get_variation_name(KEY, user, variation_targeting_variables=variables)

    return per_user(once)


def grouped() -> Row:
    client = launch(experiments.grouped())
    expect({*NAMES, None}, {client.get_variation_name(KEY, user) for user in USERS})

    def once() -> None:
        for user in USERS:
            client.get_variation_name(KEY, user)

    return per_user(once)


def stored(call: str, *more: str) -> Row:
    """A call for users who have a record, and whose goal was tracked before."""
    client = launch(
        experiments.document(experiments.campaign()),
        user_storage=Records(),
        is_development_mode=True,
    )
    wanted = [client.activate(KEY, user) for user in USERS]
    expect(wanted, [client.get_variation_name(KEY, user) for user in USERS])
    ask = getattr(client, call)
    for user in USERS:
        ask(KEY, user, *more)

    def once() -> None:
        for user in USERS:
            ask(KEY, user, *more)

    return per_user(once)


def batched() -> Any:
    return launch(
        experiments.document(experiments.campaign()),
        batch_events={"events_per_request": 5000, "request_time_interval": 600},
    )


def of_events(call: str, *more: object) -> Row:
    """The time of a call that queues an event; the batch is taken without the network."""
    client = batched()
    ask = getattr(client, call)
    post = connection.Connection.post
    if not ask(KEY, "Ann", *more):
        raise AssertionError(call)

    def once() -> None:
        for user in USERS:
            ask(KEY, user, *more)

    measure = per_user(once)

    def measure_without_network() -> float:
        connection.Connection.post = lambda *_args, **_more: {"status_code": 200, "text": ""}
        try:
            return measure()
        finally:
            client.flush_events()
            connection.Connection.post = post

    return measure_without_network


def end_to_end() -> Row:
    users = [f"user-{number}" for number in range(SENT)]
    stub = Stub('"sId"')
    constants.HTTPS_PROTOCOL = "http://"
    constants.ENDPOINTS.BASE_URL = f"127.0.0.1:{stub.port}"

    def measure() -> float:
        client = batched()

        def send() -> None:
            for user in users:
                client.track(KEY, user, GOAL)
            client.flush_events(mode="sync")

        return events_per_second(stub, SENT, send)

    return measure


def launching(count: int) -> tuple[int, Callable[[], object]]:
    text = experiments.text(experiments.among(count, CONDITIONS))
    return len(text), lambda: vwo.launch(text)


def threaded(count: int) -> Row:
    client = launch(experiments.document(experiments.campaign()))

    def once() -> None:
        for user in USERS[:50]:
            client.get_variation_name(KEY, user)

    measure = in_threads(count, once)
    return lambda: measure() * len(USERS) / 50


if __name__ == "__main__":
    serve(
        {
            "decision": lambda: untargeted(experiments.document(experiments.campaign())),
            "five conditions": targeted,
            "whitelisting": whitelisted,
            "group": grouped,
            "storage": lambda: stored("get_variation_name"),
            "storage, activate": lambda: stored("activate"),
            "storage, track": lambda: stored("track", GOAL),
            "100 campaigns": lambda: untargeted(experiments.among(100)),
            "1,000 campaigns": lambda: untargeted(experiments.among(1000)),
            "10,000 campaigns": lambda: untargeted(experiments.among(MANY)),
            "activate": lambda: of_events("activate"),
            "track": lambda: of_events("track", GOAL),
            "end to end": end_to_end,
            "1 thread": lambda: threaded(1),
            "2 threads": lambda: threaded(2),
            "8 threads": lambda: threaded(8),
        },
        launching,
    )
