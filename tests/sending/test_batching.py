"""Events in batches: gathered, sent, sent again, counted."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import settings
from support.events import GENEROUS_S, MANY, events_of, outbox_of, sizes, sum_of, without_senders
from support.sink import Answer, BlackHole, Sink, free_url, wait_until

import sortition
from sortition import vwo
from sortition._http import retrying
from sortition._http.retry_after import retry_after_s
from sortition._sending import senders as senders_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.sink import Received

    Launch = Callable[..., vwo.Client]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts that a test can wait for."""
    monkeypatch.setattr(retrying, "_FIRST_PAUSE_S", 0.002)
    monkeypatch.setattr(retrying, "_LONGEST_PAUSE_S", 0.01)


class TestGathering:
    def test_nothing_is_started_by_a_launch(self, launch: Launch) -> None:
        before = threading.active_count()
        launch(settings(), batch_events=MANY)
        assert threading.active_count() == before

    def test_a_full_batch_is_sent(self, launch: Launch, sink: Sink) -> None:
        client = launch(settings(), batch_events={"events_per_request": 3})
        for number in range(7):
            assert client.activate("checkout", f"u{number}")
        wait_until(lambda: sizes(sink) == [3, 3])
        assert client.stats().queued == {"visitor": 1}
        assert client.close()
        assert sizes(sink) == [3, 3, 1]
        assert client.stats().delivered == {"visitor": 7}

    def test_the_interval_sends_the_rest(self, launch: Launch, sink: Sink) -> None:
        client = launch(settings(), batch_events={"request_time_interval": 1})
        assert client.activate("checkout", "Ann")
        wait_until(lambda: sizes(sink) == [1])
        assert client.activate("checkout", "Bob")
        wait_until(lambda: sizes(sink) == [1, 1])

    def test_a_request_holds_no_more_bytes(self, launch: Launch, sink: Sink) -> None:
        client = launch(settings(), batch_events=MANY, request_bytes=1000)
        for number in range(50):
            assert client.activate("checkout", f"u{number}", user_agent="x" * 100)
        assert client.flush_events()
        assert sum(sizes(sink)) == 50
        assert max(sizes(sink)) > 1
        for received in sink.received:
            assert len(received.body) <= 1000 + len('{"ev": []}')

    def test_events_keep_their_order(self, launch: Launch, sink: Sink) -> None:
        client = launch(settings(), batch_events={"events_per_request": 10})
        ids = [client._snapshot.settings.visitor_id(f"u{number}") for number in range(95)]
        for number in range(95):
            assert client.activate("checkout", f"u{number}")
        assert client.flush_events()
        assert [event["u"] for one in sink.received for event in events_of(one)] == ids

    def test_from_many_threads(self, launch: Launch, sink: Sink) -> None:
        client = launch(settings(), batch_events={"events_per_request": 50})

        def work(thread: int) -> None:
            for number in range(200):
                assert client.activate("checkout", f"{thread} {number}")

        with ThreadPoolExecutor(8) as callers:
            list(callers.map(work, range(8)))
        assert client.flush_events()
        users = [event["u"] for one in sink.received for event in events_of(one)]
        assert len(users) == len(set(users)) == 1600
        assert client.stats().delivered == {"visitor": 1600}


class TestFlush:
    def test_it_waits_for_the_answer(self, launch: Launch, sink: Sink) -> None:
        client = launch(settings(), batch_events=MANY)
        assert client.flush_events() is True
        assert client.activate("checkout", "Ann")
        assert client.flush_events("sync") is True
        assert sizes(sink) == [1]

    def test_it_need_not_wait(self, launch: Launch, sink: Sink) -> None:
        client = launch(settings(), batch_events=MANY)
        assert client.activate("checkout", "Ann")
        assert client.flush_events("async") is True
        wait_until(lambda: sizes(sink) == [1])

    def test_without_batches(self, launch: Launch) -> None:
        assert launch(settings()).flush_events() is None
        assert launch(settings()).flush_events("async") is None

    def test_in_development_mode(self, launch: Launch, sink: Sink) -> None:
        client = launch(settings(), batch_events=MANY, is_development_mode=True)
        assert client.activate("checkout", "Ann")
        assert client.flush_events() is True
        assert sink.received == []

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            ({"mode": "later"}, "mode must be one of sync, async"),
            ({"mode": ["sync"]}, "mode must be a string, got list"),
            ({"timeout_s": "5"}, "timeout_s must be a number of seconds"),
            ({"timeout_s": -1}, "timeout_s must be from 0"),
        ],
    )
    def test_a_bad_argument(
        self, launch: Launch, caplog: pytest.LogCaptureFixture, arguments: Any, complaint: str
    ) -> None:
        assert launch(settings(), batch_events=MANY).flush_events(**arguments) is False
        assert f"flush_events: {complaint}" in caplog.text

    def test_it_ends_at_its_deadline(self, launch: Launch) -> None:
        """A server that hangs."""
        with BlackHole() as hole:
            client = launch(settings(), base_url=hole.url, batch_events=MANY)
            assert client.activate("checkout", "Ann")
            assert client.flush_events(timeout_s=0.2) is False
            assert client.stats().in_flight == {"visitor": 1}
            assert client.close(0.2) is False

    def test_a_worker_that_died_is_replaced(self, launch: Launch, sink: Sink) -> None:
        """A new worker sends what waits, and `flush` does not hang."""
        client = launch(settings(), batch_events=MANY)
        assert client.activate("checkout", "Ann")
        senders = outbox_of(client)._senders
        (first,) = (one for one in threading.enumerate() if one.ident in senders._running)

        class Die(BaseException):
            """Nothing of ours catches it."""

        def die() -> None:
            raise Die

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(threading, "excepthook", lambda _: None)
            patched.setattr(senders, "_work_once", lambda _: die())
            outbox_of(client).queue.wake()
            # It is waiting inside the real one; its next round is its last.
            wait_until(lambda: not first.is_alive())
        assert client.activate("checkout", "Bob")
        assert client.flush_events()
        assert sum(sizes(sink)) == 2

    def test_ctrl_c_ends_it(self, launch: Launch) -> None:
        """Ctrl-C ends a flush at once."""
        with BlackHole() as hole:
            client = launch(settings(), base_url=hole.url, batch_events=MANY)
            assert client.activate("checkout", "Ann")
            main = threading.main_thread().ident
            timer = threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGINT])
            with pytest.raises(KeyboardInterrupt):  # noqa: PT012 -- it may come at once
                timer.start()
                client.flush_events(timeout_s=GENEROUS_S)
            timer.join()
            client.close(0)


