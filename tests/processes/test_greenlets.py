"""Worlds in which gevent or eventlet have patched threads, locks and sockets.

The programs are those of `test_processes.py`, and so is what must come of them.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.application import BATCHES, PAGESENSE, SENT_BY
from support.cells import GENEROUS_S, Service, assert_exactly_once, cells_of
from support.sink import wait_until

from sortition.testing import faults

if TYPE_CHECKING:
    from sortition.testing import FaultServer
    from sortition.testing.request import Received

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

EVENTS = 25
CHILDREN = 4
EVENTLET = Path(sys.executable).parents[1] / "eventlet" / "bin" / "python"
WORLDS: dict[str, dict[str, Any]] = {
    "gevent": {"patch": "from gevent import monkey; monkey.patch_all()"},
    "eventlet": {
        "patch": "import eventlet; eventlet.monkey_patch()",
        "python": str(EVENTLET),
    },
}
# What they say of themselves.
QUIET = ("-W", "ignore")
each_world = pytest.mark.parametrize("when", ["first", "after import"])
each_kind = pytest.mark.parametrize("kind", WORLDS)


def world(kind: str, when: str) -> dict[str, Any]:
    """What `run` takes for it."""
    options = {**WORLDS[kind], "options": QUIET}
    if when != "first":
        options["patch"] = f"import sortition.vwo, sortition.pagesense; {options['patch']}"
    return options


@pytest.fixture
def service(server: FaultServer, tmp_path: Path) -> Service:
    return Service(server, tmp_path, size=CHILDREN, events=EVENTS)


@each_kind
@each_world
@pytest.mark.parametrize("name", ["threads", "end", "close"])
def test_every_event_arrives_once(service: Service, kind: str, when: str, name: str) -> None:
    cells = cells_of(service, name, where=f"{name}, {kind} {when}", **world(kind, when))
    assert_exactly_once(cells, in_children=0)


@each_world
@pytest.mark.parametrize("name", ["os.fork", "fork of a fork", "closed clients"])
def test_forks(service: Service, when: str, name: str) -> None:
    """With gevent: eventlet's hub survives no fork, and gunicorn gives its children new ones."""
    cells = cells_of(service, name, where=f"{name}, gevent {when}", **world("gevent", when))
    assert_exactly_once(cells)


@each_world
def test_a_child_leaves_alone_what_its_parent_has_on_its_way(
    server: FaultServer, tmp_path: Path, when: str
) -> None:
    """A fork copies greenlets, which would go on in both processes."""
    ways = (BATCHES, PAGESENSE)
    service = Service(server, tmp_path, size=2, events=EVENTS, interval_s=1, ways=ways)
    parents: set[str] = set()

    def choose(request: Received) -> faults.RequestFault:
        sender = request.headers[SENT_BY]
        parents.update([] if parents else [sender])
        return faults.SlowDrip(0.002) if sender in parents else faults.Healthy()

    server.fault = faults.ByRequest(choose)
    where = f"fork of greenlets in flight, gevent {when}"
    assert_exactly_once(
        cells_of(service, "fork of greenlets", where=where, **world("gevent", when))
    )


@each_kind
@each_world
def test_others_go_on_while_a_flush_waits(
    server: FaultServer, tmp_path: Path, kind: str, when: str
) -> None:
    """The server gets well only once another greenlet has had its turns."""
    service = Service(server, tmp_path, events=EVENTS)

    def choose(request: Received) -> faults.RequestFault:
        return faults.Healthy() if request.path == "/ticked" else faults.Hang()

    server.fault = faults.ByRequest(choose)
    ticked = tmp_path / "ticked"

    def heal() -> None:
        wait_until(ticked.exists, within_s=GENEROUS_S)
        server.fault = faults.Healthy()

    healer = threading.Thread(target=heal)
    healer.start()
    where = f"ticks in a flush, {kind} {when}"
    cells = cells_of(service, "ticks in a flush", where=where, **world(kind, when))
    healer.join()
    assert_exactly_once([cells[0], cells[2]], in_parent=EVENTS, in_children=0)
