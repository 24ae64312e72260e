"""The command ``sortition report``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

from sortition.results import Results, Window, csv_of, text_of
from sortition.stats import Experiments

if TYPE_CHECKING:
    import argparse

_DONE: Final = 0
_UNHEALTHY: Final = 3
_DEFINITIONS: Final = "experiments.toml"


def report(given: argparse.Namespace) -> int:
    """Print the report that was asked for; the exit code.

    Returns:
        0, or 3 where the health checks fail.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is not what it should be, options do not go together, or the campaign or
            the goal was not found.
        ImportError: A package is missing; the message says which.
    """
    results = _results(given)
    found = results.report(
        campaign=given.campaign,
        goal=given.goal,
        method=given.method,
        by_segment=given.segment is not None,
    )
    if given.campaign is not None and not found.campaigns:
        raise ValueError(f"--campaign {given.campaign}: there are no events of it")
    if given.goal is not None and not any(one.metrics for one in found.campaigns):
        raise ValueError(f"--goal {given.goal}: no campaign has it")
    if given.json:
        document = {"is_healthy": found.is_healthy, **found.as_dict()}
        sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
    else:
        sys.stdout.write(csv_of(found) if given.csv else text_of(found))
    return _DONE if found.is_healthy else _UNHEALTHY


def _results(given: argparse.Namespace) -> Results:
    experiments, window = _experiments(given), _window(given)
    if given.db is not None:
        if given.segment or given.covariate or given.users or given.conversions:
            raise ValueError(
                "--segment, --covariate, --users and --conversions go with --exposures or --parquet"
            )
        return Results.from_collector(
            given.db,
            settings=given.settings,
            experiments=experiments,
            window=window,
            counts_several=given.count_all,
        )
    exposures, conversions = given.exposures, given.conversions
    if given.parquet is not None:
        exposures, conversions = (
            str(given.parquet / name / "**" / "*.parquet") for name in ("exposures", "conversions")
        )
    if conversions is None:
        raise ValueError("--conversions: needed with --exposures")
    return Results.from_tables(
        exposures,
        conversions,
        given.users,
        covariate=given.covariate,
        segment=given.segment,
        experiments=experiments,
        window=window,
        counts_several=given.count_all,
    )


def _experiments(given: argparse.Namespace) -> Experiments | None:
    """The definitions that were named, or those beside the settings."""
    if given.experiments is not None:
        return Experiments.read(given.experiments)
    beside = [path.parent / _DEFINITIONS for path in given.settings]
    for path in beside:
        if path.is_file():
            return Experiments.read(path)
    return None


def _window(given: argparse.Namespace) -> Window:
    plain = Window()
    return Window(
        since_s=plain.since_s if given.since is None else given.since,
        until_s=plain.until_s if given.until is None else given.until,
        days=given.window_days,
    )
