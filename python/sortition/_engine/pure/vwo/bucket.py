"""Converts a hash to a bucket.

``bucket(max, multiplier) = floor((max * hash / 2**32 + 1) * multiplier)``, in binary64.

Source: VWO spec, section 5; pinned by the vectors in ``vwo/hash.jsonl``.
"""

from __future__ import annotations

from typing import Final

from sortition._engine.pure.hash import murmur3_32

HASH_SEED: Final = 1
"""The hash seed of every seed string."""

_BEYOND_EVERY_RANGE: Final = 2**64 - 1


def traffic_bucket(hash: int) -> int:  # noqa: A002 -- the field's word for it
    """A user's bucket for the campaign's traffic, from 1 to 100."""
    return _bucket(hash, 100, 1)


def variation_bucket(hash: int) -> int:  # noqa: A002 -- the field's word for it
    """A user's bucket for the variations' ranges, from 1 to 10,000."""
    return _bucket(hash, 10000, 1)


def stretched_bucket(hash: int, percent_traffic: float) -> int:  # noqa: A002 -- the field's word
    """A user's bucket in the oldest algorithm, which stretches the traffic over all buckets.

    It is above 10,000 for users outside the traffic, and may be 0 if the traffic is above 100.
    """
    if percent_traffic == 0:
        return _BEYOND_EVERY_RANGE
    return _bucket(hash, 10000, (10000 / percent_traffic) / 100)


def hash_seed_string(seed_string: str) -> int:
    """The hash of a seed string."""
    return murmur3_32(seed_string.encode(), HASH_SEED)


def _bucket(hash: int, buckets: int, multiplier: float) -> int:  # noqa: A002 -- the field's word
    ratio = hash / 2**32
    bucket = (buckets * ratio + 1) * multiplier
    return int(min(max(bucket, 0), _BEYOND_EVERY_RANGE))
