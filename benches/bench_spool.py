"""What does a spool cost a call of `track`, median and 99.9th percentile?

The input: 4,000 calls, each for another user, with batches of 5,000, so that nothing leaves in the
meantime, and of 100, which a server takes at once: then the thread that sends is busy all the time,
and every call that writes lets it go first.

Beside it: the same number of bytes appended to a table of SQLite in WAL mode, one transaction for
each event, which is what one would do without a spool; `synchronous=OFF` promises as much as the
spool does, `NORMAL` is SQLite's usual setting with WAL.

`pytest-benchmark` reports the medians; the percentiles are printed.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from sortition import vwo
from sortition._base.log import Log
from sortition._sending.spool.options import SpoolOptions
from sortition._sending.spool.owner import Owner
from sortition._sending.spool.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALLS = 4_000
GOAL = {"id": 1, "identifier": "purchase", "type": "CUSTOM_GOAL"}
DOCUMENT: dict[str, Any] = {
    "version": 1,
    "accountId": 604812,
    "sdkKey": "0123456789abcdef",
    "campaigns": [
        {
            "id": 228,
            "key": "checkout",
            "type": "VISUAL_AB",
            "status": "RUNNING",
            "percentTraffic": 100,
            "variations": [{"id": 1, "name": "in", "weight": 100}],
            "goals": [GOAL],
        }
    ],
}
EVENT = b'{"c": 228, "e": 1, "eT": 2, "g": 1, "sId": 1750000000, "u": "%032X"}'


class AtOnce:
    """A server that takes everything, as near as one can be."""

    def __init__(self) -> None:
        self.requests = 0

    def send(self, _request: vwo.Request, _timeout_s: float) -> vwo.Response:
        self.requests += 1
        return vwo.Response(200, b"")


def percentiles(capsys: pytest.CaptureFixture[str], name: str, call: Callable[[int], None]) -> None:
    """Measure each call by itself, and print what the slow ones take."""
    times: list[int] = []
    for number in range(CALLS):
        start = time.perf_counter_ns()
        call(number)
        times.append(time.perf_counter_ns() - start)
    times.sort()
    median, rare = times[CALLS // 2] / 1000, times[CALLS * 999 // 1000] / 1000
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: median {median:.1f} µs, p99.9 {rare:.0f} µs\n")


@pytest.mark.parametrize("batch", [5000, 100])
@pytest.mark.parametrize("spool", ["with", "without"])
@pytest.mark.benchmark(group="track, with and without a spool")
def bench_track(
    benchmark: Any, spool: str, batch: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    transport = AtOnce()
    client = vwo.launch(
        DOCUMENT,
        transport=transport,
        batch_events={"events_per_request": batch},
        spool=tmp_path / "spool" if spool == "with" else None,
    )

    def track(number: int) -> None:
        client.track("checkout", f"user {number}", "purchase")

    assert client.track("checkout", "Ann", "purchase") == {"checkout": True}
    percentiles(capsys, f"track {spool} a spool, batches of {batch}", track)
    benchmark(track, 1)
    assert client.close()
    assert transport.requests >= CALLS / batch
    assert sum(client.stats().delivered.values()) == sum(client.stats().accepted.values())


@pytest.mark.benchmark(group="keeping one event")
def bench_append(benchmark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool = Spool(SpoolOptions(str(tmp_path)), lambda: Owner.of("vwo", "1", ""), Log("bench"), 100)
    event = EVENT % 1
    places: list[Any] = []
    spool.append("conversion", event, places)
    assert len(places) == 1
    percentiles(capsys, "the spool alone", lambda _: spool.append("conversion", event, []))
    benchmark(lambda: spool.append("conversion", event, []))
    spool.close()


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
@pytest.mark.benchmark(group="keeping one event")
def bench_sqlite(
    benchmark: Any, synchronous: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    assert database.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
    database.execute(f"PRAGMA synchronous={synchronous}")
    database.execute("CREATE TABLE event (number INTEGER PRIMARY KEY, kind TEXT, content BLOB)")

    def append() -> None:
        database.execute("INSERT INTO event (kind, content) VALUES (?, ?)", ("conversion", EVENT))

    append()
    assert database.execute("SELECT count(*) FROM event").fetchone() == (1,)
    percentiles(capsys, f"SQLite, WAL, synchronous={synchronous}", lambda _: append())
    benchmark(append)
    database.close()
