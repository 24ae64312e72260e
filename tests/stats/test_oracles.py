"""Numbers of scipy.stats and statsmodels, where they offer the same method."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as oracle
from statsmodels.stats import multitest, power, proportion

from sortition.stats import (
    Mean,
    Proportion,
    benjamini_hochberg,
    compare,
    credible_interval,
    holm,
    newcombe,
    srm,
    wilson,
)
from sortition.stats import power as power_of
from sortition.stats.planning import Baseline

CHANCE = np.random.default_rng(20_261_128)
COUNTS = [(int(n), int(CHANCE.integers(0, n + 1))) for n in CHANCE.integers(1, 5000, 40)]


@pytest.mark.parametrize("size", [2, 5, 40, 1000])
def test_welch_s_test_is_that_of_scipy(size: int) -> None:
    one, other = CHANCE.lognormal(1, 1, size), CHANCE.lognormal(1.1, 1.3, size + 3)
    found = compare(
        *(Mean(len(arm), float(arm.sum()), float((arm**2).sum())) for arm in (one, other)),
        method="fixed",
    )
    wanted = oracle.ttest_ind(other, one, equal_var=False)
    interval = wanted.confidence_interval(0.95)
    assert found.p_value == pytest.approx(wanted.pvalue)
    assert found.difference_interval == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize(("n", "converted"), COUNTS)
def test_wilson_s_interval_is_that_of_statsmodels(n: int, converted: int) -> None:
    wanted = proportion.proportion_confint(converted, n, method="wilson")
    assert wilson(Proportion(n, converted)) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("control", "treatment"), list(zip(COUNTS[::2], COUNTS[1::2], strict=True))
)
def test_newcombe_s_interval_is_that_of_statsmodels(
    control: tuple[int, int], treatment: tuple[int, int]
) -> None:
    wanted = proportion.confint_proportions_2indep(
        treatment[1], treatment[0], control[1], control[0], method="newcomb", compare="diff"
    )
    found = newcombe(Proportion(*control), Proportion(*treatment))
    assert found == pytest.approx(wanted, abs=1e-12)


def test_the_score_test_of_small_counts_is_that_of_statsmodels() -> None:
    found = compare(Proportion(50, 3), Proportion(60, 11), method="fixed")
    _, wanted = proportion.proportions_ztest([11, 3], [60, 50])
    assert found.intervals == "Newcombe"
    assert found.p_value == pytest.approx(wanted)


def test_adjusted_p_values_are_those_of_statsmodels() -> None:
    p_values = [float(one) for one in CHANCE.random(25)]
    wanted = multitest.multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(list(wanted))
    wanted = multitest.multipletests(p_values, method="fdr_bh")[1]
    assert benjamini_hochberg(p_values) == pytest.approx(list(wanted))


def test_the_chi_square_test_is_that_of_scipy() -> None:
    counts, weights = [310, 344, 365], [30, 35, 35]
    expected = [sum(counts) * weight / 100 for weight in weights]
    wanted = oracle.chisquare(counts, expected)
    found = srm(counts, weights)
    assert found.statistic == pytest.approx(wanted.statistic)
    assert found.p_value == pytest.approx(wanted.pvalue)


def test_the_power_of_a_mean_is_that_of_statsmodels() -> None:
    wanted = power.NormalIndPower().power(0.1, 2000, 0.05, ratio=1.5)
    found = power_of(Baseline(1, 1), 0.1, (2000, 3000))
    assert found == pytest.approx(wanted, rel=1e-9)


def test_credible_intervals_are_those_of_scipy() -> None:
    wanted = oracle.beta(43, 63).interval(0.9)
    assert credible_interval(Proportion(104, 42), level=0.9) == pytest.approx(wanted)


def test_beta_posteriors_by_drawing() -> None:
    """The integrals against a million draws of three rates."""
    from sortition.stats import bayes, probabilities_to_be_best  # noqa: PLC0415
    from sortition.stats.bayesian import potential_losses  # noqa: PLC0415

    arms = [Proportion(400, 40), Proportion(380, 47), Proportion(420, 45)]
    draws = np.array(
        [CHANCE.beta(arm.converted + 1, arm.n - arm.converted + 1, 10**6) for arm in arms]
    )
    best = [float((draws.argmax(axis=0) == index).mean()) for index in range(3)]
    assert probabilities_to_be_best(arms) == pytest.approx(best, abs=3e-3)
    losses = [float((draws.max(axis=0) - one).mean()) for one in draws]
    assert potential_losses(arms) == pytest.approx(losses, abs=1e-4)
    uplifts = draws[1] / draws[0] - 1
    found = bayes(arms[0], arms[1], scale="uplift", rope=(-0.1, 0.1))
    assert found.effect == pytest.approx(float(uplifts.mean()), abs=2e-3)
    quantiles = [float(one) for one in np.quantile(uplifts, [0.025, 0.975])]
    assert found.interval == pytest.approx(quantiles, abs=5e-3)
    inside = float(((uplifts > -0.1) & (uplifts < 0.1)).mean())
    assert found.equivalence == pytest.approx(inside, abs=3e-3)
    assert math.isclose(found.level, 0.95)
