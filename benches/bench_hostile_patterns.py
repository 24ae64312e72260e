"""How long is a decision at worst, where a pattern is meant to take for ever?

The input: the patterns of `tests/support/hostile_patterns.py`, each with a text of 10,000
characters or 100,000, in the compiled engine. Each is decided once, its answer is checked, the
slowest are named, and the slowest of all is measured.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.hostile_patterns import FAMILIES, HostilePattern

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable

NAMED = 5
LONGEST_NAME = 60


def document(pattern: str) -> dict[str, Any]:
    return {
        "version": 1,
        "accountId": 604812,
        "campaigns": [
            {
                "id": 228,
                "key": "checkout",
                "type": "VISUAL_AB",
                "status": "RUNNING",
                "percentTraffic": 100,
                "variations": [{"id": 1, "name": "in", "weight": 100}],
                "goals": [],
                "segments": {"custom_variable": {"text": f"regex({pattern})"}},
            }
        ],
    }


def decision(hostile: HostilePattern) -> Callable[[], str | None]:
    client = vwo.launch(document(hostile.pattern), engine="compiled")
    variables = {"text": hostile.text}

    def decide() -> str | None:
        return client.get_variation_name("checkout", "Ann", custom_variables=variables)

    return decide


@pytest.mark.benchmark(group="get_variation_name, the slowest of the hostile patterns")
def bench_slowest(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    measured: list[tuple[float, str, HostilePattern]] = []
    for name, family in FAMILIES.items():
        for hostile in family.patterns():
            decide = decision(hostile)
            started = time.perf_counter()
            variation = decide()
            duration_s = time.perf_counter() - started
            # A search that takes too long is given up, which counts as finding nothing.
            assert variation in {None, "in"}
            assert hostile.is_found or variation is None
            measured.append((duration_s, name, hostile))
    measured.sort(key=lambda one: one[0], reverse=True)
    with capsys.disabled():
        sys.stdout.write(f"\nthe slowest of {len(measured)} hostile patterns:\n")
        for duration_s, name, hostile in measured[:NAMED]:
            pattern = hostile.pattern[:LONGEST_NAME]
            sys.stdout.write(f"{1000 * duration_s:8.1f} ms  {name}: {pattern}\n")
    _, _, slowest = measured[0]
    benchmark(decision(slowest))
