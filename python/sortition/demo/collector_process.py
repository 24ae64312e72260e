"""The demo's collector, in a process of its own."""

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
    """The collector did not start; it has said why."""


@contextlib.contextmanager
def collector(settings: Sequence[Path], database: Path) -> Iterator[str]:
    """A collector in a process of its own, which ends with this one; its base URL."""
    command = [sys.executable, "-m", "sortition", "serve", "--port", "0", "--until-input-ends"]
    command += ["--db", str(database)]
    for path in settings:
        command += ["--settings", str(path)]
    with subprocess.Popen(  # noqa: S603 -- ourselves
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Ctrl-C is for the demo, which ends its collector itself.
        start_new_session=True,
        text=True,
    ) as process:
        try:
            # The first line says where it listens; it is written once it does.
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("collector: "):
                raise CollectorError
            yield line.removeprefix("collector: ").strip()
        finally:
            process.terminate()
