"""``sortition report`` and ``sortition plan``, as they are typed."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sortition._commands.arguments import count

if TYPE_CHECKING:
    from collections.abc import Callable

_MISUSED: Final = 2
_METHODS: Final = ("sequential", "fixed", "bayes")


def add_report(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command ``report``."""
    parser = add_parser(
        "report",
        help="say what experiments showed, and whether to trust it",
        description="Judge the experiments in a collector's database or in files. The exit code "
        "is 0, or 3 where the health checks fail: a sample ratio mismatch, or many visitors in "
        "several variations.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--db", metavar="FILE", help="the database of a collector")
    source.add_argument(
        "--parquet",
        type=Path,
        metavar="DIR",
        help="a folder with the folders exposures and conversions of Parquet files (needs DuckDB)",
    )
    source.add_argument("--exposures", metavar="FILE", help="a CSV or Parquet file of exposures")
    parser.add_argument("--conversions", metavar="FILE", help="the file of conversions")
    parser.add_argument("--users", metavar="FILE", help="a file of what is known of visitors")
    parser.add_argument(
        "--settings",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a settings file, for names and weights; twice for one of each platform",
    )
    parser.add_argument(
        "--experiments",
        type=Path,
        metavar="FILE",
        help="the definitions of experiments (experiments.toml beside the settings)",
    )
    parser.add_argument("--campaign", metavar="NAME", help="only this campaign: key, name or id")
    parser.add_argument("--goal", metavar="NAME", help="only this goal: name or id")
    parser.add_argument(
        "--since", type=_moment, metavar="DATE", help="visitors first exposed from this time on"
    )
    parser.add_argument("--until", type=_moment, metavar="DATE", help="events before this time")
    parser.add_argument(
        "--window-days", type=_amount, metavar="N", help="conversions for N days after the exposure"
    )
    parser.add_argument("--segment", metavar="COLUMN", help="report each value of this column")
    parser.add_argument("--covariate", metavar="COLUMN", help="a number from before, for CUPED")
    parser.add_argument("--method", choices=_METHODS, help="the method (of the definition)")
    parser.add_argument(
        "--count-all",
        action="store_true",
        help="count visitors in several variations in the first one",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")
    parser.set_defaults(run=_report)


def add_plan(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command ``plan``."""
    parser = add_parser(
        "plan",
        help="say how many visitors an experiment needs",
        description="Say how many visitors each variation needs to show an uplift, or with "
        "--visitors what so many can show.",
    )
    metric = parser.add_mutually_exclusive_group(required=True)
    metric.add_argument("--rate", type=_amount, help="the control's conversion rate, such as 0.1")
    metric.add_argument("--mean", type=_amount, help="the control's amount per visitor")
    parser.add_argument("--deviation", type=_amount, help="with --mean: its standard deviation")
    parser.add_argument("--uplift", type=float, help="the uplift to show, such as 0.05 for +5 %%")
    parser.add_argument("--visitors", type=count, help="visitors of each variation")
    parser.add_argument("--power", type=_share, default=0.8, help="the chance to show it (0.8)")
    parser.add_argument("--level", type=_share, default=0.95, help="the confidence (0.95)")
    parser.add_argument("--variations", type=count, default=2, help="the control included (2)")
    parser.add_argument(
        "--visitors-per-day", type=_amount, metavar="N", help="new visitors of all variations"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_plan)


def _report(given: argparse.Namespace) -> int:
    from sortition._commands.judging import reporting  # noqa: PLC0415 -- only this command needs it

    return _judged(lambda: reporting.report(given))


def _plan(given: argparse.Namespace) -> int:
    from sortition._commands.judging import planning  # noqa: PLC0415 -- only this command needs it

    return _judged(lambda: planning.plan(given))


def _judged(run: Callable[[], int]) -> int:
    try:
        return run()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"sortition: {error}\n")
    except ImportError as error:
        sys.stderr.write(f"sortition: {error.msg}\n")
    return _MISUSED


def _moment(text: str) -> int:
    """A date or a time, in whole seconds since 1970; without a zone it is in UTC."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be a date, such as 2026-11-28") from error
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    return int(zoned.timestamp() // 1)


def _amount(text: str) -> float:
    return _number(text, float("inf"), "must be a number above 0")


def _share(text: str) -> float:
    return _number(text, 1.0, "must be a number between 0 and 1")


def _number(text: str, below: float, complaint: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(complaint) from error
    if not 0 < value < below:
        raise argparse.ArgumentTypeError(complaint)
    return value
