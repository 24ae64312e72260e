"""Data about users stays within the service."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, goal, settings

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]

USER = "ann.private@example.com"
PLAN, STAFF = "plan-is-private", "staff-is-private"
SEGMENTED = campaign(
    segments={"custom_variable": {"plan": PLAN}},
    isForcedVariationEnabled=True,
    variations=[
        {"id": 1, "name": "Control", "weight": 50, "segments": {"user": "somebody else"}},
        {"id": 2, "name": "One page", "weight": 50},
    ],
    goals=[goal(1, "purchase", hasProps=True)],
)


class Memory(vwo.UserStorage):
    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []

    def get(self, _user_id: str, campaign_key: str) -> dict[str, Any] | None:
        return next((one for one in self.kept if one["campaignKey"] == campaign_key), None)

    def set(self, user_data: dict[str, Any]) -> None:
        self.kept.append(user_data)


@pytest.mark.parametrize("event_architecture", [False, True])
@pytest.mark.parametrize("batch_events", [None, {"events_per_request": 5000}])
def test_nothing_of_the_user_leaves(
    launch: Launch,
    sink: Sink,
    caplog: pytest.LogCaptureFixture,
    event_architecture: bool,
    batch_events: dict[str, int] | None,
) -> None:
    """Attributes are compared, not sent; the id is sent as a visitor id, and stored as it is."""
    caplog.set_level(logging.DEBUG, logger="sortition")
    memory = Memory()
    document = settings(SEGMENTED, isEventArchEnabled=event_architecture)
    client = launch(document, user_storage=memory, batch_events=batch_events)
    about: dict[str, Any] = {
        "custom_variables": {"plan": PLAN},
        "variation_targeting_variables": {"staff": STAFF},
    }
    assert client.activate("checkout", USER, **about)
    assert client.track("checkout", USER, "purchase", **about)
    assert client.push("seats", "5", USER)
    client.activate("checkout", USER, custom_variables={"plan": 5})
    client.track("checkout", USER, "unknown", **about)
    client.close()
    sent = "".join(f"{one.target} {one.headers} {one.body.decode()}" for one in sink.received)
    assert client._snapshot.settings.visitor_id(USER) in sent
    for private in (USER, "ann.private", "private%40", PLAN, STAFF):
        assert private not in sent
        assert private not in caplog.text
    assert {name for record in memory.kept for name in record} == {
        *("userId", "campaignKey", "variationName", "goalIdentifiers"),
    }
    assert PLAN not in str(memory.kept)
    assert STAFF not in str(memory.kept)
