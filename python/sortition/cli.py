"""The command ``sortition``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sortition._version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEFAULT_PORT: Final = 8484
"""The port of the collector."""

_MISUSED: Final = 2
_HIGHEST_PORT: Final = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0 where all went well, and 2 where it was misused."""
    parser = argparse.ArgumentParser(
        prog="sortition", description="Server-side A/B testing with a Rust core."
    )
    parser.add_argument("--version", action="version", version=f"sortition {VERSION}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_serve(commands.add_parser)
    _add_demo(commands.add_parser)
    given = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = given.run
    return run(given)


def _add_serve(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "serve",
        help="start a local collector",
        description="Start a server that serves a settings file, takes events and reports on them.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to bind (127.0.0.1)")
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        help=f"the port to bind; 0 takes any free one ({DEFAULT_PORT})",
    )
    parser.add_argument("--db", metavar="FILE", help="keep events in this file (in memory)")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="serve this settings file")
    parser.set_defaults(run=_serve)


def _add_demo(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "demo",
        help="run an experiment from settings to report",
        description="Simulate users of an account against a local collector, and show the report.",
    )
    parser.add_argument(
        "--users", type=_count, default=3000, help="how many users to simulate (3000)"
    )
    parser.add_argument("--db", type=Path, metavar="FILE", help="keep the events in this new file")
    parser.add_argument(
        "--engine", choices=("auto", "compiled", "pure"), default="auto", help="(auto)"
    )
    parser.set_defaults(run=_demo)


def _serve(given: argparse.Namespace) -> int:
    try:
        from sortition.collector import serving  # noqa: PLC0415 -- needs an extra
    except ImportError as error:
        return _missing(error, "collector")
    return serving.serve(given.host, given.port, given.db, given.settings)


def _demo(given: argparse.Namespace) -> int:
    try:
        from sortition.demo import show  # noqa: PLC0415 -- needs an extra
    except ImportError as error:
        return _missing(error, "demo")
    return show.run(given.users, given.engine, given.db)


def _missing(error: ImportError, extra: str) -> int:
    complaint = f"sortition: {error.name} is not installed; run: pip install 'sortition[{extra}]'"
    sys.stderr.write(f"{complaint}\n")
    return _MISUSED


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _HIGHEST_PORT:
        raise ValueError
    return port


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count
