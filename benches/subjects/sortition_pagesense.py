"""Sortition with PageSense settings; the engine is the first argument."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import experiments
from experiments import GOAL, KEY, NAMES, TEXTS
from sending import Stub, events_per_second
from serving import MANY, ONCE, USERS, Row, duration, in_threads, per_user, serve

from sortition import pagesense

if TYPE_CHECKING:
    from collections.abc import Callable

ENGINE: Any = sys.argv[1]
SENT = 200 if ONCE else 2_000


class Profiles:
    """A user storage in memory."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def look_up(self, user_id: str) -> str | None:
        return self.texts.get(user_id)

    def save(self, user_profile: pagesense.UserProfile) -> None:
        self.texts[user_profile.get_user_id()] = user_profile.get_user_profile_json_string()


def launch(document: dict[str, Any], **options: Any) -> pagesense.Client:
    return pagesense.launch(experiments.text(document), engine=ENGINE, **options)


def expect(wanted: object, got: object) -> None:
    if wanted != got:
        raise AssertionError(f"wanted {wanted!r}, got {got!r}")


def asked(count: int = 1, threads: int = 0, **options: Any) -> Row:
    client = launch(experiments.project(count), **options)
    expect({*NAMES}, {client.get_variation_name(KEY, user) for user in USERS})

    def once() -> None:
        for user in USERS:
            client.get_variation_name(KEY, user)

    return in_threads(threads, once) if threads else per_user(once)


def targeted() -> Row:
    client = launch(experiments.project(is_targeted=True))
    expect({None}, {client.get_variation_name(KEY, user) for user in USERS})
    expect({*NAMES}, {client.get_variation_name(KEY, user, TEXTS) for user in USERS})

    def once() -> None:
        for user in USERS:
            client.get_variation_name(KEY, user, TEXTS)

    return per_user(once)


def stored() -> Row:
    storage = Profiles()
    row = asked(user_storage=storage)
    expect(len(USERS), len(storage.texts))
    return row


class Held:
    """A transport that takes everything, but not before it is let: the row is the call's alone."""

    def __init__(self) -> None:
        self.is_let = threading.Event()

    def send(self, _request: object, _timeout_s: float) -> pagesense.Response:
        self.is_let.wait()
        return pagesense.Response(200, {}, b"")


def of_events(ask: Callable[[pagesense.Client], object]) -> Row:
    """The time of a call that queues an event, without the sending of it."""
    transport = Held()
    client = launch(experiments.project(), transport=transport, queue_events=100_000)
    sent = 0

    def measure() -> float:
        nonlocal sent
        total = 0.0
        rounds = 1 if ONCE else 4

        def once() -> None:
            ask(client)

        for _ in range(rounds):
            transport.is_let.clear()
            total += duration(once)()
            sent += len(USERS)
            transport.is_let.set()
            expect(True, client.flush(60))
        expect(sent, sum(client.stats().delivered.values()))
        return total / (rounds * len(USERS))

    return measure


def activated() -> Row:
    def ask(client: pagesense.Client) -> None:
        for user in USERS:
            client.activate_experiment(KEY, user)

    return of_events(ask)


def tracked() -> Row:
    def ask(client: pagesense.Client) -> None:
        for user in USERS:
            client.track_goal(KEY, user, GOAL)

    return of_events(ask)


def end_to_end() -> Row:
    """One request for each event: the platform has no batches."""
    users = [f"user-{number}" for number in range(SENT)]
    stub = Stub("psfullstacksdk/trackgoal")

    def measure() -> float:
        client = launch(
            experiments.project(),
            base_url=f"http://127.0.0.1:{stub.port}",
            queue_events=100_000,
        )

        def send() -> None:
            for user in users:
                client.track_goal(KEY, user, GOAL)
            expect(True, client.flush(60))

        try:
            return events_per_second(stub, SENT, send)
        finally:
            client.close()

    return measure


def launching(count: int) -> tuple[int, Callable[[], object]]:
    text = experiments.text(experiments.project(count, is_targeted=True)).encode()

    def launch() -> pagesense.Client:
        client = pagesense.launch(text, engine=ENGINE)
        expect(None, client.get_variation_name(KEY, "Ann", {"country": "FR"}))
        return client

    return len(text), launch


if __name__ == "__main__":
    serve(
        {
            "decision": asked,
            "five conditions": targeted,
            "storage": stored,
            "100 campaigns": lambda: asked(100),
            "1,000 campaigns": lambda: asked(1000),
            "10,000 campaigns": lambda: asked(MANY),
            "activate": activated,
            "track": tracked,
            "end to end": end_to_end,
            "1 thread": lambda: asked(threads=1),
            "2 threads": lambda: asked(threads=2),
            "8 threads": lambda: asked(threads=8),
        },
        launching,
    )
