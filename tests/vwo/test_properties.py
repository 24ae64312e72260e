"""Properties of events whose values do something of their own: no event is lost for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.documents import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    from sortition import vwo

    Launch = Callable[..., vwo.Client]


class Doing(dict[str, Any]):
    """A value that does something when it is read."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(x=1)
        self.act = act

    def items(self) -> Any:
        self.act()
        return super().items()


class Raising(list[Any]):
    def __iter__(self) -> Any:
        raise KeyError("a secret")


def fail() -> None:
    raise KeyError("a secret")


@pytest.fixture(params=["activate", "track"])
def call(request: pytest.FixtureRequest) -> Callable[[vwo.Client, dict[str, Any]], object]:
    """Make a call with properties."""

    def activate(client: vwo.Client, properties: dict[str, Any]) -> object:
        return client.activate("checkout", "Ann", custom_properties=properties)

    def track(client: vwo.Client, properties: dict[str, Any]) -> object:
        return client.track("checkout", "Ann", "purchase", event_properties=properties)

    return activate if request.param == "activate" else track


@pytest.mark.parametrize("value", [Doing(fail), [Doing(fail)], Raising([1])])
def test_a_value_that_raises_is_left_out(
    launch: Launch,
    sink: Sink,
    caplog: pytest.LogCaptureFixture,
    call: Callable[[vwo.Client, dict[str, Any]], object],
    value: object,
) -> None:
    """The event is sent with the others, and the log names the option and no text of the error."""
    client = launch(settings(isEventArchEnabled=True))
    assert call(client, {"good": "yes", "bad": value})
    body = sink.received[-1].body.decode()
    assert '"good"' in body
    assert '"bad"' not in body
    assert sum(client.stats().left_out.values()) == 1
    assert "is not JSON and is left out" in caplog.text
    assert "bug of sortition" not in caplog.text
    assert "secret" not in caplog.text


def test_the_caller_may_change_its_properties_during_the_call(
    launch: Launch, sink: Sink, call: Callable[[vwo.Client, dict[str, Any]], object]
) -> None:
    """As another thread might; here a value does it while it is read."""
    properties: dict[str, Any] = {}
    properties |= {"first": Doing(properties.clear), "second": 2}
    client = launch(settings(isEventArchEnabled=True))
    assert call(client, properties)
    body = sink.received[-1].body.decode()
    assert '"first"' in body
    assert '"second"' in body


def test_what_is_sent_is_what_the_call_began_with(
    launch: Launch, sink: Sink, call: Callable[[vwo.Client, dict[str, Any]], object]
) -> None:
    """A list that grows while the call goes on has its first length in the event."""
    growing = ["one"]
    properties = {"growing": growing, "other": Doing(lambda: growing.append("two"))}
    client = launch(settings(isEventArchEnabled=True))
    assert call(client, properties)
    assert "two" not in sink.received[-1].body.decode()


def test_every_json_value_stays_as_it_is(
    launch: Launch, sink: Sink, call: Callable[[vwo.Client, dict[str, Any]], object]
) -> None:
    values = {"text": "ü\n", "float": 1e22, "int": 10**30, "none": None, "list": [1.5, {"1": True}]}
    client = launch(settings(isEventArchEnabled=True))
    assert call(client, values)
    sent = sink.received[-1].json["d"]["event"]["props"]
    sent = sent if "text" in sent else sent["vwoMeta"]
    assert {name: sent[name] for name in values} == values
