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
LEDGER = ("tests/sending/test_ledger_laws.py",)
SPOOL_RECORDS = ("tests/spool/test_spool_records.py",)


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
        "if campaign in among:\n                return campaign",
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
        "_base/revenue.py",
        "AMOUNT_LIMIT: Final = 10**15",
        "AMOUNT_LIMIT: Final = 10**16",
        ("tests/package/test_revenue.py", *TRACK),
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
        "a batch may be refused in a thousand parts",
        "_sending/deliver.py",
        "_MOST_REFUSALS: Final = 100",
        "_MOST_REFUSALS: Final = 1000",
        ENDS,
    ),
    Rule(
        "an explicit False of a call does not count",
        "_base/options.py",
        "if call is not None:",
        "if call:",
        ("tests/client/test_precedence.py",),
    ),
    Rule(
        "several events are set aside while nothing gets through",
        "_sending/set_aside.py",
        "_MOST if has_evidence else 1",
        "_MOST",
        ENDS,
    ),
    Rule(
        "the pure ledger overlooks what calls have just put into the queue",
        "_sending/pure/counts.py",
        "for kind in list(self.arrived):",
        "for kind in ():",
        LEDGER,
    ),
    Rule(
        "events from files do not count with their bytes",
        "_sending/pure/queue.py",
        "self._order.append(queued)",
        "self._order.append(queued)\n            self._order.bytes -= len(event)",
        LEDGER,
    ),
    Rule(
        "the pure queue takes any number of bytes",
        "_sending/pure/queue.py",
        "or self._waiting_bytes() + size > self._most_bytes",
        "or False",
        LEDGER,
    ),
    Rule(
        "events of one user overtake each other in the pure queue",
        "_sending/pure/order.py",
        "known.followers.append(event)\n                return",
        "pass",
        QUEUE,
    ),
    Rule(
        "an event given up counts as sent with an unknown outcome",
        "_sending/pure/queue.py",
        "reason = UNKNOWN_OUTCOME if event.is_on_its_way else CLOSED",
        "reason = UNKNOWN_OUTCOME",
        ENDS,
    ),
    Rule(
        "an event lost to a full queue is called lost, not refused",
        "_sending/drops.py",
        'became = "refused" if reason == QUEUE_FULL else "lost"',
        'became = "lost"',
        ("tests/sending/test_batching.py", *REPEATED),
    ),
    Rule(
        "an answer that may have come too late counts as a rejection",
        "_sending/synchronous.py",
        "return reasons.UNKNOWN_OUTCOME if outcome.may_have_arrived else reasons.REJECTED",
        "return reasons.REJECTED",
        ("tests/sending/test_batching.py",),
    ),
    Rule(
        "a damaged record of a spool is taken as whole",
        "_sending/spool/record.py",
        "return (end if checksum == wanted else None), length",
        "return end, length",
        SPOOL_RECORDS,
    ),
    Rule(
        "a mark in a spool also covers later events",
        "_sending/spool/record.py",
        "if begun and begun[0][1].time > self._events[number][0]:",
        "if begun:",
        SPOOL_RECORDS,
    ),
    Rule(
        "the age of an event is measured across a restart of the machine",
        "_sending/spool/age.py",
        "if clock is not None and clock.boot == reading.boot:",
        "if clock is not None:",
        ("tests/spool/test_spool_age.py",),
    ),
    Rule(
        "only the last of several webhook secrets is known",
        "_settings/webhook.py",
        "found |= hmac.compare_digest(value, one)",
        "found = hmac.compare_digest(value, one)",
        ("tests/settings/test_webhook.py",),
    ),
    Rule(
        "a user id may have any length",
        "_base/arguments.py",
        "_MOST_USER_ID_CHARACTERS: Final = 10_000",
        "_MOST_USER_ID_CHARACTERS: Final = 10_000_000",
        ("tests/vwo/test_user_ids.py",),
    ),
    Rule(
        "an option that must be more than zero may be zero",
        "_client/checks.py",
        "if not is_allowed or (value == self.least and not self.includes_least):",
        "if not is_allowed:",
        ("tests/client/test_launch_options.py", "tests/vwo/test_launch.py"),
    ),
    Rule(
        "a request on a new connection is repeated, too",
        "_http/exchange.py",
        "return self.is_reused and not self.has_answer_begun and not self.is_over",
        "return not self.has_answer_begun and not self.is_over",
        ("tests/http/test_connections.py",),
    ),
    Rule(
        "a child keeps its parent's queue in memory",
        "_process/forks.py",
        "if other[0] < process[0]:",
        "if False:",
        ("tests/processes/test_forks.py",),
    ),
)
