"""Intervals for conversion rates that are also valid for small counts.

By the usual formula, a rate of 0 of 50 has a standard error of 0, as if the rate were known
exactly. Wilson's interval instead contains all rates that are compatible with the data.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sortition.stats import special

if TYPE_CHECKING:
    from sortition.stats.metrics import Proportion

FEW: Final = 30
"""With fewer visitors than this who converted, or who did not, a rate has a small count."""


def is_small(arm: Proportion) -> bool:
    """Whether a rate has so few conversions that the usual standard error misleads."""
    return min(arm.converted, arm.n - arm.converted) < FEW


def wilson(arm: Proportion, level: float = 0.95) -> tuple[float, float]:
    """An interval for one conversion rate (Wilson 1927).

    Args:
        arm: The variation's visitors; at least one.
        level: The confidence, from 0 to 1.

    Returns:
        The lower and the upper end, from 0 to 1.
    """
    return wilson_at(arm, special.normal_quantile((1 + level) / 2))


def wilson_at(arm: Proportion, critical: float) -> tuple[float, float]:
    """Wilson's interval for this critical value, such as 1.96."""
    squared = critical * critical / arm.n
    middle = arm.estimate + squared / 2
    half = critical * math.sqrt(arm.variance / arm.n + squared / (4 * arm.n))
    # Exact at the edges, where rounding would make them slightly wrong.
    return (
        (middle - half) / (1 + squared) if arm.converted else 0.0,
        (middle + half) / (1 + squared) if arm.converted < arm.n else 1.0,
    )


def newcombe(
    control: Proportion, treatment: Proportion, level: float = 0.95
) -> tuple[float, float]:
    """An interval for the difference of two rates, treatment minus control.

    Newcombe's hybrid score interval without continuity correction (1998, method 10).

    Args:
        control: The control's visitors; at least one.
        treatment: The treatment's visitors; at least one.
        level: The confidence, from 0 to 1.
    """
    return newcombe_at(control, treatment, special.normal_quantile((1 + level) / 2))


def newcombe_at(control: Proportion, treatment: Proportion, critical: float) -> tuple[float, float]:
    """Newcombe's interval for this critical value."""
    p, q = treatment.estimate, control.estimate
    (p_low, p_high), (q_low, q_high) = wilson_at(treatment, critical), wilson_at(control, critical)
    below = math.hypot(p - p_low, q_high - q)
    above = math.hypot(p_high - p, q - q_low)
    return p - q - below, p - q + above


def ratio_of_proportions(
    control: Proportion, treatment: Proportion, level: float = 0.95
) -> tuple[float, float]:
    """An interval for the ratio of two rates, treatment divided by control.

    Donner and Zou's method of variance estimates recovery (2012) from Wilson's intervals.

    Args:
        control: The control's visitors; at least one.
        treatment: The treatment's visitors; at least one.
        level: The confidence, from 0 to 1.

    Returns:
        The lower and the upper end; the upper one is infinite if the control's rate may be 0.
    """
    return ratio_at(control, treatment, special.normal_quantile((1 + level) / 2))


def ratio_at(control: Proportion, treatment: Proportion, critical: float) -> tuple[float, float]:
    """The interval for the ratio of two rates at this critical value."""
    p, q = treatment.estimate, control.estimate
    (p_low, p_high), (q_low, q_high) = wilson_at(treatment, critical), wilson_at(control, critical)
    return (
        _end(p, q, p_low, q_high, -1),
        math.inf if q_low <= 0 else _end(p, q, p_high, q_low, 1),
    )


def _end(p: float, q: float, of_p: float, of_q: float, side: int) -> float:
    product = p * q
    inside = product * product - of_p * of_q * (2 * p - of_p) * (2 * q - of_q)
    divisor = of_q * (2 * q - of_q)
    if divisor == 0:
        # The limit, where the two terms of the numerator cancel.
        return of_p * (2 * p - of_p) / (2 * product) if product else math.inf
    return (product + side * math.sqrt(max(0.0, inside))) / divisor


def score_z(control: Proportion, treatment: Proportion) -> float:
    """The difference of two rates in standard errors of their common rate; 0 without data."""
    both = control + treatment
    error = math.sqrt(both.variance * (1 / control.n + 1 / treatment.n))
    return (treatment.estimate - control.estimate) / error if error else 0.0
