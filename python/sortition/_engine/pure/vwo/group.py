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
        takes_everybody: Whether every member takes every user: no segments, all the traffic.
        equal_ranges: The ranges of the members where all of them have the same chance.
        priority: Campaigns in the order of their priority.
        weights: The weight of each member that has one, in the members' order.
        weight_ranges: The ranges of `weights` if all members are eligible.
        seed: What every seed string of this group starts with.
    """

    shown: model.Group
    is_advanced: bool
    members: tuple[int, ...]
    whitelisting: tuple[int, ...]
    takes_everybody: bool
    equal_ranges: tuple[tuple[int, int] | None, ...]
    priority: tuple[int, ...]
    weights: tuple[tuple[int, float], ...]
    weight_ranges: tuple[tuple[int, int] | None, ...]
    seed: str

    def winner(self, eligible: Sequence[int], user_id: str) -> int | None:
        """The eligible campaign that wins this user; None if none does."""
        if len(eligible) == 1:
            return eligible[0]
        bucket = variation_bucket(hash_seed_string(self.seed + user_id))
        # A group may have thousands of members: what the settings decide is computed once.
        are_all_eligible = len(eligible) == len(self.members)
        shares: Sequence[tuple[int, int] | None]
        if not self.is_advanced:
            shares = self.equal_ranges
            if not are_all_eligible:
                shares = ranges(equal_weights(len(eligible)))
            index = owner(shares, bucket)
            return None if index is None else eligible[index]
        among = frozenset(eligible)
        for campaign in self.priority:
            if campaign in among:
                return campaign
        weighted, shares = self.weights, self.weight_ranges
        if not are_all_eligible:
            weighted = tuple(one for one in weighted if one[0] in among)
            shares = ranges(weight for _, weight in weighted)
        index = owner(shares, bucket)
        return None if index is None else weighted[index][0]
