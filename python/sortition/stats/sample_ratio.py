"""Sample ratio mismatch: whether the visitors were split as the weights say.

If they were not, visitors of some kind are missing in one variation, and the results of all goals
are in doubt. Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments"
(2019).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from sortition.stats import special
from sortition.stats.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ALARM: Final = 0.001
"""A p-value below this is an alarm."""

_CONCENTRATION: Final = 1_000.0


@dataclass(frozen=True, slots=True)
class SampleRatio(Result):
    """How well the numbers of visitors fit the weights.

    Attributes:
        counts: Visitors of each variation.
        expected: The visitors that the weights predict for the same total.
        p_value: The probability of a split at least as uneven if the weights are in effect.
        statistic: The chi-square statistic; with the sequential test, the logarithm of the largest
            Bayes factor against the weights so far.
        degrees: Its degrees of freedom; None with the sequential test.
        test: ``chi-square``, for one look, or ``sequential``, which is valid at every look.
    """

    counts: tuple[int, ...]
    expected: tuple[float, ...]
    p_value: float
    statistic: float
    degrees: int | None
    test: Literal["chi-square", "sequential"]

    @property
    def is_alarm(self) -> bool:
        """Whether the split is so unlikely (p below 0.001) that something must be wrong."""
        return self.p_value < ALARM


def srm(counts: Sequence[int], weights: Sequence[float]) -> SampleRatio:
    """Test a split with the chi-square test, which is valid at one look.

    Args:
        counts: Visitors of each variation.
        weights: The variations' weights, in any unit. The test ignores a variation of weight 0,
            which may have visitors by whitelisting.

    Raises:
        ValueError: A count is negative, a weight is negative or not finite, all weights are 0, or
            there are not as many weights as counts.
    """
    return srm_of_periods([(counts, weights)])


def srm_of_periods(periods: Sequence[tuple[Sequence[int], Sequence[float]]]) -> SampleRatio:
    """Test a split whose weights changed. Each period has its own weights.

    Args:
        periods: The counts and the weights of each period; the variations in the same order.

    Raises:
        ValueError: As `srm` does, or there is no period.
    """
    if not periods:
        raise ValueError("periods: there is none")
    statistic, degrees = 0.0, 0
    expected = [0.0] * len(periods[0][0])
    counted = [0] * len(periods[0][0])
    for counts, weights in periods:
        shares = _shares(counts, weights)
        if len(counts) != len(expected):
            raise ValueError("periods: each must have all variations")
        total = sum(count for count, share in zip(counts, shares, strict=True) if share)
        for index, (count, share) in enumerate(zip(counts, shares, strict=True)):
            expected[index] += total * share
            counted[index] += count
            if share and total:
                statistic += (count - total * share) ** 2 / (total * share)
        if total:
            degrees += sum(1 for share in shares if share) - 1
    p_value = special.chi_square_above(statistic, degrees) if degrees else 1.0
    return SampleRatio(tuple(counted), tuple(expected), p_value, statistic, degrees, "chi-square")


def srm_sequential(
    batches: Iterable[Sequence[int]],
    weights: Sequence[float],
    *,
    k: float = _CONCENTRATION,
) -> SampleRatio:
    """Test a split after every batch of visitors, such as each day's, with one bound for all looks.

    Lindon and Malek, "Anytime-valid inference for multinomial count data" (2022): the Bayes factor
    of a Dirichlet prior around the weights against the weights themselves. Looking 60 times, the
    chi-square test alarms in 1.3 % of good splits, this one in 0.02 %.

    Args:
        batches: New visitors of each variation, batch by batch.
        weights: The variations' weights, in any unit. The test ignores a variation of weight 0.
        k: How closely the prior concentrates around the weights. A larger value finds small
            deviations sooner.

    Returns:
        The test after the last batch; its p-value is the smallest so far.

    Raises:
        ValueError: As `srm` does.
    """
    return srm_sequential_of_periods([(list(batches), weights)], k=k)


def srm_sequential_of_periods(
    periods: Sequence[tuple[Sequence[Sequence[int]], Sequence[float]]],
    *,
    k: float = _CONCENTRATION,
) -> SampleRatio:
    """Test a split whose weights changed after every batch, with one bound for all looks.

    The test multiplies the Bayes factors of the periods, which keeps the bound.

    Args:
        periods: The batches and the weights of each period, in order; the variations in the same
            order.
        k: As in `srm_sequential`.

    Raises:
        ValueError: As `srm` does, or there is no period.
    """
    if not periods:
        raise ValueError("periods: there is none")
    before = largest = 0.0
    counted = [0] * len(periods[0][1])
    expected = [0.0] * len(counted)
    for batches, weights in periods:
        if len(weights) != len(counted):
            raise ValueError("periods: each must have all variations")
        counts = [0] * len(counted)
        shares = _shares(counts, weights)
        factor = 0.0
        for batch in batches:
            _shares(batch, weights)
            counts = [count + new for count, new in zip(counts, batch, strict=True)]
            factor = _log_bayes_factor(counts, shares, k)
            largest = max(largest, before + factor)
        before += factor
        kept = sum(count for count, share in zip(counts, shares, strict=True) if share)
        counted = [one + count for one, count in zip(counted, counts, strict=True)]
        expected = [one + kept * share for one, share in zip(expected, shares, strict=True)]
    p_value = math.exp(-largest)
    return SampleRatio(tuple(counted), tuple(expected), p_value, largest, None, "sequential")


def _log_bayes_factor(counts: Sequence[int], shares: Sequence[float], k: float) -> float:
    kept = [(count, share) for count, share in zip(counts, shares, strict=True) if share]
    of_kept, weights = [count for count, _ in kept], [share for _, share in kept]
    prior = [k * share for share in weights]
    return log_dirichlet_multinomial(of_kept, prior) - log_multinomial(of_kept, weights)


def log_dirichlet_multinomial(counts: Sequence[int], prior: Sequence[float]) -> float:
    """The logarithm of the probability of counts whose probabilities have a Dirichlet prior."""
    total = math.lgamma(sum(counts) + 1) + math.lgamma(sum(prior))
    total -= math.lgamma(sum(counts) + sum(prior))
    for count, one in zip(counts, prior, strict=True):
        total += math.lgamma(count + one) - math.lgamma(one) - math.lgamma(count + 1)
    return total


def log_multinomial(counts: Sequence[int], shares: Sequence[float]) -> float:
    """The logarithm of the probability of counts with these probabilities."""
    total = math.lgamma(sum(counts) + 1)
    for count, share in zip(counts, shares, strict=True):
        total += count * math.log(share) - math.lgamma(count + 1)
    return total


def _shares(counts: Sequence[int], weights: Sequence[float]) -> list[float]:
    if len(counts) != len(weights):
        raise ValueError(f"weights: there are {len(weights)} for {len(counts)} variations")
    if any(count < 0 for count in counts):
        raise ValueError("counts: none may be negative")
    if any(not (math.isfinite(weight) and weight >= 0) for weight in weights):
        raise ValueError("weights: each must be a finite number from 0")
    total = math.fsum(weights)
    if not total > 0:
        raise ValueError("weights: at least one must be above 0")
    return [weight / total for weight in weights]
