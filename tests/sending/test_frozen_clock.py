"""Every wait ends while a test has frozen the clocks of Python."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Final

import pytest
from support.documents import campaign, project, revenue_goal, settings
from support.paths import ROOT
from support.sink import BlackHole

from sortition._base.clock import now_s
from sortition._base.log import Log
from sortition._base.repeating import Pause
from sortition._http.breaker import FAILURES_UNTIL_PAUSE, Breaker
from sortition._http.pool import Deadline, SenderPool, SendingError
from sortition._http.transport import Request, Response
from sortition._settings.poller import Outcome, Poller
from sortition._settings.schedule import Schedule, Streak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SHORT_S: Final = 0.05
GENEROUS_S: Final = 60.0
DOCUMENT: Final = settings(campaign(goals=[revenue_goal(11, "purchase")]))
MANY: Final = {"events_per_request": 5000, "request_time_interval": 600}
FREEZE: Final = """
now = time.monotonic()
time.monotonic = time.perf_counter = threading._time = lambda: now
"""
"""Patches every clock of Python like a time-freezing tool, also in the standard library."""


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    now = time.monotonic()
    with monkeypatch.context() as patched:
        for module, name in ((time, "monotonic"), (time, "perf_counter"), (threading, "_time")):
            patched.setattr(module, name, lambda: now)
        yield


def happens(condition: Callable[[], object]) -> bool:
    """Whether something happens in time; the time is counted by sleeping."""
    for _ in range(int(GENEROUS_S / 0.005)):
        if condition():
            return True
        threading.Event().wait(0.005)
    return False


@pytest.mark.usefixtures("frozen")
def test_a_pause_after_failures_ends() -> None:
    breaker = Breaker(pause_s=SHORT_S)
    for _ in range(FAILURES_UNTIL_PAUSE):
        breaker.note_failure()
    assert not breaker.allows()
    assert happens(breaker.allows)


@pytest.mark.usefixtures("frozen")
def test_a_message_is_logged_again_after_its_pause() -> None:
    pause = Pause(SHORT_S)
    assert pause.try_begin()
    assert not pause.try_begin()
    assert happens(pause.try_begin)


class Stuck:
    """A transport that answers when it is told."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()

    def send(self, request: Request, timeout_s: float) -> Response:  # noqa: ARG002
        self.goes_on.wait()
        return Response(200, b"")


@pytest.mark.usefixtures("frozen")
def test_waiting_for_a_place_to_send_ends() -> None:
    transport = Stuck()
    pool = SenderPool(transport, most_senders=1)
    request = Request("GET", "http://server.example/")
    other = threading.Thread(target=pool.send, args=(request, Deadline(GENEROUS_S)))
    other.start()
    assert happens(lambda: not pool.free_places)
    with pytest.raises(SendingError, match="too many"):
        pool.send(request, Deadline(SHORT_S))
    transport.goes_on.set()
    other.join()
    pool.close()


@pytest.mark.usefixtures("frozen")
def test_a_caller_waits_no_longer_for_settings_than_the_server_asked_for() -> None:
    schedule = Schedule(None, now_s(), Streak(), is_needed=False)
    schedule.begin(now_s())
    schedule.note_failure(now_s(), 429, 0.2)
    asked: list[float] = []

    def attempt(pool: SenderPool, deadline: Deadline) -> Outcome:
        assert pool is not None
        asked.append(deadline.remaining_s())
        return Outcome(is_new=False)

    poller = Poller(schedule, attempt, Stuck(), Log("test"), 1.0)
    assert poller.ask("about", attempt, GENEROUS_S).is_success
    assert len(asked) == 1
    poller.close()


@pytest.mark.parametrize("way", ["batches", "spool", "pagesense", "within the call"])
@pytest.mark.parametrize("engine", ["compiled", "pure"])
def test_the_exit_ends(way: str, engine: str, tmp_path: Path) -> None:
    """With a server that never answers, within the time that a close may take."""
    program = textwrap.dedent(
        """
        import sys, threading, time
        from sortition import pagesense, vwo
        {freeze}
        way, engine, url, spool = sys.argv[1:]
        if way == "pagesense":
            client = pagesense.launch(
                {project!r}, data_center="EU", base_url=url, engine=engine, close_timeout_s=0.3
            )
            client.activate_experiment("Test 1", "Ann")
        else:
            client = vwo.launch(
                {document!r},
                base_url=url,
                engine=engine,
                batch_events=None if way == "within the call" else {{"events_per_request": 100}},
                close_timeout_s=0.3,
                request_timeout_s=1,
                spool=spool if way == "spool" else None,
            )
            client.track("checkout", "Ann", "purchase", revenue_value=1)
        print("accepted", sum(client.stats().accepted.values()))
        """
    ).format(document=DOCUMENT, project=project(), freeze=FREEZE)
    with BlackHole() as hole:
        ran = subprocess.run(
            [sys.executable, "-c", program, way, engine, hole.url, str(tmp_path / "spool")],
            check=True,
            timeout=GENEROUS_S,
            capture_output=True,
            text=True,
        )
    assert ran.stdout.startswith("accepted 1"), ran.stderr


def test_only_one_module_reads_the_monotonic_clock() -> None:
    """All others ask it, so that no deadline of the client can be frozen."""
    package = ROOT / "python" / "sortition"
    servers = {"collector", "demo", "testing"}
    can_be_frozen = re.compile(r"time\.(monotonic|perf_counter)\(\)|_changed\.wait_for\([^)]*,")
    found = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in servers
        and can_be_frozen.search(path.read_text("utf-8"))
    ]
    assert found == ["_base/clock.py"]
