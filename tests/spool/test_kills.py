"""SIGKILL at every moment: nothing that was accepted is lost, and little is sent twice.

`make soak` kills a thousand processes; otherwise it is a hundred.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from support.documents import settings
from support.events import MANY, events_of
from support.sink import Answer, Sink, free_url

from sortition import vwo
from sortition._http import retrying
from sortition._http.transport import RequestsTransport
from sortition._sending.spool import files, takeover
from sortition._sending.spool.leftovers import Leftovers
from sortition._sending.spool.process_folder import ProcessFolder
from sortition._sending.spool.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.sink import Received

pytestmark = pytest.mark.slow

SOAK = os.environ.get("SORTITION_SOAK") == "1"
KILLS = 1000 if SOAK else 100
GENEROUS_S = 60.0
AT_ONCE = 4
"""How many processes are alive on the folder, and take over from those that were killed."""
EVENTS = 400
"""How many events a process takes at most before it is killed."""
SHORTEST_S = 0.15
LONGEST_S = 1.0
"""After which time it is killed in any case."""


class Moment(NamedTuple):
    """A call of ours in which a process kills itself: just before it, or just after it."""

    place: Any
    name: str
    most_calls: int
    needs_answers: bool = False


MOMENTS = {
    "enqueue": Moment(Spool, "_write", 300),
    "a new file": Moment(files, "create", 10),
    "close of a file": Moment(Spool, "_replace_current", 10),
    "sending": Moment(RequestsTransport, "send", 5),
    "after the answer": Moment(Spool, "settle", 5, needs_answers=True),
    "removing a file": Moment(Spool, "remove", 5, needs_answers=True),
    "looking for folders": Moment(ProcessFolder, "take_over", 1),
    "taking over a file": Moment(os, "rename", 4),
    "loading what was taken over": Moment(Leftovers, "load", 1),
    "removing a folder": Moment(ProcessFolder, "remove", 1),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(
    real: Callable[..., Any], calls: int, *, before: bool, note: Callable[[], object]
) -> Callable[..., Any]:
    """The same function; after so many calls the process is killed in the next one."""
    counter = itertools.count()

    def call(*arguments: Any, **options: Any) -> Any:
        is_last = next(counter) == calls
        if is_last and before:
            note()
            die()
        result = real(*arguments, **options)
        if is_last:
            note()
            die()
        return result

    return call


class Run:
    """A process that takes events until it is killed."""

    def __init__(self, number: int, url: str, folder: Path) -> None:
        self.number = number
        chance = random.Random(number)  # noqa: S311 -- the same moments every time
        self.moment = chance.choice([*MOMENTS, "any"])
        moment = MOMENTS.get(self.moment)
        self.is_down = chance.random() < 0.3 and not (moment and moment.needs_answers)
        calls = chance.randrange(moment.most_calls) if moment else 0
        before = chance.random() < 0.5
        # A process that is to kill itself is given the time to come to that.
        seconds = LONGEST_S if moment else chance.uniform(0.001, SHORTEST_S)
        told, tells = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(told)
                url = free_url() if self.is_down else f"{url}/{number}"
                self.work(url, folder, tells, moment, calls, before=before)
            finally:
                os._exit(1)
        os.close(tells)
        killer = threading.Timer(seconds, os.kill, [self.pid, signal.SIGKILL])
        killer.start()
        with os.fdopen(told, "rb") as pipe:
            lines = pipe.read().split(b"\n")
        # The last line may be a part of one.
        self.accepted = [line.decode() for line in lines[:-1] if line[:1] != b"!"]
        self.has_hit = b"!" in lines
        killer.cancel()
        killer.join()
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        assert status == -signal.SIGKILL

    def work(
        self,
        url: str,
        folder: Path,
        tells: int,
        moment: Moment | None,
        calls: int,
        *,
        before: bool,
    ) -> None:
        takeover._LOOKS_AGAIN_AFTER_S = 0.05  # type: ignore[misc]
        retrying._FIRST_PAUSE_S = 0.002  # type: ignore[misc]
        retrying._LONGEST_PAUSE_S = 0.01  # type: ignore[misc]
        if moment is not None:
            real = getattr(moment.place, moment.name)
            wrapped: Any = dying(real, calls, before=before, note=lambda: os.write(tells, b"!\n"))
            if moment.name == "take_over":
                # A class method: what is got of the class is bound already.
                wrapped = staticmethod(wrapped)
            setattr(moment.place, moment.name, wrapped)
        client = vwo.launch(
            settings(),
            base_url=url,
            batch_events={"events_per_request": 20},
            spool=folder,
            request_timeout_s=1,
        )
        for number in range(EVENTS):
            user = f"{self.number} {number}"
            if client.track("checkout", user, "purchase"):
                os.write(tells, user.encode() + b"\n")
            if number % 20 == 0:
                time.sleep(0.001)
        while True:
            client.flush_events(timeout_s=0.05)


@pytest.mark.timeout(1800)
def test_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Accepted events arrive; an event arrives again only where the answer could not be noted."""
    folder = tmp_path / "spool"
    arrived: dict[str, list[tuple[str, int]]] = defaultdict(list)
    requests: Counter[str] = Counter()
    lock = threading.Lock()
    slow = random.Random(9)  # noqa: S311

    def answer(received: Received) -> Answer:
        with lock:
            run = received.path.split("/")[1]
            requests[run] += 1
            for event in events_of(received):
                arrived[event["u"]].append((run, requests[run]))
            pause_s = slow.choice([0, 0, 0.002, 0.01])
        time.sleep(pause_s)
        return Answer()

    with Sink() as sink:
        # What a process would have to import first, it inherits.
        with vwo.launch(
            settings(), base_url=sink.url, batch_events=MANY, spool=tmp_path / "first"
        ) as first:
            assert first.track("checkout", "Ann", "purchase")
        sink.answer = answer
        with ThreadPoolExecutor(AT_ONCE) as starters:
            runs = list(starters.map(lambda number: Run(number, sink.url, folder), range(KILLS)))
        client = vwo.launch(
            settings(),
            base_url=f"{sink.url}/last",
            batch_events={"events_per_request": 500},
            spool=folder,
        )
        assert client.flush_events(timeout_s=GENEROUS_S)
        stats = client.stats()
        visitor_id = client._snapshot.settings.visitor_id
        assert client.close()

    # What a process that died was about to make is removed later.
    assert [one.name for one in folder.iterdir() if not one.name.startswith(".new.")] == []
    assert stats.dropped.keys() <= {"damaged"}
    accepted = [user for run in runs for user in run.accepted]
    lost = [user for user in accepted if visitor_id(user) not in arrived]
    repeats = 0
    for places in arrived.values():
        for run, request in places[:-1]:
            # Its process sends one request at a time: this was the one that it died with.
            assert request == requests[run]
            repeats += 1
    hits = Counter(run.moment for run in runs if run.has_hit)
    with capsys.disabled():
        if SOAK:
            print(  # noqa: T201 -- the figures are what the soak is for
                f"\n{KILLS} kills: {len(accepted)} events accepted, {len(arrived)} arrived, "
                f"{len(lost)} lost, {repeats} arrived again; killed at {dict(hits)}"
            )
    assert lost == []
    assert len(accepted) > 20 * KILLS
    assert set(hits) == set(MOMENTS)
