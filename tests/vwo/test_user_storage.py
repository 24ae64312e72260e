"""The caller's memory of past decisions: what is asked of it, what is kept, and what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, goal, settings, variation
from support.sink import Answer

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]

CONTROL_ONLY = [variation(1, "Control", 100), variation(2, "One page", 0)]
ONE_PAGE_ONLY = [variation(1, "Control", 0), variation(2, "One page", 100)]
IMPRESSION, CONVERSION = "/server-side/track-user", "/server-side/track-goal"


class Memory(vwo.UserStorage):
    """Keeps records as most services do: by user and campaign, as they come."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self.records = {(each["userId"], each["campaignKey"]): each for each in records}
        self.asked: list[tuple[str, str]] = []
        self.kept: list[dict[str, Any]] = []

    def __len__(self) -> int:
        """Nothing of ours may take an empty storage for none."""
        return len(self.records)

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        self.asked.append((user_id, campaign_key))
        return self.records.get((user_id, campaign_key))

    def set(self, user_data: dict[str, Any]) -> None:
        self.kept.append(user_data)
        self.records[user_data["userId"], user_data["campaignKey"]] = user_data


def record(name: object, key: object = "checkout", **extra: Any) -> dict[str, Any]:
    return {"userId": "Ann", "campaignKey": key, "variationName": name, **extra}


class TestWhereAUserStays:
    def test_other_weights(self, launch: Launch, sink: Sink) -> None:
        """The user keeps the variation, and tracks with it."""
        memory = Memory()
        before = launch(settings(campaign(variations=CONTROL_ONLY)), user_storage=memory)
        assert before.activate("checkout", "Ann") == "Control"
        after = launch(settings(campaign(variations=ONE_PAGE_ONLY)), user_storage=memory)
        assert after.activate("checkout", "Ann") == "Control"
        assert after.get_variation_name("checkout", "Ann") == "Control"
        assert after.track("checkout", "Ann", "purchase")
        assert sink.received[-1].query["combination"] == "1"
        assert after.activate("checkout", "Bob") == "One page"

    @pytest.mark.parametrize("percent", [0, 1])
    def test_less_traffic(self, launch: Launch, percent: int) -> None:
        """A user with a record keeps their variation."""
        closed = settings(campaign(percentTraffic=percent))
        client = launch(closed, user_storage=Memory(record("One page")))
        assert client.activate("checkout", "Ann") == "One page"
        assert client.activate("checkout", "Bob") is None

    def test_segments_that_no_longer_match(self, launch: Launch) -> None:
        """The platform asks the storage before the segments."""
        segmented = settings(campaign(segments={"custom_variable": {"plan": "pro"}}))
        client = launch(segmented, user_storage=Memory(record("One page")))
        assert client.activate("checkout", "Ann") == "One page"
        assert client.activate("checkout", "Bob") is None

    def test_whitelisting_goes_first_and_is_not_kept(self, launch: Launch) -> None:
        whitelisted = [variation(1, "Control", 100, segments={"user": "Ann"})]
        memory = Memory(record("One page"))
        document = campaign(isForcedVariationEnabled=True, variations=whitelisted)
        client = launch(settings(document), user_storage=memory)
        assert client.activate("checkout", "Ann") == "Control"
        assert (memory.asked, memory.kept) == ([], [])


