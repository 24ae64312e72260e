"""Whole lives of clients, as the published SDKs lived them: every answer, record and request."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
from support.sink import Sink
from support.vectors import cases

import sortition
from sortition import vwo
from sortition._vwo.constants import DEFAULT_BASE_URL

if TYPE_CHECKING:
    from support.sink import Received

    from sortition._engine import Engine

PLACEHOLDERS = ("<random>", "<unix_s>", "<unix_ms>")


class Logger:
    """Every client had one."""

    def log(self, level: int, message: str) -> None:
        """Nothing is compared here."""


@dataclass
class Memory:
    """The user storage of a scenario."""

    records: dict[tuple[str, str], dict[str, Any]]
    kept: list[dict[str, Any]] = field(default_factory=list)

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        return self.records.get((user_id, campaign_key))

    def set(self, record: dict[str, Any]) -> None:
        self.kept.append(dict(record))
        self.records[record["userId"], record["campaignKey"]] = record


@dataclass
class Listener:
    """The integrations of a scenario."""

    told: list[dict[str, Any]] = field(default_factory=list)

    def callback(self, properties: dict[str, Any]) -> None:
        shown = {**properties, "sdk_version": "<sdk_version>"}
        targeting = shown["variation_targeting_variables"]
        if isinstance(targeting, dict):
            known = {name: value for name, value in targeting.items() if name != "_vwo_user_id"}
            shown["variation_targeting_variables"] = known
        self.told.append(shown)


def filled_in(wanted: Any, values: dict[str, Any]) -> Any:
    """The expected value, with this run's own values for the variable parts."""
    if isinstance(wanted, dict):
        return {name: filled_in(value, values) for name, value in wanted.items()}
    if isinstance(wanted, list):
        return [filled_in(value, values) for value in wanted]
    if isinstance(wanted, str):
        if wanted in values:
            return values[wanted]
        for name in PLACEHOLDERS:
            wanted = wanted.replace(name, str(values.get(name, name)))
    return wanted


def values_of(received: Received) -> dict[str, Any]:
    """This request's own values; each must be what its name says."""
    values: dict[str, Any] = {"<sdk>": "sortition", "<sdk_version>": sortition.__version__}
    if "random" in received.query:
        assert 0 <= float(received.query["random"]) < 1
        values["<random>"] = received.query["random"]
    if "sId" in received.query:
        values["<unix_s>"] = int(received.query["sId"])
    if "eTime" in received.query:
        values["<unix_ms>"] = int(received.query["eTime"])
        values["<unix_s>"] = received.json["d"]["sessionId"]
        assert values["<unix_ms>"] // 1000 == values["<unix_s>"]
    return values


def compare_requests(wanted: list[dict[str, Any]], sink: Sink) -> None:
    """Each request byte for byte, as the HTTP library of the SDK writes it."""
    assert len(sink.received) == len(wanted)
    for request, received in zip(wanted, sink.received, strict=True):
        values = values_of(received)
        content = request["json"]
        if content is not None and "ev" in content:
            times = [event["sId"] for event in received.json["ev"]]
            assert all(isinstance(time, int) for time in times)
            content = {
                "ev": [
                    filled_in(event, {**values, "<unix_s>": time})
                    for event, time in zip(content["ev"], times, strict=True)
                ]
            }
        prepared = requests.Request(
            request["method"],
            request["url"].replace(DEFAULT_BASE_URL, sink.url),
            params=filled_in(request["query"], values),
            json=filled_in(content, values),
        ).prepare()
        assert (received.method, received.target) == (prepared.method, prepared.path_url)
        assert received.body == (prepared.body or b"")
        headers = filled_in(request["headers"], values)
        names = {*headers, "X-Device-User-Agent", "VWO-X-Forwarded-For", "Authorization"}
        for name in names:
            assert received.headers.get(name.lower()) == headers.get(name)
        if content is not None:
            assert received.headers["content-type"] == prepared.headers["Content-Type"]


class Life:
    """The client of a scenario, with what it is given."""

    def __init__(self, scenario: dict[str, Any], sink: Sink, engine: Engine) -> None:
        launch = scenario["launch"]
        records = {(one["userId"], one["campaignKey"]): one for one in scenario["initial_storage"]}
        self.sink = sink
        self.memory = Memory(records) if launch["user_storage"] else None
        self.listener = Listener() if launch["integrations"] else None
        options = {
            name: launch[name]
            for name in ("goal_type_to_track", "should_track_returning_user")
            if name in launch
        }
        # Nothing is sent before it is flushed.
        batches = {"events_per_request": 5000} if launch["batch_events"] else None
        self.client = vwo.launch(
            json.dumps(scenario["settings"]),
            Logger(),
            self.memory,
            integrations=self.listener,
            batch_events=batches,
            base_url=sink.url,
            engine=engine.name,
            **options,
        )

    def live(self, call: dict[str, Any], *, compares_requests: bool) -> None:
        """Make a call, and compare everything that comes of it."""
        self.sink.received.clear()
        if self.memory:
            self.memory.kept.clear()
        if self.listener:
            self.listener.told.clear()
        returned = getattr(self.client, call["api"])(*call["args"], **call["kwargs"])
        assert returned == call["returns"]
        assert type(returned) is type(call["returns"]) or isinstance(returned, dict)
        assert (self.memory.kept if self.memory else []) == call["storage_writes"]
        if compares_requests:
            assert (self.listener.told if self.listener else []) == call["integrations"]
            compare_requests(call["requests"], self.sink)


def test_scenarios(engine: Engine) -> None:
    """Returns, records, callbacks and requests."""
    found = cases("scenarios")
    assert len(found) == 490
    calls = 0
    with Sink() as sink:
        for scenario in found:
            life = Life(scenario, sink, engine)
            for call in scenario["calls"]:
                life.live(call, compares_requests=True)
                calls += 1
            if scenario["flush_requests"] is not None:
                sink.received.clear()
                life.client.flush_events()
                compare_requests(scenario["flush_requests"], sink)
            life.client.close()
    assert calls > 3000


def test_legacy_scenarios(engine: Engine) -> None:
    """Returns and records of the release that had ``should_track_returning_user``."""
    found = cases("scenarios-legacy")
    assert len(found) == 150
    with Sink() as sink:
        for scenario in found:
            life = Life(scenario, sink, engine)
            for call in scenario["calls"]:
                life.live(call, compares_requests=False)
            life.client.close()
