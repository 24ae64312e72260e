"""`get_settings_file`: a usable document, or a clear error in time."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import settings
from support.sink import Answer, BlackHole, free_url

import sortition
from sortition import vwo

if TYPE_CHECKING:
    from support.sink import Sink

KEY = "0123456789abcdef"
TEXT = json.dumps(settings())


def test_it_fetches_the_document_as_it_is(sink: Sink) -> None:
    sink.answer = lambda _: Answer(body=TEXT.encode())
    assert vwo.get_settings_file(604812, KEY, base_url=sink.url) == TEXT
    (received,) = sink.received
    query = received.query
    assert (received.method, received.path) == ("GET", "/server-side/settings")
    assert 0 <= float(query.pop("r")) < 1
    assert query == {
        "a": "604812",
        "i": KEY,
        "platform": "server",
        "api-version": "1",
        "sdk": "sortition",
        "sdk-v": sortition.__version__,
    }
    assert vwo.launch(TEXT).get_variation_name("checkout", "Ann")


def test_a_byte_order_mark_is_left_out(sink: Sink) -> None:
    sink.answer = lambda _: Answer(body=b"\xef\xbb\xbf" + TEXT.encode())
    assert vwo.get_settings_file(604812, KEY, base_url=sink.url) == TEXT
    with vwo.launch(account_id=604812, sdk_key=KEY, base_url=sink.url) as client:
        assert client.status().settings_version == 1


def test_a_webhook_has_its_own_path(sink: Sink) -> None:
    sink.answer = lambda _: Answer(body=TEXT.encode())
    assert vwo.get_settings_file("604812", KEY, True, base_url=sink.url) == TEXT
    assert sink.paths == ["/server-side/pull"]


def test_a_compressed_answer_is_read(sink: Sink) -> None:
    body = gzip.compress(TEXT.encode())
    sink.answer = lambda _: Answer(body=body, headers={"Content-Encoding": "gzip"})
    assert vwo.get_settings_file(604812, KEY, base_url=sink.url) == TEXT


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 429, 500, 503])
def test_another_status_is_an_error(sink: Sink, status: int) -> None:
    """The error names the status and where a redirect leads, which is not followed."""
    sink.answer = lambda _: Answer(status, TEXT.encode(), {"Location": f"{sink.url}/elsewhere"})
    with pytest.raises(sortition.SettingsUnavailableError) as caught:
        vwo.get_settings_file(604812, KEY, base_url=sink.url)
    assert caught.value.status == status
    url = f"{sink.url}/server-side/settings"
    redirect = ", a redirect to 127.0.0.1" if status == 302 else ""
    assert str(caught.value) == f"GET {url} was answered with status {status}{redirect}"
    assert "/elsewhere" not in sink.paths


@pytest.mark.parametrize(
    "body", [b"", b"<html>Down for maintenance</html>", b"{}", b"null", TEXT.encode()[:-5], b"\xff"]
)
def test_an_unusable_document_is_an_error(sink: Sink, body: bytes) -> None:
    sink.answer = lambda _: Answer(body=body)
    with pytest.raises(sortition.SettingsUnavailableError, match="not a usable settings file"):
        vwo.get_settings_file(604812, KEY, base_url=sink.url)


def test_a_refused_connection_is_an_error() -> None:
    with pytest.raises(sortition.SettingsUnavailableError, match="failed: ConnectionError"):
        vwo.get_settings_file(604812, KEY, base_url=free_url())


def test_a_server_that_hangs_is_an_error_at_the_deadline() -> None:
    with (
        BlackHole() as hole,
        pytest.raises(sortition.SettingsUnavailableError, match="failed"),
    ):
        vwo.get_settings_file(604812, KEY, base_url=hole.url, request_timeout_s=0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, KEY), "account_id: must be an int or a string, got None"),
        ((True, KEY), "account_id: must be an int or a string, got bool"),
        (("", KEY), "account_id: must not be empty"),
        ((1, None), "sdk_key: must be a string, got None"),
        ((1, ""), "sdk_key: must be letters, digits and signs of ASCII without a space"),
        ((1, KEY + "\n"), "sdk_key: must be letters, digits and signs of ASCII without a space"),
        ((1, KEY, 1), "is_via_webhook: must be a bool, got int"),
    ],
)
def test_a_wrong_argument_is_named(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(sortition.OptionError) as caught:
        vwo.get_settings_file(*arguments)
    assert str(caught.value) == message
