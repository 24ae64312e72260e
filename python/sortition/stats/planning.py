"""Planning: how many visitors an experiment needs, and which uplift it can detect.

All tests are two-sided tests of the difference. With the sequential method, power is the chance to
reach a decision at any look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Self

from sortition.stats import sequential, special
from sortition.stats.metrics import Metric, Proportion
from sortition.stats.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable

_POWER: Final = 0.8
_LEVEL: Final = 0.95
_PATHS: Final = 40_000
_SEED: Final = 20_261_128
_PATHS_AT_ONCE: Final = 2_000
_STEPS: Final = 100
_LOOKS: Final = 20


@dataclass(frozen=True, slots=True)
class Baseline(Result):
    """The control's metric before the experiment.

    Attributes:
        mean: The control's mean: a rate from 0 to 1, or an amount per visitor.
        variance: The variance of a visitor's value.
        is_rate: Whether it is a conversion rate, whose variance changes with the rate.
    """

    mean: float
    variance: float
    is_rate: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and self.mean > 0):
            raise ValueError(f"mean: must be above 0, not {self.mean!r}")
        if not (math.isfinite(self.variance) and self.variance > 0):
            raise ValueError(f"variance: must be above 0, not {self.variance!r}")

    @classmethod
    def of_rate(cls, rate: float) -> Self:
        """A conversion rate, between 0 and 1."""
        if not 0 < rate < 1:
            raise ValueError(f"rate: must be between 0 and 1, not {rate!r}")
        return cls(rate, rate * (1 - rate), is_rate=True)

    @classmethod
    def of(cls, metric: Metric) -> Self:
        """A baseline from a past metric of any kind."""
        return cls(metric.estimate, metric.variance, is_rate=isinstance(metric, Proportion))

    def treated(self, uplift: float) -> Self:
        """The baseline after an uplift, such as 0.05 for +5 %."""
        if self.is_rate:
            return self.of_rate(self.mean * (1 + uplift))
        return type(self)(self.mean * (1 + uplift), self.variance)


def power(
    baseline: Baseline,
    uplift: float,
    visitors: int | tuple[int, int],
    *,
    level: float = _LEVEL,
    scale: Literal["difference", "uplift"] = "difference",
) -> float:
    """The chance that an experiment of this size detects an uplift, with one look at the end.

    Args:
        baseline: The control's metric.
        uplift: The true uplift, such as 0.05 for +5 %; not 0.
        visitors: Visitors of each variation, or of control and treatment.
        level: The confidence, from 0 to 1.
        scale: ``difference``: test the difference, as `compare` does. ``uplift``: test the uplift
            with the delta method, as other tools do.

    Returns:
        The power, from 0 to 1.
    """
    z = _standard_errors(baseline, uplift, visitors, scale)
    critical = special.normal_quantile((1 + level) / 2)
    return special.normal_below(z - critical) + special.normal_below(-z - critical)


def sample_size(
    baseline: Baseline,
    uplift: float,
    *,
    power: float = _POWER,
    level: float = _LEVEL,
    null_variance: Literal["both", "control"] = "both",
) -> int:
    """How many visitors each variation needs to detect an uplift, with one look at the end.

    Args:
        baseline: The control's metric.
        uplift: The uplift to detect, such as 0.05 for +5 %; not 0.
        power: The chance to detect it, from 0 to 1.
        level: The confidence, from 0 to 1.
        null_variance: The variance that the test uses. ``both``: that of both variations, as
            `compare` does. ``control``: only the control's, as in Evan Miller's calculator, which
            gives too few visitors if the rate rises.

    Returns:
        Visitors of each variation.
    """
    difference = baseline.mean * uplift
    if not difference:
        raise ValueError("uplift: must not be 0")
    alternative = math.sqrt(baseline.variance + baseline.treated(uplift).variance)
    null = math.sqrt(2 * baseline.variance) if null_variance == "control" else alternative
    critical = special.normal_quantile((1 + level) / 2)
    needed = (critical * null + special.normal_quantile(power) * alternative) / difference
    return math.ceil(needed * needed)


def mde(
    baseline: Baseline,
    visitors: int | tuple[int, int],
    *,
    power: float = _POWER,
    level: float = _LEVEL,
    scale: Literal["difference", "uplift"] = "difference",
) -> float:
    """The minimum detectable effect: the smallest uplift that is detected with this chance.

    Args:
        baseline: The control's metric.
        visitors: Visitors of each variation, or of control and treatment.
        power: The chance to detect it, from 0 to 1.
        level: The confidence, from 0 to 1.
        scale: As in the function `power`.

    Returns:
        The uplift, such as 0.05 for +5 %; infinite if no uplift is large enough.
    """
    highest = (1 / baseline.mean - 1) * (1 - 1e-9) if baseline.is_rate else 1.0

    def reached(uplift: float) -> float:
        return _power_of(baseline, uplift, visitors, level, scale)

    while not baseline.is_rate and reached(highest) < power:
        highest *= 2
        if highest > 1e9:  # noqa: PLR2004 -- beyond any effect
            return math.inf
    if reached(highest) < power:
        return math.inf
    return _solve(reached, power, highest)


def runtime(
    visitors: int, visitors_per_day: float, *, variations: int = 2, traffic: float = 1.0
) -> int:
    """How many days an experiment takes. Plan whole weeks, because weekends differ.

    Args:
        visitors: The visitors that each variation needs.
        visitors_per_day: New visitors per day of all variations together.
        variations: The number of variations, including the control.
        traffic: The share of the visitors who take part, from 0 to 1.

    Returns:
        The days, rounded up.
    """
    if not (visitors_per_day > 0 and 0 < traffic <= 1):
        raise ValueError("visitors_per_day and traffic must be above 0")
    return math.ceil(visitors * variations / (visitors_per_day * traffic))


def sequential_power(
    baseline: Baseline,
    uplift: float,
    visitors: int | tuple[int, int],
    *,
    planned_visitors: int | None = None,
    looks: int = _LOOKS,
    level: float = _LEVEL,
    scale: Literal["difference", "uplift"] = "difference",
    paths: int = _PATHS,
    seed: int = _SEED,
) -> float:
    """The chance that the sequential method decides at any look up to this size.

    It simulates the path of the difference, a Brownian motion with drift, at equally spaced looks.
    Some calculators enlarge the standard error of the last look instead, which ignores the other
    looks.

    Args:
        baseline: The control's metric.
        uplift: The true uplift, such as 0.05 for +5 %.
        visitors: Visitors of each variation at the end, or of control and treatment.
        planned_visitors: The number of visitors to which the sequence is tuned; None for
            the visitors of both together.
        looks: The number of looks.
        level: The confidence, from 0 to 1.
        scale: As in the function `power`.
        paths: The number of simulated paths.
        seed: The seed of the random numbers; the same seed gives the same answer.

    Returns:
        The share of the paths with a decision, in rare cases for the wrong side.
    """
    np = special.numpy()

    total = visitors * 2 if isinstance(visitors, int) else sum(visitors)
    drift = _standard_errors(baseline, uplift, visitors, scale)
    times = [(look + 1) / looks for look in range(looks)]
    # Where a path, in standard errors of the end, leaves the sequence.
    bounds = np.array(
        [
            sequential.critical_value(total * time, planned_visitors or total, 1 - level)
            * math.sqrt(time)
            for time in times
        ]
    )
    chance = np.random.default_rng(seed)
    crossed = 0
    for start in range(0, paths, _PATHS_AT_ONCE):
        count = min(_PATHS_AT_ONCE, paths - start)
        steps = chance.normal(drift / looks, math.sqrt(1 / looks), (count, looks))
        crossed += int((abs(steps.cumsum(axis=1)) > bounds).any(axis=1).sum())
    return crossed / paths


def sequential_sample_size(
    baseline: Baseline, uplift: float, *, power: float = _POWER, level: float = _LEVEL
) -> int:
    """How many visitors each variation needs with the sequential method.

    This assumes 20 looks and a sequence tuned to the resulting size.

    Args:
        baseline: The control's metric.
        uplift: The uplift to detect, such as 0.05 for +5 %; not 0.
        power: The chance to decide, from 0 to 1.
        level: The confidence, from 0 to 1.

    Returns:
        Visitors of each variation, to about 1 %.
    """
    low = sample_size(baseline, uplift, power=power, level=level)
    high = 2 * low
    while sequential_power(baseline, uplift, high, level=level, paths=_PATHS_AT_ONCE) < power:
        low, high = high, 2 * high
    while high - low > max(1, high // _STEPS):
        middle = (low + high) // 2
        if sequential_power(baseline, uplift, middle, level=level) < power:
            low = middle
        else:
            high = middle
    return high


def visitors_to_show(
    baseline: Baseline,
    uplift: float,
    *,
    planned_visitors: int | None = None,
    power: float = _POWER,
    level: float = _LEVEL,
) -> int:
    """How many visitors each variation needs to detect an uplift at a single look.

    Args:
        baseline: The control's metric.
        uplift: The uplift to detect, such as 0.05 for +5 %; not 0.
        planned_visitors: The number of visitors to which a sequence is tuned; None for one look at
            the end.
        power: The chance to detect it at that look, from 0 to 1. Earlier looks of a sequence add
            to it.
        level: The confidence, from 0 to 1.

    Returns:
        Visitors of each variation.
    """
    if planned_visitors is None:
        return sample_size(baseline, uplift, power=power, level=level)

    def lacks(visitors: int) -> bool:
        critical = sequential.critical_value(2 * visitors, planned_visitors, 1 - level)
        z = abs(_standard_errors(baseline, uplift, visitors, "difference"))
        return z - critical < special.normal_quantile(power)

    high = sample_size(baseline, uplift, power=power, level=level)
    while lacks(high):
        high *= 2
    low = 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if lacks(middle) else (low, middle)
    return low


def _standard_errors(
    baseline: Baseline,
    uplift: float,
    visitors: int | tuple[int, int],
    scale: Literal["difference", "uplift"],
) -> float:
    """How many standard errors the true effect is away from 0."""
    of_control, of_treatment = (visitors, visitors) if isinstance(visitors, int) else visitors
    if of_control < 1 or of_treatment < 1:
        raise ValueError("visitors: each variation needs at least one")
    treated = baseline.treated(uplift)
    control, treatment = baseline.variance / of_control, treated.variance / of_treatment
    if scale == "uplift":
        control *= (1 + uplift) ** 2
    return baseline.mean * uplift / math.sqrt(control + treatment)


def _power_of(
    baseline: Baseline,
    uplift: float,
    visitors: int | tuple[int, int],
    level: float,
    scale: Literal["difference", "uplift"],
) -> float:
    return power(baseline, uplift, visitors, level=level, scale=scale)


def _solve(rising: Callable[[float], float], wanted: float, highest: float) -> float:
    low, high = 0.0, highest
    while high - low > 1e-12 * highest:
        middle = (low + high) / 2
        if rising(middle) < wanted:
            low = middle
        else:
            high = middle
    return high
