"""An exception from outside, such as one of a signal handler, at every instruction of the spool."""

from __future__ import annotations

import dis
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import settings
from support.events import events_of

from sortition._base.log import Log
from sortition._sending.spool import record
from sortition._sending.spool import spool as spool_module
from sortition._sending.spool.options import SpoolOptions
from sortition._sending.spool.owner import Owner
from sortition._sending.spool.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from support.sink import Sink

    from sortition import vwo
    from sortition._sending.spool.segment import Place

    Launch = Callable[..., vwo.Client]

OWNER = Owner.of("vwo", "604812", "a key")
PACKAGE = str(spool_module.__file__).rpartition("/")[0]


class Interrupted(BaseException):
    """The exception that a signal handler raises."""


class Interrupting:
    """Raises once, before the given one of all instructions at which a signal may be handled.

    Python handles signals behind a call, at the start of a function and at a jump back.
    """

    def __init__(self, moment: int, package: str = PACKAGE) -> None:
        self.left = moment
        self.package = package
        self.has_raised = False

    def run(self, work: Callable[[], object]) -> None:
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            work()
        except Interrupted:
            self.has_raised = True
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(self.package):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        handles = handling_after(frame)
        handled_before = [False]

        def step(frame: FrameType, event: str, _argument: Any) -> Any:
            if event == "opcode":
                if handled_before[0]:
                    self.left -= 1
                    if self.left < 0 and not self.has_raised:
                        self.has_raised = True
                        raise Interrupted
                handled_before[0] = frame.f_lasti in handles
            return step

        return step


_HANDLING: dict[Any, frozenset[int]] = {}


def handling_after(frame: FrameType) -> frozenset[int]:
    """The instructions of a function after which Python may handle a signal."""
    code = frame.f_code
    if code not in _HANDLING:
        _HANDLING[code] = frozenset(
            one.offset
            for one in dis.get_instructions(code)
            if one.opname.startswith(("CALL", "RESUME", "JUMP_BACKWARD"))
        )
    return _HANDLING[code]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def spool_in(folder: Path, most_bytes: int = 1 << 20) -> Spool:
    return Spool(SpoolOptions(str(folder), most_bytes), lambda: OWNER, Log("test"), 20)


def kept_in(folder: Path) -> list[bytes]:
    """The events that another process would take over, in their order."""
    found: list[bytes] = []
    for file in sorted(folder.glob("*/*.spool")):
        content = record.content_of(file.read_bytes())
        assert content.damaged == 0
        found += [event.event for event in content.events]
    return found


def is_free(spool: Spool) -> bool:
    """Whether another thread gets the spool's lock."""
    got: list[bool] = []

    def work() -> None:
        got.append(spool._lock.acquire(timeout=5))
        if got[0]:
            spool._lock.release()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return got == [True]


def check(spool: Spool, folder: Path, expected: list[bytes], places: list[Place]) -> None:
    """That files and numbers are consistent, and that the spool goes on."""
    assert is_free(spool)
    assert spool._depth == 0
    assert kept_in(folder) == expected
    unsettled = {(one.segment.name, one.number) for one in places}
    known = {(one.name, number) for one in spool._segments for number in one.unsettled}
    assert known == unsettled
    into: list[Place] = []
    for number in range(25):
        spool.append("push", b"later %d" % number, into)
    assert len(into) == 25
    assert kept_in(folder) == [*expected, *(b"later %d" % number for number in range(25))]
    spool.settle([*places, *into])
    spool.recount()
    assert spool.size == sum(file.stat().st_size for file in folder.glob("*/*.spool"))
    assert kept_in(folder) == []
    spool.close()
    # What was interrupted while it was made may stay, empty; whoever comes next removes it.
    assert kept_in(folder) == []


def test_append(tmp_path: Path) -> None:
    """The event is kept, or it is not: whoever was interrupted takes it back with its place.

    This covers the first event, one in the middle of a file and one that begins another file.
    """
    for before in (0, 5, 20):
        for moment in range(10_000):
            folder = tmp_path / f"{before}-{moment}"
            spool = spool_in(folder)
            places: list[Place] = []
            for number in range(before):
                spool.append("push", b"%d" % number, places)
            into: list[Place] = []
            interrupting = Interrupting(moment)
            interrupting.run(lambda spool=spool, into=into: spool.append("push", b"x", into))  # type: ignore[misc]
            events = [b"%d" % number for number in range(before)]
            if interrupting.has_raised:
                spool.settle(into)
                check(spool, folder, events, places)
            else:
                check(spool, folder, [*events, b"x"], places + into)
                break
        assert moment > 15


def test_settle(tmp_path: Path) -> None:
    """What was interrupted is repeated, and then the events are settled: of an open file, of one
    that is closed, and of all that is in a file."""
    for first, last in ((0, 3), (0, 20), (15, 25)):
        for moment in range(10_000):
            folder = tmp_path / f"{first}-{last}-{moment}"
            spool = spool_in(folder)
            places: list[Place] = []
            for number in range(25):
                spool.append("push", b"%d" % number, places)
            settled, left = places[first:last], places[:first] + places[last:]
            interrupting = Interrupting(moment)
            interrupting.run(lambda spool=spool, settled=settled: spool.settle(settled))  # type: ignore[misc]
            if interrupting.has_raised:
                spool.settle(settled)
            events = [b"%d" % number for number in range(25) if not first <= number < last]
            check(spool, folder, events, left)
            if not interrupting.has_raised:
                break
        assert moment > 10


# A file that was open when it happened is closed with its object.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_take_over(tmp_path: Path) -> None:
    """What was interrupted is there for whoever comes next; nothing is lost, nothing is there
    twice."""
    events = [b"%d" % number for number in range(50)]
    # All moments take minutes.
    for moment in range(0, 100_000, 53):
        folder = tmp_path / str(moment)
        first = spool_in(folder)
        for event in events:
            first.append("push", event, [])
        first.close()
        spool = spool_in(folder)

        def work(spool: Spool = spool) -> None:
            spool.leftovers.take_over()
            while (loaded := spool.leftovers.load()) is not None:
                spool.settle([place for _, place in loaded.events][:5])

        interrupting = Interrupting(moment)
        interrupting.run(work)
        assert is_free(spool)
        spool.close()
        if not interrupting.has_raised:
            break
        left = kept_in(folder)
        assert len(set(left)) == len(left)
        assert set(left) <= set(events)
        # At most five of each of the three files were settled.
        assert len(left) >= 35
    assert moment > 100


def test_calls(launch: Launch, sink: Sink, folder: Path) -> None:
    """At every moment of taking an event: the ledger adds up, every event that it counts is
    delivered, and no file keeps one that it does not count."""
    client = launch(settings(), batch_events={"events_per_request": 5000}, spool=folder)
    package = PACKAGE.rpartition("/")[0]
    raised = 0
    for moment in range(10_000):
        interrupting = Interrupting(moment, package)
        interrupting.run(lambda moment=moment: client.track("checkout", f"u{moment}", "purchase"))  # type: ignore[misc]
        raised += interrupting.has_raised
        stats = client.stats()
        assert stats.accepted == stats.queued
        kept = {bytes(event) for event in kept_in(folder)}
        assert len(kept) <= stats.queued.get("conversion", 0)
        if not interrupting.has_raised and moment > 40:
            break
    assert raised > 15
    accepted = client.stats().accepted["conversion"]
    assert client.flush_events()
    assert client.stats().delivered == {"conversion": accepted}
    assert sum(len(events_of(one)) for one in sink.received) == accepted
    assert client.close()
    assert kept_in(folder) == []
