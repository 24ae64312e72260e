"""CUPED: reduces noise with data about the visitors from before the experiment.

Deng, Xu, Kohavi and Walker, "Improving the sensitivity of online controlled experiments by
utilizing pre-experiment data" (2013).
"""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

from sortition.stats.metrics import Covariate, Mean, Metric, Proportion, Ratio, covariance

if TYPE_CHECKING:
    from collections.abc import Sequence


def cuped(arms: Sequence[Metric]) -> list[Mean]:
    """The metrics of all variations, adjusted by their covariate.

    This subtracts from each visitor's value the part that the covariate predicts, relative to the
    covariate's mean over all variations. The covariate must be from before the first exposure:
    one that the variation can change would remove a part of the effect.

    Args:
        arms: The same metric of each variation, with covariate sums; the control and all
            treatments.

    Returns:
        The adjusted metrics in the order of `arms`, each as an amount per visitor, for `compare`.
        If the covariate does not vary, they are unchanged.

    Raises:
        ValueError: A metric has no covariate sums, or the metrics are of different kinds.
    """
    means = [_as_mean(arm, pooled) for pooled in [_pooled(arms)] for arm in arms]
    everyone = functools.reduce(operator.add, means)
    theta = slope(everyone)
    covariate = _covariate(everyone)
    center = covariate.sum / everyone.n if everyone.n else 0.0
    return [_adjusted(mean, theta, center) for mean in means]


def slope(pooled: Mean) -> float:
    """The change of the metric per unit of the covariate; 0 if the covariate does not vary."""
    covariate = _covariate(pooled)
    variance = covariance(pooled.n, covariate.sum, covariate.sum, covariate.sum2)
    if not variance > 0:
        return 0.0
    return covariance(pooled.n, pooled.sum, covariate.sum, covariate.cross) / variance


def _pooled(arms: Sequence[Metric]) -> Metric:
    if not arms:
        raise ValueError("arms: there is none")
    if len({type(arm) for arm in arms}) > 1:
        raise ValueError("arms: they must be of one kind")
    if any(arm.covariate is None for arm in arms):
        raise ValueError("arms: each needs the sums of a covariate")
    return functools.reduce(operator.add, arms)


def _covariate(mean: Mean) -> Covariate:
    return mean.covariate or Covariate(0.0, 0.0, 0.0)


def _as_mean(arm: Metric, pooled: Metric) -> Mean:
    if isinstance(arm, Mean):
        return arm
    if isinstance(arm, Proportion):
        return arm.as_mean()
    return _linear(arm, pooled)


def _linear(arm: Ratio, pooled: Metric) -> Mean:
    """The ratio as a mean of one value per visitor, by the delta method."""
    if not isinstance(pooled, Ratio) or arm.covariate is None:
        raise TypeError("only a ratio has a linear form")
    # Around each arm's own ratio the variance is that of the delta method; the cross product with
    # the covariate is around the same.
    ratio, per_visitor = arm.estimate, arm.y / arm.n
    cross = (arm.covariate.cross_x - ratio * arm.covariate.cross_y) / per_visitor
    squares = (arm.n - 1) * arm.variance
    total = arm.n * ratio
    covariate = Covariate(arm.covariate.sum, arm.covariate.sum2, cross + ratio * arm.covariate.sum)
    return Mean(arm.n, total, squares + total * ratio, covariate)


def _adjusted(mean: Mean, theta: float, center: float) -> Mean:
    covariate, n = _covariate(mean), mean.n
    # Sums of the covariate around its center, and of its product with the metric.
    total = covariate.sum - n * center
    squares = covariate.sum2 - 2 * center * covariate.sum + n * center * center
    cross = covariate.cross - center * mean.sum
    return Mean(
        n,
        mean.sum - theta * total,
        mean.sum2 - 2 * theta * cross + theta * theta * squares,
    )
