"""Patterns on which Python's own search would hold the service: the compiled engine answers.

Nothing here measures time: a search without a bound runs into the timeout of every test.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from support.documents import campaign, settings, variation
from support.hostile_patterns import FAMILIES, HOSTILE_PATTERNS, UNSUPPORTED

from sortition import _core

if TYPE_CHECKING:
    from sortition._engine import vwo

LONGEST = 100_000


def compiled(pattern: str) -> _core.VwoSettings:
    """Settings of a campaign for whoever has a text in which the pattern is found."""
    segments = {"custom_variable": {"text": f"regex({pattern})"}}
    only = campaign(segments=segments, variations=[variation(1, "in", 100)])
    return _core.VwoSettings.compile(json.dumps(settings(only)).encode())


def decide(pattern: str, text: str) -> vwo.Decision:
    compiled_settings = compiled(pattern)
    assert compiled_settings.problems == ()
    return compiled_settings.decide("get_variation_name", "checkout", "Ann", {"text": text})


def test_the_list() -> None:
    """It is long, without doubles, and has long texts."""
    assert len({one.pattern for one in HOSTILE_PATTERNS}) >= 300
    assert len({(one.pattern, one.text) for one in HOSTILE_PATTERNS}) == len(HOSTILE_PATTERNS)
    assert min(len(one.text) for one in HOSTILE_PATTERNS) >= 9_000
    assert max(len(one.text) for one in HOSTILE_PATTERNS) >= LONGEST


@pytest.mark.parametrize("name", FAMILIES)
def test_the_answer_is_known(name: str) -> None:
    """Python's `re` answers for the short texts as the list says, and so does the engine."""
    for one in FAMILIES[name].patterns():
        assert one.is_found is (re.search(one.pattern, one.short_text) is not None), one.pattern
        decision = decide(one.pattern, one.short_text)
        assert one.is_found is (decision.variation is not None), one.pattern
        assert not decision.gave_up_on_pattern, one.pattern


@pytest.mark.parametrize("name", FAMILIES)
def test_every_search_ends(name: str) -> None:
    """The answer for the long texts is the right one, or none where the bound may be hit."""
    for one in FAMILIES[name].patterns():
        decision = decide(one.pattern, one.text)
        if decision.gave_up_on_pattern:
            assert one.may_be_given_up, one.pattern
            assert decision.variation is None
            assert decision.reason == "segment_not_matched"
        else:
            assert one.is_found is (decision.variation is not None), one.pattern


@pytest.mark.parametrize(
    "pattern",
    [
        r"(x)?(?>a*)\1b",
        r"(x)?a++\1b",
        r"(x)?(?=a*!)a\1b",
    ],
)
def test_what_is_done_without_going_back_counts(pattern: str) -> None:
    """Parts that are matched on their own go over the text again and again, and never go back."""
    assert decide(pattern, "a" * 10_000 + "!").gave_up_on_pattern


@pytest.mark.parametrize("pattern", UNSUPPORTED, ids=range(len(UNSUPPORTED)))
def test_what_is_too_large_is_refused_at_once(pattern: str) -> None:
    """The problem is listed, and the expression is false."""
    re.compile(pattern)
    refused = compiled(pattern)
    (problem,) = refused.problems
    assert problem.path == "campaigns[0].segments.custom_variable.text"
    assert problem.consequence == "never_matches"
    decision = refused.decide("get_variation_name", "checkout", "Ann", {"text": "a" * 10_000})
    assert decision.variation is None
    assert not decision.gave_up_on_pattern
