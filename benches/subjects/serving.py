"""How every subject of the comparison is measured: one process each, asked by the runner.

Only the standard library, since a peer has an environment of its own. The runner writes a line with
the name of a row, and gets back one figure for it; so the subjects' rounds can be interleaved.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable

NANOSECONDS = 1_000_000_000
SHORTEST_S = 0.05
"""How long a round of one row lasts at least."""
THREADS_S = 0.3
"""The same in threads, all of whose calls together take about so long, however many there are."""

Row = Callable[[], float]
"""Measures once; nanoseconds, or what else the row is in."""

Launching = Callable[[int], tuple[int, Callable[[], object]]]
"""For so many campaigns with five conditions: the size of their text in bytes, and the launch."""

USERS = [f"user-{number}" for number in range(1000)]
ONCE = "--once" in sys.argv
"""Whether only the answers are checked, and figures mean nothing."""
MANY = 100 if ONCE else 10_000
"""How many campaigns are many."""
_IS_MEMORY = "--memory" in sys.argv


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
        started = time.perf_counter()
        once()
        alone_s = time.perf_counter() - started
        rounds = 1 if ONCE else max(1, round(THREADS_S / alone_s / count))

        def start() -> None:
            nonlocal started
            started = time.perf_counter()

        ready = threading.Barrier(count, action=start)

        def work() -> None:
            ready.wait()
            for _ in range(rounds):
                once()

        threads = [threading.Thread(target=work) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (time.perf_counter() - started) / (rounds * count * len(USERS)) * NANOSECONDS

    return measure


def of_settings(launching: Launching) -> dict[str, Callable[[], Row]]:
    """The rows of a launch with many campaigns: how long it takes, and the memory it leaves taken.

    The memory is that of a process of its own, which has not had any of it before: `serve` with
    `--memory`.
    """
    size, found = 0, 0.0

    def compiled() -> Row:
        _, launch = launching(MANY)
        return duration(launch)

    def memory() -> Row:
        def measure() -> float:
            nonlocal size, found
            done = subprocess.run(  # noqa: S603 -- our own script
                [sys.executable, *sys.argv, "--memory"], check=True, capture_output=True, text=True
            )
            size, found = json.loads(done.stdout)
            return found

        return measure

    return {
        "compile 10,000": compiled,
        "memory of 10,000": memory,
        "memory to text": lambda: lambda: found / size,
    }


def _print_memory(launching: Launching) -> None:
    _, launch = launching(1)
    small = launch()
    size, launch = launching(MANY)
    gc.collect()
    before = _memory()
    many = launch()
    gc.collect()
    print(json.dumps([size, _memory() - before]), file=sys.__stdout__, flush=True)
    del small, many
    # A peer's own threads are not to keep it waiting.
    os._exit(0)


def _memory() -> int:
    """The memory that the process has in use, in bytes."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123 -- the import of pathlib takes memory
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def serve(rows: dict[str, Callable[[], Row]], launching: Launching | None = None) -> None:
    """Answer the runner, until it closes the pipe.

    Args:
        rows: By name, what checks the answers, gets ready, and returns what measures. It is called
            when the row is first asked for.
        launching: For the rows of `of_settings`.
    """
    answers = sys.stdout
    # What a peer prints is not to be taken for an answer.
    sys.stdout = sys.stderr
    if launching is not None:
        if _IS_MEMORY:
            _print_memory(launching)
        rows = {**rows, **of_settings(launching)}
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
