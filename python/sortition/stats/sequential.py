"""Always-valid inference: an interval that holds at every look at the data.

Asymptotic confidence sequences: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform
central limit theory and asymptotic confidence sequences" (2021), by the two-sided normal mixture of
Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
sequences" (2021).

The mixture has one parameter, which makes the interval narrowest at a planned number of visitors.
Fix it before the experiment starts: if it depends on the data, the interval is not valid.
"""

from __future__ import annotations

import math


def tuning(planned: float, alpha: float) -> float:
    """The mixture's parameter for which the bound is about narrowest at `planned`.

    Args:
        planned: The planned number of observations, or the planned variance of their sum.
        alpha: The chance of an error, from 0 to 1, such as 0.05.
    """
    doubled = -2 * math.log(alpha)
    return planned / (doubled + math.log(doubled + 1))


def bound(observed: float, parameter: float, alpha: float) -> float:
    """How far from 0 a sum with mean 0 gets, at any time, with a probability below `alpha`.

    Args:
        observed: The number of observations so far, or the variance of their sum.
        parameter: The mixture's parameter, from `tuning`.
        alpha: The chance of an error, from 0 to 1.
    """
    both = observed + parameter
    return math.sqrt(both * (math.log(both / parameter) - 2 * math.log(alpha)))


def log_mixture(total: float, observed: float, parameter: float) -> float:
    """The logarithm of the mixture's likelihood ratio for a sum against a mean of 0."""
    both = observed + parameter
    return (math.log(parameter / both) + total * total / both) / 2


def critical_value(observed: float, planned: float, alpha: float) -> float:
    """The half-width of the sequence after `observed` visitors, in standard errors.

    It replaces the 1.96 of an interval that is valid at one look only.
    """
    return bound(observed, tuning(planned, alpha), alpha) / math.sqrt(observed)


def p_value(z: float, observed: float, planned: float, alpha: float) -> float:
    """The always-valid p-value of a difference of `z` standard errors after `observed` visitors.

    `alpha` is that of the tuning. The p-value is below `alpha` exactly if the interval excludes 0.
    """
    total = z * math.sqrt(observed)
    return math.exp(min(0.0, -log_mixture(total, observed, tuning(planned, alpha))))
