"""The async client has the calls of the synchronous one, and answers the same."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import (
    campaign,
    experiment,
    goal,
    project,
    revenue_goal,
    settings,
    variation,
)

from sortition import pagesense, vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    from sortition._engine import Engine

PAIRS = [(vwo.Client, vwo.AsyncClient), (pagesense.Client, pagesense.AsyncClient)]
LAUNCHES: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (vwo.launch, vwo.alaunch),
    (pagesense.launch, pagesense.alaunch),
]
NAMES = {"close": "aclose"}
NOT_AWAITED = {"status", "healthz", "stats"}
BATCH = {"events_per_request": 100}


def public(client: type) -> set[str]:
    return {name for name in dir(client) if not name.startswith("_")}


@pytest.mark.parametrize(("sync", "asynchronous"), PAIRS)
class TestTheClasses:
    def test_they_have_the_same_calls(self, sync: type, asynchronous: type) -> None:
        assert {NAMES.get(name, name) for name in public(sync)} == public(asynchronous)

    def test_each_call_has_the_same_signature(self, sync: type, asynchronous: type) -> None:
        for name in public(sync):
            own = getattr(asynchronous, NAMES.get(name, name))
            # A compiled method shows no annotations; the one as it is written does.
            written = getattr(sync, f"_{name}_as_written", getattr(sync, name))
            assert inspect.signature(own) == inspect.signature(written), name

    def test_each_call_has_the_same_documentation(self, sync: type, asynchronous: type) -> None:
        for name in public(sync):
            own = getattr(asynchronous, NAMES.get(name, name))
            assert inspect.getdoc(own), name
            assert inspect.getdoc(own) == inspect.getdoc(getattr(sync, name)), name

    def test_what_reads_no_more_than_memory_is_not_awaited(
        self, sync: type, asynchronous: type
    ) -> None:
        plain = {
            name
            for name in public(asynchronous)
            if not inspect.iscoroutinefunction(getattr(asynchronous, name))
        }
        assert plain == NOT_AWAITED
        assert not any(inspect.iscoroutinefunction(getattr(sync, name)) for name in public(sync))

    def test_a_client_cannot_be_copied(self, sync: type, asynchronous: type) -> None:
        del sync
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            object.__new__(asynchronous).__reduce__()


@pytest.mark.parametrize(("launch", "alaunch"), LAUNCHES)
def test_both_launches_take_the_same(
    launch: Callable[..., Any], alaunch: Callable[..., Any]
) -> None:
    """Options, types, defaults and documentation."""
    one, other = inspect.signature(launch), inspect.signature(alaunch)
    assert list(one.parameters.values()) == list(other.parameters.values())
    assert (one.return_annotation, other.return_annotation) == ("Client", "AsyncClient")
    lines = [(each.__doc__ or "").partition("\n")[2] for each in (launch, alaunch)]
    assert lines[0] == lines[1]


DOCUMENT = settings(
    campaign(goals=[goal(11, "purchase"), revenue_goal(12, "order")]),
    campaign(
        2,
        "search",
        type="FEATURE_TEST",
        variations=[
            variation(1, "Off", isFeatureEnabled=False),
            variation(2, "On", isFeatureEnabled=True),
        ],
        variables=[{"id": 1, "key": "results", "type": "integer", "value": 10}],
    ),
    campaign(3, "pro", segments={"custom_variable": {"plan": "pro"}}),
)

CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("activate", ("checkout", "Ann"), {}),
    ("activate", ("checkout", "Ann"), {"should_track_returning_user": True}),
    ("activate", ("checkout", "Bob"), {"meta_data": {"seen": 1}, "custom_properties": {"a": 1}}),
    ("activate", ("checkout", "Cid"), {"custom_properties": {"a": object()}}),
    ("activate", ("pro", "Ann"), {}),
    ("activate", ("pro", "Ann"), {"custom_variables": {"plan": "pro"}}),
    ("activate", ("checkuot", "Ann"), {}),
    ("activate", ("checkout", ""), {}),
    ("activate", ("checkout", 42), {}),
    ("activate", ("checkout",), {}),
    ("activate", ("checkout", "Ann", "more"), {}),
    ("activate", ("checkout", "Ann"), {"custom_variable": {}}),
    ("activate", ("checkout", "Ann"), {"custom_variables": 5}),
    ("get_variation_name", ("checkout", "Ann"), {}),
    ("get_variation_name", ("checkout", "Eve"), {}),
    ("get_variation_name", ("checkout", "Eve"), {"user_storage_data": {}}),
    ("get_variation_name", ("search", "Ann"), {}),
    ("is_feature_enabled", ("search", "Ann"), {}),
    ("is_feature_enabled", ("search", "Bob"), {}),
    ("is_feature_enabled", ("checkout", "Bob"), {}),
    ("get_feature_variable_value", ("search", "results", "Ann"), {}),
    ("get_feature_variable_value", ("search", "result", "Ann"), {}),
    ("track", ("checkout", "Ann", "purchase"), {}),
    ("track", ("checkout", "Ann", "purchase"), {}),
    ("track", ("checkout", "Zoe", "purchase"), {}),
    ("track", ("checkout", "Ann", "order"), {}),
    ("track", ("checkout", "Ann", "order"), {"revenue_value": 5}),
    ("track", (None, "Ann", "purchase"), {}),
    ("track", (["checkout", "search"], "Ann", "purchase"), {}),
    ("track", ([], "Ann", "purchase"), {}),
    ("track", (None, "Ann", "nothing"), {}),
    ("track", (), {"campaign_key": "checkout", "user_id": "Ann", "goal_identifier": "purchase"}),
    ("push", ("plan", "pro", "Ann"), {}),
    ("push", ({"plan": "pro", "age": 5}, "Ann"), {}),
    ("push", ({}, "Ann"), {}),
    ("push", ("plan",), {}),
    ("flush_events", (), {}),
    ("flush_events", ("async",), {}),
    ("flush_events", ("now",), {}),
    ("flush", (), {"timeout_s": -1}),
    ("flush", (), {"timeout": 1}),
    ("handle_webhook", ({"x-vwo-auth": "other"}, b"", "secret"), {}),
    ("handle_webhook", ({"x-vwo-auth": "other"}, b"", 5), {}),
    ("get_and_update_settings_file", (1, ""), {}),
    ("explain", ("checkout", "Ann"), {}),
    ("explain", ("checkout", "Ann"), {"call": "activated"}),
    ("stats", (), {}),
    ("healthz", ("now",), {}),
    ("set_opt_out", (), {}),
    ("activate", ("checkout", "Ann"), {}),
    ("track", ("checkout", "Ann", "purchase"), {}),
    ("get_and_update_settings_file", (604812, "0123456789abcdef"), {}),
    ("close", (), {"timeout": 1}),
    ("close", (5.0,), {}),
    ("stats", (), {}),
]


class Memory:
    """A storage in memory."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        return self.records.get((user_id, campaign_key))

    def set(self, record: dict[str, Any]) -> None:
        self.records[record["userId"], record["campaignKey"]] = record


