"""launchdarkly-server-sdk, with its flags from a file."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments import ATTRIBUTES, GOAL, KEY, NAMES
from ldclient import Context, LDClient
from ldclient.config import Config
from ldclient.integrations import Files
from sending import Stub, events_per_second
from serving import MANY, ONCE, USERS, Row, duration, in_threads, per_user, serve

if TYPE_CHECKING:
    from collections.abc import Callable

SENT = 100 if ONCE else 10_000

CLAUSES = [
    {"attribute": "country", "op": "in", "values": ["DE", "de"]},
    {"attribute": "basket", "op": "greaterThanOrEqual", "values": [20]},
    {"attribute": "browser", "op": "contains", "values": ["bot"], "negate": True},
    {"attribute": "visits", "op": "greaterThan", "values": [10]},
    {"attribute": "is_member", "op": "in", "values": [True]},
]


def flags(clauses: list[dict[str, Any]], count: int = 1) -> str:
    split = {
        "rollout": {
            "variations": [
                {"variation": 0, "weight": 50_000},
                {"variation": 1, "weight": 50_000},
            ]
        }
    }
    flag: dict[str, Any] = {
        "version": 1,
        "on": True,
        "salt": "s",
        "prerequisites": [],
        "targets": [],
        "variations": [*NAMES, "none"],
        "offVariation": 2,
        "rules": [{"id": "r", "clauses": clauses, **split}] if clauses else [],
        "fallthrough": {"variation": 2} if clauses else split,
        "trackEvents": True,
    }
    keys = [KEY, *(f"campaign-{index}" for index in range(count - 1))]
    return json.dumps({"flags": {key: {**flag, "key": key} for key in keys}})


def launch(text: str, port: int | None = None) -> LDClient:
    """With events where a port is given, and a queue of events that a burst does not overflow."""
    path = Path(tempfile.mkdtemp()) / "flags.json"
    path.write_text(text)
    return LDClient(
        Config(
            "none",
            update_processor_class=Files.new_data_source(paths=[str(path)]),
            send_events=port is not None,
            events_uri=f"http://127.0.0.1:{port}",
            events_max_pending=1_000_000,
            flush_interval=600,
            diagnostic_opt_out=True,
        )
    )


def asked(
    clauses: list[dict[str, Any]], attributes: dict[str, Any], count: int = 1, threads: int = 0
) -> Row:
    client = launch(flags(clauses, count))

    def ask(user: str, attributes: dict[str, Any]) -> object:
        context = Context.from_dict({"kind": "user", "key": user, **attributes})
        return client.variation(KEY, context, "none")

    if {ask(user, attributes) for user in USERS} != {*NAMES}:
        raise AssertionError("the variations are not assigned")
    if clauses and ask("Ann", {}) != "none":
        raise AssertionError("the conditions are met by nobody in particular")

    def once() -> None:
        for user in USERS:
            ask(user, attributes)

    return in_threads(threads, once) if threads else per_user(once)


def of_events(ask: Callable[[LDClient], object]) -> Row:
    """The time of a call that queues an event; what is queued is sent between two rounds."""
    stub = Stub('"kind"')
    client = launch(flags([]), stub.port)

    def measure() -> float:
        figure = duration(lambda: ask(client))() / len(USERS)
        client.flush()
        return figure

    return measure


def activated() -> Row:
    def ask(client: LDClient) -> None:
        for user in USERS:
            client.variation(KEY, Context.create(user), "none")

    return of_events(ask)


def tracked() -> Row:
    def ask(client: LDClient) -> None:
        for user in USERS:
            client.track(GOAL, Context.create(user))

    return of_events(ask)


def end_to_end() -> Row:
    users = [f"user-{number}" for number in range(SENT)]
    stub = Stub('"kind":"custom"')

    def measure() -> float:
        client = launch(flags([]), stub.port)

        def send() -> None:
            for user in users:
                client.track(GOAL, Context.create(user))
            client.close()

        return events_per_second(stub, SENT, send)

    return measure


def launching(count: int) -> tuple[int, Callable[[], object]]:
    text = flags(CLAUSES, count)
    return len(text), lambda: launch(text)


if __name__ == "__main__":
    serve(
        {
            "decision": lambda: asked([], {}),
            "five conditions": lambda: asked(CLAUSES, ATTRIBUTES),
            "100 campaigns": lambda: asked([], {}, 100),
            "1,000 campaigns": lambda: asked([], {}, 1000),
            "10,000 campaigns": lambda: asked([], {}, MANY),
            "activate": activated,
            "track": tracked,
            "end to end": end_to_end,
            "1 thread": lambda: asked([], {}, threads=1),
            "2 threads": lambda: asked([], {}, threads=2),
            "8 threads": lambda: asked([], {}, threads=8),
        },
        launching,
    )
