"""Two processes that write the record of one user lose no goal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from support.storages import record

from sortition.storages.merging import merged_profile, merged_record


def profile(*pairs: tuple[str, str], user_id: str = "Ann") -> str:
    experiments = [{"experiment_key": key, "variation_key": arm} for key, arm in pairs]
    return json.dumps({"user_id": user_id, "experiments": experiments})


@pytest.mark.parametrize(
    ("stored", "new", "kept"),
    [
        (None, record(), record()),
        (record(), record(goals="a"), record(goals="a")),
        (record(goals="a"), record(), record(goals="a")),
        (record(goals="a"), record(goals="b"), record(goals="a_vwo_b")),
        (record(goals="a_vwo_b"), record(goals="a_vwo_c"), record(goals="a_vwo_b_vwo_c")),
        (record(goals="a"), record(goals="a"), record(goals="a")),
        (record(goals=""), record(goals="a"), record(goals="a")),
        (record(goals="a", goalIdentifiers=7), record(goals="a"), record(goals="a")),
        # What the call gave earlier stays, and what it gives now goes first.
        (record(metaData={"a": 1}), record(goals="a"), record(goals="a", metaData={"a": 1})),
        (record(metaData={"a": 1}), record(metaData={"a": 2}), record(metaData={"a": 2})),
        # A variation that is gone takes its goals with it.
        (record(variation="Gone", goals="a"), record(), record()),
        # What is no record of this user and campaign counts as nothing.
        (record("Bob", goals="a"), record(), record()),
        (record("Ann", "search", goals="a"), record(), record()),
        ("text", record(), record()),
        ([record(goals="a")], record(), record()),
        ({}, record(), record()),
    ],
)
def test_records(stored: Any, new: dict[str, Any], kept: dict[str, Any]) -> None:
    before = json.dumps([stored, new])
    assert merged_record(stored, new) == kept
    assert json.dumps([stored, new]) == before, "what was given is changed"


@pytest.mark.parametrize(
    ("stored", "new", "kept"),
    [
        (None, profile(("1", "a")), profile(("1", "a"))),
        (profile(("1", "a")), profile(("2", "b")), profile(("1", "a"), ("2", "b"))),
        (profile(("1", "a")), profile(("1", "b")), profile(("1", "b"))),
        (
            profile(("1", "a"), ("2", "a"), ("3", "a")),
            profile(("2", "b"), ("4", "a")),
            profile(("1", "a"), ("3", "a"), ("2", "b"), ("4", "a")),
        ),
        ("no profile", profile(("1", "a")), profile(("1", "a"))),
        ("[" * 100_000, profile(("1", "a")), profile(("1", "a"))),
        ("[]", profile(("1", "a")), profile(("1", "a"))),
        ('{"experiments": 5}', profile(("1", "a")), profile(("1", "a"))),
        # An assignment that the client could not read is not brought back.
        (profile(("1", ""), ("2", "a")), profile(("3", "a")), profile(("2", "a"), ("3", "a"))),
        ('{"experiments": [7, {}]}', profile(("1", "a")), profile(("1", "a"))),
        (profile(("1", "ä")), profile(("2", "b")), profile(("1", "ä"), ("2", "b"))),
    ],
)
def test_profiles(stored: Any, new: str, kept: str) -> None:
    """The text is the same as a client writes it, character by character."""
    assert merged_profile(stored, new) == kept


_goals = some.lists(some.sampled_from("abcdef"), unique=True)


@given(_goals, _goals, _goals)
def test_the_order_of_writers_loses_no_goal(
    one: list[str], other: list[str], base: list[str]
) -> None:
    """Two writers read the same record: in either order, all goals are stored."""

    def written(*orders: list[str]) -> set[str]:
        stored: Any = record(goals="_vwo_".join(base)) if base else record()
        for goals in orders:
            stored = merged_record(stored, record(goals="_vwo_".join([*base, *goals])))
        return set(filter(None, stored["goalIdentifiers"].split("_vwo_")))

    assert written(one, other) == written(other, one) == {*one, *other, *base}
