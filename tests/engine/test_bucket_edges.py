"""The edges of hashes, buckets, ranges, weights and traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.documents import campaign, settings, variation

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition import vwo
    from sortition._engine import Engine

HIGHEST_HASH = 2**32 - 1


def user_in_bucket(engine: Engine, bucket: int) -> str:
    """A user whom the plain seed string puts into this variation bucket."""
    for number in range(1_000_000):
        user_id = f"user-{number}"
        hash_ = engine.module.murmur3_32(user_id.encode(), 1)
        if engine.module.variation_bucket(hash_) == bucket:
            return user_id
    raise AssertionError("there is always one")


@pytest.mark.parametrize(
    ("hash_", "traffic", "place"),
    [
        (0, 1, 1),
        (42_949_672, 1, 100),
        (42_949_673, 2, 101),
        (429_496, 1, 1),
        (429_497, 1, 2),
        (2**31 - 1, 50, 5000),
        (2**31, 51, 5001),
        (HIGHEST_HASH, 100, 10000),
    ],
)
def test_hashes_on_both_sides_of_an_edge(
    engine: Engine, hash_: int, traffic: int, place: int
) -> None:
    assert traffic == engine.module.traffic_bucket(hash_)
    assert place == engine.module.variation_bucket(hash_)
    assert place == engine.module.stretched_bucket(hash_, 100)


def test_stretching_by_the_ends_of_the_traffic(engine: Engine) -> None:
    stretched = engine.module.stretched_bucket
    assert stretched(HIGHEST_HASH, 1) == 1_000_099
    assert stretched(HIGHEST_HASH, 200) == 5000
    assert stretched(0, 200) == 0
    assert stretched(5, 0) == 2**64 - 1
    assert stretched(5, -1) == 0


def test_weights_below_a_hundred_leave_the_last_users_out(
    engine: Engine, launch: Callable[..., vwo.Client]
) -> None:
    arms = [variation(1, "A", 33.33), variation(2, "B", 33.33), variation(3, "C", 33.33)]
    client = launch(settings(campaign(variations=arms)))
    for bucket, name in [(1, "A"), (3333, "A"), (3334, "B"), (6667, "C"), (9999, "C")]:
        assert client.get_variation_name("checkout", user_in_bucket(engine, bucket)) == name
    assert client.get_variation_name("checkout", user_in_bucket(engine, 10000)) is None
    assert client.activate("checkout", user_in_bucket(engine, 10000)) is None


def test_weights_above_a_hundred_push_the_last_range_out(
    engine: Engine, launch: Callable[..., vwo.Client]
) -> None:
    arms = [variation(1, "A", 50), variation(2, "B", 50), variation(3, "C", 0.01)]
    client = launch(settings(campaign(variations=arms)))
    assert client.get_variation_name("checkout", user_in_bucket(engine, 5000)) == "A"
    assert client.get_variation_name("checkout", user_in_bucket(engine, 5001)) == "B"
    assert client.get_variation_name("checkout", user_in_bucket(engine, 10000)) == "B"


def test_a_weight_of_nothing_gets_nobody(engine: Engine, launch: Callable[..., vwo.Client]) -> None:
    arms = [variation(1, "A", 0), variation(2, "B", 100), variation(3, "C", 0)]
    client = launch(settings(campaign(variations=arms)))
    for bucket in (1, 5000, 10000):
        assert client.get_variation_name("checkout", user_in_bucket(engine, bucket)) == "B"


@pytest.mark.parametrize("percent", [0, 0.99, -5])
def test_no_traffic_lets_nobody_in(launch: Callable[..., vwo.Client], percent: float) -> None:
    client = launch(settings(campaign(percentTraffic=percent)))
    assert not any(client.get_variation_name("checkout", f"user-{n}") for n in range(200))


@pytest.mark.parametrize("percent", [100, 100.5, 1e9])
def test_full_traffic_lets_everybody_in(launch: Callable[..., vwo.Client], percent: float) -> None:
    only = [variation(1, "Control", 100)]
    document = settings(campaign(percentTraffic=percent, variations=only), isNB=True)
    client = launch(document)
    assert all(client.get_variation_name("checkout", f"user-{n}") for n in range(200))


def test_one_percent_more_traffic_lets_one_bucket_more_in(
    engine: Engine, launch: Callable[..., vwo.Client]
) -> None:
    """The user of traffic bucket 51 is in at 51 percent and out at 50.99."""
    user_id = user_in_bucket(engine, 5001)
    for percent, is_in in [(50, False), (50.99, False), (51, True), (51.01, True)]:
        document = settings(campaign(percentTraffic=percent), isNBv2=True)
        assert bool(launch(document).get_variation_name("checkout", user_id)) is is_in


def test_a_campaign_without_variations_gives_none(launch: Callable[..., vwo.Client]) -> None:
    client = launch(settings(campaign(variations={})))
    assert client.get_variation_name("checkout", "Ann") is None