class AsyncMemory:
    """The same, to be awaited."""

    def __init__(self) -> None:
        self.memory = Memory()

    @property
    def records(self) -> dict[tuple[str, str], dict[str, Any]]:
        return self.memory.records

    async def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        await asyncio.sleep(0)
        return self.memory.get(user_id, campaign_key)

    async def set(self, record: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        self.memory.set(record)


def shown(answer: object) -> object:
    """An answer that can be compared."""
    return str(answer) if type(answer).__name__ in ("Explanation", "Health") else answer


LEVELS = pytest.mark.parametrize("level", [logging.DEBUG, logging.WARNING])


class Both:
    """Makes the same calls of a synchronous client and of an async one, and compares."""

    def __init__(self, sink: Sink, caplog: pytest.LogCaptureFixture, level: int) -> None:
        caplog.set_level(level, "sortition")
        self._sink = sink
        self._caplog = caplog

    def compare(
        self,
        calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]],
        launch: Callable[[], Any],
        alaunch: Callable[[], Any],
    ) -> None:
        """Answers, messages and requests."""
        client = launch()
        wanted = [shown(getattr(client, name)(*args, **kwargs)) for name, args, kwargs in calls]
        messages, requests = self._taken()

        async def work() -> list[object]:
            client = await alaunch()
            found = []
            for name, args, kwargs in calls:
                answer = getattr(client, NAMES.get(name, name))(*args, **kwargs)
                found.append(shown(await answer if inspect.isawaitable(answer) else answer))
            return found

        found = asyncio.run(work())
        for call, one, other in zip(calls, found, wanted, strict=True):
            assert one == other, call
        assert self._taken() == (messages, requests)

    def _taken(self) -> tuple[list[str], list[tuple[object, ...]]]:
        """The messages and requests since the last time."""
        messages = [_timeless(one) for one in self._caplog.messages]
        # Those of different users come in any order.
        requests = sorted((_seen(one) for one in self._sink.received), key=str)
        self._caplog.clear()
        self._sink.received.clear()
        return messages, requests


