"""Endless responses: abandoning a request ends it and releases everything it held."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from support.documents import settings
from support.pagesense import DOCUMENT
from support.sink import wait_until

from sortition import SettingsUnavailableError, pagesense, vwo
from sortition._http import retrying
from sortition._http.pool import Deadline, SenderPool, SendingError
from sortition._http.transport import Request, RequestsTransport
from sortition.testing import FaultServer, faults

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS: Final[tuple[Any, ...]] = ("interim", "status line", "headers", "body")
SHORT_S: Final = 0.3
GENEROUS_S: Final = 60.0
ACCOUNT: Final[dict[str, Any]] = {"account_id": "604812", "sdk_key": settings()["sdkKey"]}


def endless(part: Any) -> faults.EndlessAnswer:
    return faults.EndlessAnswer(part, 0.01)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as found:
        yield found


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(retrying, "_LONGEST_PAUSE_S", 0.001)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("needs_body", [False, True], ids=["events", "settings"])
def test_a_request_that_is_given_up_frees_its_place(
    server: FaultServer, part: str, *, needs_body: bool
) -> None:
    """More requests than there are places, one after the other: each is sent, on time."""
    transport = RequestsTransport()
    pool = SenderPool(transport, most_senders=2)
    server.fault = endless(part)
    request = Request("GET", f"{server.url}/any", needs_body=needs_body)
    for number in range(1, 7):
        deadline = Deadline(SHORT_S)
        try:
            response = pool.send(request, deadline)
        except SendingError as error:
            assert "too many" not in str(error)  # noqa: PT017 -- an answer is right, too
        else:
            # The status had come. What is needed of the rest is not there.
            assert response.status == 200
            assert not response.is_whole
        assert len(server.requests) == number
        wait_until(lambda: pool.free_places == 2)
    pool.close()
    transport.close()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("is_batched", [False, True], ids=["within the call", "batches"])
def test_vwo_events(server: FaultServer, part: str, *, is_batched: bool) -> None:
    """Once the server is healthy everything is delivered; what has a 2xx status is already."""
    batches = {"events_per_request": 1} if is_batched else None
    client = vwo.launch(
        settings(), base_url=server.url, request_timeout_s=SHORT_S, batch_events=batches
    )
    server.fault = endless(part)
    told = [client.track("checkout", f"u{number}", "purchase") for number in range(3)]
    has_status = part in ("headers", "body")
    assert [bool(one) for one in told] == [is_batched or has_status] * 3
    if is_batched:
        # More attempts than there are places.
        wait_until(lambda: len(server.requests) >= (3 if has_status else 6))
    server.fault = faults.Healthy()
    if not is_batched:
        # Three failures began a pause.
        delivery: Any = client._delivery
        delivery._dispatch._process.get()._breaker.note_success()
    assert client.track("checkout", "afterwards", "purchase")
    assert client.flush_events(timeout_s=GENEROUS_S) is (True if is_batched else None)
    assert sum(client.stats().delivered.values()) == (4 if is_batched or has_status else 1)
    client.close()


@pytest.mark.parametrize("part", PARTS)
def test_pagesense_events(server: FaultServer, part: str) -> None:
    """As many requests at once as there may be: none of them holds up the others for ever."""
    client = pagesense.launch(
        DOCUMENT, base_url=server.url, request_timeout_s=SHORT_S, requests_at_once=2
    )
    server.fault = endless(part)
    for number in range(4):
        client.activate_experiment("Exp All", f"u{number}")
    wait_until(lambda: len(server.requests) >= 4)
    server.fault = faults.Healthy()
    assert client.flush(timeout_s=GENEROUS_S)
    assert client.stats().delivered == {"visitor": 4}
    client.close()


def settings_server(document: object) -> faults.Status:
    return faults.Status(200, body=json.dumps(document).encode())


@pytest.mark.parametrize("part", PARTS)
def test_the_poller(server: FaultServer, part: str) -> None:
    """More polls than it has places fail on time; then a poll succeeds."""
    server.fault = settings_server(settings())
    client = vwo.launch(
        **ACCOUNT,
        base_url=server.url,
        request_timeout_s=SHORT_S,
        poll_interval_s=1,
        is_development_mode=True,
    )
    assert client.activate("checkout", "Ann")
    server.fault = endless(part)
    seen = len(server.requests)
    live: Any = client._live
    poller = live._pollers.get()
    for number in range(1, 4):
        poller.wake()
        wait_until(lambda number=number: len(server.requests) >= seen + number)  # type: ignore[misc]
    server.fault = settings_server(settings())
    wait_until(lambda: client.status().endpoints["settings"].failing_for_s is None)
    wait_until(lambda: poller._pool.free_places == 2)
    client.close()


@pytest.mark.parametrize("part", PARTS)
def test_settings_on_request(server: FaultServer, part: str) -> None:
    """`get_and_update_settings_file` is back on time, however often, and works afterwards."""
    client = vwo.launch(
        settings(), base_url=server.url, request_timeout_s=SHORT_S, is_development_mode=True
    )
    live: Any = client._live
    server.fault = endless(part)

    def version() -> int:
        # No pause after a failure, which is not what this is about.
        live._pollers.get()._schedule._may_ask_from = 0.0
        text = client.get_and_update_settings_file(ACCOUNT["account_id"], ACCOUNT["sdk_key"])
        found: int = json.loads(str(text))["version"]
        return found

    for number in range(1, 4):
        assert version() == 1
        assert len(server.requests) == number
    server.fault = settings_server({**settings(), "version": 2})
    assert version() == 2
    client.close()


@pytest.mark.parametrize("part", PARTS)
def test_pagesense_settings_on_request(server: FaultServer, part: str) -> None:
    """`get_and_update_project_settings` is back on time, however often, and works afterwards."""
    server.fault = settings_server(DOCUMENT)
    client = pagesense.launch(
        sdk_account_id="12345-US",
        sdk_key="key",
        project_name="Http One",
        base_url=server.url,
        request_timeout_s=SHORT_S,
    )
    live: Any = client._live

    def fetches() -> bool:
        # No pause after a failure, which is not what this is about.
        live._pollers.get()._schedule._may_ask_from = 0.0
        return client.get_and_update_project_settings()

    server.fault = endless(part)
    seen = len(server.requests)
    for number in range(1, 4):
        assert not fetches()
        assert len(server.requests) == seen + number
    server.fault = settings_server(DOCUMENT)
    assert fetches()
    client.close()


@pytest.mark.parametrize("part", PARTS)
def test_a_settings_file_without_a_client(server: FaultServer, part: str) -> None:
    """`get_settings_file` raises on time and leaves no thread."""
    server.fault = endless(part)
    before = threading.active_count()
    began = time.monotonic()
    with pytest.raises(SettingsUnavailableError):
        vwo.get_settings_file(
            ACCOUNT["account_id"],
            ACCOUNT["sdk_key"],
            base_url=server.url,
            request_timeout_s=SHORT_S,
        )
    assert time.monotonic() - began < GENEROUS_S
    server.close()
    wait_until(lambda: threading.active_count() <= before)
