"""MurmurHash3 x86 32-bit.

Source: Austin Appleby's ``MurmurHash3_x86_32``, in the public domain; pinned by the vectors in
``vwo/hash.jsonl`` and ``pagesense/hash-buckets.json``.
"""

from __future__ import annotations

import struct
from typing import Final

_MASK: Final = 0xFFFFFFFF
_BLOCK: Final = struct.Struct("<I")


def murmur3_32(data: bytes, hash_seed: int) -> int:
    """The hash of these bytes, an unsigned 32-bit number."""
    state = hash_seed
    whole = len(data) & ~3
    for (block,) in _BLOCK.iter_unpack(data[:whole]):
        # `_scramble` inlined, because the hash takes half of a decision's time. A factor may have
        # more than 32 bits: only the lowest 32 bits of the product count.
        start = block * 0xCC9E2D51 & _MASK
        state ^= (start << 15 | start >> 17) * 0x1B873593 & _MASK
        state = ((state << 13 | state >> 19) * 5 + 0xE6546B64) & _MASK
    if whole < len(data):
        state ^= _scramble(int.from_bytes(data[whole:], "little"))
    state ^= len(data) & _MASK
    state ^= state >> 16
    state = state * 0x85EBCA6B & _MASK
    state ^= state >> 13
    state = state * 0xC2B2AE35 & _MASK
    return state ^ state >> 16


def _scramble(block: int) -> int:
    block = block * 0xCC9E2D51 & _MASK
    block = (block << 15 | block >> 17) & _MASK
    return block * 0x1B873593 & _MASK
