"""Intervals cover as they say, and false alarms are as rare as they say: by simulation.

`make soak` runs them at full size, and prints the figures.
"""

from __future__ import annotations

import itertools
import math
import os
import statistics
from collections.abc import Iterator

import numpy as np
import pytest
from support.documents import settings

from sortition.stats import (
    Mean,
    Proportion,
    aa,
    compare,
    sample_size,
    srm,
    srm_sequential,
    vwo_winner,
)
from sortition.stats.planning import Baseline

FULL = os.environ.get("SORTITION_SOAK") == "1"
SEED = 20_261_128


def show(name: str, share: float, runs: int) -> None:
    """Print a figure of the full size."""
    if FULL:
        print(f"\n{name}: {share:.2%} of {runs:,}")  # noqa: T201 -- the figure is wanted


def slack(share: float, runs: int) -> float:
    """The deviation that chance alone may cause, at four standard errors."""
    return 4 * math.sqrt(share * (1 - share) / runs)


def holds(interval: tuple[float, float] | None, truth: float) -> bool:
    return interval is None or interval[0] <= truth <= interval[1]


@pytest.mark.parametrize(
    ("rate", "n", "lift"),
    [(0.02, 400, 0.0), (0.05, 500, 0.5), (0.1, 1_000, 0.2), (0.1, 10_000, 0.0), (0.5, 200, 0.1)],
)
def test_fixed_intervals_of_rates_cover(rate: float, n: int, lift: float) -> None:
    """Nominal 95 % intervals of difference and uplift, with few conversions and with many."""
    runs = 20_000 if FULL else 600
    chance = np.random.default_rng(SEED)
    draws = zip(
        chance.binomial(n, rate, runs), chance.binomial(n, rate * (1 + lift), runs), strict=True
    )
    found = [
        compare(Proportion(n, int(one)), Proportion(n, int(other)), method="fixed")
        for one, other in draws
    ]
    differences = sum(holds(one.difference_interval, rate * lift) for one in found) / runs
    uplifts = sum(holds(one.uplift_interval, lift) for one in found) / runs
    show(f"rate {rate}, n {n:,}, lift {lift}: difference covered", differences, runs)
    show(f"rate {rate}, n {n:,}, lift {lift}: uplift covered", uplifts, runs)
    for share in (differences, uplifts):
        assert 0.94 - slack(0.95, runs) <= share
        # Where conversions are few, counts are coarse, and a rule that holds covers more.
        assert share <= (0.975 if rate * n < 30 else 0.96) + slack(0.95, runs)


def revenues(chance: np.random.Generator, n: int) -> Mean:
    """Skewed revenue: one in twenty buys, for amounts that are lognormal."""
    values = chance.lognormal(3, 1, n) * (chance.random(n) < 0.05)
    return Mean(n, float(values.sum()), float((values**2).sum()))


@pytest.mark.parametrize("n", [500, 5_000])
def test_fieller_s_interval_of_skewed_revenue_covers(n: int) -> None:
    """At 500 visitors the delta method covers 91 %, Fieller's interval 95.8 %."""
    runs = 4_000 if FULL else 400
    chance = np.random.default_rng(SEED)
    covered: dict[str, int] = {"Fieller": 0, "delta": 0}
    for _ in range(runs):
        arms = revenues(chance, n), revenues(chance, n)
        covered["Fieller"] += holds(compare(*arms, method="fixed").uplift_interval, 0)
        by_delta = compare(*arms, method="fixed", uplift_by="delta")
        covered["delta"] += holds(by_delta.uplift_interval, 0)
    for name, count in covered.items():
        show(f"skewed revenue, n {n:,}, {name}: uplift covered", count / runs, runs)
    assert 0.94 - slack(0.95, runs) <= covered["Fieller"] / runs <= 0.965 + slack(0.95, runs)
    assert covered["delta"] <= covered["Fieller"]


