"""launchdarkly-server-sdk, with its flags from a file and no events."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from experiments import ATTRIBUTES, KEY, NAMES
from ldclient import Context, LDClient
from ldclient.config import Config
from ldclient.integrations import Files
from serving import USERS, Row, per_user, serve

CLAUSES = [
    {"attribute": "country", "op": "in", "values": ["DE", "de"]},
    {"attribute": "basket", "op": "greaterThanOrEqual", "values": [20]},
    {"attribute": "browser", "op": "contains", "values": ["bot"], "negate": True},
    {"attribute": "visits", "op": "greaterThan", "values": [10]},
    {"attribute": "is_member", "op": "in", "values": [True]},
]


def client_of(clauses: list[dict[str, Any]]) -> LDClient:
    split = {
        "rollout": {
            "variations": [
                {"variation": 0, "weight": 50_000},
                {"variation": 1, "weight": 50_000},
            ]
        }
    }
    flag: dict[str, Any] = {
        "key": KEY,
        "version": 1,
        "on": True,
        "salt": "s",
        "prerequisites": [],
        "targets": [],
        "variations": [*NAMES, "none"],
        "offVariation": 2,
        "rules": [{"id": "r", "clauses": clauses, **split}] if clauses else [],
        "fallthrough": {"variation": 2} if clauses else split,
    }
    folder = Path(tempfile.mkdtemp())
    path = folder / "flags.json"
    path.write_text(json.dumps({"flags": {KEY: flag}}))
    source = Files.new_data_source(paths=[str(path)])
    return LDClient(Config("none", update_processor_class=source, send_events=False))


def asked(clauses: list[dict[str, Any]], attributes: dict[str, Any]) -> Row:
    client = client_of(clauses)

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

    return per_user(once)


if __name__ == "__main__":
    serve(
        {
            "decision": lambda: asked([], {}),
            "five conditions": lambda: asked(CLAUSES, ATTRIBUTES),
        }
    )
