"""Calls that the engine answers by itself: the same answers, events and messages as the methods."""

from __future__ import annotations

import inspect
import json
import logging
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.cells import SOAK
from support.documents import arm, audience, experiment, project
from support.frames import is_direct
from support.sink import Sink

from sortition import pagesense

if TYPE_CHECKING:
    from collections.abc import Callable

ENDING = """
import gc, json, sys, threading
from sortition import pagesense

gc.set_threshold(5)

class Shown(str):
    def __hash__(self):
        return hash("b")

    def __eq__(self, other):
        return str(self) == other

client = pagesense.launch(
    json.loads(sys.argv[1]), engine="compiled", base_url="http://127.0.0.1:9", close_timeout_s=0.01
)
begun = threading.Semaphore(0)

class Cycle:
    def __init__(self):
        self.me = self

    def __del__(self):
        # Long enough for another thread to have its turn.
        for _ in range(1000):
            pass

def go_on():
    shown = Shown("b")
    number = 0
    while True:
        gc.disable()
        Cycle()
        gc.enable()
        number += 1
        user = f"u{number % 50}"
        client.get_variation_name("Test 1", user)
        client.activate_experiment("Test 1", user, {"a": 1})
        client.track_goal("Test 1", user, "Signup")
        client.track_project_goal("Signup", user)
        client.get_variation_name("Test 2", user, {shown: "x"})
        client.get_variation_name("no such experiment", user)
        begun.release()

for _ in range(4):
    threading.Thread(target=go_on, daemon=True).start()
for _ in range(20):
    begun.acquire()
"""
SOME = {"conditions": [{"conditions": [{"attribute_name": "b", "operator": 1, "values": ["x"]}]}]}
GOALS = [
    {"goal_name": "Signup", "goal_link_name": "signup", "goal_type": 10},
    {"goal_name": "Order", "goal_link_name": "order", "goal_type": 11},
]
MAPPED = [
    {"goal_link_name": one["goal_link_name"], "is_primary_goal": one["goal_link_name"] == "order"}
    for one in GOALS
]
DOCUMENT = project(
    experiment(1, goals=MAPPED),
    experiment(2, goals=MAPPED, audiences=[{"audience_link_name": "some"}]),
    experiment(3, goals=MAPPED, variations=[arm("only", 0)], is_development_mode=True),
    experiment(4, goals=MAPPED, experiment_status=3),
    experiment(5, permitted_traffic=30),
    goals=GOALS,
    audiences=[audience("all", {}), audience("some", SOME)],
)
CALLS = (
    "activate_experiment",
    "activate_experiment_by_identifier",
    "get_variation_name",
    "get_variation_link_name_by_identifier",
    "track_goal",
    "track_project_goal",
    "track_project_goal_by_identifier",
)


class Strange(str):
    __slots__ = ()


def begun(**options: Any) -> pagesense.Client:
    options.setdefault("base_url", "http://127.0.0.1:9")
    client = pagesense.launch(DOCUMENT, engine="compiled", **options)
    # The first call begins, and the first that could be logged has the logger remember its level.
    client.get_variation_name("Test 1", "Ann")
    client.get_variation_name("Test 1", "Ann")
    return client


def some_call(choose: random.Random) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    name = choose.choice(CALLS)
    user = choose.choice(["Ünï", "", " ", Strange("s"), 5, "\ud800", None])
    if choose.random() < 0.85:
        user = f"u{choose.randrange(100)}"
    number = choose.choice([1, 1, 2, 3, 4, 5, 6])
    is_by_link_name = name.endswith("identifier")
    experiment_name = f"test-{number}" if is_by_link_name else f"Test {number}"
    goal = choose.choice(["signup", "order", "none"])
    goal = goal if is_by_link_name else goal.title()
    given: list[Any] = [goal if "project" in name else experiment_name, user]
    if name == "track_goal":
        given.append(goal)
    values: list[Any] = ["x", "x", "y", "", " ", 'q"', 5, 2.5, True, None, 10**30, float("nan"), []]
    values += [Strange("x"), "\ud800", object]
    options: dict[str, Any] = {}
    if choose.random() < 0.6:
        names: list[Any] = ["b", "b", "B", "é", Strange("b"), 5]
        attributes = {choose.choice(names): choose.choice(values) for _ in range(2)}
        options["user_attributes"] = choose.choice([attributes, attributes, {"b": "x"}, {}, None])
    if "track" in name and choose.random() < 0.7:
        options["goal_properties"] = {
            choose.choice(["revenue", "revenue", "kind"]): choose.choice(
                ["19", " 20 ", "-1", "x", 5, None, "", "1_0"]
            ),
            choose.choice(["other", 7, pagesense.GoalProperty.REVENUE]): choose.choice(values),
        }
    if options and choose.random() < 0.3:
        given.append(options.pop("user_attributes", None))
    if choose.random() < 0.03:
        options["no_such_option"] = 1
    if choose.random() < 0.03:
        given = given[:1]
    return name, tuple(given), options


