"""Settings that arrive while the client is in use, by polling: each process asks by itself."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
import types
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from support.children import in_child
from support.documents import campaign, settings, variation
from support.sink import Answer, BlackHole, free_url, wait_until

from sortition import _engine, vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Received, Sink

    from sortition._engine import Engine

    Launch = Callable[..., vwo.Client]

KEY = "0123456789abcdef"
SOAK = os.environ.get("SORTITION_SOAK") == "1"
OFTEN = {"poll_interval_s": 1, "request_timeout_s": 10}


@pytest.fixture
def engine() -> Engine:
    """One will do: that both read documents alike is shown elsewhere."""
    return _engine.load()


def only(name: str, **extra: Any) -> bytes:
    """Settings that give everybody this variation."""
    document = settings(campaign(variations=[variation(1, name, 100)]), **extra)
    return json.dumps(document).encode()


def decides(client: vwo.Client) -> str | None:
    return client.get_variation_name("checkout", "Ann")


def pollers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "sortition-settings"]


def serve(sink: Sink, body: bytes, status: int = 200, **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sink.answer = lambda _: Answer(status, body, named)


def asked_again(sink: Sink, times: int = 1) -> None:
    """Wait until the sink was asked this often from now on."""
    before = len(sink.received)
    wait_until(lambda: len(sink.received) >= before + times)


def test_new_settings_are_used(launch: Launch, sink: Sink) -> None:
    client = launch(only("Old"), **OFTEN)
    serve(sink, only("New", version=2))
    wait_until(lambda: decides(client) == "New")
    assert client.status().settings_version == 2
    assert client.status().source == "server"
    assert sink.paths[0] == "/server-side/settings"
    assert (sink.received[0].query["a"], sink.received[0].query["i"]) == ("604812", KEY)


def test_the_account_of_the_launch_goes_first(launch: Launch, sink: Sink) -> None:
    client = launch(only("Old"), account_id="604812", sdk_key="abc", **OFTEN)
    serve(sink, only("New"))
    wait_until(lambda: decides(client) == "New")
    assert sink.received[0].query["i"] == "abc"


def test_nothing_is_started_before_the_first_use(launch: Launch, sink: Sink) -> None:
    serve(sink, only("New"))
    client = launch(only("Old"), **OFTEN)
    assert pollers() == []
    assert decides(client) == "Old"
    (thread,) = pollers()
    assert thread.daemon
    decides(client)
    assert pollers() == [thread]


def test_a_probe_is_a_use(launch: Launch, sink: Sink) -> None:
    """A service may get no calls before its probe is content."""
    serve(sink, only("New"))
    client = launch(only("Old"), **OFTEN)
    assert client.healthz()
    assert len(pollers()) == 1


def test_a_thread_that_could_not_be_started_is_started_later(
    launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call tries again until one has started it, and the trouble is logged once."""
    start = threading.Thread.start

    def no_thread(thread: threading.Thread) -> None:
        if thread.name == "sortition-settings":
            raise RuntimeError("can't start new thread")
        start(thread)

    serve(sink, only("New"))
    client = launch(only("Old"), **OFTEN)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        assert [decides(client) for _ in range(3)] == ["Old"] * 3
    assert pollers() == []
    assert caplog.text.count("settings: no thread can be started") == 1
    wait_until(lambda: decides(client) == "New")


def test_without_an_interval_nobody_asks(launch: Launch, sink: Sink) -> None:
    client = launch(only("Old"))
    assert decides(client) == "Old"
    assert pollers() == []
    assert sink.received == []


def test_the_same_settings_replace_nothing(launch: Launch, sink: Sink) -> None:
    client = launch(only("Old"), **OFTEN)
    serve(sink, only("Old"))
    snapshot = client._current.snapshot
    decides(client)
    asked_again(sink, 2)
    assert client._current.snapshot is snapshot


def test_a_server_that_gives_validators_is_asked_with_them(launch: Launch, sink: Sink) -> None:
    body, tag, at = only("New"), '"five"', "Sat, 21 Nov 2026 10:00:00 GMT"
    asked: list[tuple[str | None, str | None]] = []

    def answer(received: Received) -> Answer:
        headers = received.headers
        asked.append((headers.get("if-none-match"), headers.get("if-modified-since")))
        if headers.get("if-none-match") == tag:
            return Answer(304)
        return Answer(200, body, {"ETag": tag, "Last-Modified": at})

    sink.answer = answer
    client = launch(only("Old"), **OFTEN)
    wait_until(lambda: decides(client) == "New")
    wait_until(lambda: len(asked) >= 3)
    assert asked[:3] == [(None, None), (tag, at), (tag, at)]
    wait_until(lambda: client.status().endpoints["settings"].failing_for_s is None)
    # What was answered before says nothing of settings that came from elsewhere.
    body, tag = only("Newer"), '"six"'
    wait_until(lambda: decides(client) == "Newer")


