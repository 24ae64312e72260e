"""Converts shares of the traffic to ranges of buckets, and finds the range of a bucket.

The ranges start at 1, so that no range contains bucket 0, and a fractional share leaves a gap. Both
follow the platform's own clients, so that all clients of a project decide alike.

Source: PageSense spec, section 4.2; pinned by the vectors in ``pagesense/decisions.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BUCKETS: Final = 10000


def permitted_buckets(permitted_traffic: float) -> float:
    """The last bucket of the permitted traffic (percent)."""
    return _BUCKETS * permitted_traffic / 100


def ranges(permitted_traffic: float, shares: Sequence[float]) -> list[tuple[float, float]]:
    """The first and last bucket of each share (percent of the permitted traffic), both included.

    The last one reaches to the end of the permitted traffic (percent), whatever its share.
    """
    permitted = permitted_buckets(permitted_traffic)
    found: list[tuple[float, float]] = []
    taken = 0.0
    for index, share in enumerate(shares, start=1):
        first = taken + 1
        taken += permitted * share / 100
        found.append((first, permitted if index == len(shares) else taken))
    return found


def owner(allocation: Iterable[tuple[float, float]], bucket: int) -> int | None:
    """The index of the first range that contains this bucket; None if no range does."""
    for index, (first, last) in enumerate(allocation):
        if first <= bucket <= last:
            return index
    return None
