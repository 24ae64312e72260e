"""Calls that the engine answers by itself: the same answers, events and messages as the methods.

What tells them apart is that no function of ours runs in Python.
"""

from __future__ import annotations

import ctypes
import inspect
import json
import logging
import os
import random
import subprocess
import sys
from itertools import chain
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from support.cells import SOAK
from support.documents import settings
from support.frames import is_direct
from support.sink import Sink

from sortition import vwo

if TYPE_CHECKING:
    pass

ENDING = """
import gc, json, sys, threading, time
from sortition import vwo

gc.set_threshold(5)

class Shown:
    def __str__(self):
        return "DE"

    def __hash__(self):
        return hash("country")

    def __eq__(self, other):
        return str(self) == other

client = vwo.launch(
    json.loads(sys.argv[1]),
    engine="compiled",
    base_url="http://127.0.0.1:9",
    batch_events={"events_per_request": 50, "request_time_interval": 600},
    close_timeout_s=0.01,
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
    shown = Shown()
    while True:
        gc.disable()
        Cycle()
        gc.enable()
        client.get_variation_name("plain", "Ann")
        client.activate("plain", "Ann")
        client.track("plain", "Ann", "signup")
        client.get_variation_name("plain", "Ann", no_such_option=1)
        client.get_variation_name("targeted", "Ann", custom_variables={"country": shown})
        client.get_variation_name("targeted", "Ann", custom_variables={shown: "DE"})
        client.get_variation_name("no such campaign", "Ann")
        begun.release()

for _ in range(4):
    threading.Thread(target=go_on, daemon=True).start()
for _ in range(20):
    begun.acquire()
"""
BATCHES = {"events_per_request": 5000, "request_time_interval": 600}
FIVE = {
    "and": [
        {"custom_variable": {"country": "lower(de)"}},
        {"or": [{"custom_variable": {"basket": "gte(20)"}}, {"custom_variable": {"n": "lt(-1)"}}]},
        {"not": {"custom_variable": {"browser": "wildcard(*bot*)"}}},
    ]
}


def document() -> dict[str, Any]:
    """Campaigns of every type, of which some are targeted, whitelisted, grouped or stopped."""
    content = settings()
    (first,) = [one for one in content["campaigns"] if one["key"] == "checkout"]
    arms = [
        {"id": 1, "name": "Control", "weight": 40, "isFeatureEnabled": False},
        {"id": 2, "name": "Große Sache", "weight": 40, "isFeatureEnabled": True},
    ]
    goals = [
        {"id": 1, "identifier": "purchase", "type": "REVENUE_TRACKING"},
        {"id": 2, "identifier": "signup", "type": "CUSTOM_GOAL"},
    ]
    kinds: dict[str, dict[str, Any]] = {
        "plain": {},
        "targeted": {"segments": FIVE},
        "narrow": {"percentTraffic": 30},
        "listed": {
            "isForcedVariationEnabled": True,
            "variations": [
                {**arms[0], "segments": {"custom_variable": {"plan": "a"}}},
                {**arms[1], "segments": {"custom_variable": {"plan": "b"}}},
            ],
        },
        "one": {},
        "other": {},
        "stopped": {"status": "PAUSED"},
        "feature": {"type": "FEATURE_TEST"},
        "rollout": {"type": "FEATURE_ROLLOUT", "variations": [{**arms[0], "weight": 100}]},
        "bandit": {"isMAB": True},
        "patterned": {"segments": {"custom_variable": {"text": "regex((a*)*b)"}}},
    }
    campaigns = []
    for number, (key, more) in enumerate(kinds.items()):
        made = {**first, "type": "VISUAL_AB", "segments": {}, "variations": arms, "goals": goals}
        campaigns.append({**made, "id": number + 1, "key": key, "name": key, **more})
    return {
        **content,
        "campaigns": campaigns,
        "campaignGroups": {"5": 1, "6": 1},
        "groups": {"1": {"name": "g", "campaigns": [5, 6]}},
    }


KEYS = [one["key"] for one in document()["campaigns"]]


def begun(**options: Any) -> vwo.Client:
    client = vwo.launch(document(), engine="compiled", **options)
    # The first call begins, and the first that could be logged has the logger remember its level.
    client.get_variation_name("plain", "Ann")
    client.get_variation_name("plain", "Ann")
    return client


class Strange(str):
    __slots__ = ()


class Shown:
    """An object of which only Python knows the text."""

    def __str__(self) -> str:
        return "DE"