@LEVELS
@pytest.mark.parametrize("sends", ["batches", "within the call", "nothing"])
@pytest.mark.parametrize("storage", [None, Memory, AsyncMemory])
def test_every_vwo_call_answers_the_same(
    engine: Engine,
    sink: Sink,
    sends: str,
    storage: Callable[[], Any] | None,
    level: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Answers, messages, numbers, records and requests; also of bad arguments and after the end."""
    options: dict[str, Any] = {"base_url": sink.url, "engine": engine.name}
    if sends == "batches":
        options["batch_events"] = BATCH
    options["is_development_mode"] = sends == "nothing"
    kept = None if storage is None else storage()
    plain = None if storage is None else Memory()
    Both(sink, caplog, level).compare(
        CALLS,
        lambda: vwo.launch(DOCUMENT, user_storage=plain, **options),
        lambda: vwo.alaunch(DOCUMENT, user_storage=kept, **options),
    )
    if kept is not None and plain is not None:
        assert kept.records == plain.records


PROJECT = project(
    experiment(),
    experiment(2, experiment_status=3),
    experiment(3, is_development_mode=True),
)
PAGESENSE_CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("activate_experiment", ("Test 1", "Ann"), {}),
    ("activate_experiment", ("Test 1", "Ann"), {}),
    ("activate_experiment", ("Test 1", "Bob", {"plan": "pro", "bad": object()}), {}),
    ("activate_experiment", ("Test 2", "Ann"), {}),
    ("activate_experiment", ("Test 3", "Ann"), {}),
    ("activate_experiment", ("Tset 1", "Ann"), {}),
    ("activate_experiment", ("Test 1", " "), {}),
    ("activate_experiment", ("Test 1",), {}),
    ("activate_experiment", ("Test 1", "Ann"), {"attributes": {}}),
    ("activate_experiment_by_identifier", ("test-1", "Cid"), {}),
    ("get_variation_name", ("Test 1", "Ann"), {}),
    ("get_variation_name", ("Test 1", 42), {}),
    ("get_variation_link_name_by_identifier", ("test-1", "Eve"), {}),
    ("track_goal", ("Test 1", "Ann", "Signup"), {}),
    ("track_goal", ("Test 1", "Zoe", "Signup"), {}),
    ("track_goal", ("Test 1", "Ann", "Sginup"), {}),
    ("track_goal", ("Test 1", "Ann", "Signup", None, {"a": 1}), {}),
    ("track_project_goal", ("Signup", "Ann"), {}),
    ("track_project_goal", ("Nothing", "Ann"), {}),
    ("track_project_goal_by_identifier", ("signup", "Ann"), {}),
    ("flush", (), {}),
    ("flush", ("now",), {}),
    ("handle_webhook", ({"x-oauth-token": "other"}, b"", "secret"), {}),
    ("get_and_update_project_settings", (5,), {}),
    ("explain", ("Test 1", "Ann"), {}),
    ("explain", ("Test 1", "Ann"), {"named_by": "number"}),
    ("stats", (), {}),
    ("close", (), {}),
    ("activate_experiment", ("Test 1", "Ann"), {}),
    ("stats", (), {}),
]


class Profiles:
    """A storage of profiles in memory."""

    def __init__(self) -> None:
        self.records: dict[str, str] = {}

    def look_up(self, user_id: str) -> str | None:
        return self.records.get(user_id)

    def save(self, profile: pagesense.UserProfile) -> None:
        self.records[profile.get_user_id()] = profile.get_user_profile_json_string()


class AsyncProfiles:
    """The same, to be awaited."""

    def __init__(self) -> None:
        self.profiles = Profiles()

    @property
    def records(self) -> dict[str, str]:
        return self.profiles.records

    async def look_up(self, user_id: str) -> str | None:
        await asyncio.sleep(0)
        return self.profiles.look_up(user_id)

    async def save(self, profile: pagesense.UserProfile) -> None:
        await asyncio.sleep(0)
        self.profiles.save(profile)


@LEVELS
@pytest.mark.parametrize("is_development_mode", [True, False])
@pytest.mark.parametrize("storage", [None, Profiles, AsyncProfiles])
def test_every_pagesense_call_answers_the_same(
    engine: Engine,
    sink: Sink,
    storage: Callable[[], Any] | None,
    level: int,
    caplog: pytest.LogCaptureFixture,
    is_development_mode: bool,
) -> None:
    """As with VWO."""
    options: dict[str, Any] = {
        "base_url": sink.url,
        "engine": engine.name,
        "is_development_mode": is_development_mode,
    }
    kept = None if storage is None else storage()
    plain = None if storage is None else Profiles()
    level = level if is_development_mode else logging.WARNING
    Both(sink, caplog, level).compare(
        PAGESENSE_CALLS,
        lambda: pagesense.launch(PROJECT, user_storage=plain, **options),
        lambda: pagesense.alaunch(PROJECT, user_storage=kept, **options),
    )
    if kept is not None and plain is not None:
        assert kept.records == plain.records


def _timeless(message: str) -> str:
    return re.sub(r"after [0-9.]+ s", "after a while", message)


def _seen(received: Any) -> tuple[object, ...]:
    """The parts of a request that are always the same."""
    changing = {"random", "sId", "r", "ed", "sessionId"}
    query = {key: value for key, value in received.query.items() if key not in changing}
    return received.method, received.path, query, len(received.body)
