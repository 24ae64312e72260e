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
ANSWERS = ("tests/http/test_answers.py",)
BREAKER = ("tests/http/test_breaker.py",)
SCHEDULE = ("tests/settings/test_schedule.py",)
REPEATED = ("tests/client/test_repeated_messages.py",)
ENDS = ("tests/sending/test_ends.py",)
QUEUE = ("tests/sending/test_queue.py",)

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
    Rule(
        "404 loses events",
        "_http/answers.py",
        "_FORBIDDEN: Final = frozenset({401, 403, 404})",
        "_FORBIDDEN: Final = frozenset({401, 403})",
        ANSWERS,
    ),
    Rule(
        "429 may have arrived",
        "_http/answers.py",
        "may_have_arrived=is_outage and (status < 200 or status >= 500)",
        "may_have_arrived=is_outage and (status < 200 or status >= 400)",
        ANSWERS,
    ),
    Rule(
        "a success does not end the row of failures",
        "_http/breaker.py",
        "with self._lock:\n            self._failures_in_a_row = 0",
        "with self._lock:\n            pass",
        BREAKER,
    ),
    Rule(
        "a pause begins after four failures",
        "_http/breaker.py",
        "FAILURES_UNTIL_PAUSE: Final = 3",
        "FAILURES_UNTIL_PAUSE: Final = 4",
        BREAKER,
    ),
    Rule(
        "Retry-After has no bound",
        "_http/retry_after.py",
        "return min(longest_s, max(0.0, wanted))",
        "return max(0.0, wanted)",
        ("tests/http", "tests/sending/test_batching.py", "tests/settings/test_refresh.py"),
    ),
    Rule(
        "pauses do not double",
        "_http/retrying.py",
        "_FIRST_PAUSE_S * 2.0 ** min(",
        "_FIRST_PAUSE_S * 1.0 ** min(",
        ("tests/sending/test_batching.py", *QUEUE, *ENDS),
    ),
    Rule(
        "a connection that idled for long is used again",
        "_http/exchange.py",
        "LONGEST_IDLE_S: Final = 0.9",
        "LONGEST_IDLE_S: Final = 900.0",
        ("tests/http/test_connections.py",),
    ),
    Rule(
        "any encoding of settings is inflated",
        "_http/content.py",
        "if encoding not in _GZIP_NAMES:",
        "if False:",
        ("tests/http/test_content.py",),
    ),
    Rule(
        "refused settings are asked for sooner than the interval",
        "_settings/schedule.py",
        "return max(_RANDOM.uniform(*bounds), self._interval_with_jitter())",
        "return _RANDOM.uniform(*bounds)",
        SCHEDULE,
    ),
    Rule(
        "settings may be asked for without a pause",
        "_settings/schedule.py",
        "FLOOR_S: Final = 1.0",
        "FLOOR_S: Final = 0.0",
        SCHEDULE,
    ),
    Rule(
        "a cache that others may write is used",
        "_settings/cache.py",
        "_WRITABLE_BY_OTHERS: Final = 0o022",
        "_WRITABLE_BY_OTHERS: Final = 0o000",
        ("tests/settings/test_first_settings.py",),
    ),
    Rule(
        "a mistake is logged once and never again",
        "_base/repeating.py",
        "MISTAKE_PAUSE_S: Final = 600.0",
        "MISTAKE_PAUSE_S: Final = 600000.0",
        REPEATED,
    ),
    Rule(
        "mistakes of one kind are told apart without bound",
        "_base/repeating.py",
        "_MOST_ALIKE: Final = 100",
        "_MOST_ALIKE: Final = 100_000_000",
        REPEATED,
    ),
    Rule(
        "a batch may be refused in any number of parts",
        "_sending/parts.py",
        "if count == 1 or self._refusals_left <= 0:",
        "if count == 1:",
        ENDS,
    ),
    Rule(
        "an explicit False of a call does not count",
        "_base/options.py",
        "if call is not None:",
        "if call:",
        ("tests/client/test_precedence.py",),
    ),
)
