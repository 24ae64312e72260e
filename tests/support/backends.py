"""Servers that storages keep records in, each of its own on a socket that nobody else uses."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.sink import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@contextlib.contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """A PostgreSQL in this folder, on a socket in it; the URL of its database for SQLAlchemy.

    PostgreSQL refuses to run as root, so there it runs as nobody.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert folders, "apt.txt names the package"
    programs = folders[-1]
    data = folder / "data"
    as_user: list[str] = []
    if os.getuid() == 0:
        user = pwd.getpwnam("nobody")
        as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        data.mkdir()
        for one in (folder, data):
            os.chown(one, user.pw_uid, user.pw_gid)
    environment = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    quiet: Any = {"cwd": folder, "env": environment, "stdout": subprocess.DEVNULL}
    initdb = [f"{programs}/initdb", "--pgdata", str(data), "--username", "postgres"]
    subprocess.run(
        [*as_user, *initdb, "--auth", "trust", "--no-sync", "--encoding", "UTF8"],
        check=True,
        stderr=subprocess.DEVNULL,
        **quiet,
    )
    # Nothing is to survive it, so it waits for no disk.
    server = [f"{programs}/postgres", "-D", str(data), "-k", str(folder), "-h", "", "-F"]
    with subprocess.Popen([*as_user, *server], stderr=subprocess.DEVNULL, **quiet) as process:
        try:
            ready = [f"{programs}/pg_isready", "-h", str(folder), "-q"]
            wait_until(lambda: subprocess.run(ready, check=False).returncode == 0)
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            process.send_signal(signal.SIGINT)