class TestWhatIsNoRecord:
    """sortition ignores it and decides as if nothing were stored."""

    @pytest.mark.parametrize(
        "found",
        [
            None,
            {},
            [],
            "Control",
            5,
            {"unlike": "a record"},
            record("Control", key="search"),
            record("Control", key=None),
            record("Control", key=7),
            {"variationName": "Control"},
        ],
    )
    def test_junk(self, launch: Launch, sink: Sink, found: object) -> None:
        memory = Memory()
        memory.get = lambda *_: found  # type: ignore[assignment, method-assign]
        client = launch(settings(campaign(variations=ONE_PAGE_ONLY)), user_storage=memory)
        assert client.activate("checkout", "Ann") == "One page"
        assert memory.kept == [record("One page")]
        assert sink.paths == [IMPRESSION]

    @pytest.mark.parametrize("name", ["Gone", "control", None, 5, ["Control"], ""])
    def test_a_variation_that_is_gone(self, launch: Launch, sink: Sink, name: object) -> None:
        """The user gets another one; they were counted before, and are not again."""
        memory = Memory(record(name))
        client = launch(settings(campaign(variations=ONE_PAGE_ONLY)), user_storage=memory)
        assert client.activate("checkout", "Ann") == "One page"
        assert sink.paths == []
        assert memory.kept == [record("One page")]

    def test_a_variation_that_is_gone_for_a_returning_user(
        self, launch: Launch, sink: Sink
    ) -> None:
        memory = Memory(record("Gone"))
        client = launch(settings(campaign(variations=ONE_PAGE_ONLY)), user_storage=memory)
        assert client.activate("checkout", "Ann", should_track_returning_user=True) == "One page"
        assert sink.paths == [IMPRESSION]
        assert memory.kept == [record("One page")]

    def test_a_goal_of_a_variation_that_is_gone(self, launch: Launch) -> None:
        """The fresh record starts with this call's goal."""
        memory = Memory(record("Gone", goalIdentifiers="signup"))
        client = launch(settings(campaign(variations=ONE_PAGE_ONLY)), user_storage=memory)
        assert client.track("checkout", "Ann", "purchase")
        assert memory.kept == [record("One page", goalIdentifiers="purchase")]


class TestGoals:
    TWO_GOALS = settings(campaign(goals=[goal(1, "purchase"), goal(2, "purchase_again")]))

    def test_each_is_tracked_once(self, launch: Launch, sink: Sink) -> None:
        memory = Memory()
        client = launch(self.TWO_GOALS, user_storage=memory)
        assert client.track("checkout", "Ann", "purchase") == {"checkout": False}
        variation_name = client.activate("checkout", "Ann")
        assert client.track("checkout", "Ann", "purchase") == {"checkout": True}
        assert client.track("checkout", "Ann", "purchase") == {"checkout": False}
        assert client.track("checkout", "Ann", "purchase_again") == {"checkout": True}
        both = "purchase_vwo_purchase_again"
        assert memory.kept[-1] == record(variation_name, goalIdentifiers=both)
        assert sink.paths == [IMPRESSION, CONVERSION, CONVERSION]

    @pytest.mark.parametrize("kept", ["purchase_again", "a_purchase", "purchases_vwo_x"])
    def test_membership_is_not_by_substring(self, launch: Launch, kept: str) -> None:
        memory = Memory(record("Control", goalIdentifiers=kept))
        client = launch(self.TWO_GOALS, user_storage=memory)
        assert client.track("checkout", "Ann", "purchase")

    def test_the_rest_of_a_record_is_kept(self, launch: Launch) -> None:
        memory = Memory(record("Control", ours="too", metaData={"page": "home"}))
        launch(self.TWO_GOALS, user_storage=memory).track("checkout", "Ann", "purchase")
        wanted = record(
            "Control", ours="too", metaData={"page": "home"}, goalIdentifiers="purchase"
        )
        assert memory.kept == [wanted]

    def test_a_returning_user(self, launch: Launch, sink: Sink) -> None:
        """The call's option, also a False, beats the launch's."""
        memory = Memory(record("Control", goalIdentifiers="purchase"))
        client = launch(self.TWO_GOALS, user_storage=memory, should_track_returning_user=True)
        assert client.track("checkout", "Ann", "purchase")
        assert client.activate("checkout", "Ann")
        assert not client.track("checkout", "Ann", "purchase", should_track_returning_user=False)
        assert client.activate("checkout", "Ann", should_track_returning_user=False)
        assert sink.paths == [CONVERSION, IMPRESSION]
        assert memory.kept == []


