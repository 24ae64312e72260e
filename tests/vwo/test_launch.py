"""`launch`: what it takes, and what it says of what it does not take."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, settings, variation

import sortition
from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._engine import Engine

    Launch = Callable[..., vwo.Client]

DOCUMENT = settings()
HOLDS_ITSELF: dict[str, Any] = {"a": 1}
HOLDS_ITSELF["b"] = [HOLDS_ITSELF, HOLDS_ITSELF]


class TestSettingsFile:
    def test_text_bytes_a_dict_and_a_path_are_the_same(
        self, launch: Launch, tmp_path: Path
    ) -> None:
        text = json.dumps(DOCUMENT)
        path = tmp_path / "settings.json"
        path.write_text(text)
        given = [text, text.encode(), bytearray(text.encode()), DOCUMENT, path]
        names = [launch(one).get_variation_name("checkout", "Ann") for one in given]
        assert names[0] is not None
        assert set(names) == {names[0]}

    def test_a_byte_order_mark_is_no_fault(self, launch: Launch) -> None:
        assert launch("\ufeff" + json.dumps(DOCUMENT)).status().settings_version == 1

    def test_the_caller_s_dictionary_is_not_changed_and_not_kept(self, launch: Launch) -> None:
        document = settings()
        client = launch(document)
        assert document == settings()
        name = client.get_variation_name("checkout", "Ann")
        document["campaigns"].clear()
        assert client.get_variation_name("checkout", "Ann") == name

    @pytest.mark.parametrize(
        ("document", "message"),
        [
            ("", "settings_file: must be a JSON document"),
            ("settings.json", "settings_file: must be a JSON document; for the path of a file"),
            ("{", "settings: expected JSON, found text that is not, at line 1 column"),
            ('{"a": NaN}', "settings: expected JSON, found text that is not"),
            (b"\xff\xfe{", "settings: expected JSON in UTF-8, found other bytes"),
            ("[]", "settings: expected an object, found a list"),
            ("{}", "version: expected a number or a string, found nothing"),
            ({"version": 1}, "accountId: expected a number or a string, found nothing"),
            (
                {"version": 1, "accountId": None},
                "accountId: expected a number or a string, found null",
            ),
            (
                {"version": 1, "accountId": 1, "campaigns": {"a": 1}},
                "campaigns: expected a list, found an object",
            ),
            ("[" * 1000, "settings: expected at most 127 levels, found more"),
            ('{"a": "\\ud800"}', "settings: expected JSON, found text that is not"),
        ],
    )
    def test_what_cannot_be_used_at_all(
        self, launch: Launch, document: object, message: str
    ) -> None:
        with pytest.raises((sortition.SettingsError, sortition.OptionError)) as caught:
            launch(document)
        assert str(caught.value).startswith(message)

    @pytest.mark.parametrize(
        ("change", "place"),
        [
            ({"id": None}, "campaigns[0].id: expected a number or a string, found null"),
            ({"key": 5}, "campaigns[0].key: expected a string, found a number"),
            ({"status": []}, "campaigns[0].status: expected a string, found a list"),
            ({"percentTraffic": "50"}, "campaigns[0].percentTraffic: expected a number, found a s"),
            ({"percentTraffic": True}, "campaigns[0].percentTraffic: expected a number, found a b"),
            ({"variations": "none"}, "campaigns[0].variations: expected a list, found a string"),
            ({"variations": [5]}, "campaigns[0].variations[0]: expected an object, found a num"),
            (
                {"variations": [variation(1, "A"), {"id": 2, "name": "B"}]},
                "campaigns[0].variations[1].weight: expected a number, found nothing",
            ),
            (
                {"variations": [variation(1, "A", -1)]},
                "campaigns[0].variations[0].weight: expected a number from 0, found a negative",
            ),
            ({"segments": "all"}, "campaigns[0].segments: expected an object, found a string"),
            (
                {"variables": [{"id": 1, "key": "a", "type": "string"}]},
                "campaigns[0].variables[0].value: expected a value, found nothing",
            ),
        ],
    )
    def test_a_fault_is_named_with_its_exact_place(
        self, launch: Launch, change: dict[str, Any], place: str
    ) -> None:
        with pytest.raises(sortition.SettingsError) as caught:
            launch(settings({**campaign(), **change}))
        assert str(caught.value).startswith(place)
        assert caught.value.problems[0].path == place.split(":", maxsplit=1)[0]

    def test_one_broken_campaign_is_set_aside_and_the_others_serve(
        self, launch: Launch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A missing field is not reported as a malformed one."""
        broken = campaign(2, "broken", variations=[variation(1, "A", -1)])
        client = launch(settings(campaign(1, "good"), broken, campaign(3, "fine")))
        assert client.activate("good", "Ann")
        assert client.activate("fine", "Ann")
        assert client.activate("broken", "Ann") is None
        assert client.activate("missing", "Ann") is None
        assert "campaigns[1].variations[0].weight" in caplog.text
        assert "activate: the campaign broken is broken and was set aside at launch" in caplog.text
        assert "activate: the settings have no such campaign (" in caplog.text
        (problem,) = client.status().problems
        assert problem.consequence == "campaign_set_aside"

    def test_many_faults_are_counted(self, launch: Launch) -> None:
        with pytest.raises(sortition.SettingsError) as caught:
            launch(settings(*[{"id": number} for number in range(100)]))
        assert len(caught.value.problems) == 100
        assert str(caught.value).endswith("; and 90 more")

    def test_empty_lists_may_be_empty_objects(self, launch: Launch) -> None:
        document = settings(campaign(goals={}, variations={}, variables={}, segments=[]))
        assert launch(document).activate("checkout", "Ann") is None
        assert launch({**document, "campaigns": {}}).activate("checkout", "Ann") is None

    def test_a_segment_that_cannot_be_read_never_matches(
        self, launch: Launch, caplog: pytest.LogCaptureFixture
    ) -> None:
        segments = {"or": [{"custom_variable": {"a": 5}}, {"custom_variable": {"b": "1"}}]}
        client = launch(settings(campaign(segments=segments)))
        assert "campaigns[0].segments.or[0].custom_variable.a: expected a string" in caplog.text
        assert client.activate("checkout", "Ann", custom_variables={"b": 1}) is None
        assert client.status().problems[0].consequence == "never_matches"


