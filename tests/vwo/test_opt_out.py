"""After an opt-out the client sends nothing, knows nothing and answers nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.documents import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    from sortition import vwo

    Launch = Callable[..., vwo.Client]


def test_every_call_answers_its_nothing(launch: Launch, sink: Sink) -> None:
    client = launch(settings())
    assert client.activate("checkout", "Ann")
    assert client.set_opt_out() is True
    sink.received.clear()
    assert client.activate("checkout", "Ann") is None
    assert client.get_variation_name("checkout", "Ann") is None
    assert client.track("checkout", "Ann", "purchase") is None
    assert client.is_feature_enabled("checkout", "Ann") is False
    assert client.get_feature_variable_value("checkout", "color", "Ann") is None
    assert client.push("plan", "pro", "Ann") is False
    assert client.flush_events() is False
    assert client.explain("checkout", "Ann") is None
    assert client.set_opt_out() is True
    assert sink.received == []
    kinds = {"visitor": 2, "conversion": 1, "push": 1}
    assert client.stats().refused == {"opted_out": kinds}
    assert client.stats().delivered == {"visitor": 1}


def test_the_settings_are_forgotten(launch: Launch) -> None:
    client = launch(settings())
    client.set_opt_out()
    assert client._snapshot.settings.campaigns == ()
    assert client._snapshot.settings.sdk_key is None
    assert client.status().settings_version == 1
    assert client.close()


def test_what_waits_is_sent_first(launch: Launch, sink: Sink) -> None:
    client = launch(settings(), batch_events={"events_per_request": 100})
    assert client.activate("checkout", "Ann")
    assert sink.received == []
    assert client.set_opt_out()
    assert sink.paths == ["/server-side/batch-events"]
    assert client.stats().delivered == {"visitor": 1}


def test_it_concerns_no_other_client(launch: Launch, sink: Sink) -> None:
    one, other = launch(settings()), launch(settings())
    assert one.set_opt_out()
    assert other.activate("checkout", "Ann")
    assert len(sink.received) == 1
