"""A user storage that gives what counts for nothing: it is heard, counted and explained."""

from __future__ import annotations

import collections
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, experiment, project, settings, variation

from sortition import pagesense, vwo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition._engine import Engine

ONE_PAGE = [variation(1, "Control", 0), variation(2, "One page", 100)]
RECORD = {"userId": "Ann", "campaignKey": "checkout", "variationName": "Control"}
Row = collections.namedtuple("Row", "userId campaignKey variationName")  # noqa: PYI024 -- as a
# database's driver gives it


class Raising(dict[str, Any]):
    def get(self, *_: object) -> Any:
        raise KeyError("Ann")


async def later() -> dict[str, Any]:
    return RECORD


class Storage:
    """Returns the same to every caller, and keeps all records."""

    def __init__(self, found: object) -> None:
        self.found = found
        self.kept: list[object] = []

    def get(self, user_id: str, campaign_key: str) -> object:
        del user_id, campaign_key
        return self.found() if callable(self.found) else self.found

    def set(self, record: dict[str, Any]) -> None:
        self.kept.append(record)

    def look_up(self, user_id: str) -> object:
        del user_id
        return self.found() if callable(self.found) else self.found

    def save(self, profile: pagesense.UserProfile) -> None:
        self.kept.append(profile)


SHAPES: list[tuple[Any, str, str]] = [
    (json.dumps(RECORD).encode(), "bytes", "bytes, which count as no record"),
    (bytearray(b"x"), "bytes", "bytes, which count as no record"),
    (json.dumps(RECORD), "json_text", "text, which counts as no record"),
    ([RECORD], "wrong_type", "list, which counts as no record"),
    (("Ann", "checkout", "Control"), "wrong_type", "tuple, which counts as no record"),
    (Row("Ann", "checkout", "Control"), "wrong_type", "Row, which counts as no record"),
    (5, "wrong_type", "int, which counts as no record"),
    (object(), "wrong_type", "object, which counts as no record"),
    (
        {"user_id": "Ann", "campaign_key": "checkout", "variation_name": "Control"},
        "snake_case",
        "names in snake_case, which counts as no record",
    ),
    ({"userId": "Ann", "variationName": "Control"}, "no_campaign", "a record without campaignKey"),
    ({**RECORD, "campaignKey": 7}, "no_campaign", "a record without campaignKey"),
    ({**RECORD, "campaignKey": "search"}, "other_campaign", "of another campaign than was asked"),
    ({**RECORD, "userId": "zz"}, "other_user", "of another user than was asked"),
    (
        {"userId": "Ann", "campaignKey": "checkout"},
        "no_variation",
        "a record without variationName",
    ),
    ({**RECORD, "variationName": None}, "no_variation", "a record without variationName"),
    (Raising(RECORD), "raised", "user_storage.get raised KeyError, which counts as no record"),
    (later, "async", "something to await"),
]
NOTHING: list[Any] = [None, {}, [], "", b"", 0, False, ()]
GOOD: list[dict[str, Any]] = [
    RECORD,
    {"campaignKey": "checkout", "variationName": "Control"},
    {**RECORD, "userId": None},
]


@pytest.fixture
def client(request: pytest.FixtureRequest, engine: Engine) -> Iterator[tuple[vwo.Client, Storage]]:
    storage = Storage(request.param)
    document = settings(campaign(variations=ONE_PAGE))
    with vwo.launch(
        document, user_storage=storage, engine=engine.name, is_development_mode=True
    ) as launched:
        yield launched, storage


