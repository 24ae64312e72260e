"""Laws that hold for all metrics."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sortition.stats import (
    Covariate,
    Mean,
    Proportion,
    Ratio,
    RatioCovariate,
    bayes,
    benjamini_hochberg,
    compare,
    cuped,
    holm,
    newcombe,
    probabilities_to_be_best,
    srm,
    srm_of_periods,
    srm_sequential,
    srm_sequential_of_periods,
    wilson,
)
from sortition.stats.comparison import Method

METHODS: tuple[Method, ...] = ("sequential", "fixed")
VALUES = st.lists(st.floats(0, 1000).map(lambda value: round(value, 2)), min_size=2, max_size=30)


def mean_of(values: list[float]) -> Mean:
    return Mean(len(values), math.fsum(values), math.fsum(value * value for value in values))


@st.composite
def proportions(draw: st.DrawFn, least: int = 1) -> Proportion:
    n = draw(st.integers(least, 100_000))
    return Proportion(n, draw(st.integers(0, n)))


@given(proportions(), proportions(), st.sampled_from(METHODS))
def test_swapping_the_arms_negates_the_difference(
    one: Proportion, other: Proportion, method: Method
) -> None:
    there, back = compare(one, other, method=method), compare(other, one, method=method)
    assert there.difference == -back.difference
    low, high = there.difference_interval
    assert back.difference_interval == pytest.approx((-high, -low), abs=1e-12)
    assert there.p_value == pytest.approx(back.p_value)


@settings(max_examples=50)
@given(VALUES, VALUES, st.floats(0.01, 1000), st.sampled_from(METHODS))
def test_scaling_the_unit_scales_the_result(
    one: list[float], other: list[float], unit: float, method: Method
) -> None:
    plain = compare(mean_of(one), mean_of(other), method=method)
    # Sums of squares leave no digits of a spread that is tiny beside the values.
    assume(all(mean.variance > 1e-6 * mean.sum2 for mean in (mean_of(one), mean_of(other))))
    scaled = compare(
        mean_of([value * unit for value in one]),
        mean_of([value * unit for value in other]),
        method=method,
    )
    size = unit * plain.standard_error
    assert scaled.difference == pytest.approx(plain.difference * unit, abs=1e-6 * size)
    assert scaled.standard_error == pytest.approx(size, rel=1e-5)
    assert scaled.p_value == pytest.approx(plain.p_value, abs=1e-5)


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_pooling_days_equals_the_sum(days: list[list[float]]) -> None:
    together = mean_of([value for day in days for value in day])
    pooled = mean_of(days[0])
    for day in days[1:]:
        pooled += mean_of(day)
    assert pooled.n == together.n
    assert pooled.sum == pytest.approx(together.sum)
    assert pooled.sum2 == pytest.approx(together.sum2)


def test_all_sums_add_up() -> None:
    """Covariate sums and ratios, too; a covariate that one side lacks is lost."""
    one = Proportion(10, 3, Covariate(1, 2, 3))
    assert one + Proportion(20, 4, Covariate(4, 5, 6)) == Proportion(30, 7, Covariate(5, 7, 9))
    assert one + Proportion(20, 4) == Proportion(30, 7)
    ratio = Ratio(2, 3, 4, 5, 10, 6, RatioCovariate(1, 2, 3, 4))
    assert ratio + ratio == Ratio(4, 6, 8, 10, 20, 12, RatioCovariate(2, 4, 6, 8))


@given(proportions(), proportions(), st.sampled_from(METHODS))
def test_an_interval_holds_the_estimate_and_grows_with_the_level(
    control: Proportion, treatment: Proportion, method: Method
) -> None:
    narrow = compare(control, treatment, method=method, level=0.9)
    wide = compare(control, treatment, method=method, level=0.99)
    for found in (narrow, wide):
        low, high = found.difference_interval
        assert low <= found.difference + 1e-12
        assert found.difference - 1e-12 <= high
        assert 0 <= found.p_value <= 1
    if not math.isinf(wide.difference_interval[0]) and method == "fixed":
        assert wide.difference_interval[0] <= narrow.difference_interval[0]
        assert narrow.difference_interval[1] <= wide.difference_interval[1]


@given(VALUES, VALUES, st.sampled_from(METHODS))
def test_interval_and_p_value_say_the_same(
    one: list[float], other: list[float], method: Method
) -> None:
    found = compare(mean_of(one), mean_of(other), method=method)
    assume(abs(found.p_value - 0.05) > 1e-9)
    assert found.is_decided == (found.p_value < 0.05)
    if found.uplift_interval is not None:
        low, high = found.uplift_interval
        assert (low > 0 or high < 0) == found.is_decided


@given(proportions())
def test_wilson_stays_within_0_and_1_and_mirrors(arm: Proportion) -> None:
    low, high = wilson(arm)
    assert 0 <= low <= arm.estimate <= high <= 1
    mirrored = wilson(Proportion(arm.n, arm.n - arm.converted))
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(proportions(), proportions())
def test_newcombe_stays_within_minus_1_and_1(control: Proportion, treatment: Proportion) -> None:
    low, high = newcombe(control, treatment)
    assert -1 - 1e-12 <= low <= high <= 1 + 1e-12


@given(st.lists(st.floats(0, 1), max_size=20))
def test_adjusted_p_values_keep_their_order_and_only_grow(p_values: list[float]) -> None:
    adjust: Callable[[list[float]], list[float]]
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(p_values)
        assert all(0 <= one <= 1 for one in adjusted)
        pairs = sorted(zip(p_values, adjusted, strict=True))
        assert [one for _, one in pairs] == sorted(adjusted)
        assert all(after >= before - 1e-12 for before, after in pairs)
    assert all(
        one >= other - 1e-12
        for one, other in zip(holm(p_values), benjamini_hochberg(p_values), strict=True)
    )


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=5))
def test_an_arm_of_weight_0_changes_nothing(counts: list[int]) -> None:
    weights = [1.0] * len(counts)
    assert srm(counts, weights).p_value == srm([*counts, 77], [*weights, 0]).p_value
    assert (
        srm_sequential([counts], weights).p_value
        == srm_sequential([[*counts, 77]], [*weights, 0]).p_value
    )
    if any(counts):
        assert srm([*counts, 77], [*weights, 0]).degrees == len(counts) - 1


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_weights_that_changed_are_judged_period_by_period(one: int, other: int) -> None:
    """A perfect split by changing weights is no mismatch, whatever the whole looks like."""
    found = srm_of_periods([([one, one], [50, 50]), ([9 * other, other], [90, 10])])
    assert found.p_value == pytest.approx(1)
    assert found.counts == (one + 9 * other, one + other)
    batches = [([[one, one]], [50, 50]), ([[9 * other, other]], [90, 10])]
    sequential = srm_sequential_of_periods(batches)
    assert sequential.p_value == pytest.approx(1)
    assert sequential.counts == found.counts
    assert sequential.expected == pytest.approx(found.expected)


@settings(max_examples=25)
@given(proportions(), proportions())
def test_probabilities_are_complementary(control: Proportion, treatment: Proportion) -> None:
    there, back = bayes(control, treatment), bayes(treatment, control)
    assert there.win + back.win == pytest.approx(1, abs=1e-9)
    assert there.loss_treatment == pytest.approx(back.loss_control, abs=1e-9)
    # What is lost one way minus what is lost the other way is the mean difference.
    assert there.loss_control - there.loss_treatment == pytest.approx(there.effect, abs=1e-9)
    best = probabilities_to_be_best([control, treatment])
    assert best == pytest.approx([back.win, there.win], abs=1e-9)


@given(st.lists(proportions(), min_size=1, max_size=5))
def test_the_probabilities_to_be_best_add_up_to_1(arms: list[Proportion]) -> None:
    assert math.fsum(probabilities_to_be_best(arms)) == pytest.approx(1, abs=1e-8)
    of_fewest = probabilities_to_be_best(arms, direction="down")
    assert math.fsum(of_fewest) == pytest.approx(1, abs=1e-8)
    others = [Proportion(arm.n, arm.n - arm.converted) for arm in arms]
    assert of_fewest == pytest.approx(probabilities_to_be_best(others), abs=1e-8)


@given(proportions(), proportions())
def test_fewer_conversions_are_better_where_more_are_worse(
    control: Proportion, treatment: Proportion
) -> None:
    """With the direction down, a rate is as good as the opposite rate with the direction up."""
    down = bayes(control, treatment, direction="down")
    others = [Proportion(arm.n, arm.n - arm.converted) for arm in (control, treatment)]
    up = bayes(*others)
    assert down.win == pytest.approx(up.win, abs=1e-8)
    assert down.loss_treatment == pytest.approx(up.loss_treatment, abs=1e-8)
    assert down.loss_control == pytest.approx(up.loss_control, abs=1e-8)


@settings(max_examples=50)
@given(st.integers(2, 40), st.floats(0, 2), st.randoms(use_true_random=False))
def test_cuped_equals_the_adjustment_of_each_row(n: int, theta: float, chance: Any) -> None:
    """The sums of the adjusted rows, by rows and by the sums of the rows."""
    arms = []
    for _ in range(2):
        before = [chance.uniform(0, 10) for _ in range(n)]
        arms.append([(x, theta * x + chance.uniform(0, 5)) for x in before])
    adjusted = cuped(
        [
            Mean(
                n,
                math.fsum(y for _, y in arm),
                math.fsum(y * y for _, y in arm),
                Covariate(
                    math.fsum(x for x, _ in arm),
                    math.fsum(x * x for x, _ in arm),
                    math.fsum(x * y for x, y in arm),
                ),
            )
            for arm in arms
        ]
    )
    rows = [row for arm in arms for row in arm]
    assume(len({x for x, _ in rows}) > 1)
    x_mean, y_mean = (math.fsum(one) / len(rows) for one in zip(*rows, strict=True))
    slope = math.fsum((x - x_mean) * (y - y_mean) for x, y in rows) / math.fsum(
        (x - x_mean) ** 2 for x, _ in rows
    )
    for arm, found in zip(arms, adjusted, strict=True):
        values = [y - slope * (x - x_mean) for x, y in arm]
        assert found.sum == pytest.approx(math.fsum(values), abs=1e-7)
        assert found.sum2 == pytest.approx(math.fsum(one * one for one in values), abs=1e-6)


def test_a_ratio_whose_covariate_says_nothing_stays_as_it_is() -> None:
    arms = [
        Ratio(2023, 1073, 4038, 2073, 10098, 2648, RatioCovariate(2023, 2023, 1073, 4038)),
        Ratio(1977, 1133, 3920, 2121, 9698, 2730, RatioCovariate(1977, 1977, 1133, 3920)),
    ]
    plain, adjusted = compare(*arms, method="fixed"), compare(*cuped(arms), method="fixed")
    assert adjusted.difference == pytest.approx(plain.difference)
    assert adjusted.standard_error == pytest.approx(plain.standard_error)
    assert adjusted.p_value == pytest.approx(plain.p_value)
