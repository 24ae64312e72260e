"""Hints at the name that was probably meant: helpful, and of bounded cost on the path of a call."""

from __future__ import annotations

import difflib
import inspect
import json
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import create_autospec

import pytest
from support.documents import campaign, experiment, goal, project, settings

from sortition import pagesense, vwo
from sortition._base.nearest import MOST_NAMES, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition._engine import Engine

COMPARED_AT_MOST = 5
"""How many names are compared letter by letter for one hint."""


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that were compared letter by letter."""
    names: list[str] = []
    real = difflib.SequenceMatcher.set_seq1

    def set_seq1(self: difflib.SequenceMatcher[str], name: Any) -> None:
        if name:
            names.append(name)
        real(self, name)

    monkeypatch.setattr(difflib.SequenceMatcher, "set_seq1", set_seq1)
    return names


class TestNearest:
    @pytest.mark.parametrize(
        ("name", "known", "hint"),
        [
            ("revenueValue", ["revenue_value", "event_properties"], "revenue_value"),
            ("customVariables", ["custom_variables", "meta_data"], "custom_variables"),
            ("CHECKOUT", ["checkout", "check"], "checkout"),
            ("check-out", ["checkout"], "checkout"),
            ("purchased", ["purchase", "add-to-basket"], "purchase"),
            ("request_timeout", ["request_timeout_s", "close_timeout_s"], "request_timeout_s"),
            ("xyzzy", ["checkout"], None),
            ("", ["checkout"], None),
            ("anything", [], None),
        ],
    )
    def test_what_it_finds(self, name: str, known: list[str], hint: str | None) -> None:
        assert nearest(name, known) == (f"; did you mean {hint}?" if hint else "")

    def test_it_compares_few_names(self, compared: list[str]) -> None:
        known = [f"campaign-number-{number}" for number in range(MOST_NAMES)]
        assert nearest("campain-number-17x", known)
        assert 1 <= len(compared) <= COMPARED_AT_MOST

    def test_it_looks_at_a_bounded_number_of_names(self) -> None:
        looked_at = 0

        def endless() -> Iterator[str]:
            nonlocal looked_at
            while True:
                looked_at += 1
                yield "checkout"

        assert nearest("check", endless()) == ""
        assert looked_at == MOST_NAMES + 1


class TestCallsThatNameWhatIsNotThere:
    """A name that is not known costs a call no more in a large account than in a small one."""

    @pytest.fixture
    def large(self, engine: Engine) -> Iterator[vwo.Client]:
        campaigns = [
            campaign(number + 1, f"campaign-{number}", goals=[goal(number + 1, f"goal-{number}")])
            for number in range(MOST_NAMES + 1)
        ]
        document = json.dumps(settings(*campaigns))
        with vwo.launch(document, engine=engine.name, is_development_mode=True) as client:
            yield client

    @pytest.mark.parametrize("known_by", ["ann@example.com", "campaign-x", "Campaign-1"])
    def test_vwo(
        self,
        large: vwo.Client,
        known_by: str,
        compared: list[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        for number in range(20):
            large.activate(f"{known_by}{number}x", "Ann")
            large.track(None, "Ann", f"{known_by}{number}x")
            large.track([f"{known_by}{number}x"], "Ann", "goal-1")
            large.get_variation_name(f"{known_by}{number}x", "Ann")
        assert compared == []
        assert "no such campaign" in caplog.text
        assert "did you mean" not in caplog.text

    def test_pagesense(
        self, engine: Engine, compared: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        document = json.dumps(project(*map(experiment, range(MOST_NAMES + 1))))
        with pagesense.launch(
            document, data_center="EU", engine=engine.name, is_development_mode=True
        ) as client:
            for number in range(20):
                client.activate_experiment(f"Test x{number}", "Ann")
                client.activate_experiment_by_identifier(f"test-x{number}", "Ann")
        assert compared == []
        assert "no such experiment" in caplog.text

    def test_nothing_is_compared_for_a_message_that_nobody_takes(
        self, engine: Engine, compared: list[str]
    ) -> None:
        class Logger:
            def log(self, level: int, message: str) -> None:
                raise AssertionError(level, message)

        with vwo.launch(
            settings(),
            engine=engine.name,
            is_development_mode=True,
            logger=Logger(),
            log_level=50,
        ) as client:
            assert client.activate("chekout", "Ann") is None
        assert compared == []

    def test_a_small_account_gets_its_hint(
        self, engine: Engine, caplog: pytest.LogCaptureFixture
    ) -> None:
        with vwo.launch(settings(), engine=engine.name, is_development_mode=True) as client:
            client.activate("chekout", "Ann")
            client.track(None, "Ann", "purchases")
        assert "no such campaign; did you mean checkout?" in caplog.text
        assert "no campaign has such a goal; did you mean purchase?" in caplog.text


class TestUnknownOptionsOfACall:
    @pytest.mark.parametrize(
        ("option", "hint"),
        [
            ("revenueValue", "; did you mean revenue_value?"),
            ("customVariables", "; did you mean custom_variables?"),
            ("shouldTrackReturningUser", "; did you mean should_track_returning_user?"),
            ("goal_type", "; did you mean goal_type_to_track?"),
            ("xyzzy", ""),
        ],
    )
    def test_it_is_logged_once_with_the_nearest_name_and_ignored(
        self, engine: Engine, caplog: pytest.LogCaptureFixture, option: str, hint: str
    ) -> None:
        unknown: dict[str, Any] = {option: 5}
        with vwo.launch(settings(), engine=engine.name, is_development_mode=True) as client:
            for _ in range(3):
                assert client.track("checkout", "Ann", "purchase", **unknown)
        assert caplog.messages == [f"track: there is no option {option}; it is ignored{hint}"]

    def test_a_name_cannot_forge_a_line_of_the_log(
        self, engine: Engine, caplog: pytest.LogCaptureFixture
    ) -> None:
        unknown: dict[str, Any] = {"x\nERROR forged": 1}
        with vwo.launch(settings(), engine=engine.name, is_development_mode=True) as client:
            assert client.activate("checkout", "Ann", **unknown)
        assert caplog.messages == ["activate: there is no option 'x\\nERROR forged'; it is ignored"]

    @pytest.mark.parametrize("call", [vwo.Client.track, vwo.Client.explain, vwo.launch])
    def test_type_checkers_and_help_see_only_the_options_that_exist(self, call: Any) -> None:
        kinds = {one.kind for one in inspect.signature(call).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds


class TestUnknownMethods:
    @pytest.mark.parametrize("client", [vwo.Client, pagesense.Client])
    def test_attributes_are_looked_up_as_python_does_it(self, client: type[Any]) -> None:
        """A `__getattr__` would slow down every call. Python itself hints at `track_goal`."""
        assert not hasattr(client, "__getattr__")
        assert "__getattribute__" not in {name for one in client.__mro__[:-1] for name in vars(one)}


@pytest.mark.parametrize(
    "call", ["activate", "get_variation_name", "is_feature_enabled", "track", "explain"]
)
def test_the_options_that_every_call_has_are_options_of_this_call(call: str) -> None:
    signature = inspect.signature(getattr(vwo.Client, call))
    assert vwo.CallOptions.__annotations__.keys() <= signature.parameters.keys()


class TestMocks:
    """A mock by `unittest.mock.create_autospec` refuses arguments that a client's method refuses.

    The calls that are answered without a Python frame are left out: `docs/testing.md` says so.
    """

    CALLS: ClassVar[dict[type[Any], list[tuple[str, tuple[str, ...]]]]] = {
        vwo.Client: [
            ("push", ("plan", "pro", "Ann")),
            ("explain", ("checkout", "Ann")),
            ("get_feature_variable_value", ("search", "results", "Ann")),
            ("flush_events", ()),
            ("close", ()),
            ("stats", ()),
        ],
        pagesense.Client: [
            ("explain", ("Test 1", "Ann")),
            ("flush", ()),
            ("close", ()),
            ("stats", ()),
        ],
    }

    @pytest.mark.parametrize("client", CALLS)
    def test_wrong_arguments(self, client: type[Any]) -> None:
        mocked = create_autospec(client, instance=True)
        for name, arguments in self.CALLS[client]:
            method = getattr(mocked, name)
            method(*arguments)
            with pytest.raises(TypeError):
                method(*arguments, no_such_option=1)
            with pytest.raises(TypeError):
                method(*[None] * 9)
