"""The special functions that the statistics need, from scipy, which the first call imports.

Only `scipy.special` is imported: `scipy.stats` costs twice the time and memory.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

from sortition.stats.result import NEEDS_SCIPY

if TYPE_CHECKING:
    from collections.abc import Sequence


@functools.cache
def _special() -> Any:
    try:
        from scipy import special  # noqa: PLC0415 -- loaded by whoever needs it
    except ImportError as error:
        raise ImportError(NEEDS_SCIPY, name="scipy") from error
    return special


def numpy() -> Any:
    """The module numpy, which comes with scipy.

    Raises:
        ImportError: The extra ``stats`` is not installed.
    """
    try:
        import numpy as np  # noqa: PLC0415 -- loaded by whoever needs it
    except ImportError as error:
        raise ImportError(NEEDS_SCIPY, name="numpy") from error
    return np


def normal_density(x: float) -> float:
    """The density of the standard normal distribution."""
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def normal_below(x: float) -> float:
    """The probability that a standard normal value is at most `x`."""
    return float(_special().ndtr(x))


def normal_quantile(probability: float) -> float:
    """The value that a standard normal one stays below with this probability."""
    return float(_special().ndtri(probability))


def normal_two_sided(z: float) -> float:
    """The probability that a standard normal value is at least as far from 0 as `z`."""
    return float(2 * _special().ndtr(-abs(z)))


def t_quantile(probability: float, degrees: float) -> float:
    """The quantile of Student's t distribution."""
    return float(_special().stdtrit(degrees, probability))


def t_two_sided(t: float, degrees: float) -> float:
    """The probability that a value of Student's t distribution is at least as far from 0 as `t`."""
    return float(2 * _special().stdtr(degrees, -abs(t)))


def chi_square_above(x: float, degrees: float) -> float:
    """The probability that a chi-square value is above `x`."""
    return float(_special().chdtrc(degrees, x))


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The quantile of the beta distribution."""
    return float(_special().betaincinv(a, b, probability))


def beta_below(x: Any, a: float, b: float) -> Any:
    """The probability that a beta value is at most `x`, which may be an array."""
    return _special().betainc(a, b, x.clip(0.0, 1.0))


def beta_log_density(x: Any, a: float, b: float) -> Any:
    """The logarithm of the density of the beta distribution, for an array of values in (0, 1)."""
    special = _special()
    return special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b)


def exponential(x: Any) -> Any:
    """The exponential function of an array of values."""
    return _special().expm1(x) + 1


def normal_below_each(x: Any) -> Any:
    """`normal_below` of an array of values."""
    return _special().ndtr(x)


def columns(pairs: Sequence[tuple[float, float]]) -> tuple[Any, Any]:
    """The first and the second numbers of pairs, as columns of an array."""
    table = numpy().array(pairs).reshape(-1, 2)
    return table[:, :1], table[:, 1:]


@functools.cache
def legendre(count: int) -> tuple[Any, Any]:
    """The nodes and weights of Gauss and Legendre's rule on (-1, 1), as arrays."""
    nodes, weights = _special().roots_legendre(count)
    return nodes, weights