class TestWhatIsKept:
    def test_only_what_the_server_took(self, launch: Launch, sink: Sink) -> None:
        """A conversion that failed can be repeated, and then counts."""
        memory = Memory()
        client = launch(settings(campaign(variations=ONE_PAGE_ONLY)), user_storage=memory)
        sink.answer = lambda _: Answer(status=400)
        assert client.activate("checkout", "Ann") == "One page"
        assert memory.kept == []
        sink.answer = lambda _: Answer()
        assert client.activate("checkout", "Ann") == "One page"
        assert memory.kept == [record("One page")]
        sink.answer = lambda _: Answer(status=400)
        assert not client.track("checkout", "Ann", "purchase")
        assert memory.kept == [record("One page")]
        sink.answer = lambda _: Answer()
        assert client.track("checkout", "Ann", "purchase")
        assert memory.kept[1:] == [record("One page", goalIdentifiers="purchase")]

    def test_nothing_of_a_user_without_a_variation(self, launch: Launch) -> None:
        memory = Memory()
        client = launch(settings(campaign(percentTraffic=0)), user_storage=memory)
        assert client.activate("checkout", "Ann") is None
        assert memory.kept == []

    def test_meta_data(self, launch: Launch) -> None:
        """As it was at the call, whatever the caller does with the dictionary later."""
        memory, meta = Memory(), {"page": "home"}
        client = launch(settings(campaign(variations=ONE_PAGE_ONLY)), user_storage=memory)
        assert client.activate("checkout", "Ann", meta_data=meta)
        meta["page"] = "other"
        assert memory.kept == [record("One page", metaData={"page": "home"})]

    def test_two_experiments_of_one_user(self, launch: Launch) -> None:
        """Each has its record."""
        memory = Memory()
        two = settings(campaign(), campaign(2, "search"))
        client = launch(two, user_storage=memory)
        given = {key: client.activate(key, "Ann") for key in ("checkout", "search")}
        assert {each["campaignKey"]: each["variationName"] for each in memory.kept} == given

    def test_an_empty_storage_is_one(self, launch: Launch, sink: Sink) -> None:
        assert launch(settings(), user_storage=Memory()).activate("checkout", "Ann")
        assert sink.received[0].query["ss"] == "1"

    def test_development_mode_keeps_records_too(self, launch: Launch, sink: Sink) -> None:
        memory = Memory()
        client = launch(settings(), user_storage=memory, is_development_mode=True)
        assert client.activate("checkout", "Ann")
        assert len(memory.kept) == 1
        assert sink.paths == []


class TestUserStorageData:
    """The record of the call is used instead of asking the storage."""

    def test_with_a_storage(self, launch: Launch, sink: Sink) -> None:
        memory = Memory(record("Control"))
        client = launch(settings(), user_storage=memory)
        given = record("One page")
        assert client.activate("checkout", "Ann", user_storage_data=given) == "One page"
        assert client.track("checkout", "Ann", "purchase", user_storage_data=given)
        assert memory.asked == []
        assert memory.kept == [record("One page", goalIdentifiers="purchase")]
        assert given == record("One page")
        assert sink.paths == [CONVERSION]

    def test_without_a_storage(self, launch: Launch, sink: Sink) -> None:
        client = launch(settings(campaign(percentTraffic=0)))
        given = record("One page", goalIdentifiers="purchase")
        assert client.activate("checkout", "Ann", user_storage_data=given) == "One page"
        assert not client.track("checkout", "Ann", "purchase", user_storage_data=given)
        assert sink.paths == []


class TestAStorageThatFails:
    """The decision stands."""

    def test_get(self, launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
        class Failing(Memory):
            def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
                raise ConnectionError(user_id, campaign_key)

        memory = Failing()
        client = launch(settings(campaign(variations=ONE_PAGE_ONLY)), user_storage=memory)
        for _ in range(2):
            assert client.activate("checkout", "Ann") == "One page"
        assert memory.kept == [record("One page")] * 2
        assert sink.paths == [IMPRESSION] * 2
        assert client.track("checkout", "Ann", "purchase") == {"checkout": False}
        assert caplog.text.count("user_storage.get raised ConnectionError") == 1
        assert "Ann" not in caplog.text

    def test_set(self, launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
        class Failing(Memory):
            def set(self, user_data: dict[str, Any]) -> None:
                raise ConnectionError(user_data)

        client = launch(settings(campaign(variations=ONE_PAGE_ONLY)), user_storage=Failing())
        assert client.activate("checkout", "Ann") == "One page"
        assert sink.paths == [IMPRESSION]
        assert "user_storage.set raised ConnectionError" in caplog.text
        assert "Ann" not in caplog.text
