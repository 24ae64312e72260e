"""Metrics of a variation, as counts and sums over its visitors.

The unit is the visitor: `n` counts all visitors who were shown the variation, and a visitor without
conversions counts with zeros. You can add metrics of the same kind, over days, segments or
collectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self, TypeAlias

_ROUNDING = 1e-9
"""The relative error that rounding may cause in sums of squares."""

_ROUNDING_OF_EQUAL_VALUES = 1e-13
_FEWEST_FOR_A_VARIANCE = 2


@dataclass(frozen=True, slots=True)
class Covariate:
    """Sums of a number about each visitor from before the experiment, for `cuped`.

    Attributes:
        sum: Its sum over all visitors of the variation.
        sum2: The sum of its squares.
        cross: The sum of its products with the visitor's metric; for `Proportion`, its sum over the
            visitors who converted.
    """

    sum: float
    sum2: float
    cross: float

    def __add__(self, other: Covariate) -> Covariate:
        return Covariate(self.sum + other.sum, self.sum2 + other.sum2, self.cross + other.cross)


@dataclass(frozen=True, slots=True)
class RatioCovariate:
    """Sums of a number about each visitor from before the experiment, for a `Ratio`.

    Attributes:
        sum: Its sum over all visitors of the variation.
        sum2: The sum of its squares.
        cross_x: The sum of its products with the ratio's numerator.
        cross_y: The sum of its products with the ratio's denominator.
    """

    sum: float
    sum2: float
    cross_x: float
    cross_y: float

    def __add__(self, other: RatioCovariate) -> RatioCovariate:
        return RatioCovariate(
            self.sum + other.sum,
            self.sum2 + other.sum2,
            self.cross_x + other.cross_x,
            self.cross_y + other.cross_y,
        )


@dataclass(frozen=True, slots=True)
class Proportion:
    """A conversion rate: the share of visitors who reached a goal at least once.

    Attributes:
        n: Visitors.
        converted: Visitors who reached the goal.
        covariate: Sums of a covariate, for `cuped`.
    """

    n: int
    converted: int
    covariate: Covariate | None = None

    def __post_init__(self) -> None:
        _ensure_count("n", self.n)
        _ensure_count("converted", self.converted)
        if self.converted > self.n:
            raise ValueError(
                f"converted: {self.converted} of {self.n} visitors cannot have converted"
            )

    @property
    def estimate(self) -> float:
        """The rate, from 0 to 1; NaN without visitors."""
        return self.converted / self.n if self.n else math.nan

    @property
    def variance(self) -> float:
        """The variance of a visitor's value, p(1 - p); NaN without visitors."""
        return self.estimate * (1 - self.estimate)

    def __add__(self, other: Self) -> Proportion:
        return Proportion(
            self.n + other.n,
            self.converted + other.converted,
            _both(self.covariate, other.covariate),
        )

    def as_mean(self) -> Mean:
        """The same as the mean of zeros and ones, whose variance divides by n - 1."""
        return Mean(self.n, self.converted, self.converted, self.covariate)


@dataclass(frozen=True, slots=True)
class Mean:
    """An amount per visitor, such as revenue or orders.

    Attributes:
        n: Visitors.
        sum: The sum of the visitors' values.
        sum2: The sum of their squares.
        covariate: Sums of a covariate, for `cuped`.
    """

    n: int
    sum: float
    sum2: float
    covariate: Covariate | None = None

    def __post_init__(self) -> None:
        _ensure_count("n", self.n)
        _ensure_square("sum2", self.n, self.sum, self.sum2)

    @property
    def estimate(self) -> float:
        """The amount per visitor; NaN without visitors."""
        return self.sum / self.n if self.n else math.nan

    @property
    def variance(self) -> float:
        """The variance of a visitor's value; NaN with fewer than two visitors."""
        return _variance(self.n, self.sum, self.sum2)

    def __add__(self, other: Self) -> Mean:
        return Mean(
            self.n + other.n,
            self.sum + other.sum,
            self.sum2 + other.sum2,
            _both(self.covariate, other.covariate),
        )


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two amounts of each visitor, such as revenue per order or orders per session.

    The delta method gives its variance: visitors are independent of each other, sessions are not.

    Attributes:
        n: Visitors.
        x: The sum of the numerator.
        y: The sum of the denominator.
        x2: The sum of the numerator's squares.
        y2: The sum of the denominator's squares.
        xy: The sum of the products of both.
        covariate: Sums of a covariate, for `cuped`.
    """

    n: int
    x: float
    y: float
    x2: float
    y2: float
    xy: float
    covariate: RatioCovariate | None = None

    def __post_init__(self) -> None:
        _ensure_count("n", self.n)
        _ensure_square("x2", self.n, self.x, self.x2)
        _ensure_square("y2", self.n, self.y, self.y2)

    @property
    def estimate(self) -> float:
        """The ratio; NaN if the denominator is 0."""
        return self.x / self.y if self.y else math.nan

    @property
    def variance(self) -> float:
        """The variance of a visitor's share in the ratio; NaN with fewer than two visitors."""
        if not self.y or self.n < _FEWEST_FOR_A_VARIANCE:
            return math.nan
        ratio, per_visitor = self.estimate, self.y / self.n
        of_x = _variance(self.n, self.x, self.x2)
        of_y = _variance(self.n, self.y, self.y2)
        of_both = covariance(self.n, self.x, self.y, self.xy)
        return max(0.0, of_x - 2 * ratio * of_both + ratio * ratio * of_y) / per_visitor**2

    def __add__(self, other: Self) -> Ratio:
        covariates = self.covariate, other.covariate
        return Ratio(
            self.n + other.n,
            self.x + other.x,
            self.y + other.y,
            self.x2 + other.x2,
            self.y2 + other.y2,
            self.xy + other.xy,
            covariates[0] + covariates[1] if covariates[0] and covariates[1] else None,
        )


Metric: TypeAlias = Proportion | Mean | Ratio
"""The metrics that `compare` accepts."""


def squared_error(metric: Metric) -> float:
    """The square of the standard error of a metric's estimate; NaN if it is unknown."""
    return metric.variance / metric.n if metric.n else math.nan


def covariance(n: int, x: float, y: float, xy: float) -> float:
    """The covariance of two numbers of each visitor, from their sums; NaN below two visitors."""
    return (xy - x * y / n) / (n - 1) if n >= _FEWEST_FOR_A_VARIANCE else math.nan


def _variance(n: int, x: float, x2: float) -> float:
    if n < _FEWEST_FOR_A_VARIANCE:
        return math.nan
    # Equal values have no spread, even if rounding leaves a small one.
    spread = x2 - x * x / n
    return spread / (n - 1) if spread > _ROUNDING_OF_EQUAL_VALUES * x2 else 0.0


def _both(one: Covariate | None, other: Covariate | None) -> Covariate | None:
    return one + other if one is not None and other is not None else None


def _ensure_count(name: str, count: int) -> None:
    if not isinstance(count, int) or count < 0:  # type: ignore[redundant-expr]  # of the caller
        raise ValueError(f"{name}: must be a whole number from 0, not {count!r}")


def _ensure_square(name: str, n: int, total: float, squares: float) -> None:
    if not (math.isfinite(total) and math.isfinite(squares)):
        raise ValueError(f"{name}: the sums must be finite numbers")
    least = total * total / n if n else 0.0
    if squares < least - _ROUNDING * max(1.0, abs(least)) or (n == 0 and (total or squares)):
        raise ValueError(f"{name}: no {n} values have the sum {total!r} and squares of {squares!r}")
