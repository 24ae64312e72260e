"""p-values of several comparisons, adjusted for their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that bound the chance of even one false alarm (Holm 1979).

    Use it if every decision matters: several variations against the control on the primary goal.

    Args:
        p_values: One p-value for each comparison, from 0 to 1.

    Returns:
        The adjusted p-values in the same order.

    Raises:
        ValueError: One is not from 0 to 1.
    """
    order = _ascending(p_values)
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that bound the share of false alarms among all alarms (1995).

    Use it to search many goals for ideas for further experiments.

    Args:
        p_values: One p-value for each comparison, from 0 to 1.

    Returns:
        The adjusted p-values in the same order.

    Raises:
        ValueError: One is not from 0 to 1.
    """
    order = _ascending(p_values)
    adjusted = [0.0] * len(p_values)
    least = 1.0
    for rank in range(len(order), 0, -1):
        index = order[rank - 1]
        least = min(least, p_values[index] * len(p_values) / rank)
        adjusted[index] = least
    return adjusted


def _ascending(p_values: Sequence[float]) -> list[int]:
    for one in p_values:
        if not 0 <= one <= 1:
            raise ValueError(f"p_values: must be from 0 to 1, not {one!r}")
    return sorted(range(len(p_values)), key=p_values.__getitem__)
