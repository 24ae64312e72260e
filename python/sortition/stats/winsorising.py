"""Winsorisation: a cap on the largest values, so that one visitor does not decide an experiment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sortition.stats.metrics import Mean
from sortition.stats.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUANTILE: Final = 0.999


@dataclass(frozen=True, slots=True)
class Winsorised(Result):
    """Metrics whose values are capped.

    Attributes:
        means: The metric of each variation, in the given order.
        cap: The cap, in the unit of the values; infinite if no value is above 0.
        capped: The number of values above the cap.
    """

    means: tuple[Mean, ...]
    cap: float
    capped: int


def winsorised(
    arms: Sequence[Sequence[float]],
    *,
    visitors: Sequence[int] | None = None,
    quantile: float = _QUANTILE,
) -> Winsorised:
    """Cap values at a quantile of those above 0, over all variations together.

    All variations have the same cap: separate caps would remove a part of the effect.

    Args:
        arms: The value of each visitor, by variation.
        visitors: The number of visitors of each variation, if `arms` leaves out values of 0.
        quantile: The share of the values above 0 that stay uncapped, from 0 to 1.

    Raises:
        ValueError: The quantile is not from 0 to 1, or a variation has fewer visitors than values.
    """
    if not 0 < quantile <= 1:
        raise ValueError(f"quantile: must be from 0 to 1, not {quantile!r}")
    cap = cap_of([value for arm in arms for value in arm if value > 0], quantile)
    counts = [len(arm) for arm in arms] if visitors is None else list(visitors)
    if len(counts) != len(arms) or any(n < len(arm) for n, arm in zip(counts, arms, strict=True)):
        raise ValueError("visitors: each variation has at least as many as values")
    means = [
        Mean(
            n,
            math.fsum(min(value, cap) for value in arm),
            math.fsum(min(value, cap) ** 2 for value in arm),
        )
        for n, arm in zip(counts, arms, strict=True)
    ]
    return Winsorised(tuple(means), cap, sum(value > cap for arm in arms for value in arm))


def cap_of(positive: Sequence[float], quantile: float) -> float:
    """The smallest of these values that this share does not exceed; infinite without values."""
    if not positive:
        return math.inf
    ascending = sorted(positive)
    return ascending[max(0, math.ceil(quantile * len(ascending)) - 1)]
