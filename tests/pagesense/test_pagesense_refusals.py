"""Every PageSense conversion that is not taken is counted, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.documents import audience, experiment, project

from sortition import pagesense

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._engine import Engine

GERMAN = {
    "conditions": [{"conditions": [{"attribute_name": "Country", "operator": 1, "values": ["DE"]}]}]
}
DOCUMENT = project(
    experiment(1),
    experiment(2, experiment_status=3),
    experiment(3, permitted_traffic=101),
    experiment(4, experiment_type=15),
    experiment(5, audiences=[{"audience_link_name": "german"}]),
    experiment(6, permitted_traffic=0),
    experiment(7, goals=[{"goal_link_name": "order", "is_primary_goal": True}]),
    audiences=[audience("all", {}), audience("german", GERMAN)],
    goals=[
        {"goal_name": "Signup", "goal_link_name": "signup", "goal_type": 10},
        {"goal_name": "Order", "goal_link_name": "order", "goal_type": 11},
    ],
)
US = {"Country": "US"}
REFUSALS: list[tuple[str, str, tuple[Any, ...]]] = [
    ("unknown_campaign", "track_goal", ("Nope", "Ann", "Signup")),
    ("not_running", "track_goal", ("Test 2", "Ann", "Signup")),
    ("broken_campaign", "track_goal", ("Test 3", "Ann", "Signup")),
    ("wrong_campaign_type", "track_goal", ("Test 4", "Ann", "Signup")),
    ("unknown_goal", "track_goal", ("Test 1", "Ann", "Sign up")),
    ("unknown_goal", "track_project_goal", ("Sign up", "Ann")),
    ("unknown_goal", "track_project_goal_by_identifier", ("sign-up", "Ann")),
    ("goal_not_in_campaign", "track_goal", ("Test 1", "Ann", "Order")),
    ("no_revenue", "track_goal", ("Test 7", "Ann", "Order", None, {"size": "5"})),
    ("no_revenue", "track_project_goal", ("Order", "Ann")),
    ("argument", "track_goal", ("Test 7", "Ann", "Order", None, {"revenue": 5})),
    ("argument", "track_goal", ("Test 1", 5, "Signup")),
    ("not_in_campaign", "track_goal", ("Test 5", "Ann", "Signup", US)),
    ("not_in_campaign", "track_goal", ("Test 5", "Ann", "Signup")),
    ("not_in_campaign", "track_goal", ("Test 6", "Ann", "Signup")),
]


@pytest.fixture
def launch(engine: Engine) -> Callable[[], pagesense.Client]:
    return lambda: pagesense.launch(DOCUMENT, engine=engine.name, base_url="http://127.0.0.1:9")


@pytest.mark.parametrize(("reason", "name", "arguments"), REFUSALS)
def test_a_conversion_that_is_not_taken_is_counted_by_its_reason(
    launch: Callable[[], pagesense.Client], reason: str, name: str, arguments: tuple[Any, ...]
) -> None:
    """Once for each call, and nothing else is counted."""
    client = launch()
    for _ in range(2):
        assert getattr(client, name)(*arguments) is None
    assert client.stats().refused == {reason: {"conversion": 2}}
    assert client.stats().accepted == {}
    client.close(0)


@pytest.mark.parametrize(
    ("reason", "name"),
    [("unknown_campaign", "Nope"), ("wrong_campaign_type", "Test 4"), (None, "Test 2")],
)
def test_a_visitor_is_refused_by_a_mistake_alone(
    launch: Callable[[], pagesense.Client], reason: str | None, name: str
) -> None:
    """Users of a paused experiment, and those whom one leaves out, are no refusal."""
    client = launch()
    assert client.activate_experiment(name, "Ann") is None
    assert client.get_variation_name(name, "Ann") is None
    assert client.stats().refused == ({} if reason is None else {reason: {"visitor": 1}})
    client.close(0)


def test_the_status_says_why_most_calls_are_refused(
    launch: Callable[[], pagesense.Client],
) -> None:
    client = launch()
    client.track_goal("Test 1", "Ann", "Sign up")
    words = "most calls of the last minute are refused: unknown_goal"
    assert words in client.status().reasons
    for _ in range(3):
        client.activate_experiment("Test 1", "Ann")
    assert words not in client.status().reasons
    client.close(0)


def test_a_goal_of_a_user_who_was_not_activated_is_sent_and_counted(
    launch: Callable[[], pagesense.Client], caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once; a user who was activated, and one whom the storage knows, is none."""
    client = launch()
    client.activate_experiment("Test 1", "Ann")
    client.track_goal("Test 1", "Ann", "Signup")
    assert client.stats().not_activated == {}
    for _ in range(2):
        client.track_goal("Test 1", "Bob", "Signup")
    assert client.stats().not_activated == {"conversion": 2}
    assert client.stats().accepted == {"visitor": 1, "conversion": 3}
    messages = [one.getMessage() for one in caplog.records if "was not activated" in one.message]
    assert len(messages) == 1
    assert "Bob" not in messages[0]
    client.close(0)


def test_a_user_whom_the_storage_knows_was_activated(engine: Engine) -> None:
    class Storage(pagesense.UserStorageService):
        def __init__(self) -> None:
            self.profiles: dict[str, Any] = {}

        def look_up(self, user_id: str) -> Any:
            return self.profiles.get(user_id)

        def save(self, user_profile: Any) -> None:
            text = user_profile.get_user_profile_json_string()
            self.profiles[user_profile.get_user_id()] = text

    storage = Storage()

    def launch() -> pagesense.Client:
        return pagesense.launch(
            DOCUMENT, engine=engine.name, base_url="http://127.0.0.1:9", user_storage=storage
        )

    first, second = launch(), launch()
    assert first.activate_experiment("Test 1", "Ann")
    second.track_goal("Test 1", "Ann", "Signup")
    assert second.stats().not_activated == {}
    assert second.stats().accepted == {"conversion": 1}
    first.close(0)
    second.close(0)