class TestVwo:
    @pytest.mark.parametrize(("client", "name", "words"), SHAPES, indirect=["client"])
    def test_a_record_of_a_shape_that_counts_for_nothing(
        self,
        client: tuple[vwo.Client, Storage],
        name: str,
        words: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """It is logged once, counted each time, and shown by `explain`; the user is assigned."""
        launched, _ = client
        for _ in range(2):
            assert launched.activate("checkout", "Ann") == "One page"
        assert [words in message for message in caplog.messages] == [True]
        assert launched.stats().storage_findings == {name: 2}
        explained = launched.explain("checkout", "Ann")
        assert explained is not None
        assert [one.name for one in explained.storage_findings] == [name]
        assert words in str(explained)
        assert explained.as_dict()["storage_findings"]
        assert "zz" not in caplog.text

    @pytest.mark.parametrize("client", NOTHING, indirect=True)
    def test_whatever_is_empty_is_no_record_and_no_mistake(
        self, client: tuple[vwo.Client, Storage], caplog: pytest.LogCaptureFixture
    ) -> None:
        launched, _ = client
        assert launched.activate("checkout", "Ann") == "One page"
        assert launched.stats().storage_findings == {}
        assert caplog.messages == []

    @pytest.mark.parametrize("client", GOOD, indirect=True)
    def test_a_good_record(
        self, client: tuple[vwo.Client, Storage], caplog: pytest.LogCaptureFixture
    ) -> None:
        launched, _ = client
        assert launched.activate("checkout", "Ann") == "Control"
        assert launched.stats().storage_findings == {}
        assert caplog.messages == []

    @pytest.mark.parametrize("client", [{**RECORD, "userId": "zz"}], indirect=True)
    def test_a_goal_is_not_written_into_another_user_s_record(
        self, client: tuple[vwo.Client, Storage]
    ) -> None:
        launched, storage = client
        assert not launched.track("checkout", "Ann", "purchase")
        assert launched.activate("checkout", "Ann") == "One page"
        assert storage.kept == [{**RECORD, "variationName": "One page"}]

    def test_an_id_that_the_storage_keeps_as_a_number(self, engine: Engine) -> None:
        storage = Storage({**RECORD, "userId": 42})
        with vwo.launch(
            settings(campaign(variations=ONE_PAGE)),
            user_storage=storage,
            engine=engine.name,
            is_development_mode=True,
        ) as launched:
            assert launched.activate("checkout", "42") == "Control"

    def test_a_storage_whose_methods_return_what_must_be_awaited(
        self, engine: Engine, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Plain functions that return coroutines cannot be told at launch."""

        class Later:
            def get(self, *_: object) -> object:
                return later()

            def set(self, *_: object) -> object:
                return later()

        with vwo.launch(
            settings(), user_storage=Later(), engine=engine.name, is_development_mode=True
        ) as launched:
            assert launched.activate("checkout", "Ann")
            assert launched.stats().storage_findings == {"async": 2}
        assert len(caplog.messages) == 2

    def test_the_base_class_keeps_nothing_and_raises_nothing(
        self, engine: Engine, caplog: pytest.LogCaptureFixture
    ) -> None:
        """As that of the platform's SDK, whose users call it with `super()`."""

        class Half(vwo.UserStorage):
            def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
                return super().get(user_id, campaign_key)

        with vwo.launch(
            settings(), user_storage=Half(), engine=engine.name, is_development_mode=True
        ) as launched:
            assert launched.activate("checkout", "Ann")
        assert caplog.messages == []

    @pytest.mark.parametrize("found", ["a text", [1], 5, b"x"])
    def test_get_many_that_gives_no_dictionary(self, engine: Engine, found: object) -> None:
        """The records are asked for one by one then."""

        class Many(Storage):
            def get_many(self, *_: object) -> object:
                return found

        storage = Many(None)
        group: dict[str, Any] = {
            "groups": {"1": {"name": "g", "campaigns": [1, 2]}},
            "campaignGroups": {"1": 1, "2": 1},
        }
        document = settings(campaign(1, "checkout"), campaign(2, "search"), **group)
        with vwo.launch(
            document, user_storage=storage, engine=engine.name, is_development_mode=True
        ) as launched:
            launched.activate("checkout", "Ann")
            assert set(launched.stats().storage_findings) <= {"wrong_type"}


class TestARecordThatTheCallGives:
    @pytest.mark.parametrize(
        ("record", "name"),
        [
            ({"campaign_key": "checkout", "variation_name": "Control"}, "snake_case"),
            ({"variationName": "Control"}, "no_campaign"),
            ({**RECORD, "userId": "zz"}, "other_user"),
            ({"campaignKey": "checkout"}, "no_variation"),
        ],
    )
    def test_one_that_counts_for_nothing(
        self, engine: Engine, record: Any, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        document = settings(campaign(variations=ONE_PAGE))
        with vwo.launch(document, engine=engine.name, is_development_mode=True) as launched:
            given = {"user_storage_data": record}
            for _ in range(3):
                assert launched.get_variation_name("checkout", "Ann", **given) == "One page"
            assert launched.stats().storage_findings == {name: 3}
            assert [one.startswith("user_storage_data is a record") for one in caplog.messages] == [
                True
            ]
            explained = launched.explain("checkout", "Ann", **given)
        assert explained is not None
        assert [one.name for one in explained.storage_findings] == [name]

    @pytest.mark.parametrize("record", [RECORD, {}, None])
    def test_one_that_is_fine(
        self, engine: Engine, record: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Also for a call about several campaigns, of which it is the record of one."""
        document = settings(campaign(1, variations=ONE_PAGE), campaign(2, "search"))
        with vwo.launch(document, engine=engine.name, is_development_mode=True) as launched:
            launched.activate("checkout", "Ann", user_storage_data=record)
            launched.track(["checkout", "search"], "Ann", "purchase", user_storage_data=record)
            assert launched.stats().storage_findings == {}
        assert caplog.messages == []


def test_integrations_whose_answer_would_have_to_be_awaited(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    class Later:
        def callback(self, properties: dict[str, Any]) -> object:
            del properties
            return later()

    with vwo.launch(
        settings(), integrations=Later(), engine=engine.name, is_development_mode=True
    ) as launched:
        for _ in range(3):
            assert launched.activate("checkout", "Ann")
    assert caplog.messages == ["integrations.callback is async, and nobody awaits it"]


class TestPagesense:
    @pytest.mark.parametrize(
        ("found", "name", "words"),
        [
            (b"{}", "bytes", "bytes counts as no profile"),
            ({"experiments": []}, "wrong_type", "dict counts as no profile"),
            (5, "wrong_type", "int counts as no profile"),
            ("no profile", "no_profile", "text that is not a profile"),
            ('{"user_id": 1, "experiments": [5]}', "no_profile", "or has an invalid entry"),
            (later, "async", "coroutine counts as no profile"),
        ],
    )
    def test_a_profile_of_a_shape_that_counts_for_nothing(
        self, engine: Engine, found: Any, name: str, words: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is logged once, counted each time, and shown by `explain`; the user is assigned."""
        storage = Storage(found)
        with pagesense.launch(
            project(experiment(1)),
            data_center="EU",
            user_storage=storage,
            engine=engine.name,
            is_development_mode=True,
        ) as launched:
            assert launched.get_variation_name("Test 1", "Ann")
            assert launched.get_variation_name("Test 1", "Ann")
            assert [words in message for message in caplog.messages] == [True]
            counted = launched.stats().storage_findings
            assert set(counted) == {name}
            assert counted[name] >= 2
            explained = launched.explain("Test 1", "Ann")
        assert explained is not None
        assert {one.name for one in explained.storage_findings} == {name}
        assert words in str(explained)

    @pytest.mark.parametrize("named", ["Bob", "Ann"])
    def test_a_profile_that_names_another_user_is_used_and_said(
        self, engine: Engine, named: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The platform's SDK does not compare the user either."""
        entry = {"experiment_key": "e1", "variation_key": "v2"}
        storage = Storage(json.dumps({"user_id": named, "experiments": [entry]}))
        with pagesense.launch(
            project(experiment(1)),
            data_center="EU",
            user_storage=storage,
            engine=engine.name,
            is_development_mode=True,
        ) as launched:
            assert launched.get_variation_name("Test 1", "Ann") == "Variation v2"
            counted = launched.stats().storage_findings
        assert counted == ({} if named == "Ann" else {"other_user": 1})
        assert ("the profile of another user" in caplog.text) is (named != "Ann")