class TestOptions:
    """An unknown option, a wrong type, a wrong value."""

    @pytest.mark.parametrize(
        ("unknown", "nearest"),
        [
            ("request_timeout", "request_timeout_s"),
            ("goal_type", "goal_type_to_track"),
            ("development_mode", "is_development_mode"),
            ("baseurl", "base_url"),
            ("shouldTrackReturningUser", "should_track_returning_user"),
        ],
    )
    def test_an_unknown_one_is_refused_with_the_nearest_name(
        self, unknown: str, nearest: str
    ) -> None:
        options: dict[str, Any] = {unknown: 1}
        with pytest.raises(sortition.UnknownOptionError) as caught:
            vwo.launch(DOCUMENT, **options)
        assert str(caught.value) == (f"{unknown}: there is no such option; did you mean {nearest}?")

    def test_one_that_is_like_no_other(self) -> None:
        with pytest.raises(sortition.UnknownOptionError) as caught:
            vwo.launch(DOCUMENT, xyzzy=1)  # type: ignore[call-arg]
        assert str(caught.value) == "xyzzy: there is no such option"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"logger": object()}, "logger: must have the method log, got object"),
            (
                {"user_storage": {"a": 1}},
                "user_storage: must have the methods get and set, got dict",
            ),
            ({"integrations": 5}, "integrations: must have the method callback, got int"),
            ({"transport": 1}, "transport: must have the method send, got int"),
            ({"is_development_mode": 1}, "is_development_mode: must be a bool, got int"),
            ({"is_development_mode": "yes"}, "is_development_mode: must be a bool, got str"),
            (
                {"log_level": "DEBUG"},
                "log_level: must be a level of logging: DEBUG, INFO, WARNING, E",
            ),
            (
                {"log_level": 11},
                "log_level: must be a level of logging: DEBUG, INFO, WARNING, ERROR",
            ),
            ({"goal_type_to_track": 5}, "goal_type_to_track: must be a string, got int"),
            ({"goal_type_to_track": "custom"}, "goal_type_to_track: must be one of ALL, CUSTOM"),
            ({"should_track_returning_user": 1}, "should_track_returning_user: must be a bool"),
            ({"base_url": 5}, "base_url: must be a string, got int"),
            ({"base_url": "localhost:80"}, "base_url: must start with http:// or https://"),
            ({"base_url": "ftp://host"}, "base_url: must start with http:// or https://"),
            ({"base_url": "http://"}, "base_url: must start with http:// or https://"),
            ({"base_url": "http://host:x"}, "base_url: is no URL"),
            ({"base_url": "http://[::1"}, "base_url: is no URL"),
            ({"base_url": "http://me:pw@host"}, "base_url: must not hold a user name or a pass"),
            ({"base_url": "http://host/?a=1"}, "base_url: must be no more than scheme, host"),
            ({"request_timeout_s": "5"}, "request_timeout_s: must be a number of seconds, got s"),
            ({"request_timeout_s": True}, "request_timeout_s: must be a number of seconds, got b"),
            ({"request_timeout_s": 0}, "request_timeout_s: must be more than 0 and at most 3600"),
            ({"request_timeout_s": 10**400}, "request_timeout_s: must be more than 0 and at most"),
            ({"base_url": "http://ho\nst"}, "base_url: must be no more than scheme, host"),
            ({"request_timeout_s": 5000}, "request_timeout_s: must be more than 0 and at most"),
            ({"request_timeout_s": float("nan")}, "request_timeout_s: must be more than 0"),
            ({"engine": "rust"}, "engine: must be one of auto, compiled, pure"),
            ({"settings_file": None}, "settings_file: is required"),
            ({"settings_file": 5}, "settings_file: must be JSON text, bytes, a dict or a path"),
            (
                {"settings_file": {"a": [{"b": 1}, {"c": {1}}]}},
                "settings_file: a[1].c: expected JSON, found a value of type set",
            ),
            (
                {"settings_file": {"a": float("nan")}},
                "settings_file: a: expected JSON, found a number that is not finite",
            ),
            (
                {"settings_file": {"a": {(1,): 1}}},
                "settings_file: a: expected JSON, found a key of type tuple",
            ),
            ({"settings_file": HOLDS_ITSELF}, "settings_file: holds itself, or too many levels"),
            ({"settings_file": Path("a\0b")}, "settings_file: cannot be read: its path holds a"),
            ({"settings_file": "{\ud800"}, "settings_file: holds half of a surrogate pair"),
            (
                {"settings_file": Path("/nowhere")},
                "settings_file: /nowhere cannot be read: No such file",
            ),
        ],
    )
    def test_a_wrong_one_is_named(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(sortition.OptionError) as caught:
            vwo.launch(**{"settings_file": DOCUMENT, **options})
        assert str(caught.value).startswith(message)
        assert isinstance(caught.value, ValueError)

    def test_a_wrong_type_is_a_type_error_too(self) -> None:
        with pytest.raises(TypeError):
            vwo.launch(DOCUMENT, base_url=5)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            vwo.launch(DOCUMENT, unknown=5)  # type: ignore[call-arg]

    def test_the_platform_s_order_of_positional_options(self) -> None:
        class Quiet:
            def log(self, _level: int, _message: str) -> None:
                pass

        class Memory(vwo.UserStorage):
            pass

        with vwo.launch(json.dumps(DOCUMENT), Quiet(), Memory(), True) as client:
            assert "account=604812" in repr(client)

    def test_none_is_not_given(self) -> None:
        options = dict.fromkeys(("logger", "user_storage", "log_level", "base_url", "transport"))
        vwo.launch(DOCUMENT, is_development_mode=None, **options).close()

    def test_the_engine_can_be_asked_for(self, engine: Engine) -> None:
        with vwo.launch(DOCUMENT, engine=engine.name) as client:
            assert client.status().engine == engine.name
            assert repr(client) == f"<sortition.vwo.Client account=604812 engine={engine.name}>"


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


BAD_LAUNCHES: list[dict[str, Any]] = [
    {"settings_file": "{"},
    {"settings_file": settings({"id": 1})},
    {"settings_file": {**DOCUMENT, "sdkKey": "line\nbreak"}, "poll_interval_s": 60},
    {"settings_file": Path("/nowhere")},
    {"base_url": "nowhere"},
    {"request_timeout_s": -1},
    {"user_storage": object()},
    {"transport": object()},
    {"unknown": 1},
]


@pytest.mark.parametrize("options", BAD_LAUNCHES, ids=lambda options: next(iter(options)))
def test_a_refused_launch_leaves_nothing_behind(options: dict[str, Any]) -> None:
    """A launch that fails leaves no thread and no open file behind."""
    threads, files = threading.enumerate(), open_files()
    for _ in range(20):
        with pytest.raises(sortition.SortitionError):
            vwo.launch(**{"settings_file": DOCUMENT, **options})
    assert threading.enumerate() == threads
    assert open_files() == files


PATTERN = campaign(segments={"custom_variable": {"plan": r"regex((a+)+\1$)"}})


def test_the_pure_engine_warns_of_patterns(caplog: pytest.LogCaptureFixture) -> None:
    vwo.launch(settings(PATTERN), engine="pure")
    assert "the settings have patterns (regex operands)" in caplog.text
    caplog.clear()
    vwo.launch(settings(), engine="pure")
    vwo.launch(settings(PATTERN), engine="compiled")
    assert caplog.records == []


def test_a_search_that_is_given_up_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Once, however often it happens."""
    client = vwo.launch(settings(PATTERN), engine="compiled", is_development_mode=True)
    hostile = {"plan": "a" * 200 + "!"}
    for user in ("Ann", "Bob"):
        assert client.activate("checkout", user, custom_variables=hostile) is None
    assert caplog.text.count("the search for a pattern of the campaign checkout took too long") == 1
    told = client.explain("checkout", "Ann", custom_variables=hostile)
    assert told is not None
    assert told.gave_up_on_pattern
    assert "took too long" in str(told)


def test_a_launch_starts_nothing() -> None:
    threads, files = threading.enumerate(), open_files()
    clients = [vwo.launch(DOCUMENT) for _ in range(50)]
    assert threading.enumerate() == threads
    assert open_files() == files
    for client in clients:
        client.close()