@pytest.mark.parametrize("tag", ["x" * 5000, "caf\xe9", ""])
def test_a_validator_that_could_not_be_sent_back(launch: Launch, sink: Sink, tag: str) -> None:
    serve(sink, only("New"), ETag=tag)
    client = launch(only("Old"), **OFTEN)
    wait_until(lambda: decides(client) == "New")
    client._live.wake()
    asked_again(sink)
    assert "if-none-match" not in sink.received[-1].headers
    assert not client.status().endpoints["settings"].is_failing


def test_a_server_that_does_not_like_its_own_validators(launch: Launch, sink: Sink) -> None:
    def answer(received: Received) -> Answer:
        if "if-none-match" in received.headers:
            return Answer(412)
        return Answer(200, body, {"ETag": "five"})

    body = only("New")
    sink.answer = answer
    client = launch(only("Old"), **OFTEN)
    wait_until(lambda: decides(client) == "New")
    body = only("Newer")
    wait_until(lambda: decides(client) == "Newer")


def test_a_304_that_nobody_asked_for_is_a_failure(launch: Launch, sink: Sink) -> None:
    serve(sink, b"", 304)
    client = launch(only("Old"), **OFTEN)
    decides(client)
    client._live.wake()
    wait_until(lambda: client.status().endpoints["settings"].is_failing)
    assert "status 304" in str(client.status().endpoints["settings"].last_error)


