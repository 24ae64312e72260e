"""More than 10,000 decisions of the platform's published SDK, through both engines."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sortition._engine import Engine

FILE = Path(__file__).parents[1] / "golden" / "vwo.jsonl.gz"
LAST_OF_BASIC_PLANE = "\uffff"


@cache
def documents() -> list[dict[str, Any]]:
    """Each settings document with its users; `golden/generate.py` says what stands in them."""
    with gzip.open(FILE, "rt", encoding="utf-8") as file:
        header, *lines = file
    assert json.loads(header)["generated_by"] == "vwo-python-sdk 1.68.2"
    return [json.loads(line) for line in lines]


def algorithm(settings: dict[str, Any], campaign: dict[str, Any]) -> tuple[object, ...]:
    """All that the choice of a bucketing algorithm depends on."""
    return (
        bool(settings.get("isNB")),
        bool(settings.get("isNBv2")),
        campaign.get("isOB"),
        campaign.get("isOBv2"),
        bool(campaign.get("isBucketingSeedEnabled")),
    )


def test_every_pair(engine: Engine) -> None:
    """Each (campaign, user) pair gets the variation that the SDK gave it."""
    pairs = 0
    reasons: Counter[str] = Counter()
    algorithms: Counter[tuple[object, ...]] = Counter()
    group_algorithms: Counter[int] = Counter()
    for document in documents():
        settings = json.dumps(document["settings"]).encode()
        compiled = engine.module.VwoSettings.compile(settings)
        campaigns = {campaign["key"]: campaign for campaign in document["settings"]["campaigns"]}
        assert all(problem.is_warning for problem in compiled.problems)
        for user in document["users"]:
            variables = user.get("custom_variables"), user.get("variation_targeting_variables")
            for key, name in user["variations"].items():
                decision = compiled.decide("get_variation_name", key, user["id"], *variables)
                variation = decision.variation
                decided = None if variation is None else variation.name
                assert (key, user, name) == (key, user, decided)
                pairs += 1
                reasons[decision.reason] += 1
                if decision.reason == "bucketed":
                    algorithms[algorithm(document["settings"], campaigns[key])] += 1
                group = decision.campaign and decision.campaign.group
                if group and variation:
                    group_algorithms[group.algorithm] += 1
    assert pairs >= 10_000
    for reason in (
        "bucketed",
        "whitelisted",
        "segment_not_matched",
        "outside_traffic",
        "group_not_won",
        "group_whitelisted_elsewhere",
        "campaign_not_running",
    ):
        assert reasons[reason] >= 100, reason
    assert min(group_algorithms[1], group_algorithms[2]) >= 100
    assert min(algorithms.values()) >= 20
    assert set(algorithms) == {
        (is_nb, is_nb_v2, is_ob, is_ob_v2, has_seed)
        for is_nb in (False, True)
        for is_nb_v2 in (False, True)
        for is_ob in (None, False, True)
        for is_ob_v2 in (None, False, True)
        for has_seed in (False, True)
    }


def test_the_pairs_reach_everything() -> None:
    """Every kind of user id, weight, traffic and place of a variation."""
    users: Counter[str] = Counter()
    places: Counter[int | None] = Counter()
    sums: Counter[float] = Counter()
    traffic: set[float] = set()
    for document in documents():
        campaigns = {campaign["key"]: campaign for campaign in document["settings"]["campaigns"]}
        for user in document["users"]:
            users["ASCII" if user["id"].isascii() else "not ASCII"] += 1
            users["astral"] += max(user["id"]) > LAST_OF_BASIC_PLANE
            for key, name in user["variations"].items():
                campaign = campaigns[key]
                traffic.add(campaign["percentTraffic"])
                if name is None:
                    places[None] += 1
                    continue
                names = [variation["name"] for variation in campaign["variations"]]
                places[names.index(name)] += 1
                weights = [variation["weight"] for variation in campaign["variations"]]
                sums[round(sum(weights), 2)] += 1
    assert min(users["ASCII"], users["not ASCII"], users["astral"]) >= 500
    assert set(places) == {None, *range(8)}
    assert min(sums[99.99], sums[100], sums[100.01]) >= 100
    assert traffic >= {0, 0.5, 33.33, 50, 99.5, 100}
    assert len({percent for percent in traffic if percent == int(percent)}) >= 80
