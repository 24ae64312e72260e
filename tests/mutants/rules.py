"""The rules that `make mutants` changes, each with the tests that ought to notice."""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """A rule of the package.

    Attributes:
        what: What is changed, in words.
        file: The file, below ``python/sortition``.
        text: The rule as it stands there, exactly once.
        changed: What it is changed to.
        tests: The tests that ought to notice.
    """

    what: str
    file: str
    text: str
    changed: str
    tests: tuple[str, ...]


VECTORS = ("tests/engine/test_vectors.py",)
BEYOND_VECTORS = ("tests/engine/test_beyond_vectors.py",)
SCENARIOS = ("tests/engine/test_scenarios.py", "tests/engine/test_golden.py")
PAGESENSE_VECTORS = ("tests/engine/test_pagesense_vectors.py",)
TRACK = ("tests/vwo/test_track.py",)

RULES = (
    Rule(
        "VWO hashes with another seed",
        "_engine/pure/vwo/bucket.py",
        "HASH_SEED: Final = 1",
        "HASH_SEED: Final = 2",
        SCENARIOS,
    ),
    Rule(
        "a bucket is one lower",
        "_engine/pure/vwo/bucket.py",
        "(buckets * ratio + 1) * multiplier",
        "(buckets * ratio) * multiplier",
        VECTORS,
    ),
    Rule(
        "a weight's range is rounded down",
        "_engine/pure/vwo/allocation.py",
        "math.ceil(min(",
        "math.floor(min(",
        VECTORS,
    ),
    Rule(
        "the last bucket of a range is outside of it",
        "_engine/pure/vwo/allocation.py",
        "ends[0] <= bucket <= ends[1]",
        "ends[0] <= bucket < ends[1]",
        (*SCENARIOS, "tests/engine/test_bucket_edges.py"),
    ),
    Rule(
        "the priority of an advanced group is ignored",
        "_engine/pure/vwo/group.py",
        "if campaign in eligible:\n                return campaign",
        "if False:\n                return campaign",
        SCENARIOS,
    ),
    Rule(
        "startswith means what its name says",
        "_engine/pure/vwo/operand.py",
        '"startswith": "ends_with"',
        '"startswith": "starts_with"',
        BEYOND_VECTORS,
    ),
    Rule(
        "a number is compared as text",
        "_engine/pure/vwo/operand.py",
        "return str(int(number)) if number.is_integer() else repr(number)",
        "return repr(number)",
        VECTORS,
    ),
    Rule(
        "a lone star matches everything",
        "_engine/pure/vwo/operand.py",
        'starts_open = inner.startswith("*") and len(inner) > 1',
        'starts_open = inner.startswith("*")',
        VECTORS,
    ),
    Rule(
        "PageSense's last share ends where it says",
        "_engine/pure/pagesense/allocation.py",
        "permitted if index == len(shares) else taken",
        "taken",
        PAGESENSE_VECTORS,
    ),
    Rule(
        "PageSense's bucket 0 is served",
        "_engine/pure/pagesense/allocation.py",
        "first = taken + 1",
        "first = taken",
        PAGESENSE_VECTORS,
    ),
    Rule(
        "CONTAIN means what its name says",
        "_engine/pure/pagesense/condition.py",
        "return any(text in value for value in self.values)",
        "return any(value in text for value in self.values)",
        PAGESENSE_VECTORS,
    ),
    Rule(
        "a blank attribute satisfies NOT_EQUAL",
        "_engine/pure/pagesense/condition.py",
        "text is not None and bool(text.strip()) and",
        "text is not None and",
        BEYOND_VECTORS,
    ),
    Rule(
        "a revenue of a quadrillion is readable",
        "_base/amount.py",
        "AMOUNT_LIMIT: Final = 10**15",
        "AMOUNT_LIMIT: Final = 10**16",
        ("tests/package/test_amount.py", *TRACK),
    ),
)
