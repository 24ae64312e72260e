"""Comparisons at the edges, and the verdicts that use them."""

from __future__ import annotations

import json
import math

import pytest

from sortition.stats import (
    BetaPrior,
    Covariate,
    Mean,
    Proportion,
    Ratio,
    bayes,
    compare,
    cuped,
    guardrail,
    novelty,
    outliers,
    pagesense_winner,
    several_variations,
    srm,
    srm_sequential,
    threshold_of_caring,
    vwo_winner,
    winsorised,
)
from sortition.stats.metrics import Metric


@pytest.mark.parametrize("method", ["sequential", "fixed"])
@pytest.mark.parametrize(
    ("control", "treatment"),
    [
        (Proportion(0, 0), Proportion(10, 3)),
        (Mean(0, 0, 0), Mean(0, 0, 0)),
        (Mean(1, 5, 25), Mean(10, 30, 100)),
        (Mean(50, 0, 0), Mean(50, 12, 144)),
        (Ratio(0, 0, 0, 0, 0, 0), Ratio(2, 1, 2, 1, 2, 1)),
    ],
)
def test_where_nothing_is_known_the_interval_is_infinite(
    method: str, control: Metric, treatment: Metric
) -> None:
    """No visitors, one visitor, or visitors who all brought the same."""
    found = compare(control, treatment, method=method)  # type: ignore[arg-type]  # parametrized
    assert found.difference_interval == (-math.inf, math.inf)
    assert found.uplift_interval is None
    assert found.p_value == 1
    assert not found.is_decided


def test_a_rate_of_0_has_an_interval() -> None:
    """The usual formula would say that both rates are known to be 0."""
    found = compare(Proportion(50, 0), Proportion(50, 0), method="fixed")
    low, high = found.difference_interval
    assert -0.1 < low < 0 < high < 0.1
    assert found.uplift_interval is None
    assert math.isnan(found.uplift)


def test_results_are_plain_values_for_json() -> None:
    found = compare(Proportion(0, 0), Proportion(10, 3)).as_dict()
    assert found["control"] is None
    assert found["difference_interval"] == [None, None]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    nested = guardrail(Proportion(1000, 100), Proportion(1000, 99), margin=0.1).as_dict()
    assert json.loads(json.dumps(nested, allow_nan=False)) == nested


def test_a_comparison_says_when_it_holds() -> None:
    arms = Proportion(1000, 100), Proportion(1000, 120)
    assert compare(*arms).validity == "valid at every look"
    assert compare(*arms).planned_visitors == 5000
    assert compare(*arms, method="fixed").validity == "valid at the planned end only"
    assert compare(*arms, method="fixed").planned_visitors is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 1.0}, "level"),
        ({"planned_visitors": 0}, "planned_visitors"),
        ({"method": "bayes"}, "method"),
    ],
)
def test_options_that_cannot_be_used_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare(Proportion(10, 1), Proportion(10, 1), **options)  # type: ignore[arg-type]


def test_two_kinds_of_metrics_are_not_compared() -> None:
    with pytest.raises(ValueError, match="Proportion"):
        compare(Proportion(10, 1), Mean(10, 1, 1))
    with pytest.raises(ValueError, match="two kinds"):
        bayes(Proportion(10, 1), Mean(10, 1, 1))
    with pytest.raises(ValueError, match="BetaPrior"):
        bayes(Mean(10, 1, 1), Mean(10, 1, 1), prior=BetaPrior())
    with pytest.raises(ValueError, match="spread"):
        bayes(Mean(10, 0, 0), Mean(10, 0, 0))
    with pytest.raises(ValueError, match="one kind"):
        cuped([Proportion(10, 1, Covariate(1, 1, 1)), Mean(10, 1, 1, Covariate(1, 1, 1))])
    with pytest.raises(ValueError, match="covariate"):
        cuped([Proportion(10, 1)])


def test_impossible_sums_are_refused() -> None:
    with pytest.raises(ValueError, match="converted"):
        Proportion(10, 11)
    with pytest.raises(ValueError, match="n: must"):
        Proportion(-1, 0)
    with pytest.raises(ValueError, match="sum2"):
        Mean(2, 10, 49)
    with pytest.raises(ValueError, match="finite"):
        Mean(2, math.inf, math.inf)
    with pytest.raises(ValueError, match="x2"):
        Ratio(2, 10, 1, 49, 1, 1)


class TestGuardrail:
    def test_it_is_kept_where_the_worst_case_is_within_the_margin(self) -> None:
        arms = Proportion(200_000, 20_000), Proportion(200_000, 20_000)
        found = guardrail(*arms, margin=0.05, planned_visitors=400_000)
        assert found.verdict == "kept"
        assert found.comparison.level == pytest.approx(0.9)

    def test_it_is_broken_where_the_best_case_is_beyond_the_margin(self) -> None:
        found = guardrail(Proportion(20_000, 2_000), Proportion(20_000, 1_500), margin=0.02)
        assert found.verdict == "broken"

    def test_it_is_open_in_between_and_without_data(self) -> None:
        arms = Proportion(1000, 100), Proportion(1000, 100)
        assert guardrail(*arms, margin=0.02).verdict == "open"
        assert guardrail(Proportion(0, 0), Proportion(0, 0), margin=0.02).verdict == "open"

    def test_less_may_be_better(self) -> None:
        arms = Proportion(20_000, 2_000), Proportion(20_000, 2_600)
        assert guardrail(*arms, margin=0.02, direction="up").verdict == "kept"
        assert guardrail(*arms, margin=0.02, direction="down").verdict == "broken"

    def test_the_margin_is_a_share(self) -> None:
        with pytest.raises(ValueError, match="margin"):
            guardrail(Proportion(10, 1), Proportion(10, 1), margin=1)


