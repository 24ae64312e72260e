"""eppo-server-sdk, with its configuration given at the start and no network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import eppo_client
from eppo_client import AssignmentLogger
from eppo_client.config import Config
from experiments import ATTRIBUTES, KEY, NAMES
from serving import MANY, USERS, Row, in_threads, per_user, serve

if TYPE_CHECKING:
    from collections.abc import Callable

CONDITIONS = [
    {"attribute": "country", "operator": "ONE_OF", "value": ["DE", "de"]},
    {"attribute": "basket", "operator": "GTE", "value": 20},
    {"attribute": "browser", "operator": "NOT_MATCHES", "value": "bot"},
    {"attribute": "visits", "operator": "GT", "value": 10},
    {"attribute": "is_member", "operator": "ONE_OF", "value": ["true"]},
]


def flag(key: str, conditions: list[dict[str, Any]], *, is_logged: bool) -> dict[str, Any]:
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
                "doLog": is_logged,
            }
        ],
        "totalShards": 10_000,
    }


def flags(conditions: list[dict[str, Any]], count: int, *, is_logged: bool = False) -> bytes:
    keys = [KEY, *(f"campaign-{index}" for index in range(count - 1))]
    content = {
        "createdAt": "2026-01-01T00:00:00.000Z",
        "format": "SERVER",
        "environment": {"name": "Test"},
        "flags": {key: flag(key, conditions, is_logged=is_logged) for key in keys},
    }
    return json.dumps(content).encode()


class Assignments(AssignmentLogger):
    """Is given each assignment that is to be logged, and keeps their number."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def log_assignment(self, assignment_event: dict[str, Any]) -> None:
        self.number += 1


def launch(text: bytes, logger: AssignmentLogger | None = None) -> Any:
    return eppo_client.init(
        Config(
            api_key="none",
            base_url="http://127.0.0.1:9",
            assignment_logger=logger or AssignmentLogger(),
            initial_configuration=eppo_client.Configuration(flags_configuration=text),
            poll_interval_seconds=None,
        )
    )


def asked(
    conditions: list[dict[str, Any]], attributes: dict[str, Any], count: int = 1, threads: int = 0
) -> Row:
    client = launch(flags(conditions, count))
    got = {client.get_string_assignment(KEY, user, attributes, "none") for user in USERS}
    if got != {*NAMES}:
        raise AssertionError(got)
    if conditions and client.get_string_assignment(KEY, "Ann", {}, "none") != "none":
        raise AssertionError("the conditions are met by nobody in particular")

    def once() -> None:
        for user in USERS:
            client.get_string_assignment(KEY, user, attributes, "none")

    return in_threads(threads, once) if threads else per_user(once)


def activated() -> Row:
    """With its event, which is handed to a logger of the caller's: it has no sending of its own."""
    logger = Assignments()
    client = launch(flags([], 1, is_logged=True), logger)
    if client.get_string_assignment(KEY, "Ann", {}, "none") not in NAMES or logger.number != 1:
        raise AssertionError(logger.number)

    def once() -> None:
        for user in USERS:
            client.get_string_assignment(KEY, user, {}, "none")

    return per_user(once)


def launching(count: int) -> tuple[int, Callable[[], object]]:
    text = flags(CONDITIONS, count)
    return len(text), lambda: launch(text)


if __name__ == "__main__":
    serve(
        {
            "decision": lambda: asked([], {}),
            "five conditions": lambda: asked(CONDITIONS, ATTRIBUTES),
            "100 campaigns": lambda: asked([], {}, 100),
            "1,000 campaigns": lambda: asked([], {}, 1000),
            "10,000 campaigns": lambda: asked([], {}, MANY),
            "1 thread": lambda: asked([], {}, threads=1),
            "2 threads": lambda: asked([], {}, threads=2),
            "8 threads": lambda: asked([], {}, threads=8),
            "activate": activated,
        },
        launching,
    )