def some_call(  # noqa: C901 -- a case for each kind of argument
    choose: random.Random,
) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    name = choose.choice(["get_variation_name", "activate", "track", "is_feature_enabled"])
    user = choose.choice([f"u{choose.randrange(200)}", "Ünï", "", Strange("s"), 5, "\ud800"])
    if choose.random() < 0.85:
        user = f"u{choose.randrange(200)}"
    given: list[Any] = [choose.choice([*KEYS, "unknown"]), user]
    if name == "track":
        given.append(choose.choice(["purchase", "signup", "signup", "none"]))
    options: dict[str, Any] = {}
    if choose.random() < 0.7:
        values: list[Any] = ["DE", "de", 5, 50, 49.9, float("inf"), True, None, Shown(), 10**30]
        names = ["country", "basket", "browser", "n", "plan", "text"]
        options["custom_variables"] = {
            one: choose.choice(values) for one in names if choose.random() < 0.6
        }
        if choose.random() < 0.5:
            options["custom_variables"] |= {"country": "DE", "basket": 20}
    if choose.random() < 0.3:
        plan = {"plan": choose.choice(["a", "b", Strange("a")])}
        options["variation_targeting_variables"] = plan
    if name == "track" and choose.random() < 0.6:
        options["revenue_value"] = choose.choice(
            [5, 0, 2.5, -1e300, True, "7", "x", 10**25, float("nan"), None, []]
        )
    for option in ("user_agent", "user_ip_address"):
        if name != "get_variation_name" and choose.random() < 0.3:
            options[option] = choose.choice(["", 'Fire"fox', "1.2.3.4", None, 5])
    if choose.random() < 0.05:
        options["no_such_option"] = 1
    if choose.random() < 0.05:
        given.append("one too many")
    if choose.random() < 0.03:
        given = given[:1]
    return name, tuple(given), options


def test_both_ways_give_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """Answers, messages, events and the ledger are the same whichever way a call is answered."""
    choose = random.Random(9)  # noqa: S311 -- the same calls each time
    directly = 0
    with Sink() as sink:
        clients = [
            begun(base_url=sink.url, batch_events=BATCHES, goal_type_to_track=kind)
            for kind in ("ALL", "ALL")
        ]
        written, direct = clients
        for number in range(1200):
            name, given, options = some_call(choose)
            outcomes = []
            for client in clients:
                if client is written:
                    client._direct = None
                caplog.clear()
                answers: list[Any] = []

                def ask(client: vwo.Client = client, answers: list[Any] = answers) -> None:
                    answers.append(getattr(client, name)(*given, **options))  # noqa: B023

                if client is direct and number % 4 == 0:
                    directly += is_direct(ask)
                else:
                    ask()
                messages = [record.getMessage() for record in caplog.records]
                outcomes.append((answers, type(answers[0]), messages, client.stats()))
            assert outcomes[0] == outcomes[1], (name, given, options)
        assert all(client.flush() for client in clients)
        bodies = [json.loads(one.body)["ev"] for one in sink.received]
    # The two calls may fall into different seconds.
    for events in bodies:
        for event in events:
            event["sId"] = 0
    half = len(bodies) // 2
    assert [*chain(*bodies[:half])] == [*chain(*bodies[half:])]
    assert 60 < directly < 240, "of 300 calls"
    for client in clients:
        client.close()


@pytest.mark.parametrize("name", ["activate", "get_variation_name", "is_feature_enabled", "track"])
def test_a_plain_call_is_direct_and_shows_as_the_method(name: str) -> None:
    client = begun(batch_events=BATCHES)
    key = "feature" if name == "is_feature_enabled" else "plain"
    more = ("signup",) if name == "track" else ()
    # The first event starts the thread that sends.
    assert client.activate("plain", "Ann")
    assert is_direct(lambda: getattr(client, name)(key, "Ann", *more))
    assert not is_direct(lambda: getattr(client, name)(key, "Ann", *more, no_such=1))
    signature = inspect.signature(getattr(vwo.Client, name))
    assert [*signature.parameters][:3] == ["self", *[*signature.parameters][1:3]]
    assert "custom_variables" in signature.parameters
    assert "Source: VWO spec" in (inspect.getdoc(getattr(client, name)) or "") or name == "track"
    client.close(0)


def test_a_listener_to_decisions_hears_each(caplog: pytest.LogCaptureFixture) -> None:
    client = begun()
    assert is_direct(lambda: client.get_variation_name("plain", "Ann"))
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    for _ in range(3):
        client.get_variation_name("plain", "Ann")
    assert len(caplog.records) == 3
    caplog.set_level(logging.WARNING)
    client.get_variation_name("plain", "Ann")
    assert is_direct(lambda: client.get_variation_name("plain", "Ann"))


def test_a_logger_of_the_caller_s_is_told() -> None:
    told: list[str] = []

    class Mine:
        def log(self, _level: int, message: str, /) -> None:
            told.append(message)

    client = begun(logger=Mine())
    told.clear()
    client.get_variation_name("plain", "Ann")
    assert len(told) == 1
    quiet = begun(logger=Mine(), log_level=vwo.LOG_LEVELS.INFO)
    assert is_direct(lambda: quiet.get_variation_name("plain", "Ann"))


@pytest.mark.parametrize("ends", ["close", "set_opt_out"])
def test_a_client_that_has_ended_answers_nothing(ends: str) -> None:
    client = begun(batch_events=BATCHES)
    assert client.activate("plain", "Ann")
    getattr(client, ends)()
    assert client._direct is None
    assert client.get_variation_name("plain", "Ann") is None
    assert client.activate("plain", "Ann") is None
    assert client.track("plain", "Ann", "signup") is None
    reason = {"close": "closed", "set_opt_out": "opted_out"}[ends]
    assert client.stats().refused == {reason: {"visitor": 1, "conversion": 1}}


