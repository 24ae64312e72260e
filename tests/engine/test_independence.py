"""Campaigns split the users evenly, and independently of one another where the platform does.

Which texts are hashed for the traffic and for the variation depends on flags of the account and of
the campaign (VWO spec, section 5). Where two questions hash the same text, their answers hang
together. That is what the platform's own SDK does, and its users' reports depend on it, so it is
pinned here and not mended:

| flags                  | traffic        | variation                 | what is tied            |
| ---------------------- | -------------- | ------------------------- | ----------------------- |
| none                   | user           | user, stretched           | everything              |
| isNB, isOB             | campaign, user | campaign, user, stretched | traffic and variation   |
| isBucketingSeedEnabled | campaign, user | campaign, user, stretched | traffic and variation   |
| isNB                   | campaign, user | user                      | variations of campaigns |
| isNBv2, isOBv2         | user           | user                      | everything              |
| isNBv2                 | user           | campaign, account, user   | traffic of campaigns    |
| isNB, isNBv2           | campaign, user | campaign, account, user   | nothing                 |

- All variations from the user alone: who has the control in one campaign has it in every other.
- All traffic from the user alone: campaigns of the same traffic have the same users.
- Traffic and variation from one text, stretched: the split among those who take part is even, but
  users change variations when the traffic is raised.
- Traffic and variation from one text, not stretched: at half of the traffic nobody gets the
  variations of the upper half. Such an experiment is lopsided.
"""

from __future__ import annotations

import itertools
import json
import math
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, settings, variation

from sortition import _core

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.slow

IS_SOAK = os.environ.get("SORTITION_SOAK") == "1"
USERS = 1_000_000 if IS_SOAK else 20_000
CAMPAIGNS = 20
VARIATIONS = 4
OUT = 0
"""Stands for a user who does not take part; variations count from 1."""

LEAST_PROBABILITY = 1e-6
"""Below this a deviation is no accident.

All cases together make some 2,000 comparisons, so that a perfect hash would fail with one of 500
sets of users. The users are always the same, and so is the outcome.
"""


@dataclass(frozen=True)
class Algorithm:
    """Flags that choose the texts that are hashed, and what is independent by that choice."""

    account: dict[str, Any] = field(default_factory=dict)
    campaign: dict[str, Any] = field(default_factory=dict)
    splits_are_independent: bool = False
    traffics_are_independent: bool = False
    traffic_and_split: str = "independent"
    """``independent``; ``stretched`` or ``lopsided`` where both come from one text."""


ALGORITHMS = {
    "no flags": Algorithm(traffic_and_split="stretched"),
    "isNB, isOB": Algorithm(
        account={"isNB": True},
        campaign={"isOB": True},
        splits_are_independent=True,
        traffics_are_independent=True,
        traffic_and_split="stretched",
    ),
    "isBucketingSeedEnabled": Algorithm(
        campaign={"isBucketingSeedEnabled": True},
        splits_are_independent=True,
        traffics_are_independent=True,
        traffic_and_split="stretched",
    ),
    "isNB": Algorithm(account={"isNB": True}, traffics_are_independent=True),
    "isNBv2, isOBv2": Algorithm(
        account={"isNBv2": True}, campaign={"isOBv2": True}, traffic_and_split="lopsided"
    ),
    "isNBv2": Algorithm(account={"isNBv2": True}, splits_are_independent=True),
    "isNB, isNBv2": Algorithm(
        account={"isNB": True, "isNBv2": True},
        splits_are_independent=True,
        traffics_are_independent=True,
    ),
}


def choices(algorithm: Algorithm, percent_traffic: float) -> list[bytes]:
    """For each campaign the variation of every user, one byte each."""
    arms = [variation(number, str(number), 25) for number in range(1, VARIATIONS + 1)]
    document = settings(
        *(
            campaign(
                id,
                str(id),
                percentTraffic=percent_traffic,
                variations=arms,
                **algorithm.campaign,
            )
            for id in range(1, CAMPAIGNS + 1)  # noqa: A001 -- the field's word for it
        ),
        **algorithm.account,
    )
    decide = _core.VwoSettings.compile(json.dumps(document).encode()).decide

    def choice(key: str, user_id: str) -> int:
        chosen = decide("get_variation_name", key, user_id).variation
        return OUT if chosen is None else int(chosen.id)

    return [
        bytes(choice(str(id), f"user-{number}") for number in range(USERS))
        for id in range(1, CAMPAIGNS + 1)  # noqa: A001
    ]


def sets_of_users(chosen: bytes, groups: Sequence[Sequence[int]]) -> list[int]:
    """For each group of choices the users who have one of them: a number with a bit for each."""
    return [
        int(chosen.translate(bytes(b"01"[choice in group] for choice in range(256))), 2)
        for group in groups
    ]


