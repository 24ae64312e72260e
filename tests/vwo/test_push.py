"""Custom dimensions, in every form of the call and every format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import settings
from support.sink import Answer

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]

EVENT_ARCHITECTURE = settings(isEventArchEnabled=True)


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("secret")


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (("plan", "pro", "Ann"), {}),
        (("plan", "pro"), {"user_id": "Ann"}),
        ((), {"tag_key": "plan", "tag_value": "pro", "user_id": "Ann"}),
        (({"plan": "pro"}, "Ann"), {}),
        (({"plan": "pro"},), {"user_id": "Ann"}),
        ((), {"custom_dimension_map": {"plan": "pro"}, "user_id": "Ann"}),
    ],
)
def test_every_form(launch: Launch, sink: Sink, arguments: Any, options: Any) -> None:
    assert launch(settings()).push(*arguments, **options) is True
    (received,) = sink.received
    assert (received.method, received.path) == ("GET", "/server-side/push")
    assert json.loads(received.query["tags"]) == {"u": {"plan": "pro"}}


def test_a_request_for_each_dimension(launch: Launch, sink: Sink) -> None:
    assert launch(settings()).push({"plan": "pro", "seats": 5, "is_paid": True}, "Ann")
    sent = [json.loads(received.query["tags"]) for received in sink.received]
    assert sent == [{"u": {"plan": "pro"}}, {"u": {"seats": "5"}}, {"u": {"is_paid": "True"}}]


def test_one_request_for_all_in_the_event_architecture(launch: Launch, sink: Sink) -> None:
    assert launch(EVENT_ARCHITECTURE).push({"plan": "pro", "seats": 5}, "Ann")
    (received,) = sink.received
    assert received.path == "/events/t"
    properties = received.json["d"]["visitor"]["props"]
    assert properties == {"vwo_fs_environment": "0123456789abcdef", "plan": "pro", "seats": "5"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("plan", "Ann"), "wanted are tag_key, tag_value and user_id, or a dict and user_id"),
        ((["plan"], "Ann"), "custom_dimension_map must be a dict, got list"),
        (("plan",), "wanted are"),
        (("plan", "pro", "Ann", "more"), "takes from 1 to 4 positional arguments but 5 were given"),
        ((), "wanted are"),
        ((None, "pro", "Ann"), "tag_key must be a string, got None"),
        (({"plan": "pro"}, "free", "Ann"), "tag_key must be a string, got dict"),
        (({"plan": "pro"},), "user_id must be a string, got None"),
        (("", "pro", "Ann"), "tag_key must not be empty"),
        (("plan", "", "Ann"), "tag_value must not be empty"),
        (("plan", 5, "Ann"), "tag_value must be a string, got int"),
        (("plan", "pro", ""), "user_id must not be empty"),
        (("plan", "pro", 5), "user_id must be a string, got int"),
        (("k" * 256, "pro", "Ann"), "tag_key must have at most 255 characters"),
        (("plan", "v" * 256, "Ann"), "tag_value must have at most 255 characters"),
        (({"k" * 256: "pro"}, "Ann"), "a key of custom_dimension_map must have at most 255"),
        (({"a": "b", "plan": "v" * 256}, "Ann"), "a value of custom_dimension_map must have"),
        (({"": "pro"}, "Ann"), "a key of custom_dimension_map must not be empty"),
        (
            ({"plan": Unprintable()}, "Ann"),
            "custom_dimension_map: str() of Unprintable raises RuntimeError",
        ),
        (("vwo_fs_environment", "other", "Ann"), "tag_key must not be vwo_fs_environment"),
        (("plan", "\ud800", "Ann"), "tag_value holds half of a surrogate pair"),
    ],
)
def test_a_bad_argument_sends_nothing(
    launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture, arguments: Any, complaint: str
) -> None:
    client = launch(settings())
    assert client.push(*arguments) is False
    assert f"push: {complaint}" in caplog.text
    assert "secret" not in caplog.text
    assert sink.received == []
    assert client.stats().refused == {"argument": {"push": 1}}


def test_the_longest_dimensions(launch: Launch) -> None:
    assert launch(settings()).push("k" * 255, "é" * 255, "Ann")


def test_an_empty_map_sends_nothing(launch: Launch, sink: Sink) -> None:
    assert launch(settings()).push({}, "Ann") is False
    assert sink.received == []


def test_it_tells_the_truth(launch: Launch, sink: Sink) -> None:
    """False where any was not taken; the others are sent all the same."""
    client = launch(settings())
    answers = iter([400, 200, 400, 200])
    sink.answer = lambda _: Answer(status=next(answers))
    assert client.push({"plan": "pro", "seats": 5}, "Ann") is False
    assert len(sink.received) == 2
    assert client.stats().delivered == {"push": 1}
    assert client.stats().dropped == {"rejected": {"push": 1}}


def test_in_development_mode(launch: Launch, sink: Sink) -> None:
    assert launch(settings(), is_development_mode=True).push("plan", "pro", "Ann")
    assert sink.received == []