def test_both_ways_give_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """Answers, messages, events and the ledger are the same whichever way a call is answered."""
    choose = random.Random(9)  # noqa: S311 -- the same calls each time
    directly = 0
    with Sink() as one, Sink() as other:
        sinks = (one, other)
        clients = [begun(base_url=sink.url, requests_at_once=1) for sink in sinks]
        written, direct = clients
        for number in range(600):
            name, given, options = some_call(choose)
            outcomes = []
            for client in clients:
                if client is written:
                    client._direct = None
                caplog.clear()
                answers: list[Any] = []

                def ask(client: pagesense.Client = client, answers: list[Any] = answers) -> None:
                    answers.append(getattr(client, name)(*given, **options))  # noqa: B023

                if client is direct and number % 4 == 0:
                    directly += is_direct(ask)
                else:
                    ask()
                messages = [record.getMessage() for record in caplog.records]
                stats = client.stats()
                counts = (stats.accepted, stats.refused, stats.left_out, stats.not_activated)
                outcomes.append((answers, messages, counts))
            assert outcomes[0] == outcomes[1], (name, given, options)
        assert all(client.flush() for client in clients)
        events = [sorted(one.target for one in sink.received) for sink in sinks]
    assert events[0] == events[1]
    assert len(events[0]) > 100
    assert 40 < directly < 120, "of 150 calls"
    for client in clients:
        client.close()


@pytest.mark.parametrize("name", CALLS)
def test_a_plain_call_is_direct_and_shows_as_the_method(name: str) -> None:
    with Sink() as sink:
        client = begun(base_url=sink.url, requests_at_once=1)
        by_link_name = name.endswith("identifier")
        key = "test-1" if by_link_name else "Test 1"
        if "project" in name:
            key = "signup" if by_link_name else "Signup"
        more = ("Signup",) if name == "track_goal" else ()
        # The first event starts the thread that sends.
        assert client.activate_experiment("Test 1", "Ann")
        method = getattr(client, name)
        assert is_direct(lambda: method(key, "Ann", *more))
        assert is_direct(lambda: method(key, "Ann", *more, {"a": 1, "b": "x"}))
        assert not is_direct(lambda: method(key, "Ann", *more, no_such=1))
        signature = inspect.signature(getattr(pagesense.Client, name))
        assert "user_attributes" in signature.parameters
        assert "Source: " in (inspect.getdoc(method) or "")
        assert client.close()


def test_properties_of_a_direct_goal_are_trimmed_and_blank_ones_left_out() -> None:
    with Sink() as sink:
        client = begun(base_url=sink.url, requests_at_once=1)
        client.activate_experiment("Test 1", "Ann")
        properties = {"revenue": " 19 ", "kind": " ", "none": None, "count": 2}
        assert is_direct(lambda: client.track_goal("Test 1", "Ann", "Order", None, properties))
        assert client.flush()
        (record,) = json.loads(sink.received[-1].query["raw"])["fgrd"]
        assert record["gp"] == [{"ln": "revenue", "v": "19"}, {"ln": "count", "v": 2}]
        client.close()


def test_a_listener_to_decisions_hears_each(caplog: pytest.LogCaptureFixture) -> None:
    client = begun()
    assert is_direct(lambda: client.get_variation_name("Test 1", "Ann"))
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    for _ in range(3):
        client.get_variation_name("Test 1", "Ann")
    assert len(caplog.records) == 3


def test_a_client_that_has_ended_answers_nothing() -> None:
    client = begun(base_url="http://127.0.0.1:9")
    client.close(0)
    assert client._direct is None
    assert client.get_variation_name("Test 1", "Ann") is None
    assert client.activate_experiment("Test 1", "Ann") is None
    client.track_goal("Test 1", "Ann", "Signup")
    assert client.stats().refused == {"closed": {"visitor": 1, "conversion": 1}}


def test_a_user_storage_is_always_asked() -> None:
    asked: list[str] = []

    class Storage(pagesense.UserStorageService):
        def look_up(self, user_id: str) -> str | None:
            asked.append(user_id)
            return None

        def save(self, user_profile: pagesense.UserProfile) -> None: ...

    client = begun(user_storage=Storage())
    asked.clear()
    client.get_variation_name("Test 1", "Ann")
    assert asked == ["Ann", "Ann"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_has_a_queue_and_a_memory_of_its_own() -> None:
    """A child's goals are of users whom the parent may have activated, but not the child."""
    with Sink() as sink:
        client = begun(base_url=sink.url, requests_at_once=1)
        assert client.activate_experiment("Test 1", "Ann")
        child = os.fork()
        if child == 0:
            try:
                client.track_goal("Test 1", "Ann", "Signup")
                client.activate_experiment("Test 1", "Ann")
                client.track_goal("Test 1", "Ann", "Signup")
                is_right = client.flush(20) and client.stats().not_activated == {"conversion": 1}
                os._exit(0 if is_right else 1)
            except BaseException:  # noqa: BLE001 -- the child is not to go on with the tests
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert client.flush(20)
        assert client.stats().delivered == {"visitor": 1}
        client.close()


def of_many_users(ask: Callable[[str], object]) -> None:
    for number in range(200):
        ask(f"u{number % 20}")


def test_direct_events_keep_the_order_of_each_user() -> None:
    """Several threads send at once, and the queue holds back a user's next event."""
    with Sink() as sink:
        client = begun(base_url=sink.url, requests_at_once=4)
        of_many_users(lambda user: client.track_project_goal("Signup", user, {"n": len(user)}))
        for number in range(40):
            client.activate_experiment("Test 1", "Ann", {"n": number})
        assert client.flush(20)
        seen = [json.loads(one.query["raw"]) for one in sink.received]
        numbers = [one["fvrd"][0]["fsca"][0]["v"] for one in seen if one["furd"]["f"] == "Ann"]
        assert numbers == [*range(40)]
        assert client.stats().delivered == {"visitor": 40, "conversion": 200}
        client.close()


@pytest.mark.parametrize("_again", range(300 if SOAK else 5))
def test_threads_may_go_on_while_the_interpreter_ends(_again: int) -> None:
    """Python ends them wherever they are, also in code of the caller's that ours calls."""
    done = subprocess.run(
        [sys.executable, "-c", ENDING, json.dumps(DOCUMENT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