EACH_VARIATION = [[number] for number in range(1, VARIATIONS + 1)]
OUT_OR_IN = [[OUT], list(range(1, VARIATIONS + 1))]


def probability(chi_square: float, degrees_of_freedom: int) -> float:
    """How likely chance alone gives this value of chi-square or a larger one.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.4.4, for an odd number of
    degrees of freedom.
    """
    assert degrees_of_freedom % 2 == 1
    root = math.sqrt(chi_square)
    term, terms = root, 0.0
    for odd in range(1, degrees_of_freedom, 2):
        terms += term
        term *= chi_square / (odd + 2)
    density = math.exp(-chi_square / 2) / math.sqrt(2 * math.pi)
    return math.erfc(root / math.sqrt(2)) + 2 * density * terms


def probability_of_even_split(counts: Sequence[int]) -> float:
    """How likely counts that should be the same differ as much or more."""
    expected = sum(counts) / len(counts)
    chi_square = sum((count - expected) ** 2 / expected for count in counts)
    return probability(chi_square, len(counts) - 1)


def probability_of_independence(rows: Sequence[int], columns: Sequence[int]) -> float:
    """How likely two choices that have nothing to do with each other hang together as much."""
    table = [[(row & column).bit_count() for column in columns] for row in rows]
    of_rows = [sum(row) for row in table]
    of_columns = [sum(column) for column in zip(*table, strict=True)]
    expected = [[row * column / sum(of_rows) for column in of_columns] for row in of_rows]
    chi_square = sum(
        (found - wanted) ** 2 / wanted
        for founds, wanteds in zip(table, expected, strict=True)
        for found, wanted in zip(founds, wanteds, strict=True)
    )
    return probability(chi_square, (len(rows) - 1) * (len(columns) - 1))


def test_probabilities_are_those_of_the_table() -> None:
    """Abramowitz and Stegun, table 26.8: chi-square at probabilities of 0.05 and 0.001."""
    for degrees_of_freedom, likely, unlikely in [
        (1, 3.84146, 10.828),
        (3, 7.81473, 16.266),
        (9, 16.9190, 27.877),
    ]:
        assert probability(likely, degrees_of_freedom) == pytest.approx(0.05, rel=1e-4)
        assert probability(unlikely, degrees_of_freedom) == pytest.approx(0.001, rel=1e-3)


@pytest.mark.timeout(1800 if IS_SOAK else 120)
@pytest.mark.parametrize("name", ALGORITHMS)
def test_splits_and_traffic(name: str) -> None:
    """Each campaign splits evenly; what the algorithm leaves independent is independent."""
    algorithm = ALGORITHMS[name]
    at_full, at_half = choices(algorithm, 100), choices(algorithm, 50)
    splits = [sets_of_users(chosen, EACH_VARIATION) for chosen in at_full]
    traffics = [sets_of_users(chosen, OUT_OR_IN) for chosen in at_half]

    for split, traffic in zip(splits, traffics, strict=True):
        assert sum(users.bit_count() for users in split) == USERS
        for sets in (split, traffic):
            counts = [users.bit_count() for users in sets]
            assert probability_of_even_split(counts) > LEAST_PROBABILITY, counts

    for questions, are_independent in [
        (splits, algorithm.splits_are_independent),
        (traffics, algorithm.traffics_are_independent),
    ]:
        if are_independent:
            for one, other in itertools.combinations(questions, 2):
                assert probability_of_independence(one, other) > LEAST_PROBABILITY
        else:
            first, *others = questions
            assert all(first == other for other in others)
            # As a check of the check: it sees what hangs together.
            assert probability_of_independence(first, first) < LEAST_PROBABILITY

    for split, traffic, chosen in zip(splits, traffics, at_half, strict=True):
        _, users_in = traffic
        counts = [users.bit_count() for users in sets_of_users(chosen, EACH_VARIATION)]
        if algorithm.traffic_and_split == "independent":
            assert probability_of_independence(traffic, split) > LEAST_PROBABILITY
            assert probability_of_even_split(counts) > LEAST_PROBABILITY, counts
            continue
        assert probability_of_independence(traffic, split) < LEAST_PROBABILITY
        # Those who take part are the lower half, which has the lower variations at full traffic.
        lower = split[0] | split[1]
        assert users_in & lower == users_in
        if algorithm.traffic_and_split == "stretched":
            assert probability_of_even_split(counts) > LEAST_PROBABILITY, counts
        else:
            assert counts[2:] == [0, 0]
            assert probability_of_even_split(counts[:2]) > LEAST_PROBABILITY, counts
