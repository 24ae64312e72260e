"""None is "not given", for every option of every call."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, goal, project, revenue_goal, settings
from support.sink import Sink

from sortition import pagesense, vwo

if TYPE_CHECKING:
    from sortition._engine import Engine

BATCHES = {"events_per_request": 100, "request_time_interval": 600}
GIVEN: dict[str, tuple[Any, ...]] = {
    "activate": ("checkout", "Ann"),
    "get_variation_name": ("checkout", "Ann"),
    "is_feature_enabled": ("feature", "Ann"),
    "get_feature_variable_value": ("feature", "color", "Ann"),
    "track": ("checkout", "Ann", "purchase"),
    "flush_events": (),
    "flush": (),
    "explain": ("checkout", "Ann"),
}
PAGESENSE_GIVEN: dict[str, tuple[Any, ...]] = {
    "activate_experiment": ("Test 1", "Ann"),
    "get_variation_name": ("Test 1", "Ann"),
    "activate_experiment_by_identifier": ("test-1", "Ann"),
    "get_variation_link_name_by_identifier": ("test-1", "Ann"),
    "track_goal": ("Test 1", "Ann", "Signup"),
    "track_project_goal": ("Signup", "Ann"),
    "track_project_goal_by_identifier": ("signup", "Ann"),
    "flush": (),
    "explain": ("Test 1", "Ann"),
}


def options_of(method: Any) -> list[str]:
    """The arguments of a call that may be left out."""
    parameters = inspect.signature(method).parameters.values()
    return [one.name for one in parameters if one.default is not one.empty]


DOCUMENT = settings(
    campaign(goals=[goal(11, "purchase"), revenue_goal(12, "revenue")]),
    campaign(2, "feature", type="FEATURE_TEST"),
)
OPTIONS = [(name, one) for name in GIVEN for one in options_of(getattr(vwo.Client, name))]
PAGESENSE_OPTIONS = [
    (name, one) for name in PAGESENSE_GIVEN for one in options_of(getattr(pagesense.Client, name))
]


def test_the_table_is_whole() -> None:
    assert len(OPTIONS) >= 50
    assert len(PAGESENSE_OPTIONS) > 10


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_none_answers_as_if_it_were_not_given(
    engine: Engine, caplog: pytest.LogCaptureFixture, name: str, option: str
) -> None:
    """The same answer and the same events, and no complaint."""
    answers, bodies = [], []
    for options in ({}, {option: None}):
        with (
            Sink() as sink,
            vwo.launch(
                DOCUMENT, engine=engine.name, base_url=sink.url, batch_events=BATCHES
            ) as client,
        ):
            assert client.activate("checkout", "Bob") is not None
            answer = getattr(client, name)(*GIVEN[name], **options)
            answers.append(str(answer))
            assert client.flush()
            bodies.append([len(one.json["ev"]) for one in sink.received])
    assert answers[0] == answers[1]
    assert sum(bodies[0]) == sum(bodies[1])
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == (
        []
        if name != "get_feature_variable_value"
        else ["get_feature_variable_value: the campaign feature has no such variable"] * 2
    )


@pytest.mark.parametrize(("name", "option"), PAGESENSE_OPTIONS)
def test_none_answers_as_if_it_were_not_given_in_pagesense(
    engine: Engine, caplog: pytest.LogCaptureFixture, name: str, option: str
) -> None:
    """The same answer and as many events, and no complaint."""
    answers, counts = [], []
    for options in ({}, {option: None}):
        with (
            Sink() as sink,
            pagesense.launch(project(), engine=engine.name, base_url=sink.url) as client,
        ):
            # A goal of a user who was not activated would be remarked.
            assert client.activate_experiment("Test 1", "Ann") is not None
            answers.append(str(getattr(client, name)(*PAGESENSE_GIVEN[name], **options)))
            assert client.flush()
            counts.append(len(sink.received))
    assert answers[0] == answers[1]
    assert counts[0] == counts[1]
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


def test_settings_are_fetched_where_the_webhook_flag_is_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """None is as good as False: the settings are asked for, not refused."""
    client = vwo.launch(DOCUMENT, base_url="http://127.0.0.1:9", is_development_mode=True)
    client.get_and_update_settings_file(604812, "0123456789abcdef", None)
    assert "is_via_webhook" not in caplog.text
    assert "the old settings stay in use" in caplog.text
