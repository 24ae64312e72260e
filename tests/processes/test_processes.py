"""Real processes, and what became of every event of theirs.

Each program has a client that sends in batches and one that sends within the call. What is accepted
is sent once, by the process that accepted it; nothing is printed; the exit is silent. What a row of
the table 'What survives what' of `docs/events.md` says is a case here.

In `make soak` there are more children, more threads and more runs.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from support.application import BATCH, SENT_BY
from support.cells import GENEROUS_S, SOAK, Service, assert_exactly_once, cells_of
from support.programs import PROGRAMS
from support.sink import wait_until

from sortition.testing import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sortition.testing import FaultServer
    from sortition.testing.request import Received

pytestmark = pytest.mark.timeout(900)

CHILDREN = 50 if SOAK else 4
EVENTS = 205 if SOAK else 25
RUNS = 500 if SOAK else 10
# From Python 3.12 on, a fork while threads run gives a warning; the library has threads
# once there are events.
FORKING = ("-W", "ignore:This process:DeprecationWarning") if sys.version_info >= (3, 12) else ()


@pytest.fixture(params=range(RUNS))
def again(request: pytest.FixtureRequest) -> int:
    """Run a test again and again."""
    number: int = request.param
    return number


@pytest.fixture
def make(server: FaultServer, tmp_path: Path) -> Callable[..., Service]:
    """Make a service of this size; with `size` and `events` where a test says so."""

    def make_one(**plan: object) -> Service:
        return Service(server, tmp_path, **{"size": CHILDREN, "events": EVENTS, **plan})

    return make_one


@pytest.fixture
def eventually() -> Iterator[Callable[[Callable[[], bool], Callable[[], None]], None]]:
    """Do something once a condition holds."""
    threads: list[threading.Thread] = []

    def start(condition: Callable[[], bool], act: Callable[[], None]) -> None:
        def wait() -> None:
            wait_until(condition, within_s=GENEROUS_S)
            act()

        threads.append(threading.Thread(target=wait))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join()


PROCESSES = [name for name in PROGRAMS if name.startswith(("os.fork", "fork of a", "daemon of"))]
PROCESSES += [name for name in PROGRAMS if name.startswith(("multiproc", "ProcessPool"))]


@pytest.mark.parametrize("name", PROCESSES)
def test_parent_and_children_send_their_own(make: Callable[..., Service], name: str) -> None:
    """And the children leave as children do."""
    cells = cells_of(make(), name, options=FORKING)
    assert_exactly_once(cells)
    for cell in cells:
        if "Pool" in name:
            # Some children may have been faster than others.
            assert 1 <= cell.children <= CHILDREN
            assert cell.in_children == CHILDREN * EVENTS
        elif name == "fork of a fork":
            assert (cell.children, cell.in_children) == (2 * CHILDREN, 3 * CHILDREN * EVENTS)
        else:
            assert (cell.children, cell.in_children) == (CHILDREN, CHILDREN * EVENTS)


@pytest.mark.parametrize("engine", ["compiled", "pure"])
def test_each_engine(make: Callable[..., Service], engine: str) -> None:
    service = make(engine=engine)
    where = f"os.fork, {engine} engine"
    assert_exactly_once(cells_of(service, "os.fork", options=FORKING, where=where))


def test_a_fork_while_requests_are_on_their_way_and_locks_are_held(
    make: Callable[..., Service],
    server: FaultServer,
    eventually: Callable[[Callable[[], bool], Callable[[], None]], None],
) -> None:
    """The child can do all that it could otherwise; and the parent, when it is served."""
    service = make()
    parents: set[str] = set()

    def choose(request: Received) -> faults.RequestFault:
        sender = request.headers[SENT_BY]
        parents.update([] if parents else [sender])
        return faults.Hang() if sender in parents else faults.Healthy()

    def children_are_done() -> bool:
        accepted = [process for process, _, _ in service.accepted()]
        others = [process for process in accepted if str(process) not in parents]
        return len(others) == CHILDREN * EVENTS * len(service.plan.ways)

    def heal() -> None:
        server.fault = faults.Healthy()

    server.fault = faults.ByRequest(choose)
    eventually(children_are_done, heal)
    cells = cells_of(service, "fork in flight, locks held", options=FORKING)
    assert_exactly_once(cells, in_parent=2 * EVENTS, in_children=CHILDREN * EVENTS)


@pytest.mark.parametrize("threads", [1, 8, 64])
def test_threads_that_call_at_once(make: Callable[..., Service], threads: int) -> None:
    service = make(size=threads, events=EVENTS)
    cells = cells_of(service, "threads", where=f"threads, {threads}")
    assert_exactly_once(cells, in_parent=threads * EVENTS, in_children=0)


@pytest.mark.usefixtures("again")
def test_an_exit_under_threads_that_go_on(make: Callable[..., Service]) -> None:
    """Daemon threads call the clients while the interpreter ends."""
    cells = cells_of(make(size=4), "daemon threads", where=f"daemon threads, {RUNS} runs")
    for cell in cells:
        assert cell.in_parent > 0
        # What a thread was in the middle of when it ended is written down nowhere.
        assert (cell.lost, cell.repeated, cell.by_others) == (0, 0, 0)


def test_clients_come_and_go(make: Callable[..., Service]) -> None:
    """No hook, no thread, no socket is left, and a fork after it is silent."""
    size = 20_000 if SOAK else 400
    cells = cells_of(
        make(size=size), "many clients", options=FORKING, where=f"{3 * size:,} clients"
    )
    assert_exactly_once(cells, in_parent=size, in_children=0)


def test_closed_clients_leave_nothing(make: Callable[..., Service]) -> None:
    assert_exactly_once(cells_of(make(), "closed clients", options=FORKING))


@pytest.mark.parametrize(
    ("name", "code", "stderr"),
    [
        ("end", 0, ""),
        ("sys.exit", 3, ""),
        ("exception", 1, "LookupError: nobody catches it"),
        ("exception in a thread", 0, ""),
        ("nobody closes", 0, ""),
        ("close", 0, ""),
        ("Ctrl-C", -signal.SIGINT, "KeyboardInterrupt"),
        ("SIGTERM, handled", 0, ""),
    ],
)
def test_what_waits_survives(
    make: Callable[..., Service], name: str, code: int, stderr: str
) -> None:
    """A program that ends without a flush delivers its events."""
    cells = cells_of(make(), name, code=code, stderr=stderr)
    assert_exactly_once(cells, in_parent=EVENTS, in_children=0)


def test_what_waits_survives_a_flush_that_was_interrupted(
    make: Callable[..., Service],
    server: FaultServer,
    eventually: Callable[[Callable[[], bool], Callable[[], None]], None],
) -> None:
    service = make()

    def choose(request: Received) -> faults.RequestFault:
        if request.path.endswith("batch-events"):
            return faults.Hang()
        return faults.Healthy()

    def heal() -> None:
        server.fault = faults.Healthy()

    server.fault = faults.ByRequest(choose)
    eventually(lambda: server.distinct == 1, heal)
    batched, within, _ = cells_of(service, "Ctrl-C in a flush")
    assert_exactly_once([batched], in_parent=EVENTS, in_children=0)
    assert_exactly_once([within], in_parent=1, in_children=0)


@pytest.mark.parametrize(
    ("name", "code"),
    [("os._exit", 0), ("SIGTERM", -signal.SIGTERM), ("SIGKILL", -signal.SIGKILL)],
)
def test_what_waits_is_lost(make: Callable[..., Service], name: str, code: int) -> None:
    """And no more than that: what was sent was sent, and nothing waits within a call."""
    batched, *others = cells_of(make(), name, code=code)
    assert_exactly_once(others, in_parent=EVENTS, in_children=0)
    assert (batched.in_parent, batched.lost) == (EVENTS, EVENTS % BATCH)
    assert (batched.repeated, batched.by_others, batched.unknown) == (0, 0, 0)
