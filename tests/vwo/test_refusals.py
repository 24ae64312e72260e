"""Every conversion that is not taken is counted, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, goal, revenue_goal, settings, variation

from sortition import vwo

if TYPE_CHECKING:
    from sortition._engine import Engine

BATCHES = {"events_per_request": 5000, "request_time_interval": 600}
SEGMENT = {"or": [{"custom_variable": {"country": "DE"}}]}
GOALS = [goal(11, "purchase"), revenue_goal(12, "revenue")]
DOCUMENT = settings(
    campaign(1, "checkout", goals=GOALS),
    campaign(2, "stopped", status="PAUSED"),
    campaign(3, "broken", variations=[variation(1, "Control", "none")]),  # type: ignore[arg-type]
    campaign(4, "rollout", type="FEATURE_ROLLOUT", goals=GOALS),
    campaign(5, "bandit", isMAB=True, goals=GOALS),
    campaign(6, "german", segments=SEGMENT, goals=GOALS),
    campaign(7, "nobody", percentTraffic=0, goals=GOALS),
)


class Storage:
    """A user storage in memory."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        return self.records.get((user_id, campaign_key))

    def set(self, user_data: dict[str, Any]) -> None:
        self.records[user_data["userId"], user_data["campaignKey"]] = user_data


REFUSALS: list[tuple[str, tuple[Any, ...], dict[str, Any], dict[str, Any]]] = [
    ("unknown_campaign", ("nope", "Ann", "purchase"), {}, {}),
    ("unknown_campaign", (["nope"], "Ann", "purchase"), {}, {}),
    ("not_running", ("stopped", "Ann", "purchase"), {}, {}),
    ("not_running", (["stopped"], "Ann", "purchase"), {}, {}),
    ("broken_campaign", ("broken", "Ann", "purchase"), {}, {}),
    ("wrong_campaign_type", ("rollout", "Ann", "purchase"), {}, {}),
    ("no_user_storage", ("bandit", "Ann", "purchase"), {}, {}),
    ("unknown_goal", ("checkout", "Ann", "purchased"), {}, {}),
    ("unknown_goal", (None, "Ann", "purchased"), {}, {}),
    ("unknown_goal", (["checkout"], "Ann", "purchased"), {}, {}),
    ("no_revenue", ("checkout", "Ann", "revenue"), {}, {}),
    ("no_revenue", ("checkout", "Ann", "revenue"), {"revenue_value": 0}, {}),
    ("no_revenue", ("checkout", "Ann", "revenue"), {"revenue_value": ""}, {}),
    (
        "goal_type_not_tracked",
        ("checkout", "Ann", "purchase"),
        {"goal_type_to_track": "REVENUE_TRACKING"},
        {},
    ),
    ("not_in_campaign", ("german", "Ann", "purchase"), {}, {}),
    ("not_in_campaign", ("nobody", "Ann", "purchase"), {}, {}),
    ("not_activated", ("checkout", "Ann", "purchase"), {}, {"user_storage": Storage}),
    ("argument", ([], "Ann", "purchase"), {}, {}),
    ("argument", ("checkout", 5, "purchase"), {}, {}),
    ("argument", ("checkout",), {}, {}),
]


@pytest.fixture(params=["directly", "as written"])
def is_direct(request: pytest.FixtureRequest) -> bool:
    """Whether plain calls are answered without a frame of Python's, where the engine can."""
    return bool(request.param == "directly")


@pytest.mark.parametrize(("reason", "arguments", "options", "launch"), REFUSALS)
def test_a_conversion_that_is_not_taken_is_counted_by_its_reason(
    engine: Engine,
    is_direct: bool,
    reason: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    launch: dict[str, Any],
) -> None:
    """Once for each call, and nothing else is counted."""
    made = {name: storage() for name, storage in launch.items()}
    client = vwo.launch(DOCUMENT, engine=engine.name, batch_events=BATCHES, **made)
    client.get_variation_name("checkout", "Ann")
    if not is_direct:
        client._direct = None
    for _ in range(2):
        assert not client.track(*arguments, **options)
    assert client.stats().refused == {reason: {"conversion": 2}}
    assert client.stats().accepted == {}
    client.close(0)


def test_a_goal_that_was_tracked_before_is_counted(engine: Engine) -> None:
    client = vwo.launch(DOCUMENT, engine=engine.name, batch_events=BATCHES, user_storage=Storage())
    assert client.activate("checkout", "Ann")
    assert client.track("checkout", "Ann", "purchase")
    assert not client.track("checkout", "Ann", "purchase")
    assert client.stats().refused == {"already_tracked": {"conversion": 1}}
    client.close(0)


@pytest.mark.parametrize(
    ("reason", "name", "key"),
    [
        ("unknown_campaign", "activate", "nope"),
        ("not_running", "activate", "stopped"),
        ("wrong_campaign_type", "activate", "rollout"),
        ("wrong_campaign_type", "is_feature_enabled", "checkout"),
        (None, "activate", "nobody"),
        (None, "get_variation_name", "nope"),
    ],
)
def test_a_visitor_is_refused_by_a_mistake_alone(
    engine: Engine, is_direct: bool, reason: str | None, name: str, key: str
) -> None:
    """Most users whom a campaign leaves out are left out on purpose, and are no refusal."""
    client = vwo.launch(DOCUMENT, engine=engine.name, batch_events=BATCHES)
    client.get_variation_name("checkout", "Ann")
    if not is_direct:
        client._direct = None
    assert not getattr(client, name)(key, "Ann")
    assert client.stats().refused == ({} if reason is None else {reason: {"visitor": 1}})
    client.close(0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "counts revenue, and the call gave none"),
        ({"revenue_value": 0}, "a revenue of 0 or an empty text counts as missing"),
        ({"revenue_value": 0.0}, "a revenue of 0 or an empty text counts as missing"),
    ],
)
def test_a_revenue_of_zero_is_said_to_be_given(
    engine: Engine, caplog: pytest.LogCaptureFixture, given: dict[str, Any], words: str
) -> None:
    client = vwo.launch(DOCUMENT, engine=engine.name, is_development_mode=True)
    assert not client.track("checkout", "Ann", "revenue", **given)
    assert words in caplog.text


def test_an_empty_list_of_campaigns_is_remarked(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    client = vwo.launch(DOCUMENT, engine=engine.name, is_development_mode=True)
    assert client.track([], "Ann", "purchase") == {}
    assert "campaign_specifier is an empty list" in caplog.text
