"""The SDK key and raw user ids are in no log, repr or exception."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, settings
from support.sink import Answer, free_url

import sortition
from sortition import vwo
from sortition._base import guard
from sortition._engine.pure.pagesense.decision import Request as PagesenseRequest
from sortition._engine.pure.vwo.decision import Request as VwoRequest
from sortition._http.transport import Request, Response
from sortition._pagesense.deciding import Asked as PagesenseAsked
from sortition._pagesense.deciding import Chosen as PagesenseChosen
from sortition._vwo.wire import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]

KEY = "s3cr3t0f3b6c1a9d724e58"
USER = "ann.secret@example.com"
DOCUMENT = {**settings(), "sdkKey": KEY}


class Everything(logging.Handler):
    """Keeps every message of every logger, as a handler of the root logger at DEBUG gets it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.name, self.format(record)))


@pytest.fixture
def everything() -> Iterator[Everything]:
    handler, root = Everything(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


def use(client: vwo.Client) -> None:
    """Every call, right and wrong."""
    custom: dict[str, object] = {"mail": USER}
    client.activate("checkout", USER, custom_variables=custom)
    client.get_variation_name("checkout", USER)
    client.track("checkout", USER, "purchase", user_agent=USER, event_properties={"a": {1}})
    client.track(None, USER, "purchase", revenue_value=[USER])  # type: ignore[arg-type]
    client.track("checkout", USER, "nothing")
    client.is_feature_enabled("checkout", USER)
    client.get_feature_variable_value("checkout", "any", USER)
    client.activate("none", USER, custom_variables=USER)  # type: ignore[arg-type]
    client.activate("checkout", USER, unknown=USER)  # type: ignore[call-arg]
    client.push("mail", USER, USER)
    client.push({"mail": USER, "": USER}, USER)
    client.explain("checkout", USER, custom_variables=custom)
    client.get_and_update_settings_file(604812, KEY)
    client.get_and_update_settings_file(604812, f"{KEY}\n")
    client.flush_events(timeout_s=0.1)
    client.close()
    client.activate("checkout", USER)


@pytest.mark.parametrize(
    ("is_event_arch", "batch_events"),
    [(False, None), (True, None), (False, {"events_per_request": 3})],
)
@pytest.mark.parametrize("state", ["well", "refused", "500", "redirected", "not http", "broken"])
def test_logs_at_debug(
    launch: Launch,
    sink: Sink,
    everything: Everything,
    state: str,
    is_event_arch: bool,
    batch_events: object,
) -> None:
    """Whatever the network does; only urllib3's own debug lines hold the URL that it requests."""
    answers = {
        "500": Answer(500),
        "redirected": Answer(302, headers={"Location": "http://x/?y"}),
        "broken": Answer(headers={"Connection": "close", "X-One": "1\r\nno header"}),
    }
    sink.answer = lambda _: answers.get(state, Answer())
    url = {"refused": free_url(), "not http": sink.url.replace("http:", "https:")}
    client = launch(
        {**DOCUMENT, "isEventArchEnabled": is_event_arch},
        base_url=url.get(state, sink.url),
        log_level=vwo.LOG_LEVELS.DEBUG,
        batch_events=batch_events,
        close_timeout_s=0.1,
    )
    use(client)
    assert KEY not in repr(client) + repr(client.status()) + repr(client.stats())
    ours = [line for name, line in everything.lines if name.startswith("sortition")]
    assert ours
    for line in ours:
        assert KEY not in line
        assert USER not in line
    others = {name for name, line in everything.lines if KEY in line}
    assert others <= {"urllib3.connectionpool"}


def test_a_given_logger_gets_no_more(launch: Launch) -> None:
    class Mine:
        def __init__(self) -> None:
            self.lines: list[str] = []

        def log(self, _level: int, message: str) -> None:
            self.lines.append(message)

    mine = Mine()
    use(launch(DOCUMENT, logger=mine, log_level=vwo.LOG_LEVELS.DEBUG, base_url=free_url()))
    assert mine.lines
    assert not [line for line in mine.lines if KEY in line or USER in line]


def test_what_the_caller_s_own_code_raises(launch: Launch, everything: Everything) -> None:
    """Where it came from, and not what it says: a `KeyError` holds the key. And not every time."""

    class Broken:
        def get(self, user_id: str, _campaign_key: str) -> None:
            raise KeyError(user_id)

        def set(self, record: dict[str, object]) -> None:
            raise OSError(record["userId"])

        def callback(self, properties: dict[str, object]) -> None:
            raise RuntimeError(properties["user_id"])

    client = launch(DOCUMENT, user_storage=Broken(), integrations=Broken())
    for _ in range(1000):
        assert client.activate("checkout", USER)
    lines = [line for _, line in everything.lines if " raised " in line]
    assert len(lines) == 3
    text = "\n".join(lines)
    assert "user_storage.get raised KeyError, which counts as no record:\n" in text
    assert "user_storage.set raised OSError:\n" in text
    assert "integrations.callback raised RuntimeError:\n" in text
    assert "raise KeyError(user_id)" in text
    assert KEY not in text
    assert USER not in text


def test_a_key_with_a_line_break(everything: Everything) -> None:
    """Pasted with the newline, no header could carry it: it is refused, or counts as missing."""
    with pytest.raises(sortition.OptionError) as caught:
        vwo.get_settings_file(1, f"{KEY}\n")
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value)
    with vwo.launch({**DOCUMENT, "sdkKey": f"{KEY}\n"}) as client:
        [problem] = client.status().problems
    assert problem.path == "sdkKey"
    assert KEY not in repr(problem)
    assert not [line for _, line in everything.lines if KEY in line]


