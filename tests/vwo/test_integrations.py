"""The callback that is told of decisions; what it does wrong harms no decision."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, settings

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]


class Listener:
    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def callback(self, properties: dict[str, Any]) -> None:
        self.told.append(properties)


def test_every_call_that_decides_tells(launch: Launch) -> None:
    listener = Listener()
    ab, feature = campaign(), campaign(2, "search", type="FEATURE_TEST")
    client = launch(settings(ab, feature), integrations=listener)
    client.activate("checkout", "Ann")
    client.get_variation_name("checkout", "Ann")
    client.track("checkout", "Ann", "purchase")
    client.is_feature_enabled("search", "Ann")
    client.get_feature_variable_value("search", "color", "Ann")
    assert [one["source"] for one in listener.told] == [
        "activate",
        "get_variation_name",
        "track",
        "is_feature_enabled",
        "get_feature_variable_value",
    ]


def test_nothing_is_told_without_a_variation(launch: Launch) -> None:
    listener = Listener()
    client = launch(settings(campaign(percentTraffic=0)), integrations=listener)
    assert client.activate("checkout", "Ann") is None
    assert listener.told == []


def test_what_it_changes_concerns_nobody(launch: Launch) -> None:
    class Changing(Listener):
        def callback(self, properties: dict[str, Any]) -> None:
            properties.clear()

    mine: dict[str, Any] = {"plan": "pro"}
    client = launch(settings(), integrations=Changing())
    assert client.activate("checkout", "Ann", custom_variables=mine)
    assert mine == {"plan": "pro"}


class Raising:
    def callback(self, _properties: dict[str, Any]) -> None:
        raise RuntimeError


class TooFew:
    def callback(self) -> None:
        """Takes nothing, and is given something."""


class TooMany:
    def callback(self, _one: object, _other: object) -> None:
        """Takes two, and is given one."""


@pytest.mark.parametrize(
    ("listener", "error"),
    [(Raising(), "RuntimeError"), (TooFew(), "TypeError"), (TooMany(), "TypeError")],
)
def test_one_that_fails(
    launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture, listener: object, error: str
) -> None:
    client = launch(settings(), integrations=listener)
    for user in ("Ann", "Bob"):
        assert client.activate("checkout", user)
        assert client.track("checkout", user, "purchase")
    assert len(sink.received) == 4
    assert caplog.text.count(f"integrations.callback raised {error}") == 1


def test_one_that_blocks_holds_up_its_own_call_only(launch: Launch) -> None:
    release = threading.Event()
    entered = threading.Event()

    class Blocking:
        def callback(self, properties: dict[str, Any]) -> None:
            if properties["user_id"] == "Ann":
                entered.set()
                release.wait(60)

    client = launch(settings(), integrations=Blocking(), is_development_mode=True)
    blocked = threading.Thread(target=client.activate, args=("checkout", "Ann"))
    blocked.start()
    assert entered.wait(60)
    assert client.activate("checkout", "Bob")
    release.set()
    blocked.join()