def test_new_settings_answer_from_the_next_call_on() -> None:
    client = begun()
    assert client.get_variation_name("plain", "Ann") is not None
    other = {**document(), "campaigns": [one for one in document()["campaigns"] if one["id"] != 1]}
    client._current.replace(client._live.platform.compile(json.dumps(other).encode()))
    assert client.get_variation_name("plain", "Ann") is None
    assert is_direct(lambda: client.get_variation_name("narrow", "Ann"))


def test_a_second_import_is_no_hindrance() -> None:
    """As where a test of the service replaces modules: what is imported meanwhile is forgotten."""
    script = """
import sys, json
from unittest import mock
from sortition import vwo
document = json.loads(sys.argv[1])
for _ in range(2):
    with mock.patch.dict(sys.modules, {"service": mock.Mock()}):
        assert vwo.launch(document, engine="compiled").get_variation_name("plain", "Ann")
    client = vwo.launch(document, engine="compiled")
    for _ in range(2):
        assert client.get_variation_name("plain", "Ann")
    assert client.get_variation_name("plain", "Ann", no_such_option=1)
    assert type(client).__name__ == "Client"
for name in [name for name in sys.modules if name.startswith("sortition")]:
    del sys.modules[name]
assert vwo.Client and not hasattr(vwo, "no_such_name")
"""
    subprocess.run([sys.executable, "-c", script, json.dumps(document())], check=True)


def test_a_logger_that_is_disabled_hears_nothing() -> None:
    """`logging.config` disables what it does not know, unless it is told not to."""
    logger = logging.getLogger("sortition.vwo")
    client = begun()
    logger.disabled = True
    try:
        logger.manager._clear_cache()  # type: ignore[attr-defined]  # as `logging.config` does
        assert is_direct(lambda: client.get_variation_name("plain", "Ann"))
    finally:
        logger.disabled = False
    client.get_variation_name("plain", "Ann")
    assert is_direct(lambda: client.get_variation_name("plain", "Ann"))


def test_a_close_that_was_interrupted_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    client = begun()
    with monkeypatch.context() as patched:
        patched.setattr(client, "_answer_directly", mock.Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            client.close()
    client.close()
    assert client._direct is None
    assert client.get_variation_name("plain", "Ann") is None


def ended(child: int) -> int:
    """How a child ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_has_a_queue_of_its_own() -> None:
    with Sink() as sink:
        client = begun(base_url=sink.url, batch_events=BATCHES)
        assert client.activate("plain", "Ann")
        child = os.fork()
        if child == 0:
            try:
                client.activate("plain", "Bob")
                client.activate("plain", "Bob")
                sent = client.flush(20) and client.stats().delivered == {"visitor": 2}
                os._exit(0 if sent else 1)
            except BaseException:  # noqa: BLE001 -- the child is not to go on with the tests
                os._exit(2)
        assert ended(child) == 0
        assert client.flush(20)
        assert client.stats().delivered == {"visitor": 1}
        assert sorted(len(one.json["ev"]) for one in sink.received) == [1, 2]
        client.close()


def test_a_fork_that_python_does_not_know_of_is_noticed() -> None:
    """Such as uWSGI's; none of Python's hooks runs, and the number of forks is the parent's."""
    client = begun()
    direct = client._direct
    assert direct is not None
    assert direct.is_of_this_process()
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        os._exit(direct.is_of_this_process())
    assert ended(child) == 0
    assert direct.is_of_this_process()


def test_a_class_of_its_own_may_have_the_last_word() -> None:
    client = begun()
    with mock.patch.object(vwo.Client, "get_variation_name", return_value="patched"):
        assert client.get_variation_name("plain", "Ann") == "patched"
    assert client.get_variation_name("plain", "Ann") in {"Control", "Große Sache"}
    with mock.patch.object(client, "get_variation_name", return_value="patched"):
        assert client.get_variation_name("plain", "Ann") == "patched"


def test_a_fault_in_taking_an_event_is_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sortition._base.guard.propagates", False)
    monkeypatch.setattr("sortition._sending.outbox.Outbox.accept", mock.Mock(side_effect=KeyError))
    client = vwo.launch(document(), engine="compiled", batch_events=BATCHES)
    client.get_variation_name("plain", "Ann")
    client.get_variation_name("plain", "Ann")
    assert client.activate("plain", "Ann") is None
    assert client.is_feature_enabled("feature", "Ann") is False
    assert client.track("plain", "Ann", "signup") is None
    assert [record.getMessage()[:30] for record in caplog.records if record.levelno >= 40] == [
        "activate failed with KeyError,",
        "is_feature_enabled failed with",
        "track failed with KeyError, wh",
    ]


@pytest.mark.parametrize("_again", range(500 if SOAK else 10))
def test_threads_may_go_on_while_the_interpreter_ends(_again: int) -> None:
    """Python ends them wherever they are, also in code of the caller's that ours calls."""
    done = subprocess.run(
        [sys.executable, "-c", ENDING, json.dumps(document())],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
