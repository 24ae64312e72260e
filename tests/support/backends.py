"""Servers that storages keep records in, each of its own on a socket that nobody else uses."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from typing import TYPE_CHECKING

from support.sink import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def redis_server(folder: Path, password: str | None = None) -> Iterator[str]:
    """A Redis that keeps nothing on disk; its URL."""
    program = shutil.which("redis-server")
    assert program, "apt.txt names the package"
    path = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--save", ""]
    options += [] if password is None else ["--requirepass", password]
    with subprocess.Popen([program, *options], cwd=folder, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(path.exists)
            yield f"unix://{path}"
        finally:
            process.terminate()
