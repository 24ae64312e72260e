"""The laws of the ledger, for every way in which a client sends events, and for both engines.

At every instant, for each kind of event:

    accepted + adopted = delivered + queued + in_flight + spooled + dropped

What is accepted and what is refused make up the calls, and the bytes of the queue are those of the
events that wait in it.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, project, revenue_goal, settings
from support.events import outbox_of, without_senders
from support.sink import free_url, wait_until
from support.spooling import killed_after

from sortition import pagesense, vwo
from sortition._http import retrying
from sortition._sending.spool import takeover
from sortition.testing import FaultServer, faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sortition._engine import Engine
    from sortition.testing.request import Received

    AnyClient = vwo.Client | pagesense.Client
    Begin = Callable[..., AnyClient]

GENEROUS_S = 60.0
VWO_DOCUMENT = settings(campaign(goals=[revenue_goal(11, "purchase")]))
PAGESENSE_DOCUMENT = project()
STATUSES = (200, 200, 200, 500, 503, 429, 413, 400, 408)
THREADS = 4
LEFT_BEHIND = 40
"""Events that an earlier client left in the spool."""


@dataclass(frozen=True)
class Way:
    """A way of sending events.

    Attributes:
        name: Its name in the test's id.
        platform: ``vwo`` or ``pagesense``.
        options: The launch options that choose it.
        has_queue: Whether events wait in a queue.
        has_spool: Whether events are also kept in files.
        calls: How many calls each thread makes.
    """

    name: str
    platform: str
    options: dict[str, Any] = field(default_factory=dict)
    has_queue: bool = True
    has_spool: bool = False
    calls: int = 150

    def launch(self, **options: Any) -> AnyClient:
        options = {"close_timeout_s": 0.1, **self.options, **options}
        if self.platform == "vwo":
            return vwo.launch(VWO_DOCUMENT, **options)
        return pagesense.launch(PAGESENSE_DOCUMENT, **options)

    def call(self, client: AnyClient, user: str, number: int) -> None:
        """Make a call that yields one event; every third one counts a visitor."""
        if isinstance(client, vwo.Client):
            if number % 3:
                client.track("checkout", user, "purchase", revenue_value=number)
            else:
                client.activate("checkout", user)
        elif number % 3:
            client.track_goal("Test 1", user, "Signup")
        else:
            client.activate_experiment("Test 1", user)

    def event_sizes(self, request: Received) -> list[int]:
        """The bytes of each event of a request."""
        if self.platform == "pagesense":
            # An event begins with two bytes that say to which path it goes.
            return [2 + len(request.query["raw"].encode())]
        text = request.body.decode()
        events = json.loads(text)["ev"]
        encoded = [json.dumps(event) for event in events]
        assert all(event in text for event in encoded)
        return [len(event.encode()) for event in encoded]


BATCHES = {"batch_events": {"events_per_request": 20}}
WAYS = (
    Way("vwo-within-the-call", "vwo", has_queue=False, calls=50),
    Way("vwo-batches", "vwo", BATCHES),
    Way("vwo-batches-spool", "vwo", BATCHES, has_spool=True),
    Way("pagesense", "pagesense"),
    Way("pagesense-spool", "pagesense", has_spool=True),
)
QUEUED = tuple(way for way in WAYS if way.has_queue)
SPOOLED = tuple(way for way in WAYS if way.has_spool)


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """Each way of sending in turn."""
    found: Way = request.param
    return found


@pytest.fixture
def begin(
    way: Way,
    engine: Engine,
    server: FaultServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Begin]:
    """Launch clients that send to the server of the test, and close them."""
    monkeypatch.setattr(retrying, "_FIRST_PAUSE_S", 0.002)
    monkeypatch.setattr(retrying, "_LONGEST_PAUSE_S", 0.01)
    monkeypatch.setattr(takeover, "_LOOKS_AGAIN_AFTER_S", 0.01)
    clients: list[AnyClient] = []

    def begin_one(**options: Any) -> AnyClient:
        if way.has_spool:
            options = {"spool": tmp_path / "spool", **options}
        options = {"base_url": server.url, "engine": engine.name, **options}
        clients.append(way.launch(**options))
        return clients[-1]

    yield begin_one
    for client in clients:
        client.close(0)


def total(kinds: Any) -> int:
    return sum(kinds.values())


def left_and_right(stats: Any) -> tuple[Counter[str], Counter[str]]:
    """Both sides of the equation, by kind."""
    left = Counter(stats.accepted) + Counter(stats.adopted)
    right: Counter[str] = Counter()
    waiting = (stats.delivered, stats.queued, stats.in_flight, stats.spooled)
    for kinds in (*waiting, *stats.dropped.values()):
        right.update(kinds)
    return left, right


def watched(client: AnyClient, work: Callable[[], None]) -> list[Any]:
    """The statistics of the client, read again and again while this work is done."""
    seen = [client.stats()]
    has_ended = threading.Event()

    def watch() -> None:
        while not has_ended.wait(0.0005):
            seen.append(client.stats())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        has_ended.set()
        watcher.join()
    return [*seen, client.stats()]


def leave_behind(way: Way, folder: Path) -> None:
    """Have a process that reaches no server leave events in the spool, and die."""

    def work() -> None:
        client = way.launch(base_url=free_url(), spool=folder)
        for number in range(LEFT_BEHIND):
            way.call(client, f"left {number}", number)
        assert total(client.stats().accepted) == LEFT_BEHIND

    killed_after(work)


@pytest.mark.slow
def test_the_equation_holds_at_every_instant(
    way: Way, begin: Begin, server: FaultServer, tmp_path: Path
) -> None:
    """While four threads call, and the server fails in every way that a status can say."""
    if way.has_spool:
        leave_behind(way, tmp_path / "spool")
    chance = random.Random(30)  # noqa: S311 -- the same statuses every time
    server.script(faults.Status(chance.choice(STATUSES)) for _ in range(2000))
    client = begin(queue_events=200) if way.has_queue else begin()

    def call(thread: int) -> None:
        for number in range(way.calls):
            way.call(client, f"user {thread} {number % 25}", number)

    def work() -> None:
        with ThreadPoolExecutor(THREADS) as callers:
            list(callers.map(call, range(THREADS)))
        if way.has_spool:
            wait_until(lambda: total(client.stats().adopted) == LEFT_BEHIND)
        client.flush(GENEROUS_S)

    seen = watched(client, work)
    assert len(seen) > 20
    for stats in seen:
        left, right = left_and_right(stats)
        assert left == right
        counts = (stats.queued, stats.in_flight, stats.spooled, *stats.dropped.values())
        assert min([0, *(count for kinds in counts for count in kinds.values())]) == 0
    # What has come to its end stays ended.
    for before, after in pairwise(seen):
        assert total(before.accepted) <= total(after.accepted)
        assert total(before.delivered) <= total(after.delivered)
    last = seen[-1]
    assert (last.queued, last.in_flight, last.spooled) == ({}, {}, {})
    refused = sum(total(kinds) for kinds in last.refused.values())
    assert total(last.accepted) + refused == THREADS * way.calls
    assert total(last.delivered) == server.accepted
    assert "rejected" in last.dropped


def test_an_event_is_counted_once_its_call_has_returned(way: Way, begin: Begin) -> None:
    """Nothing that a call has accepted is missing from the numbers, not even for a moment."""
    client = begin()
    with without_senders(outbox_of(client)) if way.has_queue else nullcontext():
        for number in range(1, 21):
            way.call(client, f"user {number}", number)
            stats = client.stats()
            assert total(stats.accepted) == number
            assert total(stats.queued if way.has_queue else stats.delivered) == number


def test_at_rest_it_equals_what_the_server_counted(
    way: Way, begin: Begin, server: FaultServer
) -> None:
    """By kind, with a server that takes everything."""
    client = begin()
    for number in range(30):
        # Every third number makes a visitor; a revenue of 0 would credit no goal.
        way.call(client, f"user {number}", number)
    client.flush(GENEROUS_S)
    counted = Counter(event.kind for event in server.events)
    assert counted == {"visitor": 10, "conversion": 20}
    stats = client.stats()
    assert stats.accepted == stats.delivered == counted
    assert (stats.dropped, stats.refused, stats.possibly_duplicated) == ({}, {}, {})


@pytest.mark.parametrize("way", QUEUED, ids=lambda way: way.name)
def test_the_bytes_of_the_queue_are_those_of_its_events(
    way: Way, begin: Begin, server: FaultServer
) -> None:
    """The bytes are known once the server has the events; at rest none are left."""
    client = begin()
    with without_senders(outbox_of(client)):
        for number in range(30):
            way.call(client, f"user {'x' * number}", number)
        queue = outbox_of(client).queue
        waiting = (queue.events, queue.size)
    assert client.flush(GENEROUS_S)
    sizes = [size for request in server.requests for size in way.event_sizes(request)]
    assert waiting == (len(sizes), sum(sizes)) == (30, sum(sizes))
    assert (queue.events, queue.size) == (0, 0)


@pytest.mark.parametrize("way", SPOOLED, ids=lambda way: way.name)
def test_events_from_files_count_with_their_bytes(
    way: Way, begin: Begin, server: FaultServer, tmp_path: Path
) -> None:
    """Events that a client takes over from the spool wait in its queue as its own do."""
    leave_behind(way, tmp_path / "spool")
    client = begin()
    with without_senders(outbox_of(client)):
        way.call(client, "the first event looks for the others", 1)
        queue = outbox_of(client).queue
        wait_until(lambda: queue.events == LEFT_BEHIND + 1)
        size = queue.size
    assert client.flush(GENEROUS_S)
    sizes = [size for request in server.requests for size in way.event_sizes(request)]
    assert size == sum(sizes)
    assert (queue.events, queue.size) == (0, 0)
    stats = client.stats()
    assert total(stats.adopted) == LEFT_BEHIND
    assert total(stats.delivered) == LEFT_BEHIND + 1


@pytest.mark.parametrize("way", QUEUED, ids=lambda way: way.name)
def test_no_more_bytes_wait_than_allowed(way: Way, begin: Begin) -> None:
    """Each refused event is counted, and nothing else is."""
    client = begin(base_url=free_url(), queue_bytes=4000)
    queue = outbox_of(client).queue
    with without_senders(outbox_of(client)):
        for number in range(60):
            way.call(client, f"user {number}", number)
            assert queue.size <= 4000
        size = queue.size
    assert size > 2000
    stats = client.stats()
    refused = total(stats.refused["queue_full"])
    assert 0 < refused < 60
    assert total(stats.accepted) == 60 - refused
    left, right = left_and_right(stats)
    assert left == right


def test_what_a_close_leaves_is_counted(way: Way, begin: Begin, server: FaultServer) -> None:
    """Events are dropped with a reason or, where a file keeps them, counted as spooled."""
    server.fault = faults.Status(503)
    client = begin()
    for number in range(10):
        way.call(client, f"user {number}", number)
    client.close(0)
    wait_until(lambda: not client.stats().in_flight)
    stats = client.stats()
    left, right = left_and_right(stats)
    assert left == right
    assert (stats.queued, stats.delivered) == ({}, {})
    dropped = sum(total(kinds) for kinds in stats.dropped.values())
    assert (total(stats.spooled), dropped) == ((10, 0) if way.has_spool else (0, 10))


@pytest.mark.parametrize("way", SPOOLED, ids=lambda way: way.name)
def test_a_request_that_ends_after_the_close_reports_no_disk_failure(
    way: Way, begin: Begin, server: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    """By then the file belongs to the next process, and nothing is written to it."""
    server.fault = faults.Hang()
    client = begin(batch_events={"events_per_request": 1}) if way.platform == "vwo" else begin()
    way.call(client, "Ann", 1)
    wait_until(lambda: bool(server.requests))
    client.close(0)
    server.fault = faults.Status(429)
    wait_until(lambda: outbox_of(client).queue.threads == 0)
    assert client.stats().spooled == {"conversion": 1}
    assert "cannot write" not in caplog.text
