"""Outages of every kind while events flow: nothing is lost, and the ledger is the server's count.

In `make soak` each outage lasts 30 and 180 seconds; the table that it prints has the figures.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.documents import settings
from support.events import sum_of
from support.paths import TESTS

from sortition import vwo
from sortition.testing import FaultServer, faults

if TYPE_CHECKING:
    from sortition.testing.faults import Fault

pytestmark = pytest.mark.slow

SOAK = os.environ.get("SORTITION_SOAK") == "1"
OUTAGES_S = (30.0, 180.0) if SOAK else (1.0,)
EVENTS_PER_TURN = 10
TURN_S = 0.02
GENEROUS_S = 300.0

FAULTS: dict[str, Fault] = {
    "500": faults.Status(500),
    "502": faults.Status(502),
    "503": faults.Status(503),
    "504": faults.Status(504),
    "408": faults.Status(408),
    "429, Retry-After 1": faults.Status(429, retry_after=1),
    "413 above ten": faults.TooManyEvents(10),
    "reset before reading": faults.ResetBeforeReading(),
    "reset after reading": faults.ResetAfterReading(),
    "hang": faults.Hang(),
    "never read": faults.NeverRead(),
    "refused": faults.Refused(),
    "half an answer": faults.HalfAnswer(),
    "broken status line": faults.TruncatedStatusLine(),
    "answer lost": faults.AnswerLost(),
    "answer lost, reset": faults.AnswerLost(with_reset=True),
    "slow drip": faults.SlowDrip(0.2),
}


HANGS = ("hang", "never read", "slow drip")


@dataclass(frozen=True)
class Figures:
    """The outcome of the events of one run."""

    fault: str
    outage_s: float
    accepted: int
    delivered: int
    at_the_server: int
    repeated: int
    possibly_duplicated: int
    dropped: int
    lost: int


def run(name: str, outage_s: float) -> Figures:
    """Events flow before, during and after an outage."""
    visitors: set[str] = set()
    with FaultServer(most_kept=1) as server:
        client = vwo.launch(
            settings(),
            base_url=server.url,
            # What does not hang may take its time: the machine is busy with all of them.
            request_timeout_s=1.0 if name in HANGS else 30.0,
            batch_events={"events_per_request": 100, "request_time_interval": 1},
        )
        switch = threading.Event()

        def flow(seconds: float) -> None:
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                for _ in range(EVENTS_PER_TURN):
                    user = f"user {len(visitors)}"
                    assert client.track("checkout", user, "purchase")
                    visitors.add(user)
                switch.wait(TURN_S)

        flow(0.2)
        server.fault = FAULTS[name]
        flow(outage_s)
        server.fault = faults.Healthy()
        flow(0.2)
        client.flush_events(timeout_s=GENEROUS_S)
        stats = client.stats()
        client.close()
        assert sum(stats.accepted.values()) == sum_of(stats)
        return Figures(
            fault=name,
            outage_s=outage_s,
            accepted=sum(stats.accepted.values()),
            delivered=sum(stats.delivered.values()),
            at_the_server=server.distinct,
            repeated=server.repeated,
            possibly_duplicated=sum(stats.possibly_duplicated.values()),
            dropped=sum(sum(counts.values()) for counts in stats.dropped.values()),
            lost=len(visitors) - server.distinct,
        )


@pytest.mark.timeout(900)
@pytest.mark.parametrize("outage_s", OUTAGES_S)
def test_nothing_is_lost(outage_s: float) -> None:
    """All at the same time, each with a server and a client of its own."""
    with ThreadPoolExecutor(len(FAULTS)) as runs:
        found = list(runs.map(lambda name: run(name, outage_s), FAULTS))
    show(found)
    for figures in found:
        assert figures.lost == 0, figures
        assert figures.dropped == 0, figures
        assert figures.delivered == figures.accepted == figures.at_the_server, figures
        assert figures.repeated <= figures.possibly_duplicated, figures
    # The faults were met: what may arrive twice did, and what cannot did not.
    by_name = {figures.fault: figures for figures in found}
    assert by_name["answer lost"].repeated > 0
    for name in ("408", "429, Retry-After 1", "413 above ten", "refused"):
        assert by_name[name].repeated == 0


def show(found: list[Figures]) -> None:
    """The table of the soak; nothing else looks at it."""
    names = ["fault", "outage s", "sent", "delivered", "server", "repeated", "possibly", "dropped"]
    print()  # noqa: T201
    print("".join(f"{name:>12}" for name in names).replace("fault", f"{'fault':>22}", 1))  # noqa: T201
    for figures in found:
        name, *numbers = astuple(figures)[: len(names)]
        print(f"{name:>29}" + "".join(f"{number:>12,}" for number in numbers))  # noqa: T201


OVERLOAD = textwrap.dedent(
    """
    import sys, time
    sys.path.insert(0, {tests!r})
    from support.memory import resident_bytes
    from support.documents import settings
    from support.sink import BlackHole
    from sortition import vwo

    calls, queue_events = int(sys.argv[1]), int(sys.argv[2])
    with BlackHole() as hole:
        client = vwo.launch(
            settings(),
            base_url=hole.url,
            queue_events=queue_events,
            batch_events={{"events_per_request": 1000, "request_time_interval": 1}},
        )
        for number in range(1000):
            client.track("checkout", f"warm {{number}}", "purchase")
        took = []
        before = resident_bytes()
        for number in range(calls):
            user = f"user {{number}}"
            start = time.perf_counter_ns()
            client.track("checkout", user, "purchase")
            took.append(time.perf_counter_ns() - start)
        grown = resident_bytes() - before - 8 * 4 * calls
        client.close(0.1)
        stats = client.stats()
    took.sort()
    accepted = stats.accepted["conversion"]
    refused = stats.refused["queue_full"]["conversion"]
    assert accepted + refused == calls + 1000, stats
    assert accepted <= queue_events + 2000, stats
    print(grown, accepted, refused, took[len(took) // 2], took[int(len(took) * 0.999)])
    """
)


@pytest.mark.timeout(900)
def test_ten_times_more_than_the_queue_holds(tmp_path: Path) -> None:
    """Against a server that hangs, calls go on, and memory stays within the queue's bound."""
    calls, queue_events = (1_000_000, 100_000) if SOAK else (50_000, 5_000)
    program = OVERLOAD.format(tests=str(TESTS))
    done = subprocess.run(
        [sys.executable, "-c", program, str(calls), str(queue_events)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    grown, accepted, refused, median_ns, slow_ns = map(int, done.stdout.split())
    print(  # noqa: T201 -- for the soak
        f"\n{calls:,} calls: {accepted:,} accepted, {refused:,} refused, "
        f"{grown / 2**20:.1f} MiB more, median {median_ns / 1000:.1f} µs, "
        f"p99.9 {slow_ns / 1000:.1f} µs"
    )
    # An event is some 200 bytes, and what Python needs for it is about as much.
    assert grown < queue_events * 1024 + 16 * 2**20
