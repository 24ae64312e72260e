"""Computes the bucket of a user in an experiment.

``bucket = murmur3_x86_32(experiment_key + "_" + user_id, seed 0) mod 10000``

Source: PageSense spec, section 4.1; pinned by the vectors in ``pagesense/hash-buckets.json``.
"""

from __future__ import annotations

from typing import Final

from sortition._engine.pure.hash import murmur3_32

HASH_SEED: Final = 0
"""The hash seed of every seed string."""

FIRST: Final = 0
"""The bucket of a user without a hash. No range contains it."""

_BUCKETS: Final = 10000


def bucket_of(hash: int | None) -> int:  # noqa: A002 -- the field's word for it
    """A user's bucket in an experiment, from 0 to 9,999."""
    return FIRST if hash is None else hash % _BUCKETS


def hash_user(experiment_key: str, user_id: str) -> int | None:
    """The hash of the seed string; None for a user id with a lone surrogate."""
    try:
        seed_string = f"{experiment_key}_{user_id}".encode()
    except UnicodeEncodeError:
        return None
    return murmur3_32(seed_string, HASH_SEED)
