"""A signal handler that raises, or that calls the client, at any point of a call.

No lock stays taken, no number is off by one, and nothing that was accepted is left waiting.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest
from support.documents import campaign, revenue_goal, settings
from support.events import sum_of
from support.interruption import HandlerError, Interruption, interrupt
from support.pagesense import DOCUMENT as PROJECT
from support.sink import wait_until

from sortition import pagesense, vwo
from sortition.testing import FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Python complains of a thread whose start was interrupted; the next call starts another.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]

GENEROUS_S: Final = 60.0
DOCUMENT: Final = settings(campaign(goals=[revenue_goal(11, "purchase")]))
BATCHES: Final = {"events_per_request": 20, "request_time_interval": 1}
WAYS: Final = ["within the call", "batches", "per user", "spool"]
STEP: Final = 1 if os.environ.get("SORTITION_SOAK") else 37
"""Every so many bytecodes there is an interruption."""
RAISES: Final = 1_000_000 if os.environ.get("SORTITION_SOAK") else 25


class Tracking(Protocol):
    """A client, and a call that sends an event of a user."""

    client: Any

    def track(self, user: str) -> object: ...


class Listener:
    """A logger of the caller's, for whose sake every call is made as it is written."""

    def log(self, _level: int, _message: str, /) -> None:
        """Take a message."""


class Vwo:
    def __init__(self, url: str, engine: Any, **options: Any) -> None:
        self.client = vwo.launch(
            DOCUMENT, base_url=url, engine=engine, logger=Listener(), **options
        )

    def track(self, user: str) -> object:
        return self.client.track("checkout", user, "purchase", revenue_value=1)


class Pagesense:
    def __init__(self, url: str, engine: Any) -> None:
        self.client = pagesense.launch(PROJECT, base_url=url, engine=engine, logger=Listener())

    def track(self, user: str) -> object:
        return self.client.activate_experiment("Exp All", user)


