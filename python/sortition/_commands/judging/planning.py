"""The command ``sortition plan``."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING

from sortition.stats import (
    Baseline,
    mde,
    power,
    runtime,
    sample_size,
    sequential_power,
    sequential_sample_size,
)
from sortition.stats.words import percent

if TYPE_CHECKING:
    import argparse


def plan(given: argparse.Namespace) -> int:
    """Print what was asked for; the exit code.

    Raises:
        ValueError: Options do not go together, or are out of bounds.
        ImportError: scipy is missing.
    """
    if given.uplift is None and given.visitors is None:
        raise ValueError("give --uplift, --visitors or both")
    if given.uplift == 0:
        raise ValueError("--uplift: must not be 0")
    baseline = _baseline(given)
    found = _for_visitors(given, baseline) if given.visitors else _for_uplift(given, baseline)
    if given.json:
        sys.stdout.write(json.dumps(found, indent=2, allow_nan=False) + "\n")
    else:
        sys.stdout.write(_text(given, found))
    return 0


def _baseline(given: argparse.Namespace) -> Baseline:
    if given.rate is not None:
        if given.deviation is not None:
            raise ValueError("--deviation: goes with --mean")
        return Baseline.of_rate(given.rate)
    if given.deviation is None:
        raise ValueError("--deviation: needed with --mean")
    return Baseline(given.mean, given.deviation**2)


def _for_uplift(given: argparse.Namespace, baseline: Baseline) -> dict[str, float | None]:
    fixed = sample_size(baseline, given.uplift, power=given.power, level=given.level)
    sequential = sequential_sample_size(
        baseline, given.uplift, power=given.power, level=given.level
    )
    return {
        "fixed_visitors": fixed,
        "fixed_days": _days(given, fixed),
        "sequential_visitors": sequential,
        "sequential_days": _days(given, sequential),
        "planned_visitors": sequential * given.variations,
    }


def _for_visitors(given: argparse.Namespace, baseline: Baseline) -> dict[str, float | None]:
    smallest = mde(baseline, given.visitors, power=given.power, level=given.level)
    found = {
        "smallest_uplift": smallest if math.isfinite(smallest) else None,
        "days": _days(given, given.visitors),
    }
    if given.uplift is not None:
        found["fixed_power"] = power(baseline, given.uplift, given.visitors, level=given.level)
        found["sequential_power"] = sequential_power(
            baseline, given.uplift, given.visitors, level=given.level
        )
    return found


def _days(given: argparse.Namespace, visitors: int) -> int | None:
    if given.visitors_per_day is None:
        return None
    return runtime(visitors, given.visitors_per_day, variations=given.variations)


def _text(given: argparse.Namespace, found: dict[str, float | None]) -> str:
    chance, level = f"{given.power * 100:.3g} %", f"{given.level * 100:.4g} %"
    aim = f"with a chance of {chance} at {level} confidence"
    what = (
        f"a mean of {given.mean:.6g}"
        if given.rate is None
        else f"a rate of {given.rate * 100:.4g} %"
    )
    if given.visitors is None:
        lines = [f"To show {percent(given.uplift)} on {what}, {aim}:"]
        for name, how in (("fixed", "one look at the end"), ("sequential", "looks at any time")):
            days = found[f"{name}_days"]
            told = "" if days is None else f", {days:,.0f} days"
            visitors = f"{found[f'{name}_visitors']:,.0f} visitors per variation"
            lines.append(f"  {how} ({name}): {visitors}{told}")
        planned = f"{found['planned_visitors']:_.0f}"
        lines.append(f"  for experiments.toml: planned_visitors = {planned}")
        return "\n".join(lines) + "\n"
    smallest = found["smallest_uplift"]
    told = "no uplift" if smallest is None else percent(smallest)
    lines = [f"{given.visitors:,} visitors per variation show {told} on {what}, {aim}."]
    if found["days"] is not None:
        lines.append(f"They take {found['days']:,.0f} days.")
    if given.uplift is not None:
        lines.append(
            f"The chance to show {percent(given.uplift)}: {found['fixed_power']:.1%} with one look "
            f"at the end, {found['sequential_power']:.1%} with looks at any time."
        )
    return "\n".join(lines) + "\n"
