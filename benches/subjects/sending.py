"""End to end: from the first call until the server has the last event.

Only the standard library; see `serving`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_S = 60.0


class Stub:
    """The process of `stub`; `mark` stands in each event once."""

    def __init__(self, mark: str) -> None:
        script = Path(__file__).with_name("stub.py")
        self._process = subprocess.Popen(  # noqa: S603 -- our own script
            [sys.executable, str(script), mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._read())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    @property
    def events(self) -> int:
        """How many events it has taken."""
        if self._process.stdin is None:
            raise RuntimeError("the stub has no input")
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._read())

    def _read(self) -> str:
        if self._process.stdout is None:
            raise RuntimeError("the stub has no output")
        return self._process.stdout.readline()


def events_per_second(stub: Stub, number: int, send: Callable[[], object]) -> float:
    """How many events a second arrive at the stub while `send` makes so many calls and flushes.

    Raises:
        RuntimeError: Some did not arrive.
    """
    before = stub.events
    started = time.perf_counter()
    send()
    while stub.events - before < number:
        if time.perf_counter() - started > _LONGEST_S:
            break
        time.sleep(0.001)
    elapsed_s = time.perf_counter() - started
    arrived = stub.events - before
    if arrived != number:
        raise RuntimeError(f"{arrived} of {number} events arrived")
    return number / elapsed_s