@pytest.fixture(params=["compiled", "pure"])
def engine(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def start(engine: str, server: FaultServer, tmp_path: Path) -> Iterator[Callable[[str], Tracking]]:
    started: list[Any] = []

    def start_one(way: str) -> Tracking:
        if way == "per user":
            tracking: Tracking = Pagesense(server.url, engine)
        elif way == "within the call":
            tracking = Vwo(server.url, engine)
        else:
            more = {"spool": str(tmp_path / "spool")} if way == "spool" else {}
            tracking = Vwo(server.url, engine, batch_events=BATCHES, **more)
        started.append(tracking.client)
        return tracking

    yield start_one
    for client in started:
        client.close(1)


def stats_elsewhere(client: Any) -> Any:
    """The ledger as another thread sees it; it must not have to wait for this one."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(client.stats()), daemon=True)
    thread.start()
    thread.join(GENEROUS_S)
    assert found, "another thread does not get the ledger"
    return found[0]


def assert_whole(stats: Any) -> None:
    """The ledger adds up, and no number is negative."""
    taken = sum(stats.accepted.values()) + sum(stats.adopted.values())
    assert taken == sum_of(stats)
    terms = (stats.accepted, stats.delivered, stats.queued, stats.in_flight, stats.spooled)
    assert all(number >= 0 for term in terms for number in term.values())


def assert_nothing_left(tracking: Tracking, server: FaultServer) -> None:
    """All that was accepted is delivered soon, and the server has it once."""
    assert tracking.client.flush(GENEROUS_S) is not False
    stats = stats_elsewhere(tracking.client)
    assert_whole(stats)
    lost = sum(sum(kinds.values()) for kinds in stats.dropped.values())
    assert (stats.queued, stats.in_flight, stats.spooled) == ({}, {}, {})
    # Of the spool, what an interrupted call of another client has left there comes too.
    taken = sum(stats.accepted.values()) + sum(stats.adopted.values())
    assert sum(stats.delivered.values()) + lost == taken
    assert server.accepted >= sum(stats.delivered.values())


def places_taken(client: Any) -> int:
    """How many requests of a client that sends within the call are on their way."""
    return len(client._delivery._dispatch._process.get().pool._with_place)


def calls_until_through(
    tracking: Tracking, act: Callable[[], object], step: int = 1
) -> Iterator[tuple[int, bool]]:
    """Make a call for each of its bytecodes, with an interruption before that one."""
    at = 0
    while True:
        one = Interruption(at, act)
        try:
            one.run(lambda at=at: tracking.track(f"user {at}"))  # type: ignore[misc]
        except HandlerError:
            yield at, True
        else:
            yield at, False
        if not one.has_come:
            return
        at += step


@pytest.mark.parametrize("way", WAYS)
def test_a_raise_at_every_bytecode_of_a_call(
    start: Callable[[str], Tracking], server: FaultServer, way: str
) -> None:
    tracking = start(way)
    tracking.track("first")
    raised = 0
    for _, has_raised in calls_until_through(tracking, interrupt, STEP):
        raised += has_raised
        assert_whole(tracking.client.stats())
    assert raised > 10
    assert_whole(stats_elsewhere(tracking.client))
    assert tracking.track("last") is not False
    if way == "within the call":
        wait_until(lambda: places_taken(tracking.client) == 0)
    assert_nothing_left(tracking, server)


@pytest.mark.parametrize("way", WAYS)
def test_a_call_at_every_bytecode_of_a_call(
    start: Callable[[str], Tracking], server: FaultServer, way: str
) -> None:
    """As a signal handler makes it that itself sends an event."""
    tracking = start(way)
    tracking.track("first")
    calls = 1
    for at, _ in calls_until_through(tracking, lambda: tracking.track("handler"), STEP):
        calls += 2
        assert_whole(tracking.client.stats())
        if at % 50 == 0:
            assert tracking.client.flush(GENEROUS_S) is not False
    # The last one ran to its end without an interruption.
    assert sum(tracking.client.stats().accepted.values()) == calls - 1
    assert_nothing_left(tracking, server)
    assert server.accepted == calls - 1


@pytest.mark.parametrize("way", ["batches", "per user", "spool"])
def test_a_raise_in_the_first_call(
    start: Callable[[str], Tracking], server: FaultServer, way: str
) -> None:
    """Which starts the threads: the next one starts what is missing."""
    at, step = 0, 1 if RAISES > 1000 else 997
    while True:
        tracking = start(way)
        one = Interruption(at, interrupt)
        with contextlib.suppress(HandlerError):
            one.run(lambda t=tracking: t.track("first"))  # type: ignore[misc]
        assert_whole(stats_elsewhere(tracking.client))
        tracking.track("second")
        assert_nothing_left(tracking, server)
        tracking.client.close(GENEROUS_S)
        if not one.has_come:
            return
        at += step


@pytest.mark.parametrize("way", WAYS)
def test_signals_that_raise_at_any_time(
    start: Callable[[str], Tracking], server: FaultServer, way: str
) -> None:
    tracking = start(way)
    tracking.track("first")
    chance = random.Random(1)  # noqa: S311 -- the same moments every time
    raised = number = 0

    def handler(*_: object) -> None:
        raise HandlerError

    before = signal.signal(signal.SIGALRM, handler)
    ends_at = time.monotonic() + (GENEROUS_S if RAISES <= 1000 else 1e9)
    try:
        while raised < RAISES and time.monotonic() < ends_at:
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0001, 0.002))
                for _ in range(4 if way == "within the call" else 40):
                    number += 1
                    tracking.track(f"user {number % 1000}")
                signal.setitimer(signal.ITIMER_REAL, 0)
            except HandlerError:
                signal.setitimer(signal.ITIMER_REAL, 0)
                raised += 1
                if raised % 20 == 0:
                    assert_whole(stats_elsewhere(tracking.client))
            if way != "within the call":
                wait_until(lambda: sum(tracking.client.stats().queued.values()) < 5000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert raised >= RAISES
    assert_nothing_left(tracking, server)


@pytest.mark.parametrize("way", WAYS)
def test_signals_that_call_the_client(
    start: Callable[[str], Tracking], server: FaultServer, way: str
) -> None:
    tracking = start(way)
    tracking.track("first")
    calls = [1]

    def handler(*_: object) -> None:
        tracking.track("handler")
        calls[0] += 1

    before = signal.signal(signal.SIGALRM, handler)
    try:
        # Within the call, a handler takes longer, and another must not come meanwhile for ever.
        every_s = 0.1 if way == "within the call" else 0.002
        signal.setitimer(signal.ITIMER_REAL, every_s, every_s)
        for number in range(60 if way == "within the call" else 1500):
            tracking.track(f"user {number % 1000}")
            calls[0] += 1
            if number % 50 == 0:
                assert_whole(tracking.client.stats())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    # A handler may have come between a call and its count.
    assert abs(sum(tracking.client.stats().accepted.values()) - calls[0]) <= 1
    assert_nothing_left(tracking, server)


FIRST_EVENT: Final = """
import sys, tempfile, threading
from sortition import pagesense, vwo
from support.documents import settings
from support.pagesense import DOCUMENT

way, engine = sys.argv[1:]
more = {} if way == "within the call" else {"batch_events": {"events_per_request": 20}}
if way == "spool":
    more["spool"] = tempfile.mkdtemp()
options = {"base_url": "http://127.0.0.1:9", "engine": engine, "close_timeout_s": 0.1}
if way == "per user":
    client = pagesense.launch(DOCUMENT, **options)
    call = lambda: client.activate_experiment("Exp All", "Ann")
else:
    client = vwo.launch(settings(), **options, **more)
    call = lambda: client.track("checkout", "Ann", "purchase")
imported, thread = [], threading.get_ident()

def listen(event, arguments):
    if event == "import" and threading.get_ident() == thread:
        imported.append(arguments[0])

sys.addaudithook(listen)
call()
print(imported, sum(client.stats().accepted.values()))
"""


@pytest.mark.parametrize("way", WAYS)
def test_the_first_event_imports_nothing(engine: str, way: str) -> None:
    """A signal handler that sends an event would find the module half imported."""
    shown = subprocess.run(
        [sys.executable, "-c", FIRST_EVENT, way, engine],
        env={**os.environ, "PYTHONPATH": "tests"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.strip() == "[] 1"
