"""From shares of the traffic to ranges, and which range owns a bucket.

The ranges start at 1, so that bucket 0 is in none, and a fractional share leaves a gap: both are
the platform's, and users of two clients of one project must agree.

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
    """The index of the first range that holds this bucket; None for one outside every range."""
    for index, (first, last) in enumerate(allocation):
        if first <= bucket <= last:
            return index
    return None
