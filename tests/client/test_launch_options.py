"""The tables of launch options, and everything that is made from them or read by them."""

from __future__ import annotations

import argparse
import inspect
import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from support.documents import project, settings
from support.launch_options import MODULES, made

import sortition
from sortition import pagesense, vwo
from sortition._client.options import LaunchOptions, Option
from sortition._commands.checking.commands import add_doctor
from sortition._pagesense.options import PagesenseOptions
from sortition._vwo.options import VwoOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAUNCHES: Final[dict[str, Callable[..., Any]]] = {"vwo": vwo.launch, "pagesense": pagesense.launch}
GIVEN: Final[dict[str, dict[str, Any]]] = {
    "vwo": {"settings_file": json.dumps(settings())},
    "pagesense": {"settings": json.dumps(project()), "data_center": "EU"},
}
FALSY: Final[tuple[object, ...]] = (False, 0, 0.0, "", b"", (), [], {}, set())
ALIKE: Final = {
    "vwo": {
        "logger",
        "user_storage",
        "is_development_mode",
        "log_level",
        "goal_type_to_track",
        "should_track_returning_user",
        "integrations",
        "batch_events",
        "redis_creds",
    },
    "pagesense": {"logger", "user_storage", "is_development_mode", "log_level"},
}
"""The options of which the platform's SDK takes every falsy value as not given."""
TAKEN: Final = {
    ("vwo", "allow_empty", bool),
    ("vwo", "stale_after_s", int),
    ("vwo", "stale_after_s", float),
    ("vwo", "retry_for_s", int),
    ("vwo", "retry_for_s", float),
    ("pagesense", "allow_empty", bool),
    ("pagesense", "stale_after_s", int),
    ("pagesense", "stale_after_s", float),
    ("pagesense", "retry_for_s", int),
    ("pagesense", "retry_for_s", float),
    ("pagesense", "poll_interval_s", int),
}
"""The other options of which a falsy value of this type is a good one."""


def every_option() -> list[Any]:
    return [
        pytest.param(platform, option, id=f"{platform}-{option.name}")
        for platform, options in MODULES.items()
        for option in options.table()
    ]


def launch(platform: str, **options: Any) -> Any:
    return LAUNCHES[platform](**{**GIVEN[platform], **options})


class TestTheTables:
    def test_all_that_is_made_from_them_is_as_they_say(self) -> None:
        """Signatures, docstrings and the page of the documentation: `make options` writes them."""
        for path, text in made():
            assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `make options`"

    @pytest.mark.parametrize("platform", LAUNCHES)
    def test_the_signature_has_each_option_once(self, platform: str) -> None:
        parameters = inspect.signature(LAUNCHES[platform]).parameters
        table = {option.name: option for option in MODULES[platform].table()}
        assert list(parameters) == list(table)
        for name, parameter in parameters.items():
            assert parameter.annotation == table[name].annotation
            assert repr(parameter.default) == table[name].shown_default
            is_positional = parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
            assert is_positional is (name in MODULES[platform].POSITIONAL)

    @pytest.mark.parametrize(("platform", "option"), every_option())
    def test_every_option_says_what_it_does(self, platform: str, option: Option) -> None:
        assert option.document.endswith(".")
        assert f"        {option.name}: " in (LAUNCHES[platform].__doc__ or "")

    def test_what_both_platforms_share_stands_in_one_place(self) -> None:
        shared = {option.name for option in LaunchOptions.table()}
        for options in (VwoOptions, PagesenseOptions):
            assert shared.isdisjoint(options.__annotations__)

    def test_the_command_line_names_what_it_passes_on_as_the_options_are_named(self) -> None:
        """Flags of `sortition doctor` and `sortition spool drain` that reach a launch."""
        flags: set[str] = set()

        def add_parser(_name: str, **_: object) -> argparse.ArgumentParser:
            parser = argparse.ArgumentParser()
            parsers.append(parser)
            return parser

        parsers: list[argparse.ArgumentParser] = []
        add_doctor(add_parser)
        for parser in parsers:
            flags |= {action.dest for action in parser._actions}
        flags -= {"help", "timeout", "json"}
        options = {one.name for table in MODULES.values() for one in table.table()}
        assert flags
        assert flags <= options | {"settings"}

    @pytest.mark.parametrize(("platform", "option"), every_option())
    def test_a_default_that_is_no_none_passes_its_own_check(
        self, platform: str, option: Option
    ) -> None:
        del platform
        if option.default is not None:
            assert option.check(option.name, option.default) == option.default


