"""Settings that are replaced while the client is in use."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, settings, variation
from support.interruption import HandlerError, Interruption, interrupt
from support.sink import Answer

from sortition import vwo
from sortition._base.clock import now_s
from sortition._base.log import Log
from sortition._http.transport import RequestsTransport
from sortition._settings import schedule
from sortition._settings.poller import Outcome, Poller
from sortition._settings.schedule import Schedule, Streak

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Received, Sink

    Launch = Callable[..., vwo.Client]

KEY = "0123456789abcdef"
SWAPS = 1000
GENEROUS_S = 60.0


def only(name: str, **extra: Any) -> dict[str, Any]:
    """Settings that give everybody this variation."""
    return settings(campaign(variations=[variation(1, name, 100)]), **extra)


def serve(sink: Sink, body: bytes, status: int = 200) -> None:
    def answer(received: Received) -> Answer:
        return Answer(status, body) if "settings" in received.path else Answer()

    sink.answer = answer


def test_the_new_settings_are_used(launch: Launch, sink: Sink) -> None:
    """With all that belongs to them: campaigns, groups, formats, keys."""
    client = launch(only("Old"))
    text = json.dumps(only("New", version=2, isEventArchEnabled=True, collectionPrefix="eu"))
    serve(sink, text.encode())
    assert client.activate("checkout", "Ann") == "Old"
    assert client.get_and_update_settings_file(604812, KEY) == text
    assert client.status().settings_version == 2
    assert client.activate("checkout", "Ann") == "New"
    assert sink.paths == ["/server-side/track-user", "/server-side/settings", "/eu/events/t"]


def test_a_webhook_has_its_own_path(launch: Launch, sink: Sink) -> None:
    sink.answer = lambda _: Answer(body=json.dumps(only("New")).encode())
    assert launch(only("Old")).get_and_update_settings_file(604812, KEY, True)
    assert sink.paths == ["/server-side/pull"]


def test_batches_go_out_with_the_new_key(launch: Launch, sink: Sink) -> None:
    client = launch(only("Old"), batch_events={"events_per_request": 100})
    assert client.activate("checkout", "Ann")
    serve(sink, json.dumps(only("New", sdkKey="fedcba")).encode())
    client.get_and_update_settings_file(604812, KEY)
    assert client.flush_events()
    assert sink.received[-1].headers["authorization"] == "fedcba"


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"", 200, "not a usable settings file"),
        (b"<html>", 200, "not a usable settings file"),
        (json.dumps(only("New")).encode()[:-9], 200, "not a usable settings file"),
        (json.dumps(only("New")).encode(), 500, "status 500"),
        (b'{"version": 2}', 200, "accountId"),
        (json.dumps(only("New", accountId=5)).encode(), 200, "of another account"),
    ],
)
def test_what_is_not_usable_replaces_nothing(
    launch: Launch,
    sink: Sink,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    status: int,
    why: str,
) -> None:
    """A bad answer to this call never replaces good settings."""
    client = launch(only("Old"))
    serve(sink, body, status)
    assert client.get_and_update_settings_file(604812, KEY) == json.dumps(only("Old"))
    assert client.activate("checkout", "Ann") == "Old"
    assert "the old settings stay in use" in caplog.text
    assert why in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((None, KEY), "account_id: must be"),
        ((604812, None), "sdk_key: must be"),
        ((604812, f"{KEY}\n"), "sdk_key: must be"),
        (("", KEY), "account_id: must not be empty"),
        ((604812, ""), "sdk_key: must be"),
        (("", ""), "account_id: must not be empty"),
        ((604812, KEY, "yes"), "is_via_webhook: must be"),
    ],
)
def test_a_bad_argument_gives_the_settings_in_use(
    launch: Launch, caplog: pytest.LogCaptureFixture, arguments: Any, complaint: str
) -> None:
    client = launch(only("Old"))
    assert client.get_and_update_settings_file(*arguments) == json.dumps(only("Old"))
    complaint = f"the old settings stay in use: {complaint}"
    assert f"get_and_update_settings_file: {complaint}" in caplog.text
    assert KEY not in caplog.text


def test_after_an_opt_out(launch: Launch, sink: Sink) -> None:
    client = launch(only("Old"))
    client.set_opt_out()
    assert client.get_and_update_settings_file(604812, KEY) is False
    assert sink.paths == []


def test_swaps_while_many_threads_decide(launch: Launch) -> None:
    """Every call sees one version, whole."""
    # A decision of one version differs from the other's in all that a call returns.
    documents = [
        settings(
            campaign(
                type="FEATURE_TEST",
                variations=[variation(1, name, 100, isFeatureEnabled=name == "Even", variables=[])],
            ),
            version=number,
        )
        for number, name in enumerate(("Even", "Odd"))
    ]
    clients = [launch(document, is_development_mode=True) for document in documents]
    snapshots = [client._current.taken() for client in clients]
    client = clients[0]
    wrong: list[object] = []
    stop = threading.Event()

    def decide() -> None:
        while not stop.is_set():
            snapshot = client._current.taken()
            name = client.get_variation_name("checkout", "Ann")
            if name not in ("Even", "Odd"):
                wrong.append(name)
            pinned = snapshot.settings.decide("get_variation_name", "checkout", "Ann").variation
            if pinned is None or pinned.name != ("Even", "Odd")[int(snapshot.settings.version)]:
                wrong.append(pinned)

    threads = [threading.Thread(target=decide) for _ in range(16)]
    interval = sys.getswitchinterval()
    # Threads take turns often, so that they meet in the middle of things.
    sys.setswitchinterval(0.0001)
    try:
        for thread in threads:
            thread.start()
        for number in range(SWAPS):
            client._current.snapshot = snapshots[number % 2]
            stop.wait(0.0001)
    finally:
        sys.setswitchinterval(interval)
        stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_swaps_of_groups_while_many_threads_decide(launch: Launch) -> None:
    """The winner of a group, the account's key and the prefix come from one version."""
    documents = []
    for number, winner in enumerate(("1", "2")):
        campaigns = [
            campaign(one, f"c{one}", variations=[variation(1, f"{number}", 100)]) for one in (1, 2)
        ]
        groups = {"7": {"name": "G", "campaigns": [1, 2], "et": 2, "p": [int(winner)], "wt": {}}}
        documents.append(
            settings(
                *campaigns,
                version=number,
                groups=groups,
                campaignGroups={"1": 7, "2": 7},
                collectionPrefix=f"prefix-{number}",
                isEventArchEnabled=bool(number),
            )
        )
    clients = [launch(document, is_development_mode=True) for document in documents]
    snapshots = [client._current.taken() for client in clients]
    wanted = {("0", None), (None, "1")}
    for one in clients:
        names = [one.get_variation_name(key, "Ann") for key in ("c1", "c2")]
        assert tuple(names) in wanted
    client = clients[0]
    wrong: list[object] = []
    seen: set[str] = set()
    stop = threading.Event()

    def decide() -> None:
        while not stop.is_set():
            # One call sees one version: each campaign is won in one of them only.
            first, second = (client.get_variation_name(key, "Ann") for key in ("c1", "c2"))
            if first not in ("0", None) or second not in ("1", None):
                wrong.append((first, second))
            snapshot = client._current.taken()
            number = str(snapshot.settings.version)
            seen.add(number)
            if snapshot.settings.collection_prefix != f"prefix-{number}":
                wrong.append(snapshot)

    threads = [threading.Thread(target=decide) for _ in range(16)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0001)
    try:
        for thread in threads:
            thread.start()
        for number in range(SWAPS):
            assert client._current.replace(snapshots[number % 2])
            stop.wait(0.0001)
    finally:
        sys.setswitchinterval(interval)
        stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert seen == {"0", "1"}


