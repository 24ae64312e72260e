"""Why a call answers what it answers: the same decision, told step by step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, goal, revenue_goal, settings, variation
from support.vectors import cases

from sortition import _engine, vwo
from sortition._vwo import explaining

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    from sortition._engine import Engine

    Launch = Callable[..., vwo.Client]

TARGETED = campaign(
    segments={"and": [{"custom_variable": {"plan": "pro"}}, {"custom_variable": {"age": "gt(17)"}}]}
)


class Memory(vwo.UserStorage):
    def __init__(self, **records: dict[str, Any]) -> None:
        self.records = records
        self.kept: list[dict[str, Any]] = []

    def get(self, _user_id: str, campaign_key: str) -> dict[str, Any] | None:
        return self.records.get(campaign_key)

    def set(self, user_data: dict[str, Any]) -> None:
        self.kept.append(user_data)


def test_every_step_as_text(launch: Launch) -> None:
    client = launch(settings(TARGETED))
    told = client.explain("checkout", "Ann", custom_variables={"plan": "pro", "age": 31})
    assert str(told) == (
        "activate of checkout (VISUAL_AB): Control: "
        "the user's bucket lies in this variation's range\n"
        "  1. The campaign is running.\n"
        "  2. Whitelisting is not enabled.\n"
        "  3. Segment: plan is 'pro', wanted pro: yes.\n"
        "  4. Segment: age is '31', wanted gt(17): yes.\n"
        "  5. The user matches the segments.\n"
        "  6. Traffic: hash 713570296, bucket 17 of 100, within 100 %.\n"
        "  7. Variation: hash 713570296, bucket 1662, in the range of Control."
    )


def test_every_step_as_data(launch: Launch) -> None:
    told = launch(settings(TARGETED)).explain("checkout", "Ann", custom_variables={"plan": "free"})
    assert told is not None
    assert json.loads(json.dumps(told.as_dict())) == {
        "call": "activate",
        "campaign_key": "checkout",
        "campaign_type": "VISUAL_AB",
        "variation": None,
        "reason": "segment_not_matched",
        "sentence": "the user does not match the campaign's segments",
        "gave_up_on_pattern": False,
        "storage_findings": [],
        "pattern_steps": 0,
        "steps": [
            {"step": "campaign", "is_running": True},
            {"step": "whitelisting", "is_enabled": False, "matched": [], "variation": None},
            {
                "step": "segment_clause",
                "variable": "plan",
                "operand": "pro",
                "value": "free",
                "is_negated": False,
                "is_true": False,
            },
            {"step": "segments", "is_matched": False},
        ],
    }


def test_it_tells_targeting_from_traffic(launch: Launch) -> None:
    """A user whom the segment excludes is told from one outside the traffic."""
    closed = launch(settings(campaign(percentTraffic=1)))
    told = closed.explain("checkout", "Ann")
    assert told is not None
    assert told.reason == "outside_traffic"
    assert told.steps[-1]["is_within"] is False
    assert "bucket 17 of 100, outside 1 %" in str(told)


WHITELISTED = campaign(
    isForcedVariationEnabled=True,
    variations=[variation(1, "Control", segments={"user": "Ann"}), variation(2, "Other")],
)
GROUP = {
    "groups": {"7": {"name": "Group", "campaigns": [1, 2]}},
    "campaignGroups": {"1": 7, "2": 7},
}
RECORD = {"userId": "Ann", "campaignKey": "checkout", "variationName": "One page"}


@pytest.mark.parametrize(
    ("document", "options", "asked", "line"),
    [
        (settings(campaign(status="PAUSED")), {}, {}, "The campaign is not running."),
        (settings(WHITELISTED), {}, {}, "Whitelisting gives Control."),
        (
            settings(WHITELISTED),
            {},
            {},
            "Targeting rule of Control: _vwo_user_id is 'Ann', wanted user(Ann): yes.",
        ),
        (
            settings(),
            {"user_storage": Memory(checkout=RECORD)},
            {},
            "The user storage holds One page.",
        ),
        (settings(), {"user_storage": Memory()}, {}, "The user storage has no record."),
        (
            settings(),
            {"user_storage": Memory(checkout={**RECORD, "variationName": "Gone"})},
            {},
            "The user storage holds a variation that is gone.",
        ),
        (
            settings(),
            {"user_storage": Memory(checkout={**RECORD, "goalIdentifiers": "purchase"})},
            {"call": "track", "goal_identifier": "purchase"},
            "The user storage holds One page, and that the goal was tracked.",
        ),
        (
            settings(campaign(), campaign(2, "search"), **GROUP),
            {},
            {},
            "Group 7: eligible are checkout, search; ",
        ),
        (
            settings(campaign(), {**WHITELISTED, "id": 2, "key": "search"}, **GROUP),
            {},
            {},
            "Group 7: a targeting rule of search selects the user.",
        ),
        (
            settings(campaign(), campaign(2, "search"), **GROUP),
            {"user_storage": Memory(search={**RECORD, "campaignKey": "search"})},
            {},
            "Group 7: the user storage holds search for the user.",
        ),
        (
            settings(campaign(segments={"not": {"custom_variable": {"plan": "pro"}}})),
            {},
            {"custom_variables": {"plan": "free"}},
            "Segment: plan is 'free', wanted not pro: yes.",
        ),
        (
            settings(campaign(segments={"not": {"custom_variable": {"plan": "gt(x)"}}})),
            {},
            {"custom_variables": {"plan": "free"}},
            "Segment: plan is 'free', wanted not gt(x): cannot be evaluated.",
        ),
        (settings(TARGETED), {}, {}, "Segment: plan is not known, wanted pro: no."),
        (
            settings(campaign(variations=[variation(1, "Control", 0)])),
            {},
            {},
            "in no variation's range.",
        ),
    ],
)
def test_what_each_step_says(
    launch: Launch, document: Any, options: Any, asked: Any, line: str
) -> None:
    assert line in str(launch(document, **options).explain("checkout", "Ann", **asked))


def test_every_reason_has_a_sentence() -> None:
    assert set(explaining._REASONS) == set(_engine.load("pure").module.REASONS)


@pytest.mark.parametrize("kind", ["VISUAL_AB", "FEATURE_TEST", "FEATURE_ROLLOUT"])
def test_every_kind_of_campaign(launch: Launch, kind: str) -> None:
    client = launch(settings(campaign(type=kind)))
    call = "activate" if kind == "VISUAL_AB" else "is_feature_enabled"
    told = client.explain("checkout", "Ann", call=call)
    assert told is not None
    assert (told.reason, told.campaign_type) == ("bucketed", kind)


def test_it_sends_and_stores_and_tells_nothing(launch: Launch, sink: Sink) -> None:
    memory, heard = Memory(), []

    class Listener:
        def callback(self, properties: dict[str, Any]) -> None:
            heard.append(properties)

    client = launch(settings(), user_storage=memory, integrations=Listener())
    for call in ("activate", "track"):
        told = client.explain("checkout", "Ann", call=call, goal_identifier="purchase")
        assert told is not None
    assert (sink.received, memory.kept, heard) == ([], [], [])


def test_its_repr_tells_nothing_of_the_user(launch: Launch) -> None:
    told = launch(settings(TARGETED)).explain(
        "checkout", "Ann", custom_variables={"plan": "secret"}
    )
    assert repr(told) == "<Explanation of activate of checkout: segment_not_matched>"


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"call": "push"}, "call must be one of"),
        ({"call": ["activate"]}, "call must be a string, got list"),
        ({"call": "track"}, "goal_identifier must be a string"),
        ({"custom_variables": "pro"}, "custom_variables must be a dict"),
    ],
)
def test_a_bad_argument(
    launch: Launch, caplog: pytest.LogCaptureFixture, asked: Any, complaint: str
) -> None:
    assert launch(settings()).explain("checkout", "Ann", **asked) is None
    assert f"explain: {complaint}" in caplog.text


def test_explaining_equals_deciding(engine: Engine) -> None:
    """`explain` tells in advance what each call of the vectors decides."""
    explained = 0
    names = ("custom_variables", "variation_targeting_variables", "user_storage_data")
    more = ("goal_type_to_track", "revenue_value", "event_properties")
    for scenario in cases("scenarios"):
        if scenario["launch"]["user_storage"]:
            continue
        client = vwo.launch(
            json.dumps(scenario["settings"]), is_development_mode=True, engine=engine.name
        )
        for call in scenario["calls"]:
            if call["api"] not in ("activate", "get_variation_name", "track"):
                continue
            key, user_id, *rest = call["args"]
            if not isinstance(key, str):
                continue
            asked = {
                name: call["kwargs"][name] for name in (*names, *more) if name in call["kwargs"]
            }
            asked |= {"goal_identifier": rest[0]} if rest else {}
            told = client.explain(key, user_id, call=call["api"], **asked)
            answered = getattr(client, call["api"])(*call["args"], **call["kwargs"])
            if told is None:
                assert not answered
            elif call["api"] == "track":
                assert bool(answered) is (told.variation is not None)
            else:
                assert answered == told.variation
            explained += told is not None
    assert explained > 1000


def test_revenue_counts_in_an_explanation(launch: Launch) -> None:
    client = launch(settings(campaign(goals=[revenue_goal(1, "purchase"), goal(2, "signup")])))
    missing = client.explain("checkout", "Ann", call="track", goal_identifier="purchase")
    assert missing is not None
    assert missing.reason == "revenue_missing"
    given = client.explain(
        "checkout", "Ann", call="track", goal_identifier="purchase", revenue_value=5
    )
    assert given is not None
    assert given.reason == "bucketed"
