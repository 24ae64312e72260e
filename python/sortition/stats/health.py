"""Whether the data of an experiment can be trusted, apart from the split (`sample_ratio`)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sortition.stats import special
from sortition.stats.metrics import squared_error
from sortition.stats.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition.stats.metrics import Metric

MOST_IN_SEVERAL: Final = 0.01
"""Results are not reliable if more than this share of visitors is in several variations."""

MOST_OF_TOTAL: Final = 0.05
"""A visitor with more than this share of a total is an outlier."""

_FEWEST_DAYS: Final = 3


@dataclass(frozen=True, slots=True)
class SeveralVariations(Result):
    """Visitors who were shown more than one variation of the same campaign.

    Attributes:
        visitors: The number of all visitors of the campaign.
        in_several: The number of visitors who were shown more than one variation.
        share: Their share, from 0 to 1.
    """

    visitors: int
    in_several: int
    share: float

    @property
    def is_alarm(self) -> bool:
        """Whether they are more than 1 % of all."""
        return self.share > MOST_IN_SEVERAL


def several_variations(visitors: int, in_several: int) -> SeveralVariations:
    """Judge how many visitors were shown several variations.

    A few of them are normal: several people share a cookie or an id. Many mean that the assignment
    is not stable: weights changed without a user storage, or services use different user ids.

    Args:
        visitors: All visitors of the campaign.
        in_several: How many of them were shown more than one variation.

    Raises:
        ValueError: A count is negative, or the second is above the first.
    """
    if not 0 <= in_several <= visitors:
        raise ValueError(f"in_several: must be from 0 to {visitors}, not {in_several!r}")
    return SeveralVariations(visitors, in_several, in_several / visitors if visitors else 0.0)


@dataclass(frozen=True, slots=True)
class Novelty(Result):
    """How an effect changes with the days since a visitor's first exposure.

    Attributes:
        effects: The difference, treatment minus control, on each day since the exposure, in the
            metric's own unit; NaN for days without enough data.
        slope: The change of the difference per day.
        p_value: The probability of such a slope if the effect is the same every day.
    """

    effects: tuple[float, ...]
    slope: float
    p_value: float


def novelty(by_day: Sequence[tuple[Metric, Metric]]) -> Novelty:
    """Fit a line through the effect by day since exposure, each day weighted by its precision.

    A fading effect is due to novelty, a growing one to learning. The p-value is only approximate,
    because it treats the days as independent, although they share visitors.

    Args:
        by_day: Control and treatment on the day of the exposure, on the day after, and so on.

    Returns:
        The line. With fewer than three known days, its slope is 0 and the p-value 1.
    """
    effects, points = [], []
    for day, (control, treatment) in enumerate(by_day):
        effect = treatment.estimate - control.estimate
        squared = squared_error(control) + squared_error(treatment)
        effects.append(effect)
        if squared > 0:
            points.append((float(day), effect, 1 / squared))
    if len(points) < _FEWEST_DAYS:
        return Novelty(tuple(effects), 0.0, 1.0)
    weight = math.fsum(one for _, _, one in points)
    day_mean = math.fsum(day * one for day, _, one in points) / weight
    spread = math.fsum(one * (day - day_mean) ** 2 for day, _, one in points)
    slope = math.fsum(one * (day - day_mean) * effect for day, effect, one in points) / spread
    return Novelty(tuple(effects), slope, special.normal_two_sided(slope * math.sqrt(spread)))


@dataclass(frozen=True, slots=True)
class Outliers(Result):
    """The share of a total that comes from a single visitor.

    Attributes:
        largest: The largest value of a visitor.
        total: The sum of all values.
        share: The largest value's share of the total, from 0 to 1.
    """

    largest: float
    total: float
    share: float

    @property
    def is_alarm(self) -> bool:
        """Whether one visitor has more than 5 % of the total; `winsorised` caps such values."""
        return self.share > MOST_OF_TOTAL


def outliers(largest: float, total: float) -> Outliers:
    """Judge the largest value of a visitor against the sum of all.

    Args:
        largest: The largest value, from 0.
        total: The sum of all values.
    """
    return Outliers(largest, total, largest / total if total > 0 else 0.0)