@pytest.mark.parametrize(
    "fault",
    [
        {"campaigns": [{"id": KEY}]},
        {"campaigns": [{**campaign(), "status": [KEY]}]},
        {"collectionPrefix": [KEY]},
        {"accountId": {"a": KEY}},
        {"version": None},
    ],
)
def test_a_refused_document_shows_none_of_its_values(fault: dict[str, Any]) -> None:
    with pytest.raises(sortition.SettingsError) as caught:
        vwo.launch({**DOCUMENT, **fault})
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value)


def test_a_broken_document_shows_none_of_its_text() -> None:
    with pytest.raises(sortition.SettingsError) as caught:
        vwo.launch(json.dumps(DOCUMENT)[:-3])
    chain: BaseException | None = caught.value
    while chain is not None:
        assert KEY not in str(chain)
        chain = chain.__cause__


@pytest.mark.parametrize("status", [None, 403])
def test_a_settings_file_that_does_not_come(sink: Sink, status: int | None) -> None:
    sink.answer = lambda _: Answer(status or 200)
    url = sink.url if status else free_url()
    with pytest.raises(sortition.SettingsUnavailableError) as caught:
        vwo.get_settings_file(1, KEY, base_url=url)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_reprs(launch: Launch) -> None:
    client = launch(DOCUMENT)
    request = Request(
        "GET", "http://host/path", query={"env": KEY}, headers={"Authorization": KEY}, body=b"key"
    )
    for shown in (repr(client), str(client), repr(client.status()), repr(request), str(request)):
        assert KEY not in shown
    assert "secret" not in repr(Response(200, b"secret"))


def test_what_a_call_hands_on_shows_no_user() -> None:
    """Tools that report errors show what stands in the frames."""
    given: dict[str, object] = {"mail": USER}
    handed_on = [
        PagesenseChosen(USER),
        PagesenseAsked("track_goal", USER, given),
        PagesenseRequest(USER, given, has_user_storage=False, profile=None, goal_name=None),
        Visitor(USER, USER, USER),
        VwoRequest("track", USER, given, given, False, {"records": USER}, False, None),
    ]
    for one in handed_on:
        assert USER not in repr(one)


def test_the_guard_shows_no_text_of_an_exception(
    launch: Launch, everything: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug gives the documented nothing, and where it was."""
    monkeypatch.setattr(guard, "propagates", False)
    client = launch(DOCUMENT)

    class Bug:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(f"{KEY} {USER}")

    monkeypatch.setattr(client, "_calls", Bug())
    assert client.activate("checkout", USER) is None
    assert client.get_variation_name("checkout", USER) is None
    assert client.is_feature_enabled("checkout", USER) is False
    assert client.get_feature_variable_value("checkout", "any", USER) is None
    assert client.track("checkout", USER, "purchase") is None
    lines = [line for name, line in everything.lines if name == "sortition.vwo"]
    assert len(lines) == 5
    for line in lines:
        assert "failed with RuntimeError" in line
        assert "test_secrets.py" in line
        assert KEY not in line
        assert USER not in line
