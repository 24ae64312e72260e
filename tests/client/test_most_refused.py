"""The reason why most calls are refused, and what finding it costs."""

from __future__ import annotations

from sortition._client.refusals import Refusals


def test_only_the_first_refusal_of_a_minute_adds_up_the_ledger() -> None:
    """In an overload a service makes refused calls more than any other."""
    asked: list[int] = []

    def accepted() -> int:
        asked.append(1)
        return 7

    refusals = Refusals()
    for _ in range(100):
        refusals.note("unknown_goal", accepted)
    assert len(asked) == 1
    assert refusals.most(7) == "unknown_goal"


def test_a_reason_counts_only_if_it_refuses_more_than_half_of_the_calls() -> None:
    refusals = Refusals()
    refusals.note("unknown_goal", lambda: 10)
    refusals.note("no_revenue", lambda: 10)
    refusals.note("unknown_goal", lambda: 10)
    assert refusals.most(10) == "unknown_goal"
    assert refusals.most(11) is None
