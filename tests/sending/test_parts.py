"""Batches that are sent in parts: what one bad event costs the others, and what is counted."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from support.documents import settings
from support.events import MANY, events_of, outbox_of, sizes
from support.sink import Answer, Sink, wait_until

from sortition._base.clock import now_s
from sortition._process.forks import ForkedError
from sortition._sending import deliver
from sortition._sending.set_aside import Aside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from support.sink import Received

    from sortition import vwo

    Launch = Callable[..., vwo.Client]

GOOD = 99


def refuse_the_bad(received: Received) -> Answer:
    bad = any("bad" in str(event) for event in events_of(received))
    return Answer(status=400 if bad else 200)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client retries at once."""
    monkeypatch.setattr(deliver, "pause_s", lambda _: 0.01)


class TestRefusedEvents:
    """The name of a pushed tag says whether the server refuses an event."""

    @staticmethod
    def push(client: vwo.Client, *tags: str) -> None:
        for tag in tags:
            assert client.push(tag, "value", "Ann")

    @pytest.mark.parametrize("before", [0, 1, 3, 6])
    def test_one_bad_event_costs_no_other_whatever_came_alone_before(
        self, launch: Launch, sink: Sink, before: int
    ) -> None:
        """Batches of one bad event say nothing about a batch with good ones."""
        sink.answer = refuse_the_bad
        client = launch(settings(), batch_events=MANY)
        for _ in range(before):
            self.push(client, "bad")
            assert client.flush_events() is False
        self.push(client, *["good"] * 50, "bad", *["good"] * (GOOD - 50))
        assert client.flush_events() is False
        assert client.stats().delivered == {"push": GOOD}
        assert client.stats().dropped == {"rejected": {"push": before + 1}}

    @pytest.mark.parametrize("place", [0, 17, GOOD])
    def test_one_bad_event_costs_no_other_after_batches_that_were_refused_as_a_whole(
        self, launch: Launch, sink: Sink, place: int
    ) -> None:
        """The client sends fewer parts of a batch then, but enough to find a bad event."""
        sink.answer = refuse_the_bad
        client = launch(settings(), batch_events=MANY)
        for _ in range(4):
            self.push(client, *["bad"] * 10)
            assert client.flush_events() is False
        self.push(client, *["good"] * place, "bad", *["good"] * (GOOD - place))
        assert client.flush_events() is False
        assert client.stats().delivered == {"push": GOOD}

    def test_a_server_that_refuses_everything_gets_fewer_requests_for_each_batch(
        self, launch: Launch, sink: Sink
    ) -> None:
        """Several refused events of one batch, and none that is accepted, are a reason."""
        sink.answer = lambda _: Answer(status=400)
        client = launch(settings(), batch_events=MANY)
        requests = []
        for _ in range(4):
            before = len(sink.received)
            self.push(client, *["good"] * 100)
            assert client.flush_events() is False
            requests.append(len(sink.received) - before)
        assert requests == [100, 25, 16, 16]


@pytest.mark.usefixtures("hurried")
class TestPossiblyDuplicated:
    """Events of which the server may have several copies."""

    def test_a_batch_that_is_sent_in_smaller_parts_counts(
        self, launch: Launch, sink: Sink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each of its events once, also those of the second part."""
        monkeypatch.setattr(deliver, "_FAILS_FOR_LONG_S", 0.0)
        sink.answer = lambda one: Answer(status=500 if len(events_of(one)) == 4 else 200)
        client = launch(settings(), batch_events=MANY)
        for number in range(4):
            assert client.activate("checkout", f"u{number}")
        assert client.flush_events()
        assert sizes(sink) == [4, 2, 2]
        assert client.stats().possibly_duplicated == {"visitor": 4}

    def test_a_batch_whose_answer_is_lost_and_that_is_then_refused_counts(
        self, launch: Launch, sink: Sink
    ) -> None:
        answers = iter([500, 400])
        sink.answer = lambda _: Answer(status=next(answers, 200))
        client = launch(settings(), batch_events=MANY)
        for number in range(2):
            assert client.activate("checkout", f"u{number}")
        assert client.flush_events()
        assert sizes(sink) == [2, 2, 1, 1]
        assert client.stats().possibly_duplicated == {"visitor": 2}

    def test_an_attempt_that_did_not_arrive_does_not_count(
        self, launch: Launch, sink: Sink
    ) -> None:
        answers = iter([429, 500, 429])
        sink.answer = lambda _: Answer(status=next(answers, 200))
        client = launch(settings(), batch_events={"events_per_request": 2})
        assert client.activate("checkout", "u0")
        assert client.activate("checkout", "u1")
        assert client.flush_events()
        assert sizes(sink) == [2, 2, 2, 2]
        assert client.stats().possibly_duplicated == {"visitor": 2}


def test_a_fork_settles_no_event_that_its_parent_retries() -> None:
    """A greenlet that a fork copied ends in the child and leaves the event to the parent."""
    settled: list[object] = []

    def send(_: object) -> None:
        raise ForkedError

    def begin(events: Sequence[object], **_: object) -> object:
        return SimpleNamespace(events=events, send=send)

    parts: Any = {
        "batching": deliver_options(),
        "events": SimpleNamespace(time_left_s=lambda: None, flush_count=0),
        "attempting": SimpleNamespace(begin=begin),
        "pauses": None,
        "settling": SimpleNamespace(settle=lambda *what: settled.append(what)),
        "user_of": lambda _: "",
    }
    deliverer = deliver.Deliverer(**parts)
    aside = Aside(cast("Any", "event"), ends_at=now_s() + 600)
    assert deliverer.aside.take(aside, has_evidence=False)
    assert deliverer.aside.due(1, is_closing=True) is aside
    with pytest.raises(ForkedError):
        deliverer.retry(aside, cast("Any", None))
    assert settled == []
    assert len(deliverer.aside) == 1


def deliver_options() -> object:
    return SimpleNamespace(
        retry_for_s=600.0, request_bytes=1000, request_timeout_s=1.0, events_per_request=10
    )


def test_refused_calls_ring_for_a_pausing_sender_only_once(launch: Launch, sink: Sink) -> None:
    """A full queue in an outage does not keep every sender busy, and bells do not fill up."""
    sink.answer = lambda _: Answer(status=503, headers={"Retry-After": "600"})
    client = launch(settings(), batch_events={"events_per_request": 1}, queue_events=3)
    pauses = outbox_of(client)._pauses
    for number in range(4):
        client.activate("checkout", f"u{number}")
    wait_until(lambda: len(pauses._pausing) == 1)
    looks = []
    has_looked = threading.Event()
    (bell,) = pauses._pausing
    real = pauses._drops.due_in_s

    def due_in_s() -> float | None:
        looks.append(threading.get_ident())
        has_looked.set()
        return real()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pauses._drops, "due_in_s", due_in_s)
        most = 0
        for number in range(2000):
            client.activate("checkout", f"refused {number}")
            most = max(most, bell.qsize())
        assert most <= 1
        # The sender looks for a new report, and then when the report is due: no look per call.
        assert len(looks) < 200
    assert client.stats().refused["queue_full"]["visitor"] >= 2000
    client.close(0)
