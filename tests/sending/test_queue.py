"""Events that the compiled engine puts into the queue by itself: nothing tells them apart."""

from __future__ import annotations

import gc
import json
from itertools import count
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal

import pytest
from support.documents import campaign, revenue_goal, settings
from support.events import outbox_of, sum_of
from support.interruption import Interruption
from support.sink import Answer, Sink, wait_until

from sortition import vwo
from sortition._sending.queues import queues_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GENEROUS_S = 30
DOCUMENT = settings(campaign(goals=[revenue_goal(11, "purchase")]))


@pytest.fixture
def begin() -> Iterator[Callable[..., vwo.Client]]:
    """Launch clients whose calls are answered by the engine itself."""
    clients: list[vwo.Client] = []

    def begin_one(sink: Sink, events_per_request: int = 100, **options: Any) -> vwo.Client:
        batches = {"events_per_request": events_per_request, "request_time_interval": 600}
        client = vwo.launch(
            DOCUMENT, engine="compiled", base_url=sink.url, batch_events=batches, **options
        )
        clients.append(client)
        # The first has the logger remember its level.
        client.get_variation_name("checkout", "u")
        return client

    yield begin_one
    for client in clients:
        client.close(0)


def convert(client: vwo.Client, user: int | str) -> bool:
    return bool(client.track("checkout", f"user {user}", "purchase", revenue_value=1))


def users_of(sink: Sink) -> list[str]:
    return [event["u"] for one in sink.received for event in json.loads(one.body)["ev"]]


def test_the_event_that_fills_a_batch_has_it_sent(
    sink: Sink, begin: Callable[..., vwo.Client]
) -> None:
    client = begin(sink, events_per_request=10)
    for user in range(9):
        assert convert(client, user)
    assert client.stats().queued == {"conversion": 9}
    assert not sink.received
    assert convert(client, "who fills the batch")
    wait_until(lambda: client.stats().delivered == {"conversion": 10})
    assert len(sink.received) == 1


def test_no_more_wait_than_may(sink: Sink, begin: Callable[..., vwo.Client]) -> None:
    client = begin(sink, queue_events=7, events_per_request=5000)
    sink.answer = lambda _: Answer(status=503)
    accepted = [convert(client, user) for user in range(20)]
    wait_until(lambda: bool(sink.received))
    stats = client.stats()
    # The refusal has a batch sent, after which there is room for more.
    assert accepted[:8] == [True] * 7 + [False]
    assert sum(accepted) == stats.accepted["conversion"]
    assert sum(accepted) + stats.refused["queue_full"]["conversion"] == 20
    assert stats.queued.get("conversion", 0) <= 7


def test_no_more_bytes_wait_than_may(sink: Sink, begin: Callable[..., vwo.Client]) -> None:
    client = begin(sink, queue_bytes=3000, events_per_request=5000)
    sink.answer = lambda _: Answer(status=503)
    accepted = [bool(client.activate("checkout", "u", user_agent="x" * 500)) for user in range(20)]
    assert all(accepted), "the variation is returned all the same"
    stats = client.stats()
    assert 2 < stats.accepted["visitor"] < 20
    assert stats.accepted["visitor"] + stats.refused["queue_full"]["visitor"] == 20


def test_an_event_that_is_too_large_is_refused(
    sink: Sink, begin: Callable[..., vwo.Client]
) -> None:
    client = begin(sink, request_bytes=2000)
    for agent in ("", "", "x" * 2000, ""):
        client.activate("checkout", "u", user_agent=agent)
    assert client.stats().accepted == {"visitor": 3}
    assert client.stats().refused == {"too_large": {"visitor": 1}}


def test_a_full_request_is_sent_by_bytes(sink: Sink, begin: Callable[..., vwo.Client]) -> None:
    client = begin(sink, request_bytes=3000, events_per_request=5000)
    for _ in range(12):
        client.activate("checkout", "u", user_agent="x" * 500)
    wait_until(lambda: client.stats().delivered.get("visitor", 0) >= 8)
    assert all(len(one.body) <= 3100 for one in sink.received)
    assert client.flush(GENEROUS_S)
    assert client.stats().delivered == {"visitor": 12}


