"""`activate`, `get_variation_name` and the feature calls: what they return and what they send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, settings, variation
from support.sink import Answer, free_url

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]

ALL_TYPES = settings(
    campaign(1, "ab"),
    campaign(
        2,
        "test",
        type="FEATURE_TEST",
        variations=[
            variation(1, "Control", 50, isFeatureEnabled=False),
            variation(2, "On", 50, isFeatureEnabled=True),
        ],
    ),
    campaign(3, "rollout", type="FEATURE_ROLLOUT", variations=[variation(1, "Rollout", 100)]),
    campaign(4, "stopped", status="STOPPED"),
    campaign(5, "mab", isMAB=True),
)


class TestActivate:
    def test_it_counts_the_visitor(self, launch: Launch, sink: Sink) -> None:
        name = launch(ALL_TYPES, goal_type_to_track="ALL").activate("ab", "Ann")
        assert name in ("Control", "One page")
        (received,) = sink.received
        query = received.query
        assert (received.method, received.path) == ("GET", "/server-side/track-user")
        assert query["experiment_id"] == "1"
        assert query["combination"] == {"Control": "1", "One page": "2"}[name]
        assert query["ed"] == '{"p": "server"}'
        assert (query["gt"], query["_l"]) == ("1", "1")

    def test_the_event_architecture(self, launch: Launch, sink: Sink) -> None:
        document = {**ALL_TYPES, "isEventArchEnabled": True, "collectionPrefix": "asia"}
        launch(document).activate("ab", "Ann", custom_properties={"plan": "pro"})
        (received,) = sink.received
        assert (received.method, received.path) == ("POST", "/asia/events/t")
        event = received.json["d"]["event"]
        assert event["name"] == received.query["en"] == "vwo_variationShown"
        assert event["props"]["id"] == 1
        assert event["props"]["isFirst"] == 1
        assert event["props"]["vwoMeta"] == {"plan": "pro"}

    @pytest.mark.parametrize("key", ["none", "stopped", "test", "rollout", "mab"])
    def test_nothing_to_activate(self, launch: Launch, sink: Sink, key: str) -> None:
        assert launch(ALL_TYPES).activate(key, "Ann") is None
        assert sink.received == []

    def test_the_variation_stands_where_counting_fails(self, launch: Launch, sink: Sink) -> None:
        expected = launch(ALL_TYPES).activate("ab", "Ann")
        sink.answer = lambda _: Answer(500)
        assert launch(ALL_TYPES).activate("ab", "Ann") == expected
        assert launch(ALL_TYPES, base_url=free_url()).activate("ab", "Ann") == expected

    def test_development_mode_sends_nothing(self, launch: Launch, sink: Sink) -> None:
        assert launch(ALL_TYPES, is_development_mode=True).activate("ab", "Ann")
        assert sink.received == []


class TestGetVariationName:
    def test_it_is_what_activate_gives_and_sends_nothing(self, launch: Launch, sink: Sink) -> None:
        """A call that only asks sends nothing."""
        client = launch(ALL_TYPES)
        for number in range(50):
            user_id = f"user-{number}"
            sink.received.clear()
            name = client.get_variation_name("ab", user_id)
            assert sink.received == []
            assert name == client.activate("ab", user_id)

    @pytest.mark.parametrize("key", ["none", "stopped", "rollout"])
    def test_no_variation(self, launch: Launch, key: str) -> None:
        assert launch(ALL_TYPES).get_variation_name(key, "Ann") is None

    @pytest.mark.parametrize("key", ["ab", "test", "mab"])
    def test_a_variation(self, launch: Launch, key: str) -> None:
        assert launch(ALL_TYPES).get_variation_name(key, "Ann")


class TestFeatures:
    def test_a_test_is_on_by_variation_and_counts_everybody(
        self, launch: Launch, sink: Sink
    ) -> None:
        client = launch(ALL_TYPES)
        answers = set()
        for number in range(30):
            user_id = f"user-{number}"
            is_on = client.is_feature_enabled("test", user_id)
            assert is_on is (client.get_variation_name("test", user_id) == "On")
            answers.add(is_on)
        assert answers == {True, False}
        assert sink.paths == ["/server-side/track-user"] * 30

    def test_a_rollout_is_on_for_every_user_who_gets_in(self, launch: Launch, sink: Sink) -> None:
        assert launch(ALL_TYPES).is_feature_enabled("rollout", "Ann") is True
        assert len(sink.received) == 1
        nobody = campaign(key="rollout", type="FEATURE_ROLLOUT", percentTraffic=0)
        assert launch(settings(nobody)).is_feature_enabled("rollout", "Ann") is False
        assert len(sink.received) == 1

    @pytest.mark.parametrize("key", ["none", "stopped", "ab"])
    def test_no_feature(self, launch: Launch, sink: Sink, key: str) -> None:
        assert launch(ALL_TYPES).is_feature_enabled(key, "Ann") is False
        assert launch(ALL_TYPES).get_feature_variable_value(key, "any", "Ann") is None
        assert sink.received == []

    @pytest.mark.parametrize(
        ("declared", "value", "typed"),
        [
            ("string", "teal", "teal"),
            ("string", 5, "5"),
            ("integer", 5, 5),
            ("integer", "5", 5),
            ("integer", 5.9, 5),
            ("integer", 10**30, 10**30),
            ("integer", "five", None),
            ("double", 5, 5.0),
            ("double", "0.5", 0.5),
            ("double", None, None),
            ("boolean", True, True),
            ("boolean", "true", None),
            ("json", {"a": [1, 2]}, {"a": [1, 2]}),
            ("json", '{"a": 1}', {"a": 1}),
            ("json", "{", None),
            ("colour", "red", None),
        ],
    )
    def test_a_variable_has_its_declared_type(
        self, launch: Launch, sink: Sink, declared: str, value: object, typed: object
    ) -> None:
        variable = {"id": 1, "key": "accent", "type": declared, "value": value}
        only = [variation(1, "Rollout", 100)]
        rollout = campaign(
            key="rollout", type="FEATURE_ROLLOUT", variations=only, variables=[variable]
        )
        found = launch(settings(rollout)).get_feature_variable_value("rollout", "accent", "Ann")
        assert found == typed
        assert type(found) is type(typed)
        assert sink.received == []

    def test_a_value_that_is_changed_is_not_changed_for_others(self, launch: Launch) -> None:
        variable = {"id": 1, "key": "sizes", "type": "json", "value": {"a": [1]}}
        only = [variation(1, "Rollout", 100)]
        rollout = campaign(
            key="rollout", type="FEATURE_ROLLOUT", variations=only, variables=[variable]
        )
        client = launch(settings(rollout))
        first: Any = client.get_feature_variable_value("rollout", "sizes", "Ann")
        first["a"].append(2)
        assert client.get_feature_variable_value("rollout", "sizes", "Ann") == {"a": [1]}

    def test_a_variation_without_the_feature_has_the_control_s_variables(
        self, launch: Launch
    ) -> None:
        def results(value: int) -> list[dict[str, object]]:
            return [{"id": 1, "key": "results", "type": "integer", "value": value}]

        arms = [
            variation(1, "Control", 0, isFeatureEnabled=False, variables=results(10)),
            variation(2, "Off", 100, isFeatureEnabled=False, variables=results(20)),
        ]
        client = launch(settings(campaign(type="FEATURE_TEST", variations=arms)))
        assert client.get_variation_name("checkout", "Ann") == "Off"
        assert client.get_feature_variable_value("checkout", "results", "Ann") == 10
        assert client.get_feature_variable_value("checkout", "other", "Ann") is None


class TestTargeting:
    DOCUMENT = settings(
        campaign(
            segments={
                "and": [
                    {"custom_variable": {"country": "lower(DE)"}},
                    {"not": {"custom_variable": {"browser": "wildcard(*bot*)"}}},
                ]
            },
            isForcedVariationEnabled=True,
            variations=[
                variation(1, "Control", 100),
                variation(2, "One page", 0, segments={"custom_variable": {"staff": "true"}}),
            ],
        )
    )

    @pytest.mark.parametrize(
        ("attributes", "name"),
        [
            ({"country": "de", "browser": "Firefox"}, "Control"),
            ({"country": "DE"}, "Control"),
            ({"country": "fr"}, None),
            ({"country": "de", "browser": "Googlebot"}, None),
            ({}, None),
            (None, None),
        ],
    )
    def test_segments(
        self, launch: Launch, attributes: dict[str, object] | None, name: str | None
    ) -> None:
        client = launch(self.DOCUMENT)
        assert client.activate("checkout", "Ann", custom_variables=attributes) == name

    def test_whitelisting_comes_first(self, launch: Launch, sink: Sink) -> None:
        client = launch(self.DOCUMENT)
        name = client.activate("checkout", "Ann", variation_targeting_variables={"staff": True})
        assert name == "One page"
        assert sink.received[0].query["combination"] == "2"