class TestValues:
    @pytest.mark.parametrize(("platform", "option"), every_option())
    def test_none_is_not_given(self, platform: str, option: Option) -> None:
        """Also where it is the only settings document: then some are asked for by name."""
        if option.name in GIVEN[platform]:
            with pytest.raises(sortition.OptionError, match=option.name):
                LAUNCHES[platform](**{**GIVEN[platform], option.name: None})
        else:
            launch(platform, **{option.name: None}).close()

    @pytest.mark.parametrize("value", FALSY, ids=repr)
    @pytest.mark.parametrize(("platform", "option"), every_option())
    def test_a_falsy_value_is_not_given_exactly_where_the_platform_s_sdk_says_so(
        self, platform: str, option: Option, value: object
    ) -> None:
        """Anywhere else it is a value: taken where it is a good one, refused by name where not."""
        assert option.empty_is_absent is (option.name in ALIKE[platform])
        if option.empty_is_absent or (platform, option.name, type(value)) in TAKEN:
            launch(platform, **{option.name: value}).close()
            return
        known = {one.name for one in MODULES[platform].table()}
        # The place in a settings document that is none.
        known |= {"settings", "version", "projectsettings"}
        with pytest.raises((sortition.OptionError, sortition.SettingsError)) as caught:
            launch(platform, **{option.name: value})
        assert str(caught.value).partition(":")[0] in known

    def test_an_object_that_is_false_is_given(self) -> None:
        """A storage with a length of 0 is a storage."""

        class Empty(vwo.UserStorage):
            def __init__(self) -> None:
                self.asked = 0

            def __len__(self) -> int:
                return 0

            def get(self, user_id: str, campaign_key: str) -> None:
                del user_id, campaign_key
                self.asked += 1

        storage = Empty()
        with launch("vwo", user_storage=storage, is_development_mode=True) as client:
            client.activate("checkout", "Ann")
        assert storage.asked == 1

    @pytest.mark.parametrize("platform", LAUNCHES)
    def test_an_unknown_option_is_refused_with_the_nearest_name(self, platform: str) -> None:
        for unknown, nearest in (
            ("request_timeout", "request_timeout_s"),
            ("baseUrl", "base_url"),
            ("isDevelopmentMode", "is_development_mode"),
            ("pollIntervalS", "poll_interval_s"),
        ):
            with pytest.raises(sortition.UnknownOptionError) as caught:
                launch(platform, **{unknown: 1})
            words = f"{unknown}: there is no such option; did you mean {nearest}?"
            assert str(caught.value) == words

    def test_a_launch_without_settings_says_what_would_do(self) -> None:
        with pytest.raises(sortition.OptionError, match="or account_id and sdk_key"):
            vwo.launch()
        with pytest.raises(sortition.OptionError, match="give settings, or all of sdk_account_id"):
            pagesense.launch()

    @pytest.mark.parametrize(
        "name", ["CUSTOM", "CUSTOM_GOAL", "REVENUE", "REVENUE_TRACKING", "ALL"]
    )
    def test_the_texts_of_the_track_page_name_goal_types(self, name: str) -> None:
        launch("vwo", goal_type_to_track=name).close()


class Synchronous:
    """Everything that a client can be given, and nothing of it async."""

    def get(self, *_: object) -> None: ...
    def set(self, *_: object) -> None: ...
    def look_up(self, *_: object) -> None: ...
    def save(self, *_: object) -> None: ...
    def log(self, *_: object) -> None: ...
    def callback(self, *_: object) -> None: ...
    def send(self, *_: object) -> None: ...
    def __call__(self, *_: object) -> None: ...


class Asynchronous:
    """The same, all of it async."""

    async def get(self, *_: object) -> None: ...
    async def set(self, *_: object) -> None: ...
    async def look_up(self, *_: object) -> None: ...
    async def save(self, *_: object) -> None: ...
    async def log(self, *_: object) -> None: ...
    async def callback(self, *_: object) -> None: ...
    async def send(self, *_: object) -> None: ...
    async def __call__(self, *_: object) -> None: ...


OBJECTS: Final = [
    ("vwo", "logger"),
    ("vwo", "user_storage"),
    ("vwo", "integrations"),
    ("vwo", "transport"),
    ("pagesense", "logger"),
    ("pagesense", "user_storage"),
    ("pagesense", "transport"),
]
CALLABLES: Final = [("vwo", "on_drop"), ("pagesense", "on_drop")]


class TestObjectsThatCannotWork:
    @pytest.mark.parametrize(("platform", "name"), OBJECTS)
    def test_a_class_in_place_of_an_object_is_refused(self, platform: str, name: str) -> None:
        with pytest.raises(sortition.OptionError) as caught:
            launch(platform, **{name: Synchronous})
        assert str(caught.value) == (
            f"{name}: must be an object, got the class Synchronous; pass Synchronous() instead"
        )

    @pytest.mark.parametrize(("platform", "name"), OBJECTS)
    def test_a_class_whose_methods_need_no_object_is_taken(self, platform: str, name: str) -> None:
        class Static:
            get = set = look_up = save = log = callback = send = staticmethod(lambda *_: None)

        launch(platform, **{name: Static}).close()

    @pytest.mark.parametrize(("platform", "name"), OBJECTS)
    def test_an_object_with_async_methods_is_refused(self, platform: str, name: str) -> None:
        with pytest.raises(sortition.OptionError) as caught:
            launch(platform, **{name: Asynchronous()})
        assert str(caught.value).startswith(f"{name}: ")
        assert "is async; this client cannot await it" in str(caught.value)

    @pytest.mark.parametrize(("platform", "name"), CALLABLES)
    def test_an_async_callback_is_refused(self, platform: str, name: str) -> None:
        async def told(*_: object) -> None: ...

        for callback in (told, Asynchronous()):
            with pytest.raises(sortition.OptionError, match=f"{name}: is async"):
                launch(platform, **{name: callback})
        launch(platform, **{name: Synchronous()}).close()

    def test_an_async_flush_callback_is_refused(self) -> None:
        async def told(*_: object) -> None: ...

        options = {"events_per_request": 1, "flush_callback": told}
        with pytest.raises(sortition.OptionError, match=r"batch_events\.flush_callback: is async"):
            launch("vwo", batch_events=options)

    def test_spool_takes_a_path(self, tmp_path: Path) -> None:
        options = {"events_per_request": 1}
        launch("vwo", batch_events=options, spool=tmp_path / "spool").close()
