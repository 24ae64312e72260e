"""Every wait ends: without threads, under a frozen clock, after a close and with a bad event."""

from __future__ import annotations

import json
import queue
import random
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from support.documents import campaign, revenue_goal, settings
from support.events import sum_of
from support.sink import Answer, BlackHole, Sink, wait_until

from sortition import _core, vwo
from sortition._http import retrying
from sortition._sending import deliver, pure
from sortition._sending.ledger import Ledger
from sortition._sending.parts import Parts
from sortition._sending.pure.order import QueuedEvent
from sortition._sending.set_aside import Aside, SetAside

if TYPE_CHECKING:
    from support.sink import Received

GENEROUS_S: Final = 60.0
DOCUMENT: Final = settings(campaign(goals=[revenue_goal(11, "purchase")]))
MANY: Final = {"events_per_request": 5000, "request_time_interval": 600}


@pytest.fixture(params=["compiled", "pure"])
def engine(request: pytest.FixtureRequest) -> Any:
    return request.param


def track(client: vwo.Client, user: str) -> bool:
    return bool(client.track("checkout", user, "purchase", revenue_value=1))


def events_of(received: Received) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(received.body)["ev"]
    return found


def test_without_a_thread_the_status_says_so_and_a_flush_answers_at_once(
    sink: Sink, engine: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once threads can be started again, what waited is sent."""

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with vwo.launch(DOCUMENT, engine=engine, base_url=sink.url, batch_events=MANY) as client:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", fail)
            assert track(client, "Ann")
            assert track(client, "Bob")
            started = time.monotonic()
            assert client.flush(GENEROUS_S) is False
            assert time.monotonic() - started < GENEROUS_S / 2
            assert client.status().state == "degraded"
            assert "no thread for events can be started" in client.status().reasons
        assert caplog.text.count("no thread can be started") == 1
        assert client.flush(GENEROUS_S)
        assert client.status().state == "ready"
        assert client.stats().delivered == {"conversion": 2}


def test_a_second_close_answers_as_the_first_and_waits_for_nothing(engine: Any) -> None:
    with BlackHole() as hole:
        client = vwo.launch(DOCUMENT, engine=engine, base_url=hole.url, batch_events=MANY)
        assert track(client, "Ann")
        assert client.close(0.2) is False
        # What was on its way may have arrived.
        assert client.stats().dropped == {"unknown_outcome": {"conversion": 1}}
        started = time.monotonic()
        assert client.close(GENEROUS_S) is False
        assert time.monotonic() - started < GENEROUS_S / 2


def test_the_exit_after_a_close_waits_for_nothing() -> None:
    """The program would otherwise take `close_timeout_s` longer than the test may."""
    program = textwrap.dedent(
        """
        import socket, sys
        from sortition import vwo
        server = socket.create_server(("127.0.0.1", 0))
        client = vwo.launch(
            {document!r},
            base_url=f"http://127.0.0.1:{{server.getsockname()[1]}}",
            batch_events={{"events_per_request": 100}},
            close_timeout_s=300,
            request_timeout_s=300,
        )
        client.track("checkout", "Ann", "purchase", revenue_value=1)
        assert client.close(0.1) is False
        """
    ).format(document=DOCUMENT)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=GENEROUS_S)


@pytest.mark.parametrize("way", ["batches", "within the call"])
def test_a_finalizer_that_tracks_at_the_end_of_the_interpreter(sink: Sink, way: str) -> None:
    program = textwrap.dedent(
        """
        import sys
        from sortition import vwo
        batches = {{"events_per_request": 100}} if sys.argv[2] == "batches" else None
        client = vwo.launch({document!r}, base_url=sys.argv[1], batch_events=batches)
        client.track("checkout", "Ann", "purchase", revenue_value=1)
        class Tracking:
            def __del__(self):
                client.track("checkout", "Bob", "purchase", revenue_value=1)
        keep = Tracking()
        """
    ).format(document=DOCUMENT)
    subprocess.run([sys.executable, "-c", program, sink.url, way], check=True, timeout=GENEROUS_S)


@pytest.mark.parametrize("status", [400, 422])
def test_one_event_that_is_refused_costs_no_other(sink: Sink, engine: Any, status: int) -> None:
    def answer(received: Received) -> Answer:
        users = [event["r"] for event in events_of(received)]
        return Answer(status=status if 13 in users else 200)

    sink.answer = answer
    with vwo.launch(DOCUMENT, engine=engine, base_url=sink.url, batch_events=MANY) as client:
        for number in range(1, 101):
            client.track("checkout", f"u{number}", "purchase", revenue_value=number)
        assert client.flush(GENEROUS_S) is False
        stats = client.stats()
        assert stats.delivered == {"conversion": 99}
        assert stats.dropped == {"rejected": {"conversion": 1}}
        assert sum_of(stats) == 100
    # In order, and the one alone that is refused.
    arrived = [
        event["r"]
        for one in sink.received
        if 13 not in [event["r"] for event in events_of(one)]
        for event in events_of(one)
    ]
    assert arrived == [number for number in range(1, 101) if number != 13]
    assert [13] in [[event["r"] for event in events_of(one)] for one in sink.received]


def test_a_server_that_refuses_everything_gets_a_bounded_number_of_requests(sink: Sink) -> None:
    sink.answer = lambda _: Answer(status=400)
    with vwo.launch(DOCUMENT, base_url=sink.url, batch_events=MANY) as client:
        for number in range(300):
            track(client, f"u{number}")
        assert client.flush(GENEROUS_S) is False
        assert client.stats().dropped == {"rejected": {"conversion": 300}}
    assert len(sink.received) == 100


def test_an_event_that_the_server_fails_with_is_passed_by_others(
    sink: Sink, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later events of its own user wait for it."""
    monkeypatch.setattr(deliver, "_FAILS_FOR_LONG_S", 0.0)
    monkeypatch.setattr(deliver, "pause_s", lambda _: 0.01)
    is_mended = threading.Event()
    taken: list[int] = []

    def answer(received: Received) -> Answer:
        revenues = [event["r"] for event in events_of(received)]
        if 13 in revenues and not is_mended.is_set():
            return Answer(status=500)
        taken.extend(revenues)
        return Answer()

    sink.answer = answer
    with vwo.launch(DOCUMENT, engine=engine, base_url=sink.url, batch_events=MANY) as client:
        for number in range(1, 21):
            client.track("checkout", f"u{number % 19}", "purchase", revenue_value=number)
        # Of the same user as the one that fails.
        client.track("checkout", "u13", "purchase", revenue_value=99)
        client.flush_events(mode="async")
        wait_until(lambda: client.stats().delivered == {"conversion": 19})
        is_mended.set()
        assert client.flush(GENEROUS_S)
        assert client.stats().delivered == {"conversion": 21}
    assert sorted(taken) == [*range(1, 21), 99]
    assert taken.index(13) < taken.index(99)


def test_only_one_event_is_set_aside_while_nothing_gets_through() -> None:
    """Without an event that the server takes it may be down, and that is no fault of an event."""
    aside = SetAside()
    event = QueuedEvent("conversion", b"{}", "", None)
    taken = [aside.take(Aside(event, ends_at=0.0), has_evidence=False) for _ in range(3)]
    assert taken == [True, False, False]
    taken = [aside.take(Aside(event, ends_at=0.0), has_evidence=True) for _ in range(100)]
    assert taken == [True] * 99 + [False]
    assert len(aside) == 100


def parts_of(count: int, most_refusals: int = 100) -> Parts:
    events = [QueuedEvent("visitor", b"", "", None) for _ in range(count)]
    for number, event in enumerate(events):
        event.number = number
    return Parts(events, most_refusals)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_every_bad_event_ends_up_alone(count: int) -> None:
    for bad in range(count):
        parts = parts_of(count)
        ended: list[int] = []
        while parts.next:
            numbers = [event.number for event in parts.next]
            if bad in numbers and parts.halve_by_refusal():
                continue
            assert bad not in numbers or numbers == [bad]
            ended += [event.number for event in parts.pop()]
        assert ended == list(range(count))


def test_a_flush_and_a_close_end_under_a_frozen_clock(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As tools freeze it that tests use."""
    with BlackHole() as hole:
        client = vwo.launch(DOCUMENT, engine=engine, base_url=hole.url, batch_events=MANY)
        assert track(client, "Ann")
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now)
        assert client.flush(0.2) is False
        assert client.close(0.2) is False


def test_bounds_of_pauses_double() -> None:
    for failures in range(5):
        longest = max(retrying.pause_s(failures) for _ in range(500))
        assert 0.5 * 2.0**failures * 0.9 < longest <= 0.5 * 2.0**failures


@pytest.mark.parametrize("module", [_core, pure])
@pytest.mark.parametrize("is_per_user", [False, True])
def test_events_and_bytes_add_up_after_every_step(module: Any, *, is_per_user: bool) -> None:
    """For every way in which an event leaves the queue."""
    chance = random.Random(7)  # noqa: S311 -- the same steps every time
    counts = module.Counts()
    events = module.Queue(
        counts,
        queue.SimpleQueue(),
        events=50,
        size=2000,
        largest=100,
        batch_events=10,
        threads=1,
        is_per_user=is_per_user,
        is_plain=True,
    )
    taken: list[Any] = []
    waiting = accepted = 0
    for _ in range(3000):
        if chance.random() < 0.6:
            event = bytes(chance.randrange(1, 120))
            is_taken = events.put("visitor", event, f"u{chance.randrange(9)}") is None
            accepted += is_taken
            waiting += len(event) * is_taken
        elif taken and chance.random() < 0.7:
            one = taken.pop(chance.randrange(len(taken)))
            assert events.end([one], chance.choice([None, "rejected", "fault"])) == 1
            assert events.end([one], None) == 0
            events.settle([one])
        else:
            more = events.take(chance.randrange(1, 6), 300)
            taken += more
            waiting -= sum(len(one.event) for one in more)
        terms = counts.terms()
        dropped = sum(kinds["visitor"] for kinds in terms["dropped"].values())
        numbers = [terms[name].get("visitor", 0) for name in ("delivered", "queued", "in_flight")]
        assert sum(numbers) + dropped == terms["accepted"].get("visitor", 0) == accepted
        assert (events.events, events.size) == (numbers[1], waiting)
        assert events.size <= 2000
    events.give_up()
    assert (events.events, events.size, counts.is_at_rest()) == (0, 0, True)


@pytest.mark.parametrize("module", [_core, pure])
def test_what_is_given_up_is_told_in_one_way(module: Any) -> None:
    """A file keeps an event, or a request is under way with it, or it is dropped as closed."""
    counts = module.Counts()
    events = module.Queue(
        counts,
        queue.SimpleQueue(),
        events=50,
        size=2000,
        largest=100,
        batch_events=10,
        threads=1,
        is_per_user=False,
        is_plain=False,
    )
    for place in (object(), None, object(), None, object(), None):
        assert events.put("visitor", b"{}", "", place) is None
    taken = events.take(4, 1000)
    events.set_on_its_way(taken[:2], True)
    assert events.give_up() == (6, 1)
    stats = Ledger(counts).stats()
    assert stats.spooled == {"visitor": 3}
    assert stats.dropped == {"unknown_outcome": {"visitor": 1}, "closed": {"visitor": 2}}


@pytest.mark.parametrize("module", [_core, pure])
def test_what_a_closed_queue_refuses_is_counted_only(module: Any) -> None:
    """A thread that goes on calling during the exit causes no message; a full queue does."""
    counts = module.Counts()
    events = module.Queue(
        counts,
        queue.SimpleQueue(),
        events=1,
        size=2000,
        largest=100,
        batch_events=10,
        threads=1,
        is_per_user=False,
        is_plain=True,
    )
    assert events.put("visitor", b"{}") is None
    assert events.put("visitor", b"{}") == "queue_full"
    assert counts.take_untold() == {"queue_full": 1}
    events.close(GENEROUS_S)
    assert events.put("visitor", b"{}") == "closed"
    assert not counts.has_untold
    assert counts.terms()["refused"] == {"queue_full": {"visitor": 1}, "closed": {"visitor": 1}}


@pytest.fixture(params=[_core, pure])
def queue_of_one(request: pytest.FixtureRequest) -> Any:
    """A queue with one sender, its ledger's numbers, and its bell."""
    module = request.param
    counts, bell = module.Counts(), queue.SimpleQueue[None]()
    events = module.Queue(
        counts,
        bell,
        events=100,
        size=10_000,
        largest=1000,
        batch_events=10,
        threads=1,
        is_per_user=False,
        is_plain=True,
    )
    return events, counts, bell


def test_an_event_that_was_given_up_does_not_come_back(queue_of_one: Any) -> None:
    """A sender may put it back after a close: every event keeps its one end."""
    events, counts, _ = queue_of_one
    assert events.put("visitor", b"{}") is None
    (taken,) = events.take(10, 1000)
    assert events.give_up() == (1, 0)
    events.put_back(taken, "Ann")
    assert (events.events, events.size, counts.is_at_rest()) == (0, 0, True)
    terms = counts.terms()
    assert terms["dropped"] == {"closed": {"visitor": 1}}
    assert not any(terms["queued"].values())
    assert not any(terms["in_flight"].values())


def test_a_new_event_wakes_a_sender_that_sleeps_beside_held_ones(queue_of_one: Any) -> None:
    """Events that wait for one of their user, which was set aside, do not delay other users'."""
    events, _, bell = queue_of_one
    for _ in range(2):
        assert events.put("visitor", b"{}") is None
    first, second = events.take(10, 1000)
    events.hold(first, "Ann")
    events.put_back(second, "Ann")
    assert events.due_in_s(600.0) is None
    events.begin_sleep()
    assert events.put("visitor", b"{}") is None
    assert bell.qsize() == 1
    # It does not wake anybody again before it was seen.
    assert events.put("visitor", b"{}") is None
    assert bell.qsize() == 1
