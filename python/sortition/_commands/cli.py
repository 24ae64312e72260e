"""The command ``sortition``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sortition._base.defaults import DEFAULT_PORT, KEY_VARIABLE
from sortition._commands.arguments import count
from sortition._commands.checking.commands import add_doctor, add_validate
from sortition._commands.judging.commands import add_plan, add_report
from sortition._version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_FAILED: Final = 1
_MISUSED: Final = 2
_INTERRUPTED: Final = 130
_HIGHEST_PORT: Final = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code: 0 for success, 1 for a failure, 2 for wrong arguments, 3 if a report's
        health checks fail, 130 for an interruption.
    """
    parser = argparse.ArgumentParser(
        prog="sortition", description="Server-side A/B testing with a Rust core."
    )
    parser.add_argument("--version", action="version", version=f"sortition {VERSION}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_serve(commands.add_parser)
    _add_demo(commands.add_parser)
    _add_spool(commands.add_parser)
    add_report(commands.add_parser)
    add_plan(commands.add_parser)
    add_validate(commands.add_parser)
    add_doctor(commands.add_parser)
    given = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = given.run
    try:
        return run(given)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has closed the pipe. The interpreter must not try again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED


def _add_serve(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "serve",
        help="start a local collector",
        description="Start a server that serves settings files of VWO and PageSense, receives "
        "their events and reports on them.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to bind (127.0.0.1)")
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        help=f"the port to bind; 0 for any free port ({DEFAULT_PORT})",
    )
    parser.add_argument("--db", metavar="FILE", help="keep events in this file (in memory)")
    parser.add_argument(
        "--settings",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="serve this settings file of VWO or PageSense; repeat for one of each",
    )
    # For a parent process that may die without ending this one.
    parser.add_argument("--until-input-ends", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=_serve)


def _add_demo(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "demo",
        help="run experiments from settings to report",
        description="Simulate users of a VWO account and of a PageSense project against a local "
        "collector, and show the reports.",
    )
    parser.add_argument(
        "--users",
        type=count,
        default=3000,
        help="how many users to simulate for VWO; a third as many for PageSense (3000)",
    )
    parser.add_argument("--db", type=Path, metavar="FILE", help="keep the events in this new file")
    parser.add_argument(
        "--engine", choices=("auto", "compiled", "pure"), default="auto", help="(auto)"
    )
    parser.set_defaults(run=_demo)


def _add_spool(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "spool",
        help="list or send events that are kept in files",
        description="List or send the events in a spool's folder.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    shown = commands.add_parser(
        "ls",
        help="list the kept events by process",
        description="List the kept events by process, without changing anything.",
    )
    shown.add_argument("folder", metavar="FOLDER", help="the folder of the option spool")
    shown.add_argument("--json", action="store_true", help="as JSON")
    shown.set_defaults(run=_list_spool)
    drained = commands.add_parser(
        "drain",
        help="send the events of processes that ended",
        description="Send the events of one account that ended processes have left. Events of live "
        "processes stay. The exit code is 0 if no events of the account are left.",
    )
    drained.add_argument("folder", metavar="FOLDER", help="the folder of the option spool")
    drained.add_argument("--platform", choices=("vwo", "pagesense"), default="vwo", help="(vwo)")
    whose = drained.add_mutually_exclusive_group(required=True)
    whose.add_argument("--settings", type=Path, metavar="FILE", help="the account's settings")
    whose.add_argument(
        "--account-id",
        metavar="ID",
        help=f"fetch the settings of this account, with the key in {KEY_VARIABLE}",
    )
    drained.add_argument("--project-name", metavar="NAME", help="the project, for PageSense")
    drained.add_argument(
        "--data-center",
        metavar="DC",
        help="the data center, if PageSense's settings do not name it",
    )
    drained.add_argument("--base-url", metavar="URL", help="where to send (the platform itself)")
    drained.add_argument(
        "--any-key", action="store_true", help="also send events kept with another SDK key"
    )
    drained.add_argument(
        "--timeout-s", type=count, default=60, metavar="S", help="how long to try, in seconds (60)"
    )
    drained.set_defaults(run=_drain_spool)


def _list_spool(given: argparse.Namespace) -> int:
    from sortition._commands import draining  # noqa: PLC0415 -- the other commands do not need it

    return draining.show(given.folder, as_json=given.json)


def _drain_spool(given: argparse.Namespace) -> int:
    from sortition._commands import draining  # noqa: PLC0415 -- the other commands do not need it

    account = draining.Account(
        given.platform,
        given.settings,
        given.account_id,
        given.project_name,
        given.base_url,
        given.data_center,
    )
    return draining.drain(given.folder, account, given.timeout_s, takes_any_key=given.any_key)


def _serve(given: argparse.Namespace) -> int:
    try:
        from sortition.collector import serving  # noqa: PLC0415 -- needs an extra
    except ImportError as error:
        return _missing(error, "collector")
    return serving.serve(
        given.host,
        given.port,
        given.db,
        given.settings,
        until_input_ends=given.until_input_ends,
    )


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
    if not text.isdecimal() or int(text) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {_HIGHEST_PORT}")
    return int(text)
