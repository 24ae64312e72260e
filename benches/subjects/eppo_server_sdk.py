"""eppo-server-sdk, with its configuration given at the start and no network."""

from __future__ import annotations

import json
from typing import Any

import eppo_client
from eppo_client import AssignmentLogger
from eppo_client.config import Config
from experiments import ATTRIBUTES, KEY, NAMES
from serving import USERS, Row, in_threads, per_user, serve

CONDITIONS = [
    {"attribute": "country", "operator": "ONE_OF", "value": ["DE", "de"]},
    {"attribute": "basket", "operator": "GTE", "value": 20},
    {"attribute": "browser", "operator": "NOT_MATCHES", "value": "bot"},
    {"attribute": "visits", "operator": "GT", "value": 10},
    {"attribute": "is_member", "operator": "ONE_OF", "value": ["true"]},
]


def flag(key: str, conditions: list[dict[str, Any]]) -> dict[str, Any]:
    splits = [
        {
            "variationKey": name,
            "shards": [{"salt": key, "ranges": [{"start": 5000 * n, "end": 5000 * (n + 1)}]}],
        }
        for n, name in enumerate(NAMES)
    ]
    return {
        "key": key,
        "enabled": True,
        "variationType": "STRING",
        "variations": {name: {"key": name, "value": name} for name in NAMES},
        "allocations": [
            {
                "key": "all",
                "rules": [{"conditions": conditions}] if conditions else [],
                "splits": splits,
                "doLog": False,
            }
        ],
        "totalShards": 10_000,
    }


def client_of(conditions: list[dict[str, Any]], count: int = 1) -> Any:
    keys = [KEY, *(f"campaign-{index}" for index in range(count - 1))]
    content = {
        "createdAt": "2026-01-01T00:00:00.000Z",
        "format": "SERVER",
        "environment": {"name": "Test"},
        "flags": {key: flag(key, conditions) for key in keys},
    }
    configuration = eppo_client.Configuration(flags_configuration=json.dumps(content).encode())
    return eppo_client.init(
        Config(
            api_key="none",
            base_url="http://127.0.0.1:9",
            assignment_logger=AssignmentLogger(),
            initial_configuration=configuration,
            poll_interval_seconds=None,
        )
    )


def asked(
    conditions: list[dict[str, Any]], attributes: dict[str, Any], count: int = 1, threads: int = 0
) -> Row:
    client = client_of(conditions, count)
    got = {client.get_string_assignment(KEY, user, attributes, "none") for user in USERS}
    if got != {*NAMES}:
        raise AssertionError(got)
    if conditions and client.get_string_assignment(KEY, "Ann", {}, "none") != "none":
        raise AssertionError("the conditions are met by nobody in particular")

    def once() -> None:
        for user in USERS:
            client.get_string_assignment(KEY, user, attributes, "none")

    return in_threads(threads, once) if threads else per_user(once)


if __name__ == "__main__":
    serve(
        {
            "decision": lambda: asked([], {}),
            "five conditions": lambda: asked(CONDITIONS, ATTRIBUTES),
            "100 campaigns": lambda: asked([], {}, 100),
            "1,000 campaigns": lambda: asked([], {}, 1000),
            "10,000 campaigns": lambda: asked([], {}, 10_000),
            "1 thread": lambda: asked([], {}, threads=1),
            "2 threads": lambda: asked([], {}, threads=2),
            "8 threads": lambda: asked([], {}, threads=8),
        }
    )
