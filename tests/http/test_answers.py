"""Only the status of a response decides about events, for every way of sending."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from support.documents import settings
from support.pagesense import DOCUMENT
from support.sink import wait_until

import sortition
from sortition import pagesense, vwo
from sortition._http import retrying
from sortition._http.answers import outcome_of
from sortition._http.pool import SendingError
from sortition._http.transport import Response
from sortition.testing import FaultServer, faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition.testing.faults import RequestFault

GENEROUS_S: Final = 30.0
KEPT: Final = {101, *range(300, 400), 401, 403, 404, 408, 429, *range(500, 600)}
"""Statuses for which a batch is retried."""
UNKNOWN: Final = {101, *range(500, 600)}
"""Statuses after which the server may have the events."""
DELIVERED: Final = {100, *range(102, 300)}
"""An interim answer is read over; the final one of these tests is 200."""
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer(status: int, *, then_ok: bool) -> RequestFault:
    """An answer of this status, and one that is 200 behind an interim one."""
    if status >= 200:
        return faults.Status(status)
    head = f"HTTP/1.1 {status} Interim\r\nLink: </x>\r\n\r\n".encode()
    content = head + OK if then_ok else head
    return faults.RawAnswer(content, end="keep" if then_ok else "close", is_accepted=then_ok)


class WithinTheCall:
    def __init__(self, url: str) -> None:
        self.client = vwo.launch(settings(), base_url=url)

    def send(self, user_id: str) -> None:
        self.client.track("checkout", user_id, "purchase")


class InBatches:
    def __init__(self, url: str) -> None:
        batches = {"events_per_request": 1}
        self.client = vwo.launch(settings(), base_url=url, batch_events=batches)

    def send(self, user_id: str) -> None:
        self.client.track("checkout", user_id, "purchase")
        wait_until(lambda: not self.client.stats().queued and not self.client.stats().in_flight)


class WithPageSense:
    def __init__(self, url: str) -> None:
        self.client = pagesense.launch(DOCUMENT, base_url=url)

    def send(self, user_id: str) -> None:
        self.client.activate_experiment("Exp All", user_id)
        wait_until(lambda: not self.client.stats().queued and not self.client.stats().in_flight)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as found:
        yield found


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(retrying, "_LONGEST_PAUSE_S", 0.001)


@pytest.mark.parametrize("way", [WithinTheCall, InBatches, WithPageSense])
def test_every_status_from_100_to_599(
    server: FaultServer, way: type[WithinTheCall | InBatches | WithPageSense]
) -> None:
    """2xx delivers; 1xx is read over; what may change is retried; the rest of 4xx is final."""
    sender = way(server.url)
    client = sender.client
    for status in range(100, 600):
        server.script([answer(status, then_ok=status != 101)])
        before, sent = client.stats(), len(server.requests)
        sender.send(f"user-{status}")
        after, requests = client.stats(), len(server.requests) - sent
        delivered = sum(after.delivered.values()) - sum(before.delivered.values())
        lost = {
            reason
            for reason, kinds in after.dropped.items()
            if kinds != before.dropped.get(reason, {})
        }
        expected: tuple[int, set[str], int]
        if way is WithinTheCall:
            if status in DELIVERED:
                expected = (1, set(), 1)
            else:
                expected = (0, {"unknown_outcome" if status in UNKNOWN else "rejected"}, 1)
            # An answer that is no failure ends the row of failures.
            server.script([])
            sender.send("another")
        elif status in DELIVERED:
            expected = (1, set(), 1)
        elif status in KEPT:
            expected = (1, set(), 2)
        else:
            expected = (0, {"too_large" if status == 413 else "rejected"}, 1)
        assert (delivered, lost, requests) == expected, status
    repeated = sum(client.stats().possibly_duplicated.values())
    assert repeated == (0 if way is WithinTheCall else len(UNKNOWN))
    client.close()


@pytest.mark.parametrize("status", [600, 999])
def test_a_status_that_http_does_not_know_is_an_outage_everywhere(status: int) -> None:
    """It is retried in batches, and of unknown outcome within the call."""
    outcome = outcome_of(Response(status, b""))
    assert outcome.is_retried
    assert outcome.may_have_arrived
    assert outcome.is_server_down


@pytest.mark.parametrize("status", [408, 429])
def test_a_server_that_asks_for_patience_does_not_have_the_event(status: int) -> None:
    """The outcome is known, and the same for every way of sending."""
    outcome = outcome_of(Response(status, b"", headers={"retry-after": "7"}))
    assert not outcome.may_have_arrived
    assert outcome.retry_after_s == 7.0


def test_a_lost_connection_is_no_failure_of_the_server() -> None:
    """It counts neither for the log nor towards the pause."""
    lost = SendingError("ConnectionError", may_have_arrived=True, lost_its_connection=True)
    outcome = outcome_of(lost)
    assert outcome.is_retried
    assert outcome.may_have_arrived
    assert not outcome.is_server_down
    assert not outcome.is_noteworthy


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (
            "https://status.example/maintenance?key=secret",
            "status 302, a redirect to status.example",
        ),
        ("https://user:secret@status.example:8443/", "status 302, a redirect to status.example"),
        ("/login?next=secret", "status 302, a redirect"),
        ("", "status 302, a redirect"),
        ("http://[secret", "status 302, a redirect"),
        ("https://" + "a" * 1000, "status 302, a redirect to " + "a" * 100),
    ],
)
def test_a_redirect_is_logged_with_its_host_alone(
    server: FaultServer, caplog: pytest.LogCaptureFixture, location: str, words: str
) -> None:
    """The events are kept and delivered later; the rest of the location may hold a secret."""
    client = vwo.launch(settings(), base_url=server.url, batch_events={"events_per_request": 1})
    server.script([faults.Status(302, headers={"Location": location})] * 3)
    client.track("checkout", "Ann", "purchase")
    wait_until(lambda: client.stats().delivered == {"conversion": 1})
    client.close()
    assert f"failed ({words})" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("status", [401, 403, 404])
def test_events_wait_for_a_key_that_is_corrected(
    server: FaultServer, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """A server that refuses the key is retried for `retry_for_s`; the status says `degraded`."""
    client = vwo.launch(settings(), base_url=server.url, batch_events={"events_per_request": 100})
    server.fault = faults.Status(status)
    for number in range(500):
        client.track("checkout", f"user-{number}", "purchase")
    wait_until(lambda: len(server.requests) > 5)
    assert client.status().state == "degraded"
    assert client.status().reasons == (f"the server does not accept events: status {status}",)
    assert client.stats().dropped == {}
    server.fault = faults.Healthy()
    assert client.flush_events(timeout_s=GENEROUS_S)
    assert (server.distinct, server.repeated) == (500, 0)
    client.close()
    assert caplog.text.count(f"failed (status {status})") == 1


@pytest.mark.parametrize("media_type", ["text/html", "Text/HTML; charset=utf-8"])
@pytest.mark.parametrize("way", [WithinTheCall, InBatches, WithPageSense])
def test_a_web_page_in_answer_is_said_once_and_counted_apart(
    server: FaultServer,
    caplog: pytest.LogCaptureFixture,
    way: type[WithinTheCall | InBatches | WithPageSense],
    media_type: str,
) -> None:
    """The events count as delivered and are never resent; a real answer ends the status."""
    sender = way(server.url)
    page = faults.Status(200, headers={"Content-Type": media_type}, body=b"<html>log in</html>")
    server.fault = page
    for number in range(3):
        sender.send(f"user-{number}")
    stats = sender.client.stats()
    assert sum(stats.delivered.values()) == 3
    assert stats.answered_with_html == stats.delivered
    assert stats.dropped == {}
    assert len(server.requests) == 3
    assert caplog.text.count("answered with a web page") == 1
    assert server.url.removeprefix("http://") in caplog.text
    (reason,) = sender.client.status().reasons
    assert "web page" in reason
    server.fault = faults.Healthy()
    sender.send("another")
    assert sender.client.status().reasons == ()
    assert sender.client.stats().answered_with_html == stats.answered_with_html
    sender.client.close()


def test_no_other_module_has_a_rule_about_statuses() -> None:
    """One package defines the meaning of a status; the test servers do not count."""
    package = Path(sortition.__file__).parent
    statuses = range(200, 600)
    found = []
    for path in package.rglob("*.py"):
        name = path.relative_to(package).as_posix()
        if name.startswith(("_http/", "collector/", "testing/")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_rule = isinstance(node, ast.Compare) or (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("range", "frozenset")
            )
            if is_rule:
                values = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
                found += [f"{name}: {value!r}" for value in values if value in statuses]
    assert found == []