def test_a_server_that_asked_for_a_pause_is_logged_once(
    launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """Although the number of seconds in the message changes from call to call."""
    sink.answer = lambda _: Answer(503, headers={"Retry-After": "600"})
    client = launch(only("Old"))
    clock = iter(range(0, 1000, 7))
    poller = client._live._pollers.get()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(poller._schedule, "wait_s", lambda _: 600.0 - next(clock))
        for _ in range(5):
            client.get_and_update_settings_file(604812, KEY)
    assert caplog.text.count("the server asked to be left alone") == 1


class TestInterruptedCalls:
    """A signal handler may raise at any bytecode of a call that asks for settings."""

    @pytest.mark.parametrize("call", ["stop", "ask"])
    def test_it_leaves_nothing_locked(self, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Another thread gets its turn and its locks."""
        monkeypatch.setattr(schedule, "FLOOR_S", 0.0)
        outcome = Outcome(is_new=False)
        poller = Poller(
            Schedule(None, now_s(), Streak(), is_needed=False),
            lambda *_: outcome,
            RequestsTransport(),
            Log("test"),
            GENEROUS_S,
        )
        calls: dict[str, Callable[[], object]] = {
            "stop": poller.stop,
            "ask": lambda: poller.ask("any", lambda *_: outcome, 60.0),
        }
        found: list[object] = []
        for at in count():
            interruption = Interruption(at, interrupt)
            with contextlib.suppress(HandlerError, RuntimeError):
                interruption.run(calls[call])
            found.clear()
            other = threading.Thread(
                target=lambda: found.append(poller.ask("other", lambda *_: outcome, GENEROUS_S)),
                daemon=True,
            )
            other.start()
            other.join(GENEROUS_S)
            assert found == [outcome], at
            if not interruption.has_come:
                break
        assert at > 20
        poller.close()
