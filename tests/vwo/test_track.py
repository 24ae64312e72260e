"""`track`: which campaigns, which goals, what is sent, and the truth about it."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from support.documents import campaign, goal, revenue_goal, settings
from support.sink import Answer, BlackHole, free_url

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]

CUSTOM, REVENUE, ALL = vwo.GOAL_TYPES.CUSTOM, vwo.GOAL_TYPES.REVENUE, vwo.GOAL_TYPES.ALL

SHARED_GOAL = settings(
    campaign(1, "a", goals=[goal(11, "purchase")]),
    campaign(2, "b", goals=[revenue_goal(21, "purchase")]),
    campaign(3, "c", goals=[goal(31, "signup")]),
    campaign(4, "stopped", status="PAUSED", goals=[goal(41, "purchase")]),
    campaign(5, "rollout", type="FEATURE_ROLLOUT", goals=[goal(51, "purchase")]),
)


class TestWhichCampaigns:
    def test_one(self, launch: Launch, sink: Sink) -> None:
        result = launch(SHARED_GOAL).track("a", "Ann", "purchase")
        assert result == {"a": True}
        assert isinstance(result, vwo.TrackResult)
        assert [received.query["goal_id"] for received in sink.received] == ["11"]

    def test_a_list_in_its_own_order(self, launch: Launch, sink: Sink) -> None:
        result = launch(SHARED_GOAL).track(["b", "a", "b"], "Ann", "purchase", revenue_value=5)
        assert result == {"b": True, "a": True}
        assert [received.query["experiment_id"] for received in sink.received] == ["2", "1"]

    def test_a_list_leaves_out_unknown_and_stopped_ones(self, launch: Launch, sink: Sink) -> None:
        client = launch(SHARED_GOAL)
        assert client.track(["a", "stopped", "none"], "Ann", "purchase") == {"a": True}
        assert client.track(["stopped", "none"], "Ann", "purchase") == {}
        assert client.track([], "Ann", "purchase") == {}
        assert len(sink.received) == 1

    def test_a_listed_one_without_the_goal_is_false(self, launch: Launch) -> None:
        assert launch(SHARED_GOAL).track(["a", "c"], "Ann", "purchase") == {"a": True, "c": False}

    def test_none_is_every_one_with_the_goal_stopped_ones_included(
        self, launch: Launch, sink: Sink
    ) -> None:
        result = launch(SHARED_GOAL).track(None, "Ann", "purchase", revenue_value=5)
        assert result == {"a": True, "b": True, "stopped": True, "rollout": False}
        sent = [received.query["experiment_id"] for received in sink.received]
        assert sent == ["1", "2", "4"]

    @pytest.mark.parametrize(
        ("specifier", "identifier"),
        [("none", "purchase"), ("stopped", "purchase"), ("c", "purchase"), (None, "nothing")],
    )
    def test_nothing_to_track_is_none(
        self, launch: Launch, sink: Sink, specifier: str | None, identifier: str
    ) -> None:
        assert launch(SHARED_GOAL).track(specifier, "Ann", identifier) is None
        assert sink.received == []

    def test_a_rollout_is_false(self, launch: Launch, sink: Sink) -> None:
        assert launch(SHARED_GOAL).track("rollout", "Ann", "purchase") == {"rollout": False}
        assert sink.received == []

    def test_a_user_without_a_variation_is_false(self, launch: Launch, sink: Sink) -> None:
        client = launch(settings(campaign(percentTraffic=0)))
        assert client.track("checkout", "Ann", "purchase") == {"checkout": False}
        assert sink.received == []


class TestGoalTypes:
    @pytest.mark.parametrize(
        ("at_call", "at_launch", "tracked"),
        [
            (None, None, {"a": True, "b": True}),
            (None, CUSTOM, {"a": True, "b": False}),
            (None, REVENUE, {"a": False, "b": True}),
            (CUSTOM, REVENUE, {"a": True, "b": False}),
            (REVENUE, CUSTOM, {"a": False, "b": True}),
            (ALL, CUSTOM, {"a": True, "b": True}),
            (ALL, ALL, {"a": True, "b": True}),
        ],
    )
    def test_the_call_precedes_the_launch_precedes_the_default(
        self, launch: Launch, at_call: Any, at_launch: str | None, tracked: dict[str, bool]
    ) -> None:
        client = launch(SHARED_GOAL, goal_type_to_track=at_launch)
        result = client.track(
            ["a", "b"], "Ann", "purchase", revenue_value=1, goal_type_to_track=at_call
        )
        assert result == tracked

    def test_an_unknown_type_is_a_bad_argument(
        self, launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture
    ) -> None:
        wrong: Any = "custom"
        result = launch(SHARED_GOAL).track("a", "Ann", "purchase", goal_type_to_track=wrong)
        assert result is None
        assert sink.received == []
        assert "goal_type_to_track" in caplog.text


class TestRevenue:
    @pytest.mark.parametrize("revenue", [None, 0, 0.0, "", False])
    def test_a_revenue_goal_needs_one(
        self, launch: Launch, sink: Sink, revenue: float | str | None
    ) -> None:
        result = launch(SHARED_GOAL).track("b", "Ann", "purchase", revenue_value=revenue)
        assert result == {"b": False}
        assert sink.received == []

    @pytest.mark.parametrize(
        ("revenue", "sent"),
        [
            (10.5, "10.5"),
            (7, "7"),
            (-4, "-4"),
            ("23.30", "23.30"),
            (True, "True"),
            (1e9, "1000000000.0"),
        ],
    )
    def test_it_is_sent_as_given(
        self, launch: Launch, sink: Sink, revenue: float | str, sent: str
    ) -> None:
        result = launch(SHARED_GOAL).track("b", "Ann", "purchase", revenue_value=revenue)
        assert result == {"b": True}
        assert sink.received[0].query["r"] == sent

    @pytest.mark.parametrize("value", [0, 0.0, False, "", -4])
    @pytest.mark.parametrize("batch_events", [None, {"events_per_request": 5000}])
    def test_what_is_false_for_python_is_sent_as_given(
        self,
        launch: Launch,
        sink: Sink,
        caplog: pytest.LogCaptureFixture,
        value: object,
        batch_events: object,
    ) -> None:
        """As the event's property, which the platform reads as the revenue."""
        goals = [revenue_goal(1, "purchase", revenueProp="amount")]
        document = settings(campaign(goals=goals), isEventArchEnabled=True)
        client = launch(document, batch_events=batch_events)
        properties = {"amount": value}
        assert client.track("checkout", "Ann", "purchase", event_properties=properties)
        client.close()
        (received,) = sink.received
        if batch_events:
            sent = received.json["ev"][0]["r"]
        else:
            sent = received.json["d"]["event"]["props"]["amount"]
        assert (sent, type(sent)) == (value, type(value))
        assert caplog.records == []

    def test_a_conversion_goal_sends_none(self, launch: Launch, sink: Sink) -> None:
        launch(SHARED_GOAL).track("a", "Ann", "purchase", revenue_value=10)
        assert "r" not in sink.received[0].query

    @pytest.mark.parametrize(
        ("revenue", "sent"),
        [
            (Decimal("19.90"), "19.90"),
            (Decimal("1E+2"), "100"),
            (Decimal("-0.000000001"), "-0.000000001"),
        ],
    )
    @pytest.mark.parametrize("batch_events", [None, {"events_per_request": 5000}])
    def test_a_decimal_is_sent_as_its_plain_text(
        self, launch: Launch, sink: Sink, revenue: Decimal, sent: str, batch_events: object
    ) -> None:
        client = launch(SHARED_GOAL, batch_events=batch_events)
        assert client.track("b", "Ann", "purchase", revenue_value=revenue)
        client.close()
        (received,) = sink.received
        assert sent == (received.json["ev"][0] if batch_events else received.query)["r"]

    @pytest.mark.parametrize(
        "revenue", ["12,50", "12 EUR", "1,000", "0x10", "NaN", "inf", "1e400", True, 10**15, 1e22]
    )
    @pytest.mark.parametrize("batch_events", [None, {"events_per_request": 5000}])
    def test_what_is_not_a_readable_amount_is_sent_and_logged(
        self,
        launch: Launch,
        sink: Sink,
        caplog: pytest.LogCaptureFixture,
        revenue: Any,
        batch_events: object,
    ) -> None:
        """The platform's SDK sends it; a service hears of it in its own log."""
        client = launch(SHARED_GOAL, batch_events=batch_events)
        assert client.track("b", "Ann", "purchase", revenue_value=revenue)
        client.close()
        assert len(sink.received) == 1
        (logged,) = [one.message for one in caplog.records if one.levelname == "ERROR"]
        assert "revenue_value is not a readable amount" in logged
        assert str(revenue) not in logged

    @pytest.mark.parametrize(
        "revenue", [10.5, -5, "19.90", " 7 ", "1e3", ".5", 10**15 - 1, Decimal("19.90")]
    )
    def test_a_readable_amount_is_not_remarked_on(
        self, launch: Launch, caplog: pytest.LogCaptureFixture, revenue: Any
    ) -> None:
        assert launch(SHARED_GOAL).track("b", "Ann", "purchase", revenue_value=revenue)
        assert caplog.records == []

    @pytest.mark.parametrize(
        "revenue",
        [
            *([1], {"a": 1}, b"1", float("nan"), float("inf")),
            *(Decimal("nan"), Decimal("inf"), Decimal("1e999999"), Decimal("1e-999999")),
        ],
    )
    def test_what_is_no_revenue_is_a_bad_argument(
        self, launch: Launch, sink: Sink, revenue: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        result = launch(SHARED_GOAL).track("a", "Ann", "purchase", revenue_value=revenue)  # type: ignore[arg-type]
        assert result is None
        assert sink.received == []
        assert "revenue_value" in caplog.text


class TestTruth:
    @pytest.mark.parametrize(
        ("status", "is_received"),
        [
            (200, True),
            (204, True),
            (302, False),
            (400, False),
            (404, False),
            (429, False),
            (500, False),
            (503, False),
        ],
    )
    @pytest.mark.parametrize("is_event_arch", [False, True])
    def test_true_is_what_the_server_took(
        self, launch: Launch, sink: Sink, status: int, is_received: bool, is_event_arch: bool
    ) -> None:
        sink.answer = lambda _: Answer(status, headers={"Location": f"{sink.url}/elsewhere"})
        client = launch({**SHARED_GOAL, "isEventArchEnabled": is_event_arch})
        result = client.track("a", "Ann", "purchase")
        assert result == {"a": is_received}
        assert bool(result) is is_received
        assert "/elsewhere" not in sink.paths

    def test_each_classic_campaign_has_its_own_answer(self, launch: Launch, sink: Sink) -> None:
        sink.answer = lambda received: Answer(500 if received.query["goal_id"] == "11" else 200)
        result = launch(SHARED_GOAL).track(["a", "b"], "Ann", "purchase", revenue_value=1)
        assert result == {"a": False, "b": True}
        assert bool(result)

    def test_a_refused_connection_is_false(self, launch: Launch) -> None:
        client = launch(SHARED_GOAL, base_url=free_url())
        assert client.track("a", "Ann", "purchase") == {"a": False}

    def test_a_server_that_hangs_is_false_at_the_deadline(self, launch: Launch) -> None:
        """One deadline for the call, however many campaigns it tracks."""
        with BlackHole() as hole:
            client = launch(SHARED_GOAL, base_url=hole.url, request_timeout_s=0.2)
            result = client.track(None, "Ann", "purchase", revenue_value=1)
        assert result == {"a": False, "b": False, "stopped": False, "rollout": False}

    def test_a_failed_one_can_be_repeated(self, launch: Launch, sink: Sink) -> None:
        client = launch(SHARED_GOAL)
        sink.answer = lambda _: Answer(500)
        assert client.track("a", "Ann", "purchase") == {"a": False}
        sink.answer = lambda _: Answer(200)
        assert client.track("a", "Ann", "purchase") == {"a": True}

    def test_development_mode_says_what_would_be_sent(self, launch: Launch, sink: Sink) -> None:
        client = launch(SHARED_GOAL, is_development_mode=True)
        assert client.track(["a", "b"], "Ann", "purchase") == {"a": True, "b": False}
        assert sink.received == []

    def test_after_close_it_is_none(self, launch: Launch, sink: Sink) -> None:
        client = launch(SHARED_GOAL)
        client.close()
        client.close()
        assert client.track("a", "Ann", "purchase") is None
        assert client.activate("a", "Ann") is None
        assert client.get_variation_name("a", "Ann") is None
        assert sink.received == []


class TestClassicFormat:
    def test_the_request(self, launch: Launch, sink: Sink) -> None:
        launch(SHARED_GOAL).track(
            "b",
            "Ann",
            "purchase",
            revenue_value=9.99,
            user_agent="Mozilla/5.0",
            user_ip_address="203.0.113.7",
        )
        (received,) = sink.received
        query = received.query
        assert (received.method, received.path) == ("GET", "/server-side/track-goal")
        assert 0 <= float(query.pop("random")) < 1
        assert int(query.pop("sId")) > 1_700_000_000
        assert query.pop("sdk-v")
        assert query == {
            "sdk": "sortition",
            "ap": "server",
            "u": "0C3D499FF15A53ACA281C223ED9DDF0E",
            "account_id": "604812",
            "env": "0123456789abcdef",
            "visitor_ua": "Mozilla/5.0",
            "visitor_ip": "203.0.113.7",
            "experiment_id": "2",
            "combination": query["combination"],
            "goal_id": "21",
            "r": "9.99",
        }
        assert received.headers["user-agent"] == "sortition"
        assert received.headers["x-device-user-agent"] == "Mozilla/5.0"
        assert received.headers["vwo-x-forwarded-for"] == "203.0.113.7"

    def test_a_prefix_of_the_collection_goes_into_the_path(
        self, launch: Launch, sink: Sink
    ) -> None:
        launch({**SHARED_GOAL, "collectionPrefix": "eu"}).track("a", "Ann", "purchase")
        assert sink.paths == ["/eu/server-side/track-goal"]

    def test_a_base_url_with_a_path(self, launch: Launch, sink: Sink) -> None:
        launch(SHARED_GOAL, base_url=f"{sink.url}/relay/").track("a", "Ann", "purchase")
        assert sink.paths == ["/relay/server-side/track-goal"]

    @pytest.mark.parametrize("agent", ["Mözilla 漢", "two\r\nlines: yes", " space before", "\x00"])
    def test_what_no_header_carries_is_in_the_query_still(
        self, launch: Launch, sink: Sink, agent: str
    ) -> None:
        assert launch(SHARED_GOAL).track("a", "Ann", "purchase", user_agent=agent)
        assert sink.received[0].query["visitor_ua"] == agent
        assert "x-device-user-agent" not in sink.received[0].headers
        assert "lines" not in sink.received[0].headers


class TestEventArchitecture:
    DOCUMENT: ClassVar = {
        **settings(
            campaign(1, "a", goals=[goal(11, "purchase")]),
            campaign(2, "b", goals=[revenue_goal(21, "purchase", revenueProp="amount")]),
        ),
        "isEventArchEnabled": True,
    }

    def test_one_request_for_all_campaigns(self, launch: Launch, sink: Sink) -> None:
        result = launch(self.DOCUMENT).track(None, "Ann", "purchase", revenue_value=9.99)
        assert result == {"a": True, "b": True}
        (received,) = sink.received
        assert (received.method, received.path) == ("POST", "/events/t")
        assert received.headers["content-type"] == "application/json"
        assert received.query["en"] == "purchase"
        data = received.json["d"]
        visitor_id, milliseconds = data["msgId"].split("-")
        assert visitor_id == data["visId"] == "0C3D499FF15A53ACA281C223ED9DDF0E"
        assert received.query["eTime"] == milliseconds == str(data["event"]["time"])
        assert data["sessionId"] == int(milliseconds) // 1000
        assert data["event"]["props"]["vwoMeta"] == {
            "metric": {"id_1": ["g_11"], "id_2": ["g_21"]},
            "amount": 9.99,
        }
        assert data["event"]["props"]["isCustomEvent"] is True
        assert data["visitor"]["props"] == {"vwo_fs_environment": "0123456789abcdef"}

    def test_nothing_credited_sends_nothing(self, launch: Launch, sink: Sink) -> None:
        assert launch(self.DOCUMENT).track("b", "Ann", "purchase") == {"b": False}
        assert sink.received == []

    def test_a_property_may_bring_the_revenue(self, launch: Launch, sink: Sink) -> None:
        result = launch(self.DOCUMENT).track(
            "b", "Ann", "purchase", event_properties={"amount": 5, "plan": "pro"}
        )
        assert result == {"b": True}
        properties = sink.received[0].json["d"]["event"]["props"]
        assert (properties["amount"], properties["plan"]) == (5, "pro")

    def test_properties_never_replace_what_the_platform_reads(
        self, launch: Launch, sink: Sink
    ) -> None:
        hostile: dict[str, object] = {"vwoMeta": 1, "isCustomEvent": 0, "vwo_envKey": "x"}
        launch(self.DOCUMENT).track("a", "Ann", "purchase", event_properties={**hostile, "mine": 1})
        properties = sink.received[0].json["d"]["event"]["props"]
        assert properties["vwoMeta"] == {"metric": {"id_1": ["g_11"]}}
        assert properties["isCustomEvent"] is True
        assert properties["vwo_envKey"] == "0123456789abcdef"
        assert properties["mine"] == 1

    def test_what_json_cannot_carry_is_left_out_and_the_rest_sent(
        self, launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture
    ) -> None:
        circular: dict[str, object] = {}
        circular["self"] = circular
        odd = {"a": {1, 2}, "b": float("nan"), "c": circular, "d": object(), "e": "kept"}
        assert launch(self.DOCUMENT).track("a", "Ann", "purchase", event_properties=odd)
        properties = sink.received[0].json["d"]["event"]["props"]
        assert properties["e"] == "kept"
        assert not {"a", "b", "c", "d"} & properties.keys()
        assert caplog.text.count("event_properties") == 4


def test_an_unknown_option_is_logged_once_and_ignored(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    client = launch(SHARED_GOAL)
    for _ in range(3):
        assert client.track("a", "Ann", "purchase", revenue=5)  # type: ignore[call-arg]
    assert caplog.text.count("there is no option revenue") == 1


def test_a_caller_s_dictionaries_are_not_changed(launch: Launch) -> None:
    targeted = campaign(
        isForcedVariationEnabled=True,
        variations=[
            {"id": 1, "name": "Control", "weight": 100, "segments": {"user": "Bob"}},
        ],
    )
    custom: dict[str, object] = {"plan": "pro"}
    targeting: dict[str, object] = {"staff": True}
    launch(settings(targeted)).track(
        "checkout",
        "Bob",
        "purchase",
        custom_variables=custom,
        variation_targeting_variables=targeting,
    )
    assert custom == {"plan": "pro"}
    assert targeting == {"staff": True}


def test_track_uses_the_variation_that_activate_gave(launch: Launch, sink: Sink) -> None:
    """`track` credits the variation that the user has."""
    arms = [
        {"id": 1, "name": "Control", "weight": 50, "segments": {"user": "Bob, Zoe"}},
        {"id": 2, "name": "One page", "weight": 50},
    ]
    client = launch(settings(campaign(isForcedVariationEnabled=True, variations=arms)))
    for user_id in ("Ann", "Bob", "Cleo", "Dan", "Zoe"):
        sink.received.clear()
        assert client.activate("checkout", user_id)
        assert client.track("checkout", user_id, "purchase")
        assert sink.received[0].query["combination"] == sink.received[1].query["combination"]
        assert sink.received[0].query["u"] == sink.received[1].query["u"]


def test_messages_go_to_the_given_logger(launch: Launch) -> None:
    class Mine:
        def __init__(self) -> None:
            self.messages: list[tuple[int, str]] = []

        def log(self, level: int, message: str) -> None:
            self.messages.append((level, message))

    mine = Mine()
    launch(SHARED_GOAL, logger=mine).track("a", "", "purchase")
    assert (logging.ERROR, "track: user_id must not be empty") in mine.messages


def test_messages_below_the_level_are_held_back(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    launch(SHARED_GOAL, log_level=vwo.LOG_LEVELS.ERROR).track("a", "Ann", "purchase")
    assert [record for record in caplog.records if record.name.startswith("sortition")] == []
    launch(SHARED_GOAL, log_level=vwo.LOG_LEVELS.DEBUG).track("a", "Ann", "purchase")
    assert "bucketed" in caplog.text


def test_the_level_debug_tells_which_variation_was_given(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    variation = launch(SHARED_GOAL).activate("a", "Ann")
    assert variation
    assert f"activate: a: bucketed: {variation}" in caplog.messages


def test_a_logger_that_raises_harms_nothing(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def log(self, _level: int, _message: str) -> None:
            raise OSError("disk full")

    client = launch(SHARED_GOAL, logger=Broken())
    assert client.track("a", "", "purchase") is None
    assert client.track("a", "Ann", "purchase")
    assert "the given logger raised OSError" in caplog.text
    assert "user_id must not be empty" in caplog.text