class TestHealth:
    def test_a_split_is_judged_by_the_sequence(self) -> None:
        good = srm_sequential([[100, 98], [99, 103]], [50, 50])
        assert not good.is_alarm
        bad = srm_sequential([[600, 400]] * 10, [50, 50])
        assert bad.is_alarm
        assert bad.counts == (6000, 4000)
        assert bad.expected == (5000, 5000)

    def test_the_sequence_remembers_its_worst_look(self) -> None:
        worst = srm_sequential([[700, 300]], [50, 50])
        later = srm_sequential([[700, 300], [300, 700]], [50, 50])
        assert later.p_value == worst.p_value

    @pytest.mark.parametrize(
        ("counts", "weights", "message"),
        [
            ([1, 2], [1], "weights"),
            ([1, -2], [1, 1], "counts"),
            ([1, 2], [1, -1], "weights"),
            ([1, 2], [0, 0], "above 0"),
        ],
    )
    def test_splits_that_cannot_be_judged(
        self, counts: list[int], weights: list[float], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            srm(counts, weights)

    def test_no_visitors_are_no_alarm(self) -> None:
        assert srm([0, 0], [50, 50]).p_value == 1
        assert srm_sequential([], [50, 50]).p_value == 1

    def test_visitors_in_several_variations(self) -> None:
        assert not several_variations(1000, 10).is_alarm
        assert several_variations(1000, 11).is_alarm
        assert not several_variations(0, 0).is_alarm
        with pytest.raises(ValueError, match="in_several"):
            several_variations(10, 11)

    def test_an_effect_that_fades_has_a_slope(self) -> None:
        days = [
            (Proportion(20_000, 2_000), Proportion(20_000, 2_600 - 100 * day)) for day in range(6)
        ]
        found = novelty(days)
        assert found.slope == pytest.approx(-0.005, abs=5e-4)
        assert found.p_value < 0.001
        assert found.effects[0] == pytest.approx(0.03)
        steady = novelty([(Proportion(20_000, 2_000), Proportion(20_000, 2_300))] * 6)
        assert steady.slope == pytest.approx(0, abs=1e-12)
        assert steady.p_value == pytest.approx(1)

    def test_two_days_make_no_line(self) -> None:
        assert novelty([(Proportion(100, 10), Proportion(100, 30))] * 2).p_value == 1

    def test_one_visitor_with_a_large_share_is_an_outlier(self) -> None:
        assert outliers(600, 10_000).is_alarm
        assert not outliers(400, 10_000).is_alarm
        assert not outliers(0, 0).is_alarm


class TestWinsorised:
    def test_the_cap_is_common_to_all_variations(self) -> None:
        values = [[0.0] * 50 + [float(one) for one in range(1, 501)], [1000.0, *range(1, 500)]]
        found = winsorised(values)
        assert found.cap == 500
        assert found.capped == 1
        assert found.means[0] == Mean(550, 125_250, sum(one * one for one in range(1, 501)))
        assert found.means[1].sum == 500 + sum(range(1, 500))

    def test_visitors_without_a_value_may_be_left_out(self) -> None:
        found = winsorised([[5.0], [7.0]], visitors=[100, 90])
        assert [one.n for one in found.means] == [100, 90]
        with pytest.raises(ValueError, match="visitors"):
            winsorised([[5.0], [7.0]], visitors=[0, 90])

    def test_nothing_to_cap(self) -> None:
        assert winsorised([[0.0, 0.0], []]).cap == math.inf
        with pytest.raises(ValueError, match="quantile"):
            winsorised([[1.0]], quantile=0)


class TestThePlatformsRules:
    def test_vwo_names_a_winner_after_a_week(self) -> None:
        arms = [Proportion(10_000, 1_000), Proportion(10_000, 1_150)]
        assert vwo_winner(arms, 7).winner == 1
        assert vwo_winner(arms, 6).winner is None
        assert vwo_winner([Proportion(1_400, 140), Proportion(1_400, 200)], 7).winner is None
        assert vwo_winner([Proportion(10_000, 1_000), Proportion(10_000, 1_010)], 7).winner is None

    def test_the_threshold_has_ends(self) -> None:
        assert threshold_of_caring(0.0001) == 0.00001
        assert threshold_of_caring(0.9) == pytest.approx(0.00675)
        assert threshold_of_caring(1.0, is_revenue=True) == 0.001

    def test_pagesense_needs_visitors_and_a_higher_rate(self) -> None:
        arms = [Proportion(10_000, 1_000), Proportion(10_000, 1_150)]
        assert pagesense_winner(arms, visitors=20_000).winner == 1
        assert pagesense_winner(arms, visitors=20_001).winner is None
        assert pagesense_winner(arms[::-1], visitors=20_000).winner is None
