"""Intervals for the uplift: the difference divided by the control's mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition.stats.metrics import Metric

from sortition.stats.metrics import squared_error


def uplift(control: Metric, treatment: Metric) -> float:
    """The uplift, such as 0.1 for +10 %; NaN if the control's mean is not above 0."""
    if not control.estimate > 0:
        return math.nan
    return treatment.estimate / control.estimate - 1


def fieller(control: Metric, treatment: Metric, critical: float) -> tuple[float, float] | None:
    """Fieller's interval for the uplift (1954): the values that a test would not reject.

    Args:
        control: The control; its mean must be above 0.
        treatment: The treatment.
        critical: The half-width in standard errors, such as 1.96.

    Returns:
        The lower and the upper end; None if the control's mean may be 0, so that any uplift is
        possible.
    """
    base, of_control, of_treatment = (
        control.estimate,
        squared_error(control),
        squared_error(treatment),
    )
    ratio = treatment.estimate / base if base > 0 else math.nan
    share = critical * critical * of_control / (base * base) if base > 0 else math.nan
    if not share < 1 or math.isnan(of_treatment):
        return None
    half = critical / base * math.sqrt((1 - share) * of_treatment + ratio * ratio * of_control)
    return (ratio - half) / (1 - share) - 1, (ratio + half) / (1 - share) - 1


def delta_error(control: Metric, treatment: Metric) -> float:
    """The standard error of the uplift by the delta method, as other tools have it.

    Its interval covers less than it says in small samples of skewed values (91 % in place of 95 %,
    with revenue of 500 visitors per variation); `fieller` is the better one.
    """
    base = control.estimate
    of_treatment = squared_error(treatment) / base**2
    of_control = squared_error(control) * treatment.estimate**2 / base**4
    return math.sqrt(of_treatment + of_control)