@pytest.mark.parametrize("ends", ["flush", "close"])
def test_what_ends_a_queue_finds_them(
    sink: Sink, begin: Callable[..., vwo.Client], ends: str
) -> None:
    client = begin(sink, events_per_request=5000)
    for user in range(20):
        assert convert(client, user)
    assert not sink.received
    assert getattr(client, ends)(GENEROUS_S)
    assert client.stats().delivered == {"conversion": 20}
    assert len(users_of(sink)) == 20


def test_what_is_given_up_is_counted(sink: Sink, begin: Callable[..., vwo.Client]) -> None:
    client = begin(sink)
    sink.answer = lambda _: Answer(status=503)
    for user in range(20):
        assert convert(client, user)
    assert not client.close(0.05)
    # What was on its way comes to its end a little later.
    wait_until(lambda: sum_of(client.stats()) == client.stats().accepted["conversion"] == 20)
    assert client.stats().delivered == {}
    assert client.stats().accepted == {"conversion": 20}
    assert not convert(client, "later")


def test_events_keep_their_order(sink: Sink, begin: Callable[..., vwo.Client]) -> None:
    """Also where every third call is one that is not answered by the engine itself."""
    client = begin(sink, events_per_request=7)
    for user in range(100):
        more: Any = {"no_such_option": 1} if user % 3 == 0 else {}
        assert client.track("checkout", f"user {user}", "purchase", revenue_value=user + 1, **more)
    assert client.flush(GENEROUS_S)
    revenues = [event["r"] for one in sink.received for event in json.loads(one.body)["ev"]]
    assert [int(revenue) for revenue in revenues] == list(range(1, 101))


def test_a_client_with_a_spool_has_none(
    sink: Sink, begin: Callable[..., vwo.Client], tmp_path: object
) -> None:
    client = begin(sink, spool=tmp_path)
    assert convert(client, "u")
    assert convert(client, "u")
    assert client._delivery.queue() is None
    assert client.stats().queued == {"conversion": 2}


def test_a_finalizer_may_call_the_client(sink: Sink, begin: Callable[..., vwo.Client]) -> None:
    """Up to Python 3.11 garbage is collected wherever an object is made, so in the middle of it."""
    client = begin(sink, events_per_request=5000)
    called = count()

    class Calling:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            assert convert(client, f"finalizer {next(called)}")

    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(1)
    try:
        for user in range(100):
            Calling()
            assert convert(client, user)
            assert client.push("plan", "pro", "u")
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert next(called) == 100
    assert sum(client.stats().accepted.values()) == 300
    assert client.flush(GENEROUS_S)
    assert sum(client.stats().delivered.values()) == 300
    queue = outbox_of(client).queue
    assert (queue.events, queue.size) == (0, 0)


@pytest.mark.parametrize("engine", ["compiled", "pure"])
def test_a_flush_counts_no_event_that_comes_while_it_begins(
    engine: Literal["compiled", "pure"],
) -> None:
    """At whichever bytecode it comes: the flush ends with the last event that it waits for."""
    queues = queues_of(engine)
    for at in count():
        events = queues.Queue(
            queues.Counts(),
            SimpleQueue(),
            events=10,
            size=1000,
            largest=100,
            batch_events=10,
            threads=1,
            is_per_user=False,
            is_plain=False,
        )
        events.put("conversion", b"{}")
        late = Interruption(at, lambda: events.put("conversion", b"{}"))  # noqa: B023
        flush = late.run(lambda: events.flush(SimpleQueue()))  # noqa: B023
        taken = events.take(10, 1000)
        events.end(taken, None)
        events.settle(taken)
        assert flush.left == 0, at  # type: ignore[attr-defined]
        if not late.has_come:
            return


@pytest.mark.parametrize("engine", ["compiled", "pure"])
def test_events_of_one_user_leave_one_after_the_other(
    engine: Literal["compiled", "pure"],
) -> None:
    """The next event of a user can be taken once the one before is settled."""
    queues = queues_of(engine)
    events = queues.Queue(
        queues.Counts(),
        SimpleQueue(),
        events=10,
        size=1000,
        largest=100,
        batch_events=10,
        threads=1,
        is_per_user=True,
        is_plain=False,
    )
    for event, user in ((b"1", "Ann"), (b"2", "Ann"), (b"3", "Bob"), (b"4", "Ann")):
        assert events.put("conversion", event, user) is None
    order = []
    while taken := events.take(10, 1000):
        order.append([one.event for one in taken])
        events.end(taken, None)
        events.settle(taken)
    assert order == [[b"1", b"3"], [b"2"], [b"4"]]
