"""Runs the demo's collector in its own process."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

import starlette  # noqa: F401 -- the collector's process needs it; better to say so before it starts
import uvicorn  # noqa: F401 -- as above

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class CollectorError(Exception):
    """The collector did not start; it has already printed the reason."""


@contextlib.contextmanager
def collector(settings: Sequence[Path], database: Path) -> Iterator[str]:
    """Run a collector in its own process, which ends with this one. Yields its base URL."""
    command = [sys.executable, "-m", "sortition", "serve", "--port", "0", "--until-input-ends"]
    command += ["--db", str(database)]
    for path in settings:
        command += ["--settings", str(path)]
    with subprocess.Popen(  # noqa: S603 -- ourselves
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Keeps Ctrl-C from reaching the collector: the demo ends it.
        start_new_session=True,
        text=True,
    ) as process:
        try:
            # As soon as the collector listens, it prints its URL in the first line.
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("collector: "):
                raise CollectorError
            yield line.removeprefix("collector: ").strip()
        finally:
            process.terminate()
