"""statsig-python-core, with its specifications from a data store of the caller's and no network.

They are written as the platform's own open-source tests have them: a group's rule takes those whose
bucket of 1,000 lies below a limit, and who does not meet the conditions, a segment, ends at a rule
before it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from experiments import ATTRIBUTES, GOAL, KEY, NAMES
from sending import Stub, events_per_second
from serving import MANY, ONCE, USERS, Row, in_threads, per_user, serve
from statsig_python_core import (
    DataStore,
    DataStoreResponse,
    ExperimentEvaluationOptions,
    Statsig,
    StatsigOptions,
    StatsigUser,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SENT = 1_000 if ONCE else 50_000
AT = 1767981029384
FIELDS = (
    ("country", "any", ["DE", "de"]),
    ("basket", "gte", 20),
    ("browser", "str_contains_none", ["bot"]),
    ("visits", "gt", 10),
    ("is_member", "any", ["true"]),
)
SILENT = ExperimentEvaluationOptions(disable_exposure_logging=True)


def condition(kind: str, operator: str | None, target: object, **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "operator": operator,
        "targetValue": target,
        "field": None,
        "additionalValues": {},
        "idType": "userID",
        **more,
    }


def rule(name: str, conditions: list[str], value: object, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "id": name,
        "salt": name,
        "passPercentage": 100,
        "conditions": conditions,
        "returnValue": value,
        "idType": "userID",
        **more,
    }


def spec(kind: str, entity: str, rules: list[dict[str, Any]], default: object) -> dict[str, Any]:
    return {
        "type": kind,
        "entity": entity,
        "salt": "salt",
        "enabled": True,
        "defaultValue": default,
        "rules": rules,
        "idType": "userID",
        "version": 1,
        "isActive": True,
        "hasSharedParams": False,
    }


def specifications(count: int, *, is_targeted: bool) -> dict[str, Any]:
    conditions = {
        field: condition("user_field", operator, target, field=field)
        for field, operator, target in FIELDS
    }
    keys = [KEY, *(f"campaign-{index}" for index in range(count - 1))]
    experiments, segments = {}, {}
    for key in keys:
        groups = []
        for number, name in enumerate(NAMES):
            limit = f"{key}, {name}"
            conditions[limit] = condition(
                "user_bucket", "lt", 500 * (number + 1), additionalValues={"salt": key}
            )
            value = {"variation": name}
            groups.append(rule(name, [limit], value, groupName=name, isExperimentGroup=True))
        if is_targeted:
            segments[f"{key}, five"] = spec(
                "feature_gate",
                "segment",
                [rule("five", [field for field, *_ in FIELDS], value=True)],
                default=False,
            )
            conditions[f"{key}, others"] = condition("fail_gate", None, f"{key}, five")
            groups.insert(0, rule("inlineTargetingRules", [f"{key}, others"], {}))
        experiments[key] = spec("dynamic_config", "experiment", groups, {})
    return {
        "dynamic_configs": experiments,
        "feature_gates": segments,
        "layer_configs": {},
        "experiment_to_layer": {},
        "condition_map": conditions,
        "has_updates": True,
        "time": AT,
        "company_id": "1",
        "response_format": "dcs-v2",
        "sdk_configs": {"event_content_encoding": "gzip"},
    }


class Given(DataStore):
    """Holds the specifications."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def get(self, key: str) -> DataStoreResponse:
        result = self.text if "download_config_specs" in key else None
        return DataStoreResponse(result=result, time=AT)


def launch(text: str, **options: Any) -> Statsig:
    client = Statsig(
        "secret-loopback-only",
        StatsigOptions(
            data_store=Given(text),
            disable_disk_access=True,
            disable_country_lookup=True,
            enable_id_lists=False,
            output_log_level="none",
            **{"disable_network": True, **options},
        ),
    )
    client.initialize().wait()
    if not client.get_initialize_details().init_success:
        raise AssertionError("the specifications were not taken")
    return client


def client_of(count: int = 1, *, is_targeted: bool = False, **options: Any) -> Statsig:
    return launch(json.dumps(specifications(count, is_targeted=is_targeted)), **options)


def asked(
    attributes: dict[str, Any] | None = None,
    count: int = 1,
    threads: int = 0,
    *,
    is_targeted: bool = False,
) -> Row:
    client = client_of(count, is_targeted=is_targeted)

    def ask(user: str, attributes: dict[str, Any] | None) -> str | None:
        told = StatsigUser(user_id=user, custom=attributes)
        return client.get_experiment(told, KEY, SILENT).group_name

    got = {ask(user, attributes) for user in USERS}
    if got != {*NAMES}:
        raise AssertionError(got)
    if is_targeted and ask("Ann", None) is not None:
        raise AssertionError("the conditions are met by nobody in particular")

    def once() -> None:
        for user in USERS:
            ask(user, attributes)

    return in_threads(threads, once) if threads else per_user(once)


def activated() -> Row:
    """With the exposure, each for a user that has had none: it keeps the second one to itself."""
    client = client_of()
    asked_before = 0

    def once() -> None:
        nonlocal asked_before
        asked_before += 1
        for user in USERS:
            told = StatsigUser(user_id=f"{user}-{asked_before}")
            client.get_experiment(told, KEY)

    return per_user(once)


def tracked() -> Row:
    client = client_of()

    def once() -> None:
        for user in USERS:
            client.log_event(StatsigUser(user_id=user), GOAL)

    return per_user(once)


def end_to_end() -> Row:
    users = [f"user-{number}" for number in range(SENT)]
    stub = Stub(f'"eventName":"{GOAL}"')

    def measure() -> float:
        client = client_of(
            disable_network=False,
            specs_url=f"http://127.0.0.1:{stub.port}/v2/download_config_specs",
            log_event_url=f"http://127.0.0.1:{stub.port}/v1/log_event",
            event_logging_max_queue_size=5_000,
            event_logging_max_pending_batch_queue_size=1_000,
        )

        def send() -> None:
            for user in users:
                client.log_event(StatsigUser(user_id=user), GOAL)
            client.flush_events().wait()

        try:
            return events_per_second(stub, SENT, send)
        finally:
            client.shutdown().wait()

    return measure


def launching(count: int) -> tuple[int, Callable[[], object]]:
    text = json.dumps(specifications(count, is_targeted=True))
    return len(text), lambda: launch(text)


if __name__ == "__main__":
    serve(
        {
            "decision": asked,
            "five conditions": lambda: asked(ATTRIBUTES, is_targeted=True),
            "100 campaigns": lambda: asked(count=100),
            "1,000 campaigns": lambda: asked(count=1000),
            "10,000 campaigns": lambda: asked(count=MANY),
            "activate": activated,
            "track": tracked,
            "end to end": end_to_end,
            "1 thread": lambda: asked(threads=1),
            "2 threads": lambda: asked(threads=2),
            "8 threads": lambda: asked(threads=8),
        },
        launching,
    )
