"""Sortition with VWO settings; the engine is the first argument."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import experiments
from experiments import ATTRIBUTES, CONDITIONS, GOAL, KEY, NAMES
from sending import Stub, events_per_second
from serving import (
    MANY,
    ONCE,
    USERS,
    Row,
    duration,
    in_threads,
    per_user,
    serve,
)

from sortition import _engine, vwo

if TYPE_CHECKING:
    from collections.abc import Callable

ENGINE: Any = sys.argv[1]
SENT = 1_000 if ONCE else 200_000 if ENGINE == "compiled" else 20_000


class Records:
    """A user storage in memory."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        return self.records.get((user_id, campaign_key))

    def set(self, user_data: dict[str, Any]) -> None:
        self.records[user_data["userId"], user_data["campaignKey"]] = user_data


def launch(document: dict[str, Any], **options: Any) -> vwo.Client:
    return vwo.launch(experiments.text(document), engine=ENGINE, **options)


def expect(wanted: object, got: object) -> None:
    if wanted != got:
        raise AssertionError(f"wanted {wanted!r}, got {got!r}")


def untargeted(document: dict[str, Any], **options: Any) -> Row:
    client = launch(document, **options)
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

    def ask(user: str) -> str | None:
        return client.get_variation_name(KEY, user, variation_targeting_variables=variables)

    expect({NAMES[1]}, {ask(user) for user in USERS})

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


class Swallow:
    """A transport that takes everything at once, so that the row is the call's alone."""

    def send(self, _request: object, _timeout_s: float) -> vwo.Response:
        return vwo.Response(200, {}, b"")


def batched(**options: Any) -> vwo.Client:
    return launch(
        experiments.document(experiments.campaign()),
        batch_events={"events_per_request": 5000, "request_time_interval": 600},
        queue_events=10_000_000,
        queue_bytes=2**32,
        **options,
    )


def of_events(ask: Callable[[vwo.Client], object]) -> Row:
    """The time of a call that queues an event, without the sending of it."""
    client = batched(transport=Swallow())
    rounds = 1 if ONCE else 4
    sent = 0

    def measure() -> float:
        nonlocal sent
        total = 0.0

        def once() -> None:
            ask(client)

        for _ in range(rounds):
            # What is queued fills less than a batch, so that nothing is sent meanwhile.
            for _ in range(4):
                total += duration(once)()
                sent += len(USERS)
            expect(True, client.flush())
        expect(sent, sum(client.stats().delivered.values()))
        return total / (4 * rounds * len(USERS))

    return measure


def activated() -> Row:
    def ask(client: vwo.Client) -> None:
        for user in USERS:
            client.activate(KEY, user)

    client = batched(transport=Swallow())
    expect("Control", client.activate(KEY, "Ann"))
    client.close()
    return of_events(ask)


def tracked() -> Row:
    def ask(client: vwo.Client) -> None:
        for user in USERS:
            client.track(KEY, user, GOAL)

    client = batched(transport=Swallow())
    expect({KEY: True}, client.track(KEY, "Ann", GOAL))
    client.close()
    return of_events(ask)


def encoded() -> Row:
    """A batch of 5,000 events; the time of the whole batch."""
    engine = _engine.load(ENGINE).module
    settings = engine.VwoSettings.compile(
        experiments.text(experiments.document(experiments.campaign())).encode()
    )
    events = [
        settings.show("activate", KEY, f"user-{number}", None, None, False, False, 1).event
        for number in range(5000)
    ]
    expect(5000, engine.vwo_batch(events).count(b'"sId"'))
    return duration(lambda: engine.vwo_batch(events))


def end_to_end() -> Row:
    users = [f"user-{number}" for number in range(SENT)]
    stub = Stub('"sId"')

    def measure() -> float:
        client = batched(base_url=f"http://127.0.0.1:{stub.port}")

        def send() -> None:
            for user in users:
                client.track(KEY, user, GOAL)
            expect(True, client.flush(100))

        try:
            return events_per_second(stub, SENT, send)
        finally:
            client.close()

    return measure


def launching(count: int) -> tuple[int, Callable[[], object]]:
    text = experiments.text(experiments.among(count, CONDITIONS)).encode()

    def launch() -> vwo.Client:
        client = vwo.launch(text, engine=ENGINE)
        expect("Control", client.get_variation_name(KEY, "Ann", custom_variables=ATTRIBUTES))
        return client

    return len(text), launch


def threaded(count: int) -> Row:
    client = launch(experiments.document(experiments.campaign()))
    expect("Control", client.get_variation_name(KEY, "Ann"))

    def once() -> None:
        for user in USERS:
            client.get_variation_name(KEY, user)

    return in_threads(count, once)


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
            "activate": activated,
            "track": tracked,
            "encode 5,000": encoded,
            "end to end": end_to_end,
            "1 thread": lambda: threaded(1),
            "2 threads": lambda: threaded(2),
            "8 threads": lambda: threaded(8),
        },
        launching,
    )