class TestCallbacks:
    def test_a_callback_is_told_of_every_batch(self, launch: Launch, sink: Sink) -> None:
        told: list[tuple[Exception | None, list[Any]]] = []
        callback = lambda error, events: told.append((error, events))  # noqa: E731
        client = launch(settings(), batch_events={**MANY, "flush_callback": callback})
        assert client.activate("checkout", "Ann")
        assert client.flush_events()
        wait_until(lambda: len(told) == 1)
        sink.answer = lambda _: Answer(status=400)
        assert client.activate("checkout", "Bob")
        assert client.flush_events() is False
        wait_until(lambda: len(told) == 2)
        assert told[0] == (None, events_of(sink.received[0]))
        error, events = told[1]
        assert isinstance(error, sortition.DeliveryError)
        assert (error.reason, error.events) == ("rejected", 1)
        assert events == events_of(sink.received[1])

    def test_callbacks_that_raise_harm_nothing(
        self, launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The first error is in the log."""

        text = "secr" + "et"

        def fail(*_: object) -> None:
            raise RuntimeError(text)

        sink.answer = lambda _: Answer(status=400)
        client = launch(
            settings(), batch_events={**MANY, "flush_callback": fail}, on_drop=lambda: None
        )
        for user in ("Ann", "Bob"):
            assert client.activate("checkout", user)
            client.flush_events()
        client.close()
        assert caplog.text.count("flush_callback raised RuntimeError") == 1
        assert caplog.text.count("on_drop raised TypeError") == 1
        assert "secret" not in caplog.text
        assert client.stats().dropped == {"rejected": {"visitor": 2}}

    def test_a_flush_waits_for_the_callback(self, launch: Launch) -> None:
        done: list[int] = []

        def slow(_error: object, _events: object) -> None:
            time.sleep(0.1)
            done.append(1)

        client = launch(settings(), batch_events={**MANY, "flush_callback": slow})
        assert client.activate("checkout", "Ann")
        assert client.flush_events()
        assert done == [1]

    def test_a_callback_that_exits(self, launch: Launch, sink: Sink) -> None:
        sink.answer = lambda one: Answer(status=413 if len(events_of(one)) > 2 else 200)
        client = launch(settings(), batch_events={**MANY, "flush_callback": lambda *_: sys.exit(1)})
        for number in range(8):
            assert client.activate("checkout", f"u{number}")
        assert client.flush_events()
        assert client.stats().delivered == {"visitor": 8}

    @pytest.mark.parametrize("batches", [None, MANY])
    def test_a_report_that_exits(
        self, launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture, batches: Any
    ) -> None:
        """`on_drop` ends neither the call nor the thread."""
        sink.answer = lambda _: Answer(status=400)
        client = launch(settings(), batch_events=batches, on_drop=lambda *_: sys.exit(1))
        for number in range(3):
            assert client.activate("checkout", f"u{number}")
        client.flush_events()
        client.close()
        assert client.stats().dropped == {"rejected": {"visitor": 3}}
        wait_until(lambda: "on_drop raised SystemExit" in caplog.text)

    def test_a_callback_that_closes_loses_nothing(self, launch: Launch, sink: Sink) -> None:
        clients: list[vwo.Client] = []
        batches = {
            "events_per_request": 10,
            "flush_callback": lambda *_: clients[0].close(),
        }
        clients.append(launch(settings(), batch_events=batches))
        with without_senders(outbox_of(clients[0])):
            for number in range(95):
                assert clients[0].activate("checkout", f"u{number}")
        outbox_of(clients[0])._senders.start()
        wait_until(lambda: clients[0].stats().delivered == {"visitor": 95})
        assert sum(sizes(sink)) == 95

    def test_a_callback_may_call_the_client(self, launch: Launch) -> None:
        answers: list[object] = []
        clients: list[vwo.Client] = []

        def callback(_error: object, _events: object) -> None:
            answers.append(clients[0].flush_events())

        clients.append(launch(settings(), batch_events={**MANY, "flush_callback": callback}))
        assert clients[0].activate("checkout", "Ann")
        assert clients[0].flush_events()
        wait_until(lambda: len(answers) == 1)


@pytest.mark.usefixtures("hurried")
class TestSendingAgain:
    """Each failure, then success: everything arrives, and as the same bytes."""

    @pytest.mark.parametrize("status", [301, 308, 401, 403, 404, 408, 429, 500, 502, 503, 504])
    def test_a_status_that_may_change(self, launch: Launch, sink: Sink, status: int) -> None:
        answers = iter([status] * 4)
        sink.answer = lambda _: Answer(status=next(answers, 200))
        client = launch(settings(), batch_events=MANY)
        assert client.activate("checkout", "Ann")
        assert client.flush_events()
        assert len(sink.received) == 5
        assert len({received.body for received in sink.received}) == 1
        stats = client.stats()
        assert stats.delivered == {"visitor": 1}
        repeated = {"visitor": 4} if status >= 500 else {}
        assert stats.possibly_duplicated == repeated

    def test_a_server_that_comes_back(self, launch: Launch) -> None:
        url = free_url()
        client = launch(settings(), base_url=url, batch_events=MANY)
        assert client.activate("checkout", "Ann")
        assert client.flush_events(timeout_s=0.1) is False
        with Sink(port=int(url.rpartition(":")[2])) as sink:
            assert client.flush_events(timeout_s=GENEROUS_S)
            assert sizes(sink) == [1]
        assert client.stats().possibly_duplicated == {}

    @pytest.mark.parametrize("form", ["seconds", "date"])
    def test_retry_after_is_obeyed(self, launch: Launch, sink: Sink, form: str) -> None:
        """A second at the least; a flush does not hold out against it for ever."""
        times: list[float] = []

        def answer(_: Received) -> Answer:
            times.append(time.monotonic())
            wanted = "1" if form == "seconds" else retry_date(2)
            return Answer() if len(times) > 1 else Answer(429, headers={"Retry-After": wanted})

        sink.answer = answer
        client = launch(settings(), batch_events={"events_per_request": 1})
        assert client.activate("checkout", "Ann")
        wait_until(lambda: len(times) == 2)
        # Never before it was asked for, however slow the machine is.
        assert times[1] - times[0] >= 0.9

    @pytest.mark.parametrize("status", [400, 402, 405, 410])
    def test_a_status_that_is_final(
        self, launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture, status: int
    ) -> None:
        sink.answer = lambda _: Answer(status=status)
        client = launch(settings(), batch_events={"events_per_request": 1})
        for number in range(5):
            assert client.activate("checkout", f"u{number}")
        wait_until(lambda: client.stats().dropped == {"rejected": {"visitor": 5}})
        assert len(sink.received) == 5
        assert caplog.text.count(f"failed (status {status})") == 1

    def test_too_large_a_batch_is_halved(self, launch: Launch, sink: Sink) -> None:
        """Until it is small enough, also the next ones."""
        limit = 10
        sink.answer = lambda one: Answer(status=413 if len(events_of(one)) > limit else 200)
        client = launch(settings(), batch_events={"events_per_request": 64})
        for number in range(128):
            assert client.activate("checkout", f"u{number}")
        assert client.flush_events()
        took = [size for size in sizes(sink) if size <= limit]
        assert sum(took) == 128
        assert sizes(sink).count(64) == 1
        assert client.stats().delivered == {"visitor": 128}
        users = [event["u"] for one in sink.received for event in events_of(one)]
        assert len(set(users)) == 128

    def test_one_event_that_is_too_large_is_dropped_alone(self, launch: Launch, sink: Sink) -> None:
        """The server answers 413 to a single event: only that event is dropped."""
        sink.answer = lambda one: Answer(status=413 if "large" in one.body.decode() else 200)
        client = launch(settings(), batch_events=MANY)
        for number in range(20):
            agent = "large" if number == 7 else "small"
            assert client.activate("checkout", f"u{number}", user_agent=agent)
        assert client.flush_events() is False
        assert client.stats().delivered == {"visitor": 19}
        assert client.stats().dropped == {"too_large": {"visitor": 1}}

    def test_one_event_that_is_too_large_leaves_batches_as_they_are(
        self, launch: Launch, sink: Sink
    ) -> None:
        sink.answer = lambda one: Answer(status=413 if "large" in one.body.decode() else 200)
        client = launch(settings(), batch_events={"events_per_request": 20})
        for number in range(20):
            agent = "large" if number == 7 else "small"
            assert client.activate("checkout", f"u{number}", user_agent=agent)
        client.flush_events()
        sink.received.clear()
        for number in range(100):
            assert client.activate("checkout", f"v{number}")
        assert client.flush_events()
        assert sizes(sink) == [20] * 5

    def test_what_may_have_arrived_may_be_dropped(self, launch: Launch, sink: Sink) -> None:
        sink.answer = lambda _: Answer(status=500)
        client = launch(settings(), batch_events=MANY, on_unknown_outcome="drop")
        assert client.activate("checkout", "Ann")
        assert client.flush_events() is False
        assert len(sink.received) == 1
        assert client.stats().dropped == {"unknown_outcome": {"visitor": 1}}

    def test_it_ends_after_its_time(self, launch: Launch, sink: Sink) -> None:
        sink.answer = lambda _: Answer(status=503)
        client = launch(settings(), batch_events={"events_per_request": 1}, retry_for_s=0.05)
        assert client.activate("checkout", "Ann")
        wait_until(lambda: client.stats().dropped == {"retries_ended": {"visitor": 1}})
        assert len(sink.received) >= 1

    def test_its_time_begins_with_the_first_attempt(self, launch: Launch, sink: Sink) -> None:
        answers = iter([503])
        sink.answer = lambda _: Answer(status=next(answers, 200))
        client = launch(settings(), batch_events={"request_time_interval": 1}, retry_for_s=0.9)
        assert client.activate("checkout", "Ann")
        wait_until(lambda: client.stats().delivered == {"visitor": 1})

    def test_a_request_that_cannot_be_sent_holds_up_no_other(self, launch: Launch) -> None:
        class Picky:
            def __init__(self) -> None:
                self.sent = 0

            def send(self, request: vwo.Request, _timeout_s: float) -> vwo.Response:
                if self.sent == 0:
                    self.sent = 1
                    raise ValueError(request)
                self.sent += 1
                return vwo.Response(200, b"")

        transport = Picky()
        client = launch(settings(), transport=transport, batch_events={"events_per_request": 1})
        assert client.activate("checkout", "Ann")
        assert client.activate("checkout", "Bob")
        client.flush_events()
        assert client.stats().dropped == {"not_sent": {"visitor": 1}}
        assert client.stats().delivered == {"visitor": 1}

    def test_a_fault_of_ours_is_survived(
        self, launch: Launch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The client counts the events in hand, and sends the next ones."""
        monkeypatch.setattr(senders_module, "_FAULT_PAUSE_S", 0.001)
        client = launch(settings(), batch_events={"events_per_request": 1})
        attempting = outbox_of(client)._attempting
        with monkeypatch.context() as patched:
            patched.setattr(attempting, "_request_of", lambda _: 1 / 0)
            assert client.activate("checkout", "Ann")
            wait_until(lambda: client.stats().dropped == {"fault": {"visitor": 1}})
        assert client.activate("checkout", "Bob")
        assert client.flush_events()
        assert client.stats().delivered == {"visitor": 1}
        assert "ZeroDivisionError" in caplog.text


def retry_date(in_s: float) -> str:
    from email.utils import formatdate  # noqa: PLC0415

    return formatdate(time.time() + in_s, usegmt=True)


class TestFlushAgain:
    """A flush does not wait for the end of a pause, and does not remove pauses."""

    def answering(self, sink: Sink) -> list[int]:
        """A server that asks to be left alone, until a status is put into the list."""
        statuses: list[int] = []
        asked = Answer(status=429, headers={"Retry-After": "60"})
        sink.answer = lambda _: Answer(statuses[-1]) if statuses else asked
        return statuses

    def test_a_second_flush_tries_again(self, launch: Launch, sink: Sink) -> None:
        statuses = self.answering(sink)
        client = launch(settings(), batch_events=MANY)
        assert client.activate("checkout", "Ann")
        assert client.flush_events(timeout_s=0.2) is False
        statuses.append(200)
        assert client.flush_events(timeout_s=GENEROUS_S)

    def test_a_close_tries_again(self, launch: Launch, sink: Sink) -> None:
        statuses = self.answering(sink)
        client = launch(settings(), batch_events=MANY)
        assert client.activate("checkout", "Ann")
        assert client.flush_events(timeout_s=0.2) is False
        statuses.append(200)
        assert client.close(GENEROUS_S)

    def test_many_flushes_are_not_many_attempts(self, launch: Launch, sink: Sink) -> None:
        self.answering(sink)
        client = launch(settings(), batch_events=MANY, close_timeout_s=0.1)
        for number in range(300):
            assert client.activate("checkout", f"u{number}")
            client.flush_events("async")
        assert len(sink.received) < 30

    def test_an_event_beside_a_flush_is_no_part_of_it(self, launch: Launch, sink: Sink) -> None:
        """Threads that go on tracking do not keep a flush from ending."""
        client = launch(settings(), batch_events=MANY)
        stop = threading.Event()

        def work() -> None:
            number = 0
            while not stop.wait(0.0005):
                number += 1
                client.activate("checkout", f"{threading.get_ident()} {number}")

        threads = [threading.Thread(target=work) for _ in range(3)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(0.00001)
        try:
            for thread in threads:
                thread.start()
            while len(sink.received) < 100:
                assert client.flush_events(timeout_s=GENEROUS_S)
        finally:
            sys.setswitchinterval(interval)
            stop.set()
        for thread in threads:
            thread.join()


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("header", "wanted"),
        [
            (None, 0.0),
            ("", 0.0),
            ("0", 0.0),
            ("7", 7.0),
            (" 7 ", 7.0),
            ("-5", 0.0),
            ("1.5", 0.0),
            ("soon", 0.0),
            ("9" * 400, 120.0),
            ("100000", 120.0),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
            ("Thu, 01 Jan 2970 00:00:00 GMT", 120.0),
            ("Thu, 99 Foo 2970 00:00:00 GMT", 0.0),
            ("٣", 0.0),
        ],
    )
    def test_it_is_read_within_bounds(self, header: str | None, wanted: float) -> None:
        assert retry_after_s(header) == wanted

    def test_pauses_are_spread_and_bounded(self) -> None:
        """Their bound doubles with every failure, up to half a minute."""
        for failures in (0, 3, 5, 1000):
            bound = min(30.0, 0.5 * 2.0 ** min(failures, 16))
            pauses = [retrying.pause_s(failures) for _ in range(200)]
            assert min(pauses) >= 0
            # Of 200, one in the upper half of the range is as good as certain.
            assert bound / 2 < max(pauses) <= bound
            assert len(set(pauses)) > 100


class TestBounds:
    """A full queue refuses, says so, and holds no call up."""

    def test_the_number_of_events(self, launch: Launch, caplog: pytest.LogCaptureFixture) -> None:
        drops: list[tuple[str, int]] = []
        client = launch(
            settings(),
            base_url=free_url(),
            batch_events=MANY,
            queue_events=10,
            on_drop=lambda reason, count: drops.append((reason, count)),
        )
        taken = [
            client.track("checkout", f"u{number}", "purchase") == {"checkout": True}
            for number in range(50)
        ]
        # As many as wait, and as many as are on their way.
        accepted = sum(taken)
        assert 10 <= accepted <= 20
        assert taken[:10] == [True] * 10
        stats = client.stats()
        assert stats.accepted == {"conversion": accepted}
        assert stats.refused == {"queue_full": {"conversion": 50 - accepted}}
        client.close(0.1)
        wait_until(
            lambda: sum(count for reason, count in drops if reason == "queue_full") == 50 - accepted
        )
        # Told at once, and what was refused after that when the client closes.
        told = [
            int(count) for count in re.findall(r"(\d+) events? (?:was|were) refused", caplog.text)
        ]
        assert len(told) <= 2
        assert sum(told) == 50 - accepted

    def test_their_bytes(self, launch: Launch) -> None:
        client = launch(
            settings(),
            base_url=free_url(),
            batch_events=MANY,
            queue_bytes=2000,
            close_timeout_s=0.1,
        )
        for number in range(50):
            client.activate("checkout", f"u{number}", user_agent="x" * 100)
        stats = client.stats()
        accepted = stats.accepted["visitor"]
        assert stats.refused == {"queue_full": {"visitor": 50 - accepted}}
        # As many as wait, and as many as are on their way.
        assert 5 <= accepted <= 2 * 2000 // 200

    def test_a_queue_that_is_full_is_sent(self, launch: Launch, sink: Sink) -> None:
        """Also where it is smaller than a batch."""
        client = launch(settings(), batch_events=MANY, queue_events=50)
        for number in range(50):
            assert client.track("checkout", f"u{number}", "purchase")
        wait_until(lambda: bool(client.track("checkout", "one more", "purchase")))
        wait_until(lambda: sizes(sink) == [50])

    def test_they_are_told_together(self, launch: Launch, sink: Sink) -> None:
        """At most once a second, however many requests are rejected in it."""
        told: list[int] = []
        sink.answer = lambda _: Answer(status=400)
        client = launch(
            settings(),
            batch_events={"events_per_request": 1},
            on_drop=lambda _reason, count: told.append(count),
        )
        for number in range(200):
            assert client.activate("checkout", f"u{number}")
        client.flush_events(timeout_s=GENEROUS_S)
        wait_until(lambda: sum(told) == 200)
        # Were each told when it is dropped, there would be 200.
        assert len(told) < 100

    def test_it_is_told_while_it_happens(
        self, launch: Launch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """In the middle of an outage, and by the thread that sends."""
        told: list[str] = []
        with BlackHole() as hole:
            client = launch(
                settings(),
                base_url=hole.url,
                request_timeout_s=0.1,
                batch_events={"events_per_request": 1},
                queue_events=1,
                on_drop=lambda _reason, _count: told.append(threading.current_thread().name),
            )
            for number in range(50):
                client.activate("checkout", f"u{number}")
            wait_until(lambda: bool(told))
            assert set(told) == {"sortition-worker"}
            assert "events were refused: queue full" in caplog.text
            client.close(0.1)

    def test_an_event_larger_than_a_request(self, launch: Launch, sink: Sink) -> None:
        client = launch(settings(), batch_events=MANY, request_bytes=1000)
        client.activate("checkout", "Ann", user_agent="x" * 2000)
        assert client.activate("checkout", "Bob")
        assert client.stats().refused == {"too_large": {"visitor": 1}}
        assert client.flush_events()
        assert sizes(sink) == [1]

    def test_a_refused_event_stores_nothing(self, launch: Launch) -> None:
        """A call whose event is refused does not mark the user as counted."""

        class Memory(vwo.UserStorage):
            kept: list[dict[str, Any]] = []  # noqa: RUF012

            def get(self, _user_id: str, _campaign_key: str) -> None:
                return None

            def set(self, user_data: dict[str, Any]) -> None:
                self.kept.append(user_data)

        memory = Memory()
        memory.kept = []
        client = launch(
            settings(),
            base_url=free_url(),
            batch_events=MANY,
            queue_events=1,
            user_storage=memory,
        )
        assert client.activate("checkout", "Ann")
        assert client.activate("checkout", "Bob")
        assert [record["userId"] for record in memory.kept] == ["Ann"]


class TestLedger:
    def test_synchronous_sending_is_counted_too(self, launch: Launch, sink: Sink) -> None:
        answers = iter([200, 200, 400, 503])
        sink.answer = lambda _: Answer(status=next(answers))
        drops: list[tuple[str, int]] = []
        client = launch(settings(), on_drop=lambda reason, count: drops.append((reason, count)))
        assert client.activate("checkout", "Ann")
        assert client.track("checkout", "Ann", "purchase")
        assert not client.track("checkout", "Ann", "purchase")
        assert not client.track("checkout", "Ann", "purchase")
        assert client.track("checkout", "", "purchase") is None
        stats = client.stats()
        assert stats.accepted == {"visitor": 1, "conversion": 3}
        assert stats.delivered == {"visitor": 1, "conversion": 1}
        assert stats.dropped == {
            "rejected": {"conversion": 1},
            "unknown_outcome": {"conversion": 1},
        }
        assert stats.refused == {"argument": {"conversion": 1}}
        assert sum_of(stats) == 4
        assert drops == [("rejected", 1), ("unknown_outcome", 1)]


class TestClosing:
    def test_it_delivers_what_waits(self, launch: Launch, sink: Sink) -> None:
        with launch(settings(), batch_events=MANY) as client:
            assert client.activate("checkout", "Ann")
        assert sizes(sink) == [1]
        assert client.activate("checkout", "Bob") is None
        assert client.stats().refused == {"closed": {"visitor": 1}}

    def test_it_ends_at_its_deadline(
        self, launch: Launch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither `close` nor the exit waits for a server that hangs."""
        with BlackHole() as hole:
            client = launch(settings(), base_url=hole.url, batch_events=MANY)
            for number in range(10):
                assert client.activate("checkout", f"u{number}")
            assert client.close(0.2) is False
            # By this thread or the client's, whoever comes to it first.
            wait_until(lambda: "10 events" in caplog.text)

    @pytest.mark.parametrize("timeout_s", ["5", float("inf"), 1e12, -1, True])
    def test_a_wrong_time_is_the_launch_s(
        self, launch: Launch, caplog: pytest.LogCaptureFixture, timeout_s: Any
    ) -> None:
        client = launch(settings(), batch_events=MANY)
        assert client.activate("checkout", "Ann")
        assert client.close(timeout_s) is True
        assert "close: timeout_s must be" in caplog.text

    def test_one_that_nobody_closes_ends_in_its_time(self) -> None:
        before = set(threading.enumerate())
        with BlackHole() as hole:
            client = vwo.launch(
                settings(),
                base_url=hole.url,
                request_timeout_s=0.3,
                close_timeout_s=0.5,
                batch_events={"events_per_request": 1},
            )
            for number in range(100):
                assert client.activate("checkout", f"u{number}")
            del client
            gc.collect()
            # A hundred requests of 0.3 seconds would take as long as the deadline.
            wait_until(
                lambda: (
                    not {
                        each
                        for each in set(threading.enumerate()) - before
                        if each.name == "sortition-worker"
                    }
                )
            )

    def test_what_is_left_is_dropped_and_counted(self, launch: Launch) -> None:
        client = launch(settings(), base_url=free_url(), batch_events={"events_per_request": 5})
        for number in range(20):
            assert client.activate("checkout", f"u{number}")
        assert client.close(0.1) is False
        wait_until(lambda: client.stats().dropped == {"closed": {"visitor": 20}})
        assert sum_of(client.stats()) == 20

    def test_from_many_threads_at_once(self, launch: Launch, sink: Sink) -> None:
        """Eight threads that close at once get one shutdown and no exception."""
        client = launch(settings(), batch_events=MANY)
        assert client.activate("checkout", "Ann")
        with ThreadPoolExecutor(8) as callers:
            answers = list(callers.map(lambda _: client.close(), range(8)))
        assert answers == [True] * 8
        assert client.close() is True
        assert sizes(sink) == [1]

    def test_from_a_signal_handler(self, launch: Launch, sink: Sink) -> None:
        """A signal handler may close the client."""
        client = launch(settings(), batch_events=MANY)
        before = signal.signal(signal.SIGUSR1, lambda *_: client.close() and None)
        try:
            assert client.activate("checkout", "Ann")
            signal.raise_signal(signal.SIGUSR1)
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert client.activate("checkout", "Bob") is None
        assert sizes(sink) == [1]

    def test_from_a_finalizer(self, launch: Launch, sink: Sink) -> None:
        """A finalizer may close the client."""
        client = launch(settings(), batch_events=MANY)

        class Owner:
            def __del__(self) -> None:
                answers.append(client.close())

        answers: list[bool] = []
        assert client.activate("checkout", "Ann")
        owner = Owner()
        owner.itself = owner  # type: ignore[attr-defined]  # so that it is found by a collection
        del owner
        gc.collect()
        assert answers == [True]
        assert sizes(sink) == [1]

    def test_one_that_nobody_closes(self, sink: Sink) -> None:
        """It sends what waits, ends its thread and is forgotten."""
        before = set(threading.enumerate())
        client = vwo.launch(settings(), base_url=sink.url, batch_events=MANY)
        assert client.activate("checkout", "Ann")
        gone = weakref.ref(client)
        del client
        gc.collect()
        assert gone() is None
        wait_until(lambda: sizes(sink) == [1])
        wait_until(lambda: set(threading.enumerate()) - before == set())

    def test_a_transport_that_raises_on_close_is_the_caller_s(self, launch: Launch) -> None:
        """The client does not close the caller's objects; everything else ends."""

        class Mine:
            def send(self, _request: vwo.Request, _timeout_s: float) -> vwo.Response:
                return vwo.Response(200, b"")

            def close(self) -> None:
                raise RuntimeError

        client = launch(settings(), transport=Mine(), batch_events=MANY)
        assert client.activate("checkout", "Ann")
        assert client.close() is True


PROGRAM = """
import os, sys, threading
from sortition import vwo
url, engine, way = sys.argv[1:]
document = {document!r}
many = {{"events_per_request": 5000}}
if way == "many clients":
    others = [
        vwo.launch(document, base_url=url, engine=engine, batch_events=many) for _ in range(20)
    ]
    for other in others:
        assert other.activate("checkout", "parent")
client = vwo.launch(document, base_url=url, engine=engine, batch_events=many)
assert client.activate("checkout", "parent")
def child():
    assert client.activate("checkout", f"child {{os.getpid()}}")
if way == "raise":
    raise SystemExit(3)
if way == "thread":
    thread = threading.Thread(target=lambda: client.activate("checkout", "thread"))
    thread.start()
if way == "atexit":
    import atexit
    atexit.register(lambda: client.activate("checkout", "late"))
if way == "fork":
    if os.fork() == 0:
        child()
        sys.exit(0)
    os.wait()
if way in ("multiprocessing fork", "multiprocessing fork without events"):
    import multiprocessing
    target = child if way == "multiprocessing fork" else print
    process = multiprocessing.get_context("fork").Process(target=target)
    process.start()
    process.join()
    assert process.exitcode == 0
"""


class TestExit:
    """The end of a program delivers what waits, and says nothing."""

    @pytest.mark.parametrize(
        ("way", "events", "code"),
        [
            ("end", 1, 0),
            ("raise", 1, 3),
            ("thread", 2, 0),
            ("atexit", 2, 0),
            ("fork", 2, 0),
            ("multiprocessing fork", 2, 0),
            ("multiprocessing fork without events", 1, 0),
        ],
    )
    def test_everything_is_delivered(
        self, sink: Sink, tmp_path: Path, way: str, events: int, code: int
    ) -> None:
        for engine in ("compiled", "pure"):
            sink.received.clear()
            done = self.run(sink.url, engine, way, tmp_path)
            assert (done.returncode, done.stderr) == (code, "")
            assert sum(sizes(sink)) == events

    def test_a_client_that_is_launched_during_it(self, sink: Sink, tmp_path: Path) -> None:
        """Each of its events is delivered before the call goes on."""
        program = """
import atexit, sys
def late():
    client = vwo.launch(
        {document!r}, base_url=sys.argv[1], batch_events={{"events_per_request": 5000}}
    )
    for number in range(3):
        assert client.activate("checkout", f"u{{number}}")
        assert client.stats().delivered == {{"visitor": number + 1}}, client.stats()
atexit.register(late)
from sortition import vwo
"""
        done = subprocess.run(
            [sys.executable, "-c", program.format(document=settings()), sink.url],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=GENEROUS_S,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert sizes(sink) == [1, 1, 1]

    def test_it_is_bounded(self, tmp_path: Path) -> None:
        """Five seconds, and not for each client."""
        with BlackHole() as hole:
            # One after the other they would take longer than the test may.
            done = self.run(hole.url, "compiled", "many clients", tmp_path)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr

    def test_ctrl_c_in_the_wait_for_it(self, tmp_path: Path) -> None:
        """It ends the wait, without a trace; what is left is in the log."""
        program = PROGRAM.format(document=settings()) + textwrap.dedent(
            """
            import logging, signal, time
            logging.basicConfig(stream=sys.stdout, format="%(message)s")
            def interrupt():
                while client.stats().in_flight == {}:
                    time.sleep(0.01)
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            threading.Thread(target=interrupt, daemon=True).start()
            """
        )
        program = program.replace("batch_events=many)", "batch_events=many, close_timeout_s=3600)")
        with BlackHole() as hole:
            done = subprocess.run(
                [sys.executable, "-c", program, hole.url, "compiled", "end"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                timeout=GENEROUS_S,
            )
        assert (done.returncode, done.stderr) == (0, "")
        assert "closed while 1 events were on their way" in done.stdout

    @staticmethod
    def run(url: str, engine: str, way: str, folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM.format(document=settings()), url, engine, way],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=GENEROUS_S,
            env={**os.environ, "PYTHONWARNINGS": "ignore::DeprecationWarning"},
        )


class TestForks:
    def test_nothing_is_sent_twice(self, launch: Launch, sink: Sink) -> None:
        """The parent sends its waiting events, and the child sends its own."""
        client = launch(settings(), batch_events=MANY)
        for number in range(500):
            assert client.activate("checkout", f"parent {number}")
        children = []
        for child in range(4):
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    for number in range(100):
                        client.activate("checkout", f"child {child} {number}")
                    status = 0 if client.close(GENEROUS_S) else 2
                finally:
                    os._exit(status)
            children.append(pid)
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        assert client.flush_events()
        users = [event["u"] for one in sink.received for event in events_of(one)]
        assert len(users) == len(set(users)) == 900
        assert client.stats().delivered == {"visitor": 500}

    def test_a_fork_while_a_request_is_on_its_way(self, launch: Launch, sink: Sink) -> None:
        release = threading.Event()

        def answer(_: Received) -> Answer:
            release.wait(GENEROUS_S)
            return Answer()

        sink.answer = answer
        client = launch(settings(), batch_events={"events_per_request": 1})
        assert client.activate("checkout", "parent")
        wait_until(lambda: len(sink.received) == 1)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                client.activate("checkout", "child")
                client.flush_events(timeout_s=0.1)
                client.close(0.1)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
        release.set()
        assert client.flush_events()
        assert client.stats().delivered == {"visitor": 1}


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"batch_events": True}, "batch_events: must be a dict, got bool"),
            (
                {"batch_events": {"flush_callback": print}},
                "batch_events: must have events_per_request or request_time",
            ),
            (
                {"batch_events": {"event_per_request": 5}},
                "there is no such option; did you mean batch_events.events_per_request",
            ),
            (
                {"batch_events": {"events_per_request": 0}},
                "batch_events.events_per_request: must be from 1 to 5000",
            ),
            (
                {"batch_events": {"events_per_request": 5001}},
                "batch_events.events_per_request: must be from 1 to 5000",
            ),
            (
                {"batch_events": {"events_per_request": "5"}},
                "batch_events.events_per_request: must be a whole number, got str",
            ),
            (
                {"batch_events": {"request_time_interval": 0.5}},
                "batch_events.request_time_interval: must be from 1 to 604800 seconds",
            ),
            (
                {"batch_events": {"request_time_interval": float("nan")}},
                "batch_events.request_time_interval: must be from 1",
            ),
            (
                {"batch_events": {"events_per_request": 5, "flush_callback": 5}},
                "batch_events.flush_callback: must be callable, got int",
            ),
            # Also where it has no effect.
            ({"queue_events": "5"}, "queue_events: must be a whole number, got str"),
            ({"batch_events": MANY, "queue_events": 0}, "queue_events: must be from 1"),
            ({"batch_events": MANY, "queue_bytes": 1.5}, "queue_bytes: must be a whole number"),
            ({"batch_events": MANY, "retry_for_s": -1}, "retry_for_s: must be from 0"),
            (
                {"batch_events": MANY, "on_unknown_outcome": "retry"},
                "on_unknown_outcome: must be one of resend, drop",
            ),
            ({"batch_events": MANY, "on_drop": "log"}, "on_drop: must be callable"),
            ({"close_timeout_s": 0}, "close_timeout_s: must be more than 0"),
        ],
    )
    def test_what_cannot_be_used(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            vwo.launch(settings(), **options)

    def test_the_platform_s_defaults(self, launch: Launch) -> None:
        by_time = launch(settings(), batch_events={"request_time_interval": 5})
        by_count = launch(settings(), batch_events={"events_per_request": 5})
        assert by_time._launch.batching is not None
        assert by_count._launch.batching is not None
        assert by_time._launch.batching.events_per_request == 100
        assert by_count._launch.batching.interval_s == 600