def looks_at_rates(
    chance: np.random.Generator, per_look: int, looks: int, rates: tuple[float, float]
) -> Iterator[tuple[Proportion, Proportion]]:
    """The data of a test at each look."""
    reached = [chance.binomial(per_look, rate, looks).cumsum() for rate in rates]
    for look in range(looks):
        n = per_look * (look + 1)
        yield Proportion(n, int(reached[0][look])), Proportion(n, int(reached[1][look]))


@pytest.mark.slow
def test_false_alarms_of_30_looks() -> None:
    """The sequence stays below 5 %; fixed tests and the platforms' rules do not."""
    runs = 10_000 if FULL else 60
    chance = np.random.default_rng(SEED)
    alarms = {"sequential": 0, "fixed at any look": 0, "VWO's rule": 0}
    for _ in range(runs):
        seen: set[str] = set()
        for look, arms in enumerate(looks_at_rates(chance, 1_000, 30, (0.1, 0.1)), 1):
            if compare(*arms).is_decided:
                seen.add("sequential")
            if "fixed at any look" not in seen and compare(*arms, method="fixed").is_decided:
                seen.add("fixed at any look")
            # Exact integrals of every look would take hours; nearly all winners are also ahead.
            ahead = abs(compare(*arms).difference) > 1.2 * compare(*arms).standard_error
            if (
                "VWO's rule" not in seen
                and ahead
                and vwo_winner(list(arms), look).winner is not None
            ):
                seen.add("VWO's rule")
        for name in seen:
            alarms[name] += 1
    for name, count in alarms.items():
        show(f"A/A, 30 looks, {name}", count / runs, runs)
    assert alarms["sequential"] / runs <= 0.05
    assert alarms["fixed at any look"] / runs > 0.2
    assert alarms["VWO's rule"] / runs > 0.2


@pytest.mark.parametrize(("rate", "lift"), [(0.02, 0.0), (0.1, 0.3), (0.5, 0.1)])
def test_the_sequence_covers_at_every_visitor(rate: float, lift: float) -> None:
    """With a look after every visitor, false alarms come in at most 5 % of the tests."""
    runs, pairs = (1_000, 1_000) if FULL else (40, 300)
    chance = np.random.default_rng(SEED)
    missed = 0
    for _ in range(runs):
        looks = looks_at_rates(chance, 1, pairs, (rate, rate * (1 + lift)))
        missed += any(
            not (
                holds((found := compare(*arms)).difference_interval, rate * lift)
                and holds(found.uplift_interval, lift)
            )
            for arms in looks
        )
    show(f"rate {rate}, lift {lift}, a look at every visitor: missed at any", missed / runs, runs)
    assert missed / runs <= 0.05


def test_the_sequence_of_heavy_tailed_revenue_covers_at_every_visitor() -> None:
    runs, pairs = (1_000, 1_000) if FULL else (40, 300)
    chance = np.random.default_rng(SEED)
    missed = 0
    for _ in range(runs):
        values = chance.lognormal(3, 1.5, (2, pairs)) * (chance.random((2, pairs)) < 0.3)
        totals, squares = values.cumsum(axis=1), (values**2).cumsum(axis=1)
        missed += any(
            compare(
                *(Mean(n, float(totals[arm, n - 1]), float(squares[arm, n - 1])) for arm in (0, 1))
            ).is_decided
            for n in range(1, pairs + 1)
        )
    show("heavy-tailed revenue, a look at every visitor: false alarms", missed / runs, runs)
    assert missed / runs <= 0.05


def test_power_is_as_planned() -> None:
    """A lift of 10 % on 10 %, with 30,000 visitors in each variation."""
    runs = 10_000 if FULL else 200
    chance = np.random.default_rng(SEED)
    decided = dict.fromkeys(("fixed", "sequential"), 0)
    for _ in range(runs):
        looks = list(looks_at_rates(chance, 1_000, 30, (0.1, 0.11)))
        decided["fixed"] += compare(*looks[-1], method="fixed").is_decided
        decided["sequential"] += any(
            compare(*arms, planned_visitors=60_000).is_decided for arms in looks
        )
    for name, wanted in {"fixed": 0.978, "sequential": 0.876}.items():
        share = decided[name] / runs
        show(f"+10 %, 30,000 in each variation, {name}: decided", share, runs)
        assert share == pytest.approx(wanted, abs=0.01 + slack(wanted, runs))