BAD = {
    "empty": Answer(200, b""),
    "HTML": Answer(200, b"<html>Down for maintenance</html>"),
    "truncated": Answer(200, only("New")[:-9]),
    "half an object": Answer(200, b'{"version": 2}'),
    "null": Answer(200, b"null"),
    "no UTF-8": Answer(200, b"\xff" + only("New")),
    "of another account": Answer(200, only("New", accountId=5)),
    "a failure": Answer(500, only("New")),
    "a redirect": Answer(302, only("New"), {"Location": "/elsewhere"}),
    "no campaign that can be used": Answer(200, json.dumps(settings({"id": 1})).encode()),
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_what_is_not_usable_replaces_nothing(
    launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    """A bad, empty, HTML or truncated answer never replaces good settings."""
    sink.answer = lambda _: answer
    client = launch(only("Old"), **OFTEN)
    decides(client)
    client._live.wake()
    wait_until(lambda: client.status().endpoints["settings"].is_failing)
    assert decides(client) == "Old"
    assert client.status().source == "given"
    assert client.status().endpoints["settings"].last_error is not None
    wait_until(lambda: "settings: the old ones stay in use" in caplog.text)
    assert KEY not in caplog.text + repr(client.status())
    assert "/elsewhere" not in sink.paths
    # It recovers by itself, and an older one is a roll-back.
    serve(sink, only("Older", version=0))
    client._live.wake()
    wait_until(lambda: decides(client) == "Older")
    assert not client.status().endpoints["settings"].is_failing


def test_a_document_with_a_broken_campaign_says_what_was_set_aside(
    launch: Launch, sink: Sink
) -> None:
    """One broken campaign is reported with its path, and the others serve."""
    campaigns = [campaign(number, f"c{number}") for number in range(100)]
    campaigns[42] = campaign(42, "c42", variations=[variation(1, "A", -1)])
    client = launch(only("Old"), **OFTEN)
    serve(sink, json.dumps(settings(*campaigns)).encode())
    wait_until(lambda: client.get_variation_name("c1", "Ann") is not None)
    works = [client.get_variation_name(f"c{number}", "Ann") is not None for number in range(100)]
    assert [number for number, does in enumerate(works) if not does] == [42]
    (problem,) = client.status().problems
    assert problem.path == "campaigns[42].variations[0].weight"
    assert problem.consequence == "campaign_set_aside"


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_wrong_key_is_asked_for_three_times_in_a_minute_at_most(
    launch: Launch, sink: Sink, status: int
) -> None:
    """A wrong key slows polling down and never ends it; the pauses are in `test_schedule.py`."""
    serve(sink, b"", status)
    client = launch(only("Old"), **OFTEN)
    decides(client)
    client._live.wake()
    wait_until(lambda: client.status().endpoints["settings"].is_failing)
    for _ in range(50):
        client._live.wake()
    # It was just asked; the next is ten seconds away, and webhooks do not change that.
    assert len(sink.received) == 1
    # The key became valid: whoever asks by themselves need not wait.
    serve(sink, only("New"))
    assert client.get_and_update_settings_file(604812, KEY)
    assert decides(client) == "New"


def test_a_server_that_asks_to_be_left_alone_is(launch: Launch, sink: Sink) -> None:
    """A client waits as long as the server's Retry-After asks."""
    serve(sink, b"", 429, Retry_After="3600")
    client = launch(only("Old"), **OFTEN)
    decides(client)
    client._live.wake()
    wait_until(lambda: client.status().endpoints["settings"].is_failing)
    client._live.wake()
    serve(sink, only("New"))
    text = client.get_and_update_settings_file(604812, KEY)
    assert isinstance(text, str)
    assert "Old" in text
    assert len(sink.received) == 1


def test_two_hundred_clients_that_start_together(sink: Sink) -> None:
    """Clients that start together spread their requests over the interval."""
    serve(sink, only("Old"))
    interval_s = 4
    options: Any = {"base_url": sink.url, "poll_interval_s": interval_s, "request_timeout_s": 20}
    clients = [vwo.launch(only("Old"), **options) for _ in range(200 if SOAK else 40)]
    due = []
    try:
        for client in clients:
            decides(client)
            schedule = client._live._pollers.get()._schedule
            assert schedule.next_at is not None
            due.append(schedule.next_at - time.clock_gettime(time.CLOCK_BOOTTIME))
        wait_until(lambda: len(sink.received) >= len(clients))
    finally:
        for client in clients:
            client.close()
    quarters = {min(3, int(max(0.0, wait_s))) for wait_s in due}
    assert quarters == {0, 1, 2, 3}


class TestItsEnd:
    def test_a_close_ends_the_thread(self, launch: Launch, sink: Sink) -> None:
        serve(sink, only("New"))
        client = launch(only("Old"), **OFTEN)
        decides(client)
        assert len(pollers()) == 1
        client.close()
        wait_until(lambda: pollers() == [])
        assert client.status().state == "closed"
        assert not client.healthz()
        assert decides(client) is None
        assert pollers() == []

    def test_a_close_does_not_wait_for_an_answer(self, launch: Launch) -> None:
        with BlackHole() as hole:
            client = launch(only("Old"), base_url=hole.url, poll_interval_s=1, close_timeout_s=0.1)
            decides(client)
            client._live.wake()
            wait_until(lambda: client._live._pollers.get()._begun == 1)
            assert client.close(1.0)
            wait_until(lambda: pollers() == [])

    def test_an_opt_out_ends_it(self, launch: Launch, sink: Sink) -> None:
        serve(sink, only("New"))
        client = launch(only("Old"), **OFTEN)
        decides(client)
        client.set_opt_out()
        wait_until(lambda: pollers() == [])

    def test_a_client_that_nobody_has_any_more_ends_it(self, sink: Sink) -> None:
        serve(sink, only("Old"))
        client = vwo.launch(only("Old"), base_url=sink.url, poll_interval_s=1)
        decides(client)
        asked_again(sink)
        gone = weakref.ref(client)
        assert len(pollers()) == 1
        del client
        gc.collect()
        assert gone() is None
        wait_until(lambda: pollers() == [])

    @pytest.mark.parametrize("server", ["hangs", "down", "well"])
    def test_the_interpreter_exits_at_once(self, sink: Sink, server: str) -> None:
        program = textwrap.dedent(
            """
            import sys, time
            from sortition import _engine, vwo
            options = {"base_url": sys.argv[1], "poll_interval_s": 3600, "request_timeout_s": 600}
            client = vwo.launch(sys.stdin.read(), **options)
            assert client.get_variation_name("checkout", "Ann") == "Old"
            client._live.wake()
            poller = client._live._pollers.get()
            while not poller._begun:
                time.sleep(0.01)
            """
        )
        serve(sink, only("Old"))
        with BlackHole() as hole:
            url = {"hangs": hole.url, "down": free_url(), "well": sink.url}[server]
            command = [sys.executable, "-W", "error", "-c", program, url]
            done = subprocess.run(
                command, input=only("Old"), capture_output=True, timeout=60, check=False
            )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


class TestForks:
    def test_a_child_sees_new_settings(self, launch: Launch, sink: Sink) -> None:
        """A forked child decides by settings that change after the fork."""
        serve(sink, only("Old"))
        client = launch(only("Old"), **OFTEN)
        decides(client)
        asked_again(sink)

        def child() -> bool:
            # Its own thread, from its first use on.
            begun = decides(client) == "Old" and len(pollers()) == 1
            serve_new()
            wait_until(lambda: decides(client) == "New")
            return begun

        told, tells = os.pipe()

        def serve_new() -> None:
            os.write(tells, b".")

        def change() -> None:
            os.read(told, 1)
            serve(sink, only("New"))

        changing = threading.Thread(target=change)
        changing.start()
        assert in_child(child)
        changing.join()
        # The parent's goes on.
        wait_until(lambda: decides(client) == "New")
        asked_again(sink)
        os.close(told)
        os.close(tells)

    def test_a_parent_goes_on_after_many_forks(self, launch: Launch, sink: Sink) -> None:
        """The parent still polls after many forks."""
        serve(sink, only("Old"))
        client = launch(only("Old"), **OFTEN)
        decides(client)
        asked_again(sink)
        poller, polling = client._live._pollers.get(), pollers()
        for _ in range(50):
            assert in_child(lambda: decides(client) == "Old" and client.close(5.0))
        asked_again(sink)
        serve(sink, only("New"))
        wait_until(lambda: decides(client) == "New")
        assert (client._live._pollers.get(), pollers()) == (poller, polling)

    def test_a_fork_while_every_lock_is_held(self, launch: Launch, sink: Sink) -> None:
        """The child takes none of the locks that it inherits."""
        serve(sink, only("Old"))
        client = launch(only("Old"), **OFTEN)
        decides(client)
        asked_again(sink)
        poller = client._live._pollers.get()

        def child() -> bool:
            works = decides(client) == "Old" and client.healthz().is_ok
            asked = client.get_and_update_settings_file(604812, KEY)
            return works and isinstance(asked, str) and client.close(5.0)

        turn = poller._turns.begin(5.0)
        assert turn is not None
        with poller._lock, client._current._replacing.get():
            assert in_child(child)
        turn.end()

    def test_a_fork_of_which_python_does_not_know(
        self, launch: Launch, sink: Sink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each call asks whose process it is."""
        monkeypatch.setitem(sys.modules, "uwsgi", types.ModuleType("uwsgi"))
        serve(sink, only("Old"))
        client = launch(only("Old"), **OFTEN)
        decides(client)
        (thread,) = pollers()
        decides(client)
        assert pollers() == [thread]
        # All that a child of such a fork is told by is its process id.
        mine = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: mine + 1)
        decides(client)
        (other,) = set(pollers()) - {thread}
        client.close()
        wait_until(lambda: not other.is_alive())
        monkeypatch.setattr(os, "getpid", lambda: mine)
        client.close()
        wait_until(lambda: pollers() == [])

    def test_the_child_of_a_closed_client_starts_nothing(self, launch: Launch, sink: Sink) -> None:
        serve(sink, only("Old"))
        client = launch(only("Old"), **OFTEN)
        decides(client)
        client.close()

        def child() -> bool:
            return decides(client) is None and client.status().state == "closed" and not pollers()

        assert in_child(child)


class TestAsking:
    def test_callers_who_come_together_share_an_answer(self, launch: Launch, sink: Sink) -> None:
        client = launch(only("Old"), request_timeout_s=30)
        serve(sink, only("New"))
        answers: list[object] = []

        def ask() -> None:
            answers.append(client.get_and_update_settings_file(604812, KEY))

        threads = [threading.Thread(target=ask) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [only("New").decode()] * 50
        # One that was asked before somebody came does not tell them: there may be a few.
        assert len(sink.received) <= 5

    def test_one_does_not_wait_longer_than_its_time(self, launch: Launch) -> None:
        with BlackHole() as hole:
            client = launch(only("Old"), base_url=hole.url, request_timeout_s=0.3)
            text = client.get_and_update_settings_file(604812, KEY)
            assert text == only("Old").decode()


class TestStatus:
    def test_it_is_ready(self, launch: Launch) -> None:
        client = launch(only("Old"))
        status = client.status()
        assert (status.state, status.reasons, status.source) == ("ready", (), "given")
        assert status.age_s is not None
        assert status.threads == {}
        health = client.healthz()
        assert health.is_ok
        assert health.as_dict() == {"ok": True, "state": "ready", "reasons": []}

    def test_it_turns_stale_when_the_server_is_gone(self, launch: Launch, sink: Sink) -> None:
        """The status says so, and why."""
        serve(sink, only("New"))
        client = launch(only("Old"), stale_after_s=2, **OFTEN)
        wait_until(lambda: decides(client) == "New")
        assert client.status().state == "ready"
        serve(sink, b"", 503)
        wait_until(lambda: client.status().state == "stale")
        status = client.status()
        assert "status 503" in status.reasons[0]
        assert "last confirmed" in status.reasons[0]
        assert status.age_s is not None
        assert status.age_s > 2
        # It goes on deciding, and taking it out of service would help nobody.
        assert client.healthz().is_ok
        assert decides(client) == "New"
        serve(sink, only("New"))
        client._live.wake()
        wait_until(lambda: client.status().state == "ready")

    def test_a_thread_that_is_not_heard_of(self, launch: Launch, sink: Sink) -> None:
        """A logger of the caller never comes back."""
        stuck = threading.Event()

        class Logger:
            def log(self, _level: int, message: str) -> None:
                if "no sdkKey" in message:
                    stuck.wait(60)

        client = launch(only("Old"), logger=Logger(), poll_interval_s=1, request_timeout_s=1)
        document = json.loads(only("New"))
        del document["sdkKey"]
        serve(sink, json.dumps(document).encode())
        try:
            wait_until(lambda: decides(client) == "New")
            wait_until(lambda: client.status().state == "degraded")
            assert client.status().threads["settings"].is_late
            assert "thread for settings" in client.status().reasons[0]
            assert client.healthz().is_ok
        finally:
            stuck.set()
        wait_until(lambda: client.status().state == "ready")

    def test_events_that_are_not_accepted(self, launch: Launch, sink: Sink) -> None:
        client = launch(only("Old"))
        assert client.activate("checkout", "Ann")
        assert client.status().endpoints["events"].last_success_s is not None
        sink.answer = lambda _: Answer(503)
        client.track("checkout", "Ann", "purchase")
        assert client.status().state == "degraded"
        assert client.status().reasons == ("the server does not accept events: status 503",)
        sink.answer = lambda _: Answer()
        client.track("checkout", "Ann", "purchase")
        assert client.status().state == "ready"

    def test_a_batch_that_is_not_accepted(self, launch: Launch, sink: Sink) -> None:
        sink.answer = lambda _: Answer(503)
        client = launch(only("Old"), batch_events={"events_per_request": 1}, close_timeout_s=0.1)
        client.activate("checkout", "Ann")
        wait_until(lambda: client.status().state == "degraded")
        assert client.status().threads["events"].is_running
        sink.answer = lambda _: Answer()
        assert client.flush_events()
        assert client.status().state == "ready"

    def test_after_an_opt_out(self, launch: Launch) -> None:
        client = launch(only("Old"))
        client.set_opt_out()
        assert client.status().state == "closed"
        assert client.status().reasons == ("the client is opted out",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"poll_interval_s": 0.5}, "poll_interval_s: must be from 1 to 604800 seconds"),
        ({"poll_interval_s": "10"}, "poll_interval_s: must be a number of seconds, got str"),
        ({"stale_after_s": -1}, "stale_after_s: must be from 0 to"),
        ({"account_id": 604812}, "sdk_key: is required together with account_id"),
        ({"sdk_key": KEY}, "account_id: is required together with sdk_key"),
        ({"account_id": 5, "sdk_key": KEY}, "account_id: the settings are of another account"),
        ({"account_id": 604812, "sdk_key": "a b"}, "sdk_key: must be letters"),
    ],
)
def test_a_bad_option(launch: Launch, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        launch(only("Old"), **options)


def test_an_interval_needs_a_key(launch: Launch) -> None:
    document = json.loads(only("Old"))
    del document["sdkKey"]
    with pytest.raises(ValueError, match="poll_interval_s: requires an sdkKey"):
        launch(document, poll_interval_s=10)
