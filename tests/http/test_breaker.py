"""The circuit breaker that within-the-call sending and the Redis storage share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from support.sink import wait_until

from sortition._http.breaker import Breaker

FAILURES_UNTIL_PAUSE = 3
"""The value from the documentation, not from the code."""


def fail(breaker: Breaker, times: int = FAILURES_UNTIL_PAUSE) -> None:
    for _ in range(times):
        breaker.note_failure()


def test_a_row_of_failures_begins_a_pause() -> None:
    """One failure less does not."""
    breaker = Breaker(pause_s=3600)
    fail(breaker, FAILURES_UNTIL_PAUSE - 1)
    assert breaker.allows()
    breaker.note_failure()
    assert not breaker.allows()


def test_a_success_ends_the_row_of_failures() -> None:
    """Failures with a success between them never add up."""
    breaker = Breaker(pause_s=3600)
    for _ in range(10):
        fail(breaker, FAILURES_UNTIL_PAUSE - 1)
        breaker.note_success()
    assert breaker.allows()


def test_after_the_pause_one_request_tries() -> None:
    """The others fail at once until its outcome is known; its failure begins another pause."""
    breaker = Breaker(pause_s=0.05)
    fail(breaker)
    wait_until(breaker.allows)
    breaker = Breaker(pause_s=3600)
    fail(breaker)
    breaker._paused_until = 0.0
    with ThreadPoolExecutor(16) as threads:
        allowed = list(threads.map(lambda _: breaker.allows(), range(64)))
    assert allowed.count(True) == 1
    breaker.note_failure()
    assert not breaker.allows()


def test_a_success_ends_the_pause() -> None:
    """Every request is let through again."""
    breaker = Breaker(pause_s=3600)
    fail(breaker)
    assert not breaker.allows()
    breaker.note_success()
    assert all(breaker.allows() for _ in range(10))
