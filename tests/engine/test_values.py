"""What a service has at hand is converted, or refused at the call; the next event is fine."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.documents import campaign, revenue_goal, settings

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]


class Plan(str, enum.Enum):  # noqa: UP042 -- what is tested
    PRO = "pro"


class StrPlan(enum.StrEnum):
    PRO = "pro"


class Color(enum.Enum):
    RED = "red"


ITSELF: dict[str, Any] = {}
ITSELF["itself"] = ITSELF
NUMPY = [np.int64(5), np.float64(1.5), np.bool_(True), np.str_("pro"), np.array([1, 2]), np.nan]
VALUES = [
    *NUMPY,
    decimal.Decimal("49.90"),
    dt.date(2026, 11, 22),
    dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC),
    uuid.UUID(int=5),
    Color.RED,
    {1, 2},
    len,
    ITSELF,
    "\ud800",
    b"bytes",
    object,
    float("inf"),
    10**400,
    10**5000,
]
EVERYBODY = {"not": {"custom_variable": {"name": "nobody"}}}
FORMATS = [(False, None), (True, None), (True, {"events_per_request": 100})]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("event_architecture", "batch_events"), FORMATS)
@pytest.mark.parametrize("value", VALUES, ids=[type(value).__name__ for value in VALUES])
def test_everywhere_a_value_may_stand(
    launch: Launch, sink: Sink, value: Any, event_architecture: bool, batch_events: Any
) -> None:
    goals = [revenue_goal(1, "purchase", revenueProp="amount", hasProps=True)]
    document = settings(
        campaign(goals=goals, segments={"or": [{"custom_variable": {"plan": "pro"}}, EVERYBODY]}),
        isEventArchEnabled=event_architecture,
    )
    client = launch(document, batch_events=batch_events)
    given = {"plan": value, "name": "Ann"}
    client.activate("checkout", "Ann", custom_variables=given, custom_properties=given)
    client.activate("checkout", "Ann", variation_targeting_variables=given)
    client.activate("checkout", "Ann", user_agent=value, user_ip_address=value)
    client.track("checkout", "Ann", "purchase", revenue_value=value, event_properties=given)
    client.track("checkout", "Ann", "purchase", event_properties={"amount": value})
    client.push({"plan": value}, "Ann")
    client.push("plan", value, "Ann")
    for wrong in (
        lambda: client.activate(value, "Ann"),
        lambda: client.activate("checkout", value),
        lambda: client.track(value, "Ann", "purchase"),
        lambda: client.track([value], "Ann", "purchase"),
        lambda: client.track("checkout", "Ann", value),
    ):
        assert not wrong() or isinstance(value, str)
    sink.received.clear()
    client.flush_events()
    assert client.activate("checkout", "Bob", custom_variables={"name": "Bob"})
    assert client.track("checkout", "Bob", "purchase", revenue_value=5) == {"checkout": True}
    assert client.flush_events() in (None, True)
    assert client.stats().dropped == {}


def test_a_revenue_of_numpy(launch: Launch, sink: Sink) -> None:
    """A float64 is a float."""
    client = launch(settings(campaign(goals=[revenue_goal(1, "purchase")])))
    assert client.track("checkout", "Ann", "purchase", revenue_value=np.float64(49.5))
    assert sink.received[0].query["r"] == "49.5"


@pytest.mark.parametrize(
    ("plan", "matches"),
    [(Plan.PRO, False), (Plan.PRO.value, True), (StrPlan.PRO, True), (np.str_("pro"), True)],
)
def test_a_segment_compares_what_str_makes_of_a_value(
    launch: Launch, plan: Any, *, matches: bool
) -> None:
    """Of a member of a class of ``str`` and `Enum` that is the member's name."""
    document = settings(campaign(segments={"and": [{"custom_variable": {"plan": "pro"}}]}))
    found = launch(document).get_variation_name("checkout", "Ann", custom_variables={"plan": plan})
    assert (found is not None) is matches
