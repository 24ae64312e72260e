"""Nothing in the event of one user makes a request fail for others."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest
from support.documents import campaign, project, revenue_goal, settings
from support.front import Front

from sortition import pagesense, vwo

if TYPE_CHECKING:
    from collections.abc import Callable

GENEROUS_S: Final = 60.0

TEXTS: Final = {
    "empty": "",
    "blank": " ",
    "line breaks": "a\r\nX-Forged: 1\r\n\r\nGET / HTTP/1.1",
    "a NUL": "\0",
    "every control character": "".join(map(chr, range(32))) + "\x7f\x85\u2028\u2029",
    "what a query means": "&a=1?#%00%zz;+=/../..",
    "what JSON means": '"}]}\\", {"ev": [',
    "half of a surrogate pair": "\ud800",
    "emoji": "\U0001f600" * 100,
    "right to left": "\u202e\u200f\ufeff",
    "markup": "<script>alert(1)</script>",
    "8 KB": "x" * 8192,
    "10,000 characters": "x" * 10_000,
    "10,000 letters of four bytes": "\U0001f600" * 10_000,
    "100 KB": "x" * 100_000,
    "1 MB": "x" * 1_000_000,
    "bytes": b"\xff",
    "a number": 5,
}
NUMBERS: Final = {
    "no number": math.nan,
    "infinite": math.inf,
    "10 to the 299th": 10**299,
    "10 to the 5,000th": 10**5000,
    "largest float": 1.7976931348623157e308,
    "smallest": 5e-324,
    "minus zero": -0.0,
    "true": True,
    "text": "abc",
    "too large as text": "1e9999999",
    "digits without end": "9" * 100_000,
    "decimal": Decimal("1e90"),
    "decimal that is no number": Decimal("nan"),
    "a list": [1],
}


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


OBJECTS: Final = {
    "no number within": {"a": [math.nan]},
    "nested too deep": nested(5000),
    "nested just not too deep": nested(100),
    "itself": endless(),
    "a set": {1},
    "an object": object(),
    "keys that are no text": {1: 2, None: 3, (4,): 5},
    "many": {f"k{number}": "v" * 100 for number in range(1000)},
}
LARGE: Final = {"10,000 letters of four bytes", "100 KB", "1 MB", "digits without end", "many"}
VALUES: Final = {**TEXTS, **NUMBERS, **OBJECTS}
VWO_FIELDS: Final[dict[str, Callable[[vwo.Client, Any], object]]] = {
    "user_id": lambda client, value: client.track("checkout", value, "purchase", revenue_value=1),
    "user_agent": lambda client, value: client.activate("checkout", "Eve", user_agent=value),
    "user_ip_address": lambda client, value: client.activate(
        "checkout", "Eve", user_ip_address=value
    ),
    "revenue_value": lambda client, value: client.track(
        "checkout", "Eve", "purchase", revenue_value=value
    ),
    "custom_properties": lambda client, value: client.activate(
        "checkout", "Eve", custom_properties={"a": value}
    ),
    "event_properties": lambda client, value: client.track(
        "checkout", "Eve", "purchase", revenue_value=1, event_properties={"a": value}
    ),
    "the name of a property": lambda client, value: client.track(
        "checkout", "Eve", "purchase", revenue_value=1, event_properties={value: 1}
    ),
    "custom_variables": lambda client, value: client.activate(
        "checkout", "Eve", custom_variables={"a": value}
    ),
    "meta_data": lambda client, value: client.activate("checkout", "Eve", meta_data={"a": value}),
    "tag_key": lambda client, value: client.push(value, "value", "Eve"),
    "tag_value": lambda client, value: client.push("key", value, "Eve"),
    "custom_dimension_map": lambda client, value: client.push({"key": value}, "Eve"),
    "goal_identifier": lambda client, value: client.track("checkout", "Eve", value),
}
REVENUE: Final = pagesense.GoalProperty.REVENUE
PAGESENSE_FIELDS: Final[dict[str, Callable[[pagesense.Client, Any], object]]] = {
    "user_id": lambda client, value: client.activate_experiment("Test 1", value),
    "an attribute": lambda client, value: client.activate_experiment("Test 1", "Eve", {"a": value}),
    "the name of an attribute": lambda client, value: client.activate_experiment(
        "Test 1", "Eve", {value: "a"}
    ),
    "a property": lambda client, value: client.track_goal(
        "Test 1", "Eve", "Signup", None, {"a": value}
    ),
    "the name of a property": lambda client, value: client.track_goal(
        "Test 1", "Eve", "Signup", None, {value: "a"}
    ),
    "revenue": lambda client, value: client.track_project_goal(
        "Signup", "Eve", None, {REVENUE: value}
    ),
    "the goal": lambda client, value: client.track_goal("Test 1", "Eve", value),
}


def is_name(value: object) -> bool:
    """Whether a dictionary may have it as a key."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


def values_for(field: str) -> dict[str, Any]:
    return {
        name: value
        for name, value in VALUES.items()
        if not field.startswith("the name") or is_name(value)
    }


@pytest.mark.parametrize("field", VWO_FIELDS)
@pytest.mark.parametrize("way", ["within the call", "event architecture", "batches"])
def test_vwo(engine: Any, way: str, field: str) -> None:
    """Each value comes up to three times in a row, then an event of somebody else."""
    document = settings(
        campaign(goals=[revenue_goal(11, "purchase", revenueProp="amount")]),
        isEventArchEnabled=way == "event architecture",
    )
    batches = {"events_per_request": 5000, "request_time_interval": 600}
    with (
        Front() as front,
        vwo.launch(
            document,
            engine=engine.name,
            base_url=front.url,
            batch_events=batches if way == "batches" else None,
        ) as client,
    ):
        others: list[float] = []
        for name, value in values_for(field).items():
            for _ in range(1 if name in LARGE else 3):
                VWO_FIELDS[field](client, value)
            others.append(float(len(others) + 1000))
            assert client.track("checkout", name, "purchase", revenue_value=others[-1]), name
        client.flush(GENEROUS_S)
        assert client.stats().queued == {}
        came = [amount_of(event) for event in front.events]
        assert sorted(one for one in came if one >= 1000) == others
        assert [why for status, why in front.refused if way == "batches" and status != 400] == []


def amount_of(event: dict[str, Any]) -> float:
    """The revenue of an event; 0 where it has none that counts here."""
    properties = event.get("d", {}).get("event", {}).get("props", {})
    found = properties.get("vwoMeta", {}).get("amount", event.get("r"))
    try:
        amount = float(found)
    except (TypeError, ValueError):
        return 0.0
    return amount if 1000 <= amount < 2000 else 0.0


@pytest.mark.parametrize("field", PAGESENSE_FIELDS)
def test_pagesense(engine: Any, field: str) -> None:
    with (
        Front() as front,
        pagesense.launch(
            project(), data_center="EU", engine=engine.name, base_url=front.url
        ) as client,
    ):
        others: list[str] = []
        for name, value in values_for(field).items():
            for _ in range(1 if name in LARGE else 3):
                PAGESENSE_FIELDS[field](client, value)
            others.append(f"other: {name}")
            client.track_goal("Test 1", others[-1], "Signup")
        client.flush(GENEROUS_S)
        assert client.stats().queued == {}
        came = [event["furd"]["f"] for event in front.events]
        assert sorted(user for user in came if user.startswith("other: ")) == sorted(others)
