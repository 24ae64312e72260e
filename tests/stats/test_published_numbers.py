"""Numbers that other tools and books publish come out of the same inputs."""

from __future__ import annotations

import math

import pytest

from sortition.stats import (
    BetaPrior,
    Covariate,
    Mean,
    NormalPrior,
    Proportion,
    Ratio,
    bayes,
    benjamini_hochberg,
    compare,
    credible_interval,
    cuped,
    holm,
    mde,
    newcombe,
    power,
    sample_size,
    sequential_power,
    srm,
    threshold_of_caring,
    wilson,
)
from sortition.stats import sequential as mixture
from sortition.stats.covariates import slope
from sortition.stats.planning import Baseline
from sortition.stats.relative import delta_error, fieller
from sortition.stats.sample_ratio import log_dirichlet_multinomial, log_multinomial
from sortition.stats.small_counts import score_z
from sortition.stats.special import normal_two_sided

DIGITS = 6e-6
"""Numbers that are published with five digits."""

REVENUE = Mean(3407, 1396.87, 52377.9767), Mean(3461, 2422.7, 134698.29)
JEFFREYS = BetaPrior(0.5, 0.5)


class TestGrowthBook:
    """`packages/stats/tests` and `packages/shared/test` of GrowthBook."""

    def test_means(self) -> None:
        found = compare(*REVENUE, method="fixed", uplift_by="delta")
        assert found.uplift == pytest.approx(0.70732, abs=DIGITS)
        assert delta_error(*REVENUE) == pytest.approx(0.37879, abs=DIGITS)
        assert found.uplift_interval == pytest.approx((-0.03526, 1.44989), abs=DIGITS)
        assert found.uplift_p_value == pytest.approx(0.06191, abs=DIGITS)
        assert found.difference == pytest.approx(0.29, abs=DIGITS)
        assert found.standard_error == pytest.approx(0.12478, abs=DIGITS)
        assert found.difference_interval == pytest.approx((0.04538, 0.53462), abs=DIGITS)
        assert found.p_value == pytest.approx(0.02016, abs=DIGITS)

    def test_fieller_agrees_with_the_p_value_of_the_difference(self) -> None:
        assert fieller(*REVENUE, 1.959964) == pytest.approx((0.09417, 1.70840), abs=DIGITS)
        interval = compare(*REVENUE, method="fixed").uplift_interval
        assert interval is not None
        assert interval[0] > 0

    def test_proportions(self) -> None:
        arms = Proportion(28, 14), Proportion(30, 16)
        found = compare(*arms, method="fixed", uplift_by="delta")
        assert found.uplift == pytest.approx(0.06667, abs=DIGITS)
        assert delta_error(*arms) == pytest.approx(0.27170, abs=DIGITS)
        assert found.uplift_interval == pytest.approx((-0.47767, 0.61101), abs=DIGITS)
        assert found.uplift_p_value == pytest.approx(0.80707, abs=DIGITS)

    def test_sequential_means(self) -> None:
        found = compare(
            Mean(3000, 1396.87, 52377.9767), REVENUE[1], planned_visitors=1000, uplift_by="delta"
        )
        assert found.uplift == pytest.approx(0.50336, abs=DIGITS)
        assert found.uplift_interval == pytest.approx((-0.55844, 1.56516), abs=DIGITS)
        assert found.uplift_p_value == 1

    def test_sequential_proportions(self) -> None:
        arms = Proportion(3000, 1396), Proportion(3461, 2422)
        found = compare(*arms, planned_visitors=5000, uplift_by="delta")
        assert found.uplift == pytest.approx(0.50386, abs=DIGITS)
        assert delta_error(*arms) == pytest.approx(0.03386, abs=DIGITS)
        assert found.uplift_interval == pytest.approx((0.40098, 0.60675), abs=DIGITS)
        assert found.uplift_p_value == pytest.approx(0, abs=DIGITS)

    def test_sequential_with_a_plan_of_20_000(self) -> None:
        arms = Proportion(10_000, 1_000), Proportion(10_000, 1_160)
        found = compare(*arms, planned_visitors=20_000, uplift_by="delta")
        assert found.uplift_interval == pytest.approx((0.0164606, 0.3035394), abs=5e-8)
        assert found.uplift_p_value == pytest.approx(0.0185411, abs=5e-8)
        assert found.difference_interval == pytest.approx((0.00268155, 0.02931845), abs=5e-9)
        assert found.p_value == pytest.approx(0.00815721, abs=5e-9)
        fixed = compare(*arms, method="fixed", uplift_by="delta")
        assert fixed.uplift_p_value == pytest.approx(0.000717645, abs=5e-10)
        assert bayes(*arms, prior="flat", scale="uplift").win == pytest.approx(0.99964187, abs=5e-9)

    def test_sequential_with_a_plan_of_5_000(self) -> None:
        arms = Proportion(10_000, 1_000), Proportion(10_000, 1_120)
        found = compare(*arms, planned_visitors=5_000, uplift_by="delta")
        assert found.uplift_interval == pytest.approx((-0.0241026, 0.2641026), abs=5e-8)
        assert found.uplift_p_value == pytest.approx(0.2138072, abs=5e-8)
        assert found.p_value == pytest.approx(0.1437147, abs=5e-8)
        assert bayes(*arms, prior="flat", scale="uplift").win == pytest.approx(0.99539384, abs=5e-9)

    def test_bayesian_proportions(self) -> None:
        found = bayes(Proportion(100, 49), Proportion(100, 51), prior="flat", scale="uplift")
        assert found.win == pytest.approx(0.60918, abs=DIGITS)
        assert found.interval == pytest.approx((-0.24779, 0.32943), abs=DIGITS)
        assert found.loss_control == pytest.approx(0.08140, abs=DIGITS)
        assert found.loss_treatment == pytest.approx(0.04058, abs=DIGITS)

    def test_bayesian_means(self) -> None:
        arms = Mean(10, 100, 1002.25), Mean(10, 105, 1111.5)
        found = bayes(*arms, scale="uplift")
        assert found.win == pytest.approx(0.91923, abs=DIGITS)
        assert found.interval == pytest.approx((-0.02000, 0.12000), abs=DIGITS)
        assert found.loss_control == pytest.approx(0.05131, abs=DIGITS)
        assert found.loss_treatment == pytest.approx(0.00131, abs=DIGITS)
        found = bayes(*arms, scale="uplift", prior=NormalPrior(0.1, math.sqrt(0.1)))
        assert found.effect == pytest.approx(0.05063, abs=DIGITS)
        assert found.win == pytest.approx(0.92315, abs=DIGITS)
        assert found.interval == pytest.approx((-0.01893, 0.12019), abs=DIGITS)
        assert found.loss_control == pytest.approx(0.05186, abs=DIGITS)
        assert found.loss_treatment == pytest.approx(0.00123, abs=DIGITS)

    def test_adjusted_p_values(self) -> None:
        found = holm([0.01, 0.04, 0.03, 0.005, 0.55, 0.6])
        assert found == pytest.approx([0.05, 0.12, 0.12, 0.03, 1, 1])
        found = benjamini_hochberg([0.898, 0.138, 0.007, 0.964, 0.538, 0.006, 0.138])
        wanted = [0.964, 0.2415, 0.0245, 0.964, 0.7532, 0.0245, 0.2415]
        assert found == pytest.approx(wanted)

    def test_power(self) -> None:
        baseline, visitors = Baseline(10, 3909.99977), 400_000 // 3
        found = power(baseline, 0.05, visitors, scale="uplift")
        assert found == pytest.approx(0.52144, abs=DIGITS)
        assert mde(baseline, visitors, scale="uplift") == pytest.approx(0.07027, abs=DIGITS)

    @pytest.mark.parametrize(
        ("planned", "looks", "wanted"),
        [
            (5_000, 1, 0.072),
            (5_000, 20, 0.132),
            (5_000, 100, 0.161),
            (266_667, 1, 0.153),
            (266_667, 20, 0.224),
            (266_667, 100, 0.252),
        ],
    )
    def test_power_at_any_look(self, planned: int, looks: int, wanted: float) -> None:
        """Not GrowthBook's 0.206, which enlarges the error of the last look."""
        found = sequential_power(
            Baseline(10, 3909.99977),
            0.05,
            (133_333, 133_334),
            planned_visitors=planned,
            looks=looks,
            scale="uplift",
        )
        # Both are simulated with 40,000 paths: three standard errors of their difference.
        assert found == pytest.approx(wanted, abs=3 * math.sqrt(2 * wanted * (1 - wanted) / 40_000))


