"""The conformance vectors, through both engines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

from support.documents import campaign, settings, variation
from support.vectors import FOLDER, cases

if TYPE_CHECKING:
    from sortition._engine import Engine

HASH_SEED = 1
SHARED = Path(__file__).parents[3] / "shared" / "vectors"


def test_hash(engine: Engine) -> None:
    """Hashes and buckets of seed strings."""
    found = cases("hash")
    assert len(found) == 600
    for case in found:
        hash_ = engine.module.murmur3_32(case["seed"].encode(), HASH_SEED)
        assert case["hash"] == hash_
        assert case["bucket_100"] == engine.module.traffic_bucket(hash_)
        assert case["bucket_10000"] == engine.module.variation_bucket(hash_)
        for percent, bucket in case["bucket_10000_at_percent"].items():
            assert bucket == engine.module.stretched_bucket(hash_, float(percent))


def test_ranges(engine: Engine) -> None:
    """Ranges of weights; the vectors write [-1, -1] for none."""
    found = cases("ranges")
    assert len(found) == 81
    for case in found:
        ranges = engine.module.allocation_ranges(case["weights"])
        assert case["ranges"] == [list(ends or (-1, -1)) for ends in ranges]


def test_uuid(engine: Engine) -> None:
    """Visitor ids."""
    found = cases("uuid")
    assert len(found) == 400
    for case in found:
        document = settings(accountId=case["account_id"])
        compiled = engine.module.VwoSettings.compile(json.dumps(document).encode())
        assert case["uuid"] == compiled.visitor_id(case["user_id"])


def test_segments(engine: Engine) -> None:
    """Expressions over custom variables.

    Validation reports clauses that can never be true and misspelt operators; neither changes an
    answer.
    """
    reported = {"clause_false", "never_matches", "used_as_it_is"}
    found = cases("segments")
    assert len(found) == 6000
    for case in found:
        only = campaign(segments=case["segments"], variations=[variation(1, "in", 100)])
        document = json.dumps(settings(only)).encode()
        compiled = engine.module.VwoSettings.compile(document)
        # Each is about one clause: no campaign and no whole expression is set aside.
        assert {problem.consequence for problem in compiled.problems} <= reported
        decision = compiled.decide("get_variation_name", "checkout", "Ann", case["variables"])
        assert case["result"] is (decision.variation is not None), case


def test_the_copy_says_what_the_original_says() -> None:
    """The vectors of the repository are those that the project was given."""
    if not SHARED.exists():
        # A clone has the copy only, which is what the other tests read.
        return
    originals = {path.relative_to(SHARED) for path in SHARED.rglob("*.json*")}
    copies = {path.relative_to(FOLDER).with_suffix("") for path in FOLDER.rglob("*.gz")}
    assert originals == copies
    for name in originals:
        with gzip.open(FOLDER / f"{name}.gz") as copy:
            assert (SHARED / name).read_bytes() == copy.read(), name
