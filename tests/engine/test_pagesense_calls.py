"""The outcome of each PageSense call, as the engines give it: event, answer and profile to save."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import arm, audience, experiment, project

from sortition import _engine

if TYPE_CHECKING:
    from sortition._engine import Engine

BROWSER = {
    "conditions": [{"conditions": [{"attribute_name": "b", "operator": 1, "values": ["x"]}]}]
}
GOALS = [
    {"goal_name": "Signup", "goal_link_name": "signup", "goal_type": 10},
    {"goal_name": "Order", "goal_link_name": "order", "goal_type": 11},
    {"goal_name": "Signup", "goal_link_name": "second", "goal_type": 10},
]
MAPPED = [
    {"goal_link_name": one["goal_link_name"], "is_primary_goal": one["goal_link_name"] == "order"}
    for one in GOALS
]
DOCUMENT = project(
    experiment(1, goals=MAPPED),
    experiment(2, goals=MAPPED[:2], variations=[arm("only", 0)], is_development_mode=True),
    experiment(3, goals=MAPPED, audiences=[{"audience_link_name": "some"}]),
    experiment(4, goals=MAPPED, experiment_status=3),
    goals=GOALS,
    audiences=[audience("all", {}), audience("some", BROWSER)],
)
STORED = json.dumps(
    {"user_id": "Ann", "experiments": [{"experiment_key": "other", "variation_key": "v"}]}
)
FIELDS = '[{"ln": "b", "v": "x"}]'


def compiled(name: _engine.EngineChoice) -> Any:
    document = json.dumps(DOCUMENT).encode()
    return _engine.load(name).module.PagesenseSettings.compile(document)


def facts(outcome: Any) -> dict[str, object]:
    """All that an outcome says."""
    decision = outcome.decision
    return {
        "reason": None if decision is None else decision.reason,
        "profile": outcome.profile_to_save(STORED) if outcome.saves_assignment else None,
        **{
            name: getattr(outcome, name)
            for name in (
                *("answer", "event", "experiment_key", "needs_profile", "is_profile_invalid"),
                *("presumes_activation", "remark", "refusal", "revenue_fault"),
            )
        },
    }


def test_the_engines_give_the_same_outcomes() -> None:
    """Every call, with and without storage, attributes, properties and odd user ids."""
    one, other = compiled("compiled"), compiled("pure")
    seen = set()
    for number, named_by, user, attributes, stored in itertools.product(
        range(1, 6),
        ("name", "link_name"),
        ("Ann", "Bob", "Ünï", "half \ud83d", 'q"\\\n'),
        (None, {"b": "x"}, {"b": "y"}),
        (None, "", STORED, "no profile"),
    ):
        name = f"Test {number}" if named_by == "name" else f"test-{number}"
        question = (name, named_by, user)
        fields = FIELDS if attributes else "[]"
        found = [
            [
                settings.assign(*question, attributes, stored is not None, stored),
                settings.show(*question, attributes, fields, stored is not None, stored),
                settings.show(*question, attributes, fields, True, None),
                *(
                    settings.convert(
                        *question, goal, attributes, fields, gp, revenue, stored is not None, stored
                    )
                    for goal in ("Signup", "Order", "None")
                    for gp, revenue in ((None, None), (FIELDS, None), ("[]", "5"), ("[]", 5))
                ),
                *(
                    settings.convert_in_project(
                        *(goal, named_by, user, attributes, fields, "[]", "7"),
                        *(stored is not None, stored),
                    )
                    for goal in ("Signup", "order", "second")
                ),
            ]
            for settings in (one, other)
        ]
        for mine, twin in zip(*found, strict=True):
            assert facts(mine) == facts(twin)
            seen.add((mine.event is not None, mine.refusal, mine.revenue_fault))
    assert len(seen) == 8


@pytest.mark.parametrize(
    ("revenue", "fault"),
    [
        (None, "missing"),
        ("19", None),
        (" +1_9 ", None),
        ("-0", None),
        ("9" * 4000, None),
        ("-1", "unreadable"),
        ("1.5", "unreadable"),
        ("9" * 5000, "unreadable"),
        ("\ud800", "unreadable"),
        (19, "unreadable"),
    ],
)
def test_a_revenue_goal_needs_a_whole_number_from_0_as_text(
    engine: Engine, revenue: object, fault: str | None
) -> None:
    """A goal that counts no revenue takes any."""
    settings = compiled(engine.name)
    outcome = settings.convert("Test 1", "name", "Ann", "Order", None, "[]", "[]", revenue)
    assert outcome.revenue_fault == fault
    assert (outcome.event is None) is (fault is not None)
    assert settings.convert("Test 1", "name", "Ann", "Signup", None, "[]", "[]", revenue).event


def test_a_project_goal_saves_all_its_variations_at_once(engine: Engine) -> None:
    """The engine asks for the user's profile once, and one profile holds what it assigned."""
    settings = compiled(engine.name)
    question = ("Signup", "name", "Ann", {"b": "x"}, "[]", "[]", None, True)
    assert settings.convert_in_project(*question).needs_profile
    outcome = settings.convert_in_project(*question, "")
    saved = json.loads(outcome.profile_to_save(STORED))
    keys = [one["experiment_key"] for one in saved["experiments"]]
    assert keys == ["other", *(one["b"] for one in json.loads(outcome.event[2:])["fgrd"][0]["el"])]
    assert len(keys) == 4


def test_a_goal_of_a_name_that_another_has_is_found_by_its_link_name(engine: Engine) -> None:
    settings = compiled(engine.name)
    outcome = settings.convert_in_project("second", "link_name", "Ann")
    (record,) = json.loads(outcome.event[2:])["fgrd"]
    assert record["gln"] == "second"
    assert len(record["el"]) == 1