class TestSpotifyConfidence:
    """`tests` of spotify-confidence, whose power was checked with G*Power."""

    @pytest.mark.parametrize(
        ("converted", "n", "interval"),
        [
            (500, 1009, (0.46473987, 0.52636595)),
            (42, 104, (0.31324190, 0.49971958)),
            (4, 10, (0.15306710, 0.69632051)),
        ],
    )
    def test_credible_intervals(
        self, converted: int, n: int, interval: tuple[float, float]
    ) -> None:
        found = credible_interval(Proportion(n, converted), prior=JEFFREYS)
        assert found == pytest.approx(interval, abs=1e-8)

    def test_win_and_loss(self) -> None:
        found = bayes(Proportion(104, 42), Proportion(1009, 500), prior=JEFFREYS)
        assert found.win == pytest.approx(0.9629065, abs=5e-8)
        assert found.loss_treatment == pytest.approx(0.00077, abs=2e-5)

    def test_power(self) -> None:
        found = power(Baseline(1, 0.2244), 0.01, (225_725, 22_572), level=0.97)
        assert found == pytest.approx(0.80, abs=4e-3)
        found = power(Baseline(1, 45), 0.03, 859_896)
        assert found == pytest.approx(0.8345828, abs=5e-7)


@pytest.mark.parametrize(
    ("control", "treatment", "win", "losses"),
    [
        ((200, 120), (200, 100), 0.0224136, (0.0994231, 0.000413164)),
        ((1000, 100), (1000, 120), 0.9231834, (0.000484614, 0.0204447)),
    ],
)
def test_miller_s_closed_form(
    control: tuple[int, int], treatment: tuple[int, int], win: float, losses: tuple[float, float]
) -> None:
    """Evan Miller, "Formulas for Bayesian A/B testing"; losses of treatment and control."""
    arms = Proportion(*control), Proportion(*treatment)
    found = bayes(*arms)
    assert found.win == pytest.approx(win, abs=5e-8)
    assert (found.loss_treatment, found.loss_control) == pytest.approx(losses, abs=5e-8)
    # The sum itself.
    a, b = arms[0].converted + 1, arms[0].n - arms[0].converted + 1
    c, d = arms[1].converted + 1, arms[1].n - arms[1].converted + 1

    def log_beta(x: float, y: float) -> float:
        return math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)

    total = math.fsum(
        math.exp(log_beta(a + i, d + b) - math.log(d + i) - log_beta(1 + i, d) - log_beta(a, b))
        for i in range(c)
    )
    assert found.win == pytest.approx(total, abs=1e-11)


