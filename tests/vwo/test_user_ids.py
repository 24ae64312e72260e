"""A user id is a string of 1 to 10,000 characters in every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, settings, variation

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    from sortition import vwo

    Launch = Callable[..., vwo.Client]

DOCUMENT = settings(
    campaign(1, "ab"),
    campaign(2, "rollout", type="FEATURE_ROLLOUT", variations=[variation(1, "Rollout", 100)]),
)
CALLS: dict[str, tuple[Callable[[vwo.Client, Any], object], object]] = {
    "activate": (lambda client, user_id: client.activate("ab", user_id), None),
    "get_variation_name": (lambda client, user_id: client.get_variation_name("ab", user_id), None),
    "track": (lambda client, user_id: client.track("ab", user_id, "purchase"), None),
    "is_feature_enabled": (
        lambda client, user_id: client.is_feature_enabled("rollout", user_id),
        False,
    ),
    "get_feature_variable_value": (
        lambda client, user_id: client.get_feature_variable_value("rollout", "any", user_id),
        None,
    ),
}
NO_IDS = [
    *(42, None, "", True, 1.5, b"x", float("nan"), ["Ann"], {"id": "Ann"}, "\ud800", object()),
    *("a" * 10_001, "漢" * 10_001),
]


@pytest.mark.parametrize("call", CALLS)
# A repr with an address would be another one in each process of a parallel run.
@pytest.mark.parametrize("user_id", NO_IDS, ids=lambda one: repr(one).split(" at 0x")[0][:20])
def test_anything_else_is_refused_everywhere_alike(
    launch: Launch, sink: Sink, call: str, user_id: object, caplog: pytest.LogCaptureFixture
) -> None:
    ask, nothing = CALLS[call]
    assert ask(launch(DOCUMENT), user_id) is nothing
    assert sink.received == []
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.name == "sortition.vwo"
    assert record.getMessage().startswith(f"{call}: user_id ")


@pytest.mark.parametrize("user_id", [" ", "\n", "0", "None", "漢字", "🙂", "a" * 10_000, "\x00"])
def test_any_other_string_is_one(launch: Launch, sink: Sink, user_id: str) -> None:
    client = launch(DOCUMENT)
    name = client.activate("ab", user_id)
    assert name is not None
    assert name == client.get_variation_name("ab", user_id)
    assert client.track("ab", user_id, "purchase")
    assert len(sink.received) == 2


def test_a_subclass_is_the_string_that_it_holds(launch: Launch) -> None:
    class UserId(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "somebody else"

    client = launch(DOCUMENT)
    for number in range(20):
        plain = f"user-{number}"
        assert client.activate("ab", UserId(plain)) == client.activate("ab", plain)


@pytest.mark.parametrize("value", [42, None, "", b"ab", ["ab"], "\ud800"])
def test_campaign_keys_and_goals_are_held_to_the_same(
    launch: Launch, sink: Sink, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = launch(DOCUMENT)
    assert client.activate(value, "Ann") is None
    assert client.get_variation_name(value, "Ann") is None
    assert client.is_feature_enabled(value, "Ann") is False
    assert client.get_feature_variable_value(value, "any", "Ann") is None
    assert client.get_feature_variable_value("rollout", value, "Ann") is None
    assert client.track("ab", "Ann", value) is None
    assert sink.received == []
    assert "campaign_key" in caplog.text
    assert "variable_key" in caplog.text
    assert "goal_identifier" in caplog.text


@pytest.mark.parametrize("value", [42, "", ["ab", 5], ["ab", ""], ("ab",), {"ab"}])
def test_a_campaign_specifier_is_a_key_a_list_of_keys_or_none(
    launch: Launch, sink: Sink, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert launch(DOCUMENT).track(value, "Ann", "purchase") is None
    assert sink.received == []
    assert "campaign_specifier" in caplog.text


@pytest.mark.parametrize(
    "name",
    [
        "custom_variables",
        "variation_targeting_variables",
        "user_storage_data",
        "meta_data",
        "custom_properties",
    ],
)
@pytest.mark.parametrize("value", ["not a dict", [("a", 1)], 5])
def test_maps_are_dictionaries(
    launch: Launch, sink: Sink, name: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert launch(DOCUMENT).activate("ab", "Ann", **{name: value}) is None
    assert sink.received == []
    assert f"activate: {name} must be a dict" in caplog.text
    assert "not a dict" not in caplog.text


@pytest.mark.parametrize("name", ["user_agent", "user_ip_address", "should_track_returning_user"])
def test_the_other_options_are_held_to_their_types(
    launch: Launch, sink: Sink, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong: dict[str, Any] = {name: 5}
    assert launch(DOCUMENT).track("ab", "Ann", "purchase", **wrong) is None
    assert sink.received == []
    assert f"track: {name} must be a" in caplog.text
