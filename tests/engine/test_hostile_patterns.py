"""Patterns on which Python's own search would hold the service: the compiled engine answers.

Nothing here measures time: a search without a bound runs into the timeout of every test.
"""

from __future__ import annotations

import json
import re
from re import _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, settings, variation
from support.hostile_patterns import FAMILIES, HOSTILE_PATTERNS, UNSUPPORTED

from sortition import _core, vwo

if TYPE_CHECKING:
    from sortition._engine.vwo import Decision

pytestmark = pytest.mark.slow

LONGEST = 100_000
MOST_STEPS = 2_000_000
"""How many steps the searches of one decision take together."""


def program_size(parsed: Any) -> int:
    """How many steps a pattern is at a place, at most, where repetitions are written out."""
    size = 1
    for operation, argument in parsed:
        match str(operation):
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, inner = argument
                times = least + 1 if most == _parser.MAXREPEAT else most
                size += (program_size(inner) + 4) * times
            case "BRANCH":
                size += sum(program_size(inner) + 4 for inner in argument[1])
            case "SUBPATTERN":
                size += program_size(argument[3]) + 2
            case "ATOMIC_GROUP":
                size += program_size(argument) + 2
            case "ASSERT" | "ASSERT_NOT":
                size += program_size(argument[1]) + 2
            case _:
                size += 1
    return size


def is_too_large(pattern: str, text: str) -> bool:
    """Whether visiting each place once may take more steps than there are."""
    return program_size(_parser.parse(pattern)) * len(text) > MOST_STEPS


def compiled(pattern: str) -> _core.VwoSettings:
    """Settings of a campaign for users whose text matches the pattern."""
    segments = {"custom_variable": {"text": f"regex({pattern})"}}
    only = campaign(segments=segments, variations=[variation(1, "in", 100)])
    return _core.VwoSettings.compile(json.dumps(settings(only)).encode())


def decide(pattern: str, text: str) -> Decision:
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
            assert one.may_be_given_up or is_too_large(one.pattern, one.text), one.pattern
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


@pytest.mark.parametrize("count", [1, 100, 1000])
def test_all_searches_of_a_decision_share_one_bound(count: int) -> None:
    """A thousand searches that are each given up take no longer together than a few of them."""
    clauses = [
        {"custom_variable": {"text": rf"regex(^(a*)(a*)(a*)\1\2\3b{{{number}}}$)"}}
        for number in range(1, count + 1)
    ]
    only = campaign(segments={"or": clauses}, variations=[variation(1, "in", 100)])
    document = json.dumps(settings(only)).encode()
    decision = _core.VwoSettings.compile(document).decide(
        "get_variation_name", "checkout", "Ann", {"text": "a" * 2000}
    )
    assert decision.reason == "segment_not_matched"
    assert decision.gave_up_on_pattern
    assert 0 < decision.pattern_steps <= MOST_STEPS
    assert (decision.pattern_steps == MOST_STEPS) is (count > 1)


def test_another_decision_has_the_whole_bound_again() -> None:
    hostile, text = r"(a*)*\1b", "a" * 10_000
    first = decide(hostile, text)
    assert first.gave_up_on_pattern
    assert decide(hostile, text).pattern_steps == first.pattern_steps > 0
    assert not decide("a$", text).gave_up_on_pattern


def test_an_explanation_counts_the_steps_of_searches() -> None:
    segments = {"custom_variable": {"plan": "regex(^pro)"}}
    only = campaign(segments=segments, variations=[variation(1, "in", 100)])
    counted = {}
    for engine in ("compiled", "pure"):
        client = vwo.launch(settings(only), engine=engine, is_development_mode=True)
        told = client.explain("checkout", "Ann", custom_variables={"plan": "pro"})
        assert told is not None
        assert told.variation == "in"
        counted[engine] = told.pattern_steps
    # Python's `re` counts nothing.
    assert 0 < counted["compiled"] < 100
    assert counted["pure"] == 0


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
