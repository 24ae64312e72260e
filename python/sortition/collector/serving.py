"""``sortition serve``: a collector in the foreground."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING, Final

from sortition.collector.collector import Collector, Served, SettingsFileError
from sortition.collector.server import listen, url_of
from sortition.collector.server import serve as serve_collector
from sortition.collector.store import IN_MEMORY, Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MISUSED: Final = 2


def serve(
    host: str,
    port: int,
    database: str | None,
    settings: Sequence[Path],
    *,
    until_input_ends: bool = False,
) -> int:
    """Serve until interrupted or terminated, or until the standard input ends.

    Returns:
        The exit code: 2 if the collector cannot start.
    """
    try:
        served = Served.of(settings)
    except SettingsFileError as error:
        return _complain(f"--settings {error}")
    try:
        store = Store(database or IN_MEMORY)
    except sqlite3.Error as error:
        return _complain(f"--db {database}: {error}")
    try:
        listener = listen(host, port)
    except OSError as error:
        store.close()
        return _complain(f"{host}:{port}: {error.strerror}")
    url = url_of(listener)
    kept = f"in {database}" if database else "in memory; --db FILE keeps them"
    _say(f"collector: {url}")
    _say(f"events are kept {kept}")
    if not settings:
        _say("no settings file is served; --settings FILE serves one")
    _say(f"report: {url}/report.json")
    if until_input_ends:
        threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        serve_collector(Collector(store, served), listener)
    except KeyboardInterrupt:
        # uvicorn shuts down in order, then raises the signal again.
        pass
    finally:
        listener.close()
        store.close()
    return 0


def _end_with_input() -> None:
    """End this process when standard input ends, because the process that started it has ended."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _complain(line: str) -> int:
    sys.stderr.write(f"sortition serve: {line}\n")
    return _MISUSED
