"""Integrals over the posterior distributions of several variations."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from sortition.stats import special

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NODES: Final = 40
_TAIL: Final = 1e-17
_NORMAL_REACH: Final = 9.0
_STEPS: Final = 60
_EXACT: Final = 1e-12


class Posterior(Protocol):
    """A distribution of what is not known of one variation."""

    @property
    def mean(self) -> float:
        """Its mean."""

    @property
    def reach(self) -> tuple[float, float]:
        """The values that it is all but surely between."""

    def below(self, x: Any) -> Any:
        """The probability of at most `x`, an array."""

    def density(self, x: Any) -> Any:
        """The density at `x`, an array of values within `reach`, but for a constant factor."""


@dataclass(frozen=True, slots=True)
class Beta:
    """The beta distribution of a rate."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """Its mean."""
        return self.a / (self.a + self.b)

    @property
    def reach(self) -> tuple[float, float]:
        """The values that it is all but surely between."""
        # The upper tail by the mirrored distribution: near 1, 1 - 1e-17 is 1.
        low = special.beta_quantile(_TAIL, self.a, self.b)
        return low, 1 - special.beta_quantile(_TAIL, self.b, self.a)

    def below(self, x: Any) -> Any:
        """The probability of at most `x`, an array."""
        return special.beta_below(x, self.a, self.b)

    def density(self, x: Any) -> Any:
        """The density at `x`, an array of values within `reach`."""
        return special.exponential(special.beta_log_density(x, self.a, self.b))


@dataclass(frozen=True, slots=True)
class Normal:
    """The normal distribution of a mean."""

    mean: float
    deviation: float

    @property
    def reach(self) -> tuple[float, float]:
        """The values that it is all but surely between."""
        half = _NORMAL_REACH * self.deviation
        return self.mean - half, self.mean + half

    def below(self, x: Any) -> Any:
        """The probability of at most `x`, an array."""
        return special.normal_below_each((x - self.mean) / self.deviation)

    def density(self, x: Any) -> Any:
        """The density at `x`, an array, but for a constant factor."""
        return special.exponential(-(((x - self.mean) / self.deviation) ** 2) / 2)


def expected(
    of: Posterior, value: Callable[[Any], Any], *, others: Sequence[Posterior] = ()
) -> float:
    """The mean of a function of what is distributed as `of`; `others` bound where it changes."""
    x, weights = _rule([of, *others], of.reach)
    density = weights * of.density(x)
    return float((density * value(x)).sum()) / float(density.sum())


def quantile(
    below: Callable[[float], float], probability: float, reach: tuple[float, float]
) -> float:
    """The value that lies above this share of a distribution.

    By false position (the Illinois algorithm): a dozen steps, where bisection takes fifty.
    """
    (low, high), (of_low, of_high) = reach, (-probability, 1 - probability)
    middle = low
    for _ in range(_STEPS):
        middle = high - of_high * (high - low) / (of_high - of_low)
        found = below(middle) - probability
        if abs(found) < _EXACT:
            break
        if (found > 0) == (of_high > 0):
            of_low /= 2
        else:
            low, of_low = high, of_high
        high, of_high = middle, found
    return middle


def largest_mean(arms: Sequence[Posterior]) -> float:
    """The mean of the largest of several values."""
    low = min(arm.reach[0] for arm in arms)
    high = max(arm.reach[1] for arm in arms)
    x, weights = _rule(arms, (low, high))
    none_above = math.prod(arm.below(x) for arm in arms)
    return low + float((weights * (1 - none_above)).sum())


def _rule(arms: Sequence[Posterior], reach: tuple[float, float]) -> tuple[Any, Any]:
    """Nodes and weights over a range, as arrays: a rule for each piece."""
    nodes, weights = special.legendre(_NODES)
    low, width = special.columns(_pieces(arms, reach))
    return (low + width * (nodes + 1) / 2).ravel(), (width * weights / 2).ravel()


def _pieces(arms: Sequence[Posterior], reach: tuple[float, float]) -> list[tuple[float, float]]:
    """Starts and widths of pieces on each of which all functions are smooth enough."""
    low, high = reach
    cuts = {low, high}
    for arm in arms:
        start, end = arm.reach
        cuts |= {start + (end - start) * step / 8 for step in range(9)}
    inside = sorted(cut for cut in cuts if low <= cut <= high)
    return [(start, end - start) for start, end in itertools.pairwise(inside)]