def test_the_sample_size_has_the_power_that_was_asked_for() -> None:
    runs = 20_000 if FULL else 1_000
    n = sample_size(Baseline.of_rate(0.1), 0.2)
    chance = np.random.default_rng(SEED)
    counts = zip(chance.binomial(n, 0.1, runs), chance.binomial(n, 0.12, runs), strict=True)
    decided = sum(
        compare(Proportion(n, int(one)), Proportion(n, int(other)), method="fixed").is_decided
        for one, other in counts
    )
    show(f"sample size {n:,} for a power of 80 %", decided / runs, runs)
    assert decided / runs == pytest.approx(0.8, abs=0.01 + slack(0.8, runs))


@pytest.mark.slow
def test_false_alarms_about_the_split() -> None:
    """60 looks at a good split: 1.2 % with the chi-square test, next to none with the sequence."""
    runs = 10_000 if FULL else 150
    chance = np.random.default_rng(SEED)
    by_chi_square = by_sequence = 0
    for _ in range(runs):
        batches = [(int(one), 500 - int(one)) for one in chance.binomial(500, 0.5, 60)]
        sums = list(itertools.accumulate(one for one, _ in batches))
        by_chi_square += any(
            srm([one, 500 * look - one], [50, 50]).is_alarm for look, one in enumerate(sums, 1)
        )
        by_sequence += srm_sequential(batches, [50, 50]).is_alarm
    show("a good split, 60 looks, chi-square: alarms", by_chi_square / runs, runs)
    show("a good split, 60 looks, sequential: alarms", by_sequence / runs, runs)
    assert by_sequence / runs <= 0.001 + slack(0.001, runs)
    assert by_chi_square / runs == pytest.approx(0.012, abs=0.004 + slack(0.012, runs))


def test_a_split_of_52_by_48_is_found() -> None:
    runs = 500 if FULL else 30
    chance = np.random.default_rng(SEED)
    found_after = []
    for _ in range(runs):
        ones = chance.binomial(500, 0.52, 120)
        for look in range(10, 120):
            batches = [(int(one), 500 - int(one)) for one in ones[:look]]
            if srm_sequential(
                [[sum(column) for column in zip(*batches, strict=True)]], [50, 50]
            ).is_alarm:
                found_after.append(500 * look)
                break
    middle = statistics.median(found_after)
    show(f"52 by 48 found after {middle:,.0f} visitors (median), of", len(found_after) / runs, runs)
    assert middle == pytest.approx(10_500, abs=1_500 if FULL else 5_000)


def test_a_a_tests_of_the_account_with_the_real_engine() -> None:
    """The engine's own assignments raise no more alarms than chance."""
    runs, visitors = (400, 4_000) if FULL else (20, 1_000)
    found = aa(settings(), "checkout", visitors=visitors, runs=runs, rate=0.1)
    show("A/A with the engine, fixed at the end", found.fixed_at_end, runs)
    show("A/A with the engine, fixed at any look", found.fixed_at_any_look, runs)
    show("A/A with the engine, sequential", found.sequential, runs)
    show("A/A with the engine, split", found.split, runs)
    assert found.fixed_at_end <= 0.05 + slack(0.05, runs)
    assert found.sequential <= found.fixed_at_any_look
    assert found.split <= 0.001 + slack(0.001, runs)
    assert 0 < found.visitors <= visitors
    amounts = aa(settings(), "checkout", visitors=300, runs=3, values=[0.0] * 9 + [50.0])
    assert amounts == aa(settings(), "checkout", visitors=300, runs=3, values=[0.0] * 9 + [50.0])


def test_an_a_a_simulation_needs_one_source_of_conversions() -> None:
    with pytest.raises(ValueError, match="either"):
        aa(settings(), "checkout", visitors=10)
    with pytest.raises(ValueError, match="campaign"):
        aa(settings(), "no such", visitors=10, rate=0.1)
