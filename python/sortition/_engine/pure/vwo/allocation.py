"""Converts weights to ranges of buckets, and finds the range of a bucket.

Source: VWO spec, section 5; pinned by the vectors in ``vwo/ranges.jsonl``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST_BUCKETS_OF_ONE = 10000


def ranges(weights: Iterable[float]) -> list[tuple[int, int] | None]:
    """The first and last bucket of each weight (percent, not negative), both included.

    Each takes ``ceil(weight * 100)`` buckets, at most 10,000, from the one after the previous end.
    A weight of 0 gets no range.
    """
    found: list[tuple[int, int] | None] = []
    taken = 0
    for weight in weights:
        buckets = min(math.ceil(min(weight * 100, _MOST_BUCKETS_OF_ONE)), _MOST_BUCKETS_OF_ONE)
        if buckets == 0:
            found.append(None)
            continue
        found.append((taken + 1, taken + buckets))
        taken += buckets
    return found


def owner(allocation: Iterable[tuple[int, int] | None], bucket: int) -> int | None:
    """The index of the range that contains this bucket; None if no range does."""
    for index, ends in enumerate(allocation):
        if ends is not None and ends[0] <= bucket <= ends[1]:
            return index
    return None


def rescaled(weights: Sequence[float]) -> list[float]:
    """The weights, scaled so that they add up to 100; equal weights if all are 0."""
    # Not `sum`, which rounds differently since Python 3.12.
    total = 0.0
    for weight in weights:
        total += weight
    if total == 0:
        return equal_weights(len(weights))
    return [(weight / total) * 100 for weight in weights]


def equal_weights(count: int) -> list[float]:
    """This many equal weights that add up to 100."""
    return [100 / count for _ in range(count)]
