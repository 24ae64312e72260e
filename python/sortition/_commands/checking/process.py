"""Checks the process, its environment and its packages."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Final

from sortition._commands.checking.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition._engine import Engine

_GREEN: Final = ("gevent", "eventlet")
_PATCHED: Final = ("socket", "ssl", "threading", "time", "select", "queue")
_FORKING: Final = ("gunicorn", "uwsgi", "celery")


def process_findings(engine: Engine) -> Iterator[Finding]:
    """Check the interpreter, the engine, forking servers and greenlets."""
    yield Finding("python", "ok", f"{platform.python_implementation()} {sys.version.split()[0]}")
    if engine.remark is None:
        yield Finding("engine", "ok", engine.name)
    else:
        advice = "install a wheel with the compiled engine"
        yield Finding("engine", "warning", engine.remark, advice)
    yield from _green_findings()
    yield from _fork_findings()


def _green_findings() -> Iterator[Finding]:
    if "gevent" in sys.modules:
        monkey = importlib.import_module("gevent.monkey")
        patched = {name for name in _PATCHED if monkey.is_module_patched(name)}
        missing = sorted(set(_PATCHED) - patched)
        if patched and missing:
            found = f"gevent has patched some modules, but not {', '.join(missing)}"
            advice = "call gevent.monkey.patch_all() without arguments, before any other import"
            yield Finding("gevent", "fault", found, advice)
            return
        yield Finding(
            "gevent", "ok", "everything is patched" if patched else "imported, nothing is patched"
        )
        return
    installed = [name for name in _GREEN if _version_of(name)]
    if installed:
        found = f"{', '.join(installed)} installed; patching works before and after the import"
        yield Finding("gevent", "note", found)
    else:
        yield Finding("gevent", "ok", "neither gevent nor eventlet is installed")


def _fork_findings() -> Iterator[Finding]:
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is not None:
        options = getattr(uwsgi, "opt", {})
        names = {name.decode() if isinstance(name, bytes) else str(name) for name in options}
        if not names & {"enable-threads", "threads"}:
            advice = "start uWSGI with --enable-threads: a thread sends the events"
            yield Finding("fork", "fault", "uWSGI runs without threads", advice)
        return
    if "--preload" in os.environ.get("GUNICORN_CMD_ARGS", "").split():
        found = "gunicorn preloads: the client is launched before the fork and works in each worker"
        yield Finding("fork", "note", found)
        return
    installed = [name for name in _FORKING if _version_of(name)]
    found = f"{', '.join(installed)} installed: each worker gets its own threads at its first use"
    yield Finding("fork", "ok", found if installed else "no forking server is installed")


def _version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