class TestTeaTasting:
    """The user guide of tea-tasting 2.0.0, `make_users_data(rng=42)`."""

    def test_a_ratio(self) -> None:
        arms = Ratio(2023, 1073, 4038, 2073, 10098, 2648), Ratio(1977, 1133, 3920, 2121, 9698, 2730)
        found = compare(*arms, method="fixed")
        assert (found.control, found.treatment) == pytest.approx((0.2657256, 0.2890306), abs=5e-8)
        assert found.difference == pytest.approx(0.0233050, abs=5e-8)
        assert found.difference_interval == pytest.approx((-0.0024594, 0.0490694), abs=5e-8)
        assert found.p_value == pytest.approx(0.0762376, abs=5e-8)

    def test_orders_per_user(self) -> None:
        found = compare(Mean(2023, 1073, 2073), Mean(1977, 1133, 2121), method="fixed")
        assert found.p_value == pytest.approx(0.1177318, abs=5e-8)
        assert found.difference_interval == pytest.approx((-0.0108002, 0.0961805), abs=5e-8)

    def test_revenue_per_user(self) -> None:
        arms = Mean(2023, 10602.6, 243736.4268), Mean(1977, 11328.43, 278029.8889)
        found = compare(*arms, method="fixed")
        assert found.difference == pytest.approx(0.4890831, abs=5e-8)
        assert found.difference_interval == pytest.approx((-0.1326188, 1.1107850), abs=5e-8)
        assert found.p_value == pytest.approx(0.1230699, abs=5e-8)

    def test_cuped(self) -> None:
        arms = (
            Mean(2023, 10602.6, 243736.4268, Covariate(10678.43, 405481.0443, 193410.1949)),
            Mean(1977, 11328.43, 278029.8889, Covariate(9331.96, 284676.8592, 172016.7183)),
        )
        assert slope(arms[0] + arms[1]) == pytest.approx(0.4333753, abs=5e-8)
        found = compare(*cuped(arms), method="fixed")
        assert (found.control, found.treatment) == pytest.approx((5.1214536, 5.8524681), abs=5e-8)
        assert found.difference == pytest.approx(0.7310144, abs=5e-8)
        assert found.difference_interval == pytest.approx((0.2022870, 1.2597419), abs=5e-8)
        assert found.p_value == pytest.approx(0.0067439, abs=5e-8)


