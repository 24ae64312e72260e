"""Mutually exclusive campaigns: who wins a user among those that are eligible.

Source: VWO spec, section 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sortition._engine.pure.vwo.allocation import equal_weights, owner, ranges
from sortition._engine.pure.vwo.bucket import hash_seed_string, variation_bucket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._engine import vwo as model


@dataclass(frozen=True, slots=True)
class Group:
    """Campaigns of which a user takes part in at most one; all given by their index.

    Attributes:
        shown: What callers see of it.
        is_advanced: Whether it chooses by priority, then by weight; else all have the same chance.
        members: The running campaigns, in the group's order.
        whitelisting: The members that have whitelisting.
        equal_ranges: The ranges of the members where all of them have the same chance.
        priority: Campaigns in the order of their priority.
        weights: The weight of each member that has one, in the members' order.
        seed: What every seed string of this group starts with.
    """

    shown: model.Group
    is_advanced: bool
    members: tuple[int, ...]
    whitelisting: tuple[int, ...]
    equal_ranges: tuple[tuple[int, int] | None, ...]
    priority: tuple[int, ...]
    weights: tuple[tuple[int, float], ...]
    seed: str

    def winner(self, eligible: Sequence[int], user_id: str) -> int | None:
        """The eligible campaign that wins this user; None if none does."""
        if len(eligible) == 1:
            return eligible[0]
        bucket = variation_bucket(hash_seed_string(self.seed + user_id))
        if not self.is_advanced:
            shares: Sequence[tuple[int, int] | None] = self.equal_ranges
            if len(eligible) != len(shares):
                shares = list(ranges(equal_weights(len(eligible))))
            index = owner(shares, bucket)
            return None if index is None else eligible[index]
        for campaign in self.priority:
            if campaign in eligible:
                return campaign
        weighted = [(campaign, weight) for campaign, weight in self.weights if campaign in eligible]
        index = owner(ranges(weight for _, weight in weighted), bucket)
        return None if index is None else weighted[index][0]
