"""How every subject of the comparison is measured: one process each, asked by the runner.

Only the standard library, since a peer has an environment of its own. The runner writes a line with
the name of a row, and gets back one figure for it; so the subjects' rounds can be interleaved.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable

NANOSECONDS = 1_000_000_000
SHORTEST_S = 0.05
"""How long a round of one row lasts at least."""

Row = Callable[[], float]
"""Measures once; nanoseconds, or what else the row is in."""

USERS = [f"user-{number}" for number in range(1000)]
ONCE = "--once" in sys.argv
"""Whether only the answers are checked, and figures mean nothing."""


def per_user(once: Callable[[], object]) -> Row:
    """The time of a call, in nanoseconds; `once` makes it for all of `USERS`."""

    def measure() -> float:
        rounds = 0
        started = now = time.perf_counter()
        while now - started < (0 if ONCE else SHORTEST_S) or not rounds:
            once()
            rounds += 1
            now = time.perf_counter()
        return (now - started) / (rounds * len(USERS)) * NANOSECONDS

    return measure


def duration(once: Callable[[], object]) -> Row:
    """The time of one run, in nanoseconds."""

    def measure() -> float:
        started = time.perf_counter()
        once()
        return (time.perf_counter() - started) * NANOSECONDS

    return measure


def in_threads(count: int, once: Callable[[], object]) -> Row:
    """The time of a call in so many threads together, in nanoseconds."""

    def measure() -> float:
        rounds = 1 if ONCE else 40
        ready = threading.Barrier(count + 1)

        def work() -> None:
            ready.wait()
            for _ in range(rounds):
                once()

        threads = [threading.Thread(target=work) for _ in range(count)]
        for thread in threads:
            thread.start()
        ready.wait()
        started = time.perf_counter()
        for thread in threads:
            thread.join()
        return (time.perf_counter() - started) / (rounds * count * len(USERS)) * NANOSECONDS

    return measure


def memory_kib() -> int:
    """The memory that the process has in use, in KiB."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123 -- the import of pathlib takes memory
            return int(file.read().split()[1]) * resource.getpagesize() // 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def serve(rows: dict[str, Callable[[], Row]]) -> None:
    """Answer the runner, until it closes the pipe.

    Args:
        rows: By name, what checks the answers, gets ready, and returns what measures. It is called
            when the row is first asked for.
    """
    answers = sys.stdout
    # What a peer prints is not to be taken for an answer.
    sys.stdout = sys.stderr
    measures: dict[str, Row] = {}
    print(json.dumps(sorted(rows)), file=answers, flush=True)
    for line in sys.stdin:
        name = line.strip()
        try:
            if name not in measures:
                measures[name] = rows[name]()
            answer: dict[str, object] = {"figure": measures[name]()}
        except Exception as error:  # noqa: BLE001 -- one row that fails is no end of the others
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
    # A peer's own threads are not to keep the runner waiting.
    answers.flush()
    os._exit(0)
