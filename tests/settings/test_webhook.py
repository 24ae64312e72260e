"""`handle_webhook`: only who knows the secret is listened to, and only woken by."""

from __future__ import annotations

import json
from email import message_from_string
from typing import TYPE_CHECKING, Any

import pytest
from starlette.datastructures import Headers
from support.documents import campaign, settings, variation
from support.sink import Answer, wait_until

from sortition import _engine, vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    from sortition._engine import Engine

    Launch = Callable[..., vwo.Client]

SECRET = "s3cret-of-the-webhook"  # noqa: S105 -- of nobody


@pytest.fixture
def engine() -> Engine:
    return _engine.load()


def only(name: str) -> bytes:
    return json.dumps(settings(campaign(variations=[variation(1, name, 100)]))).encode()


def decides(client: vwo.Client) -> str | None:
    return client.get_variation_name("checkout", "Ann")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-VWO-Auth": SECRET},
        {"x-vwo-auth": SECRET, "content-type": "application/json"},
        {"X-Webhook-Secret": SECRET},
        {"Authorization": f"Bearer {SECRET}"},
        [("Host", "example"), ("x-VWO-auth", SECRET)],
        [(b"host", b"example"), (b"x-vwo-auth", SECRET.encode())],
        {b"x-vwo-auth": SECRET.encode()},
        {"wsgi.version": (1, 0), "HTTP_X_VWO_AUTH": SECRET},
        {"wsgi.errors": None, "HTTP_AUTHORIZATION": f"Bearer {SECRET}"},
        message_from_string(f"Host: example\nX-VWO-Auth: {SECRET}\n\n"),
        Headers({"X-VWO-Auth": SECRET}),
    ],
)
def test_who_knows_the_secret_wakes_it(launch: Launch, sink: Sink, headers: Any) -> None:
    client = launch(only("Old"))
    sink.answer = lambda _: Answer(200, only("New"))
    # What the body says is not believed: not even that it is JSON.
    assert client.handle_webhook(headers, b'{"accountId": 5, "url": "http://evil"}', SECRET) == 202
    wait_until(lambda: decides(client) == "New")
    assert sink.paths == ["/server-side/pull"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        [],
        {"X-VWO-Auth": ""},
        {"X-VWO-Auth": SECRET[:-1]},
        {"X-VWO-Auth": SECRET + "x"},
        {"X-VWO-Auth": SECRET.upper()},
        {"X-VWO-Auth": "\ud800"},
        {"X-VWO-Auth": 5},
        {"X-Other": SECRET},
        {"Authorization": SECRET},
        {"Authorization": f"Basic {SECRET}"},
    ],
)
def test_who_does_not_is_refused(launch: Launch, sink: Sink, headers: Any) -> None:
    client = launch(only("Old"))
    assert client.handle_webhook(headers, b"{}", SECRET) == 401
    decides(client)
    assert client.status().threads == {}
    assert sink.received == []


def test_while_a_secret_takes_another_s_place(launch: Launch) -> None:
    client = launch(only("Old"))
    for secret in ("old", "new"):
        assert client.handle_webhook({"X-VWO-Auth": secret}, b"", ["old", b"new"]) == 202
    assert client.handle_webhook({"X-VWO-Auth": "none"}, b"", ["old", b"new"]) == 401


@pytest.mark.parametrize("secret", ["", None, 5, [], [""], ["a", None], b""])
def test_without_a_secret_nobody_is_listened_to(
    launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture, secret: Any
) -> None:
    client = launch(only("Old"))
    for headers in ({}, {"X-VWO-Auth": ""}, {"X-VWO-Auth": "None"}):
        assert client.handle_webhook(headers, b"", secret) == 503
    assert "handle_webhook: secret must be" in caplog.text
    assert sink.received == []


@pytest.mark.parametrize("headers", [None, 5, "x-vwo-auth", ["a"], [("a", "b", "c")]])
def test_headers_that_are_none(
    launch: Launch, caplog: pytest.LogCaptureFixture, headers: Any
) -> None:
    client = launch(only("Old"))
    assert client.handle_webhook(headers, b"", SECRET) == 503
    assert "handle_webhook: headers must be" in caplog.text
    assert SECRET not in caplog.text


def test_a_storm_is_one_request_a_second(launch: Launch, sink: Sink) -> None:
    client = launch(only("Old"))
    sink.answer = lambda _: Answer(200, only("New"))
    for _ in range(1000):
        assert client.handle_webhook({"X-VWO-Auth": SECRET}, b"{}", SECRET) == 202
    wait_until(lambda: decides(client) == "New")
    assert len(sink.received) <= 3


def test_after_a_close(launch: Launch, sink: Sink) -> None:
    client = launch(only("Old"))
    client.close()
    assert client.handle_webhook({"X-VWO-Auth": SECRET}, b"{}", SECRET) == 503
    assert sink.received == []