def test_a_sample_ratio_mismatch() -> None:
    """Kohavi, Tang and Xu, "Trustworthy Online Controlled Experiments", chapter 3."""
    found = srm([821_588, 815_482], [50, 50])
    assert found.statistic == pytest.approx(22.774, abs=5e-4)
    assert found.p_value == pytest.approx(1.8217929e-06, rel=1e-7)
    assert found.is_alarm


def test_the_marginals_of_optimizely() -> None:
    """`ssrm_test/test_ssrm_test.py`: each batch with what was seen before as its prior."""
    prior = [1.0, 1.0, 1.0]
    by_prior, by_weights = 0.0, 0.0
    found = []
    for batch in ((20, 17, 9), (18, 21, 8), (4, 6, 4), (18, 19, 11)):
        by_prior += log_dirichlet_multinomial(batch, prior)
        by_weights += log_multinomial(batch, [0.4, 0.4, 0.2])
        prior = [one + new for one, new in zip(prior, batch, strict=True)]
        found.append((by_prior, by_weights))
    wanted = [-7.028201432, -11.947847738, -15.471401950, -19.964845211]
    assert [one for one, _ in found] == pytest.approx(wanted, abs=6e-10)
    assert found[0][1] == pytest.approx(-4.077640647, abs=6e-10)
    assert found[-1][1] == pytest.approx(-15.781031229, abs=6e-10)


def test_evan_miller_s_calculator() -> None:
    """20 % and 5 points more, with a power of 80 %: 1,030 visitors in each variation."""
    rate = Baseline.of_rate(0.2)
    assert sample_size(rate, 0.25, null_variance="control") == math.ceil(1030.22)
    # Its experiments fall short of the power that `compare` has.
    assert power(rate, 0.25, 1031) < 0.78
    assert power(rate, 0.25, sample_size(rate, 0.25)) == pytest.approx(0.8, abs=1e-3)


def test_the_mixture_of_confseq() -> None:
    """`test/uniform_boundaries_unittest.cpp` of confseq, from the authors' own R package."""
    parameter = mixture.tuning(100, 0.05)
    assert parameter == pytest.approx(12.60056, abs=5e-6)
    assert mixture.bound(100, parameter, 0.05) == pytest.approx(30.35209, abs=5e-6)
    assert mixture.log_mixture(10, 100, parameter) == pytest.approx(-0.6510052, abs=5e-8)


def test_intervals_of_rates() -> None:
    """Recorded from statsmodels 0.15.0: 49 of 100, and 51 of 100 against it."""
    control, treatment = Proportion(100, 49), Proportion(100, 51)
    z = score_z(control, treatment)
    assert normal_two_sided(z) == pytest.approx(0.7772974, abs=5e-8)
    assert wilson(control) == pytest.approx((0.3942199, 0.5865199), abs=5e-7)
    assert newcombe(control, treatment) == pytest.approx((-0.1164997, 0.1554534), abs=5e-7)


def test_vwo_s_threshold_of_caring() -> None:
    """The figure of VWO's help page: a rate of 2.5 % and a goal of revenue."""
    assert threshold_of_caring(0.025, is_revenue=True) == pytest.approx(0.000025)
