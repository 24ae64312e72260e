"""The PageSense client: launching, user storage, both kinds of goals, and what it does better.

The defects (D-nn) are those of the published SDK; PageSense spec, section 10.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import logging
import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support import documents
from support.pagesense import DOCUMENT
from support.sink import Answer, BlackHole, Sink, free_url, wait_until
from support.vectors import pagesense as vectors

import sortition
from sortition import pagesense, vwo
from sortition._pagesense.constants import DATA_CENTERS
from sortition._settings import launching as settings_launching
from sortition.compat.pagesense import (
    GoalProperty,
    GoalPropertyDataType,
    PageSenseClient,
    PageSenseClientBuilder,
    PageSenseLogger,
    PageSenseSDKOptions,
    PageSenseUserContext,
    UserProfile,
    UserStorageService,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sortition._engine import Engine

CASES = vectors("settings-builder-options")
DECISIONS = vectors("decisions")
ACCOUNT: dict[str, Any] = {
    "sdk_account_id": "acct1-US",
    "sdk_key": "sdkkey1",
    "project_name": "Http One",
}
KEY = "sdkkey-from-settings"


def document(**changes: Any) -> dict[str, Any]:
    """The settings with other fields in its first experiment."""
    copy: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    copy["projectsettings"][0]["experiments"][0].update(changes)
    return copy


@pytest.fixture
def launched(engine: Engine, sink: Sink) -> Iterator[Callable[..., pagesense.Client]]:
    """Launch clients with the engine of the test, that talk to the sink."""
    with contextlib.ExitStack() as clients:

        def launch_one(settings: Any = DOCUMENT, **options: Any) -> pagesense.Client:
            options = {"base_url": sink.url, "engine": engine.name, **options}
            return clients.enter_context(pagesense.launch(settings, **options))

        yield launch_one


class Storage(UserStorageService):
    """Keeps profiles in memory; with an error, it raises instead."""

    def __init__(self, found: object = None, error: Exception | None = None) -> None:
        self.found: Any = found
        self.error = error
        self.lookups = 0
        self.saved: list[dict[str, str]] = []

    def look_up(self, user_id: str) -> str | None:
        assert user_id
        self.lookups += 1
        if self.error is not None:
            raise self.error
        found: str | None = self.found
        return found

    def save(self, user_profile: UserProfile) -> None:
        text = user_profile.get_user_profile_json_string()
        self.saved.append({"user_id": user_profile.get_user_id(), "json": text})


def raws(sink: Sink) -> list[Any]:
    return [json.loads(one.query["raw"]) for one in sink.received]


def named(project_name: str) -> dict[str, Any]:
    """The document of a project of this name."""
    return {"projectsettings": [{**DOCUMENT["projectsettings"][0], "project_name": project_name}]}


# Launching


@pytest.mark.parametrize("case", CASES["builder_arguments"], ids=lambda case: str(case["args"]))
def test_what_settings_are_asked_for_with(engine: Engine, sink: Sink, case: dict[str, Any]) -> None:
    """The arguments as recorded; what names no data center is refused (see "Our choices")."""
    sink.answer = lambda received: (
        Answer(body=json.dumps(named(case["args"][2])).encode())
        if "No%20Such" not in received.target
        else Answer(body=b"{}")
    )
    arguments = dict(zip(ACCOUNT, case["args"], strict=True))
    is_made = case["client_created"] and case["args"][0] != "a-b-US"
    launch: Any = pagesense.launch
    if is_made:
        launch(**arguments, base_url=sink.url, engine=engine.name).close()
    else:
        with pytest.raises((sortition.OptionError, sortition.SettingsUnavailableError)):
            launch(**arguments, base_url=sink.url, engine=engine.name, init_timeout_s=0.3)
    asked = case["settings_requests"] if case["args"][0] != "a-b-US" else []
    assert raws(sink) == asked
    made = PageSenseClientBuilder.create_new_pagesense_client(
        *case["args"], base_url=sink.url, init_timeout_s=0.3
    )
    assert (made is not None) is is_made
    if made is not None:
        made.close()


@pytest.mark.parametrize("case", CASES["data_center_lookup"], ids=lambda case: str(case["text"]))
def test_data_centers(case: dict[str, Any]) -> None:
    given: Any = {"settings": DOCUMENT, "data_center": case["text"]}
    if case["found"] is None:
        with pytest.raises(sortition.OptionError, match=r"^data_center: "):
            pagesense.launch(**given)
    else:
        with pagesense.launch(**given) as client:
            assert client.status().data_center == case["found"]


def test_the_hosts_of_the_data_centers() -> None:
    """Those of the platform's customers, as recorded."""
    internal = {"LT", "CT", "ZT"}
    wanted = {one["name"]: one["host"] for one in CASES["data_centers"]}
    assert {name: host for name, host in wanted.items() if name not in internal} == {**DATA_CENTERS}


class Recording:
    """A transport that says where requests go, and has them answered."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def send(self, request: pagesense.Request, timeout_s: float) -> pagesense.Response:
        assert timeout_s > 0
        self.urls.append(request.url)
        return pagesense.Response(200, json.dumps(DOCUMENT).encode())


def test_d12_two_data_centers_in_one_process() -> None:
    """D12: with the SDK, the first client's data center was that of all."""
    transports = {"EU": Recording(), "IN": Recording()}
    clients = {
        center: pagesense.launch(
            sdk_account_id=f"acct-{center}",
            sdk_key="key",
            project_name="Http One",
            transport=transport,
            poll_interval_s=0,
        )
        for center, transport in transports.items()
    }
    for client in clients.values():
        client.activate_experiment("Exp All", "user1")
    for client in clients.values():
        client.close()
    for center, transport in transports.items():
        base = f"https://{DATA_CENTERS[center]}/psfullstacksdk"
        assert transport.urls == [f"{base}/updateprojectsettings", f"{base}/trackvisitor"]


def test_settings_that_name_no_data_center(engine: Engine) -> None:
    """Ids of users are not sent to a part of the world that nobody named."""
    with pytest.raises(sortition.OptionError, match=r"^data_center: "):
        pagesense.launch(DOCUMENT)
    named = json.loads(json.dumps(DOCUMENT))
    named["projectsettings"][0]["sdk_account_id"] = "12345-eu"
    with pagesense.launch(named, engine=engine.name) as client:
        assert client.status().data_center == "EU"
    with pagesense.launch(DOCUMENT, is_development_mode=True) as client:
        assert client.status().data_center is None
        assert client.activate_experiment("Exp All", "user1") == "Original"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "sdk_account_id: is required"),
        ({"sdk_account_id": "a-US"}, "sdk_key: is required"),
        ({"settings": DOCUMENT, "sdk_key": "k"}, "sdk_account_id: is required"),
        ({**ACCOUNT, "sdk_account_id": 5}, "sdk_account_id: must be a string, got int"),
        ({**ACCOUNT, "sdk_account_id": "acct1"}, "sdk_account_id: must be ACCOUNT-DATACENTER"),
        ({**ACCOUNT, "sdk_account_id": " -US"}, "sdk_account_id: must be ACCOUNT-DATACENTER"),
        ({**ACCOUNT, "sdk_account_id": "a-GB"}, "sdk_account_id: the data center must be one of"),
        ({**ACCOUNT, "sdk_key": " "}, "sdk_key: must not be blank"),
        ({**ACCOUNT, "project_name": "\ud800"}, "project_name: holds half of a surrogate pair"),
        ({**ACCOUNT, "data_center": "EU"}, "data_center: is not the one that sdk_account_id names"),
        ({"settings": 5, "data_center": "US"}, "settings: must be JSON text, bytes, a dict"),
        ({"settings": "settings.json"}, "settings: must be a JSON document; for the path"),
        ({"poll_interval_s": 9}, "poll_interval_s: must be from 10 to 1800 seconds"),
        ({"poll_interval_s": 1801}, "poll_interval_s: must be from 10 to 1800 seconds"),
        ({"poll_interval_s": 10.0}, "poll_interval_s: must be a whole number"),
        ({"poll_interval_s": True}, "poll_interval_s: must be a whole number"),
        ({"log_level": "INFO"}, "log_level: must be a level of logging: DEBUG, INFO"),
        ({"log_level": 7}, "log_level: must be a level of logging: DEBUG, INFO"),
        ({"user_storage": object()}, "user_storage: must have the methods look_up and save"),
        ({"logger": object()}, "logger: must have the method log"),
        ({"transport": object()}, "transport: must have the method send"),
        ({"engine": "fast"}, "engine: must be one of"),
        ({"base_url": "ftp://x"}, "base_url: must start with"),
        ({"requests_at_once": 0}, "requests_at_once: must be from 1 to 100"),
        ({"queue_events": 0}, "queue_events: must be from 1"),
        ({"retry_for_s": -1}, "retry_for_s: must be from 0"),
        ({"request_timeout_s": 0}, "request_timeout_s: must be more than 0"),
        ({"close_timeout_s": "5"}, "close_timeout_s: must be a number of seconds"),
        ({"is_development_mode": 1}, "is_development_mode: must be a bool"),
        ({"on_unknown_outcome": "keep"}, "on_unknown_outcome: must be one of"),
        ({"on_drop": 5}, "on_drop: must be callable"),
        ({"pol_interval_s": 5}, "pol_interval_s: .* did you mean poll_interval_s"),
    ],
)
def test_launch_options_that_cannot_be_used(options: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {**options}
    if "settings" not in given and not given.keys() & ACCOUNT.keys() and given:
        given = {"settings": DOCUMENT, "base_url": "http://127.0.0.1:1", **given}
    with pytest.raises(sortition.OptionError, match=f"^{message}"):
        pagesense.launch(**given)


def test_d10_only_a_2xx_answer_brings_settings(
    engine: Engine, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D10: the SDK took a valid document with any status."""
    # The first answer is the only one, and has time enough to come.
    monkeypatch.setattr(settings_launching, "_FIRST_PAUSE_S", 60.0)
    body = json.dumps(DOCUMENT).encode()
    for status in (404, 500, 301):
        answer = Answer(status=status, body=body, headers={"Location": sink.url})
        sink.answer = lambda _, answer=answer: answer  # type: ignore[misc]
        with pytest.raises(sortition.SettingsUnavailableError) as error:
            pagesense.launch(**ACCOUNT, base_url=sink.url, engine=engine.name, init_timeout_s=30)
        assert error.value.status == status
    assert len(sink.received) == 3
    for useless in (b"", b"<html></html>", b"{}", b'{"projectsettings": []}'):
        sink.answer = lambda _, useless=useless: Answer(body=useless)  # type: ignore[misc]
        with pytest.raises(sortition.SettingsUnavailableError, match="not a usable settings"):
            pagesense.launch(**ACCOUNT, base_url=sink.url, engine=engine.name, init_timeout_s=30)


def test_no_answer() -> None:
    for url in (free_url(), None):
        with BlackHole() as hole, pytest.raises(sortition.SettingsUnavailableError) as error:
            pagesense.launch(**ACCOUNT, base_url=url or hole.url, request_timeout_s=0.2)
        assert "sdkkey1" not in str(error.value)


def test_settings_that_cannot_be_used() -> None:
    with pytest.raises(sortition.SettingsError, match="projectsettings"):
        pagesense.launch({}, data_center="US")


def test_d15_a_broken_experiment_costs_no_other(
    launched: Callable[..., pagesense.Client], caplog: pytest.LogCaptureFixture
) -> None:
    """D15: it refused the whole project."""
    client = launched(document(audiences=[{"audience_link_name": "nobody"}]))
    assert client.get_variation_name("Exp All", "user1") is None
    assert client.get_variation_name("Exp Chrome", "user1", {"Browser": "Chrome"}) == "Variation 1"
    (problem,) = client.status().problems
    assert problem.path.startswith("projectsettings[0].experiments[0].audiences[0]")
    assert str(problem.path) in caplog.text
    assert "the experiment Exp All is broken and was set aside" in caplog.text


# Settings while the client is in use


POLLED = vectors("http-capture")["polling"]


def threads(client: pagesense.Client) -> list[str]:
    """The client's threads that run."""
    return [name for name, thread in client.status().threads.items() if thread.is_running]


def test_polling_requests_and_what_replaces_settings(engine: Engine, sink: Sink) -> None:
    """The recorded run, byte for byte; but D10: a valid document with status 500 is not taken.

    Webhooks ask in the place of the interval, which is ten seconds at least.
    """
    documents = {
        name: json.dumps(
            {
                "projectsettings": [
                    {
                        **DOCUMENT["projectsettings"][0],
                        "project_name": "Polled",
                        "portal_name": "portal-p",
                        "sdk_key": "key-from-settings",
                        "experiments": [
                            {
                                **DOCUMENT["projectsettings"][0]["experiments"][0],
                                "variations": [
                                    {
                                        **DOCUMENT["projectsettings"][0]["experiments"][0][
                                            "variations"
                                        ][0],
                                        "variation_name": name,
                                    }
                                ],
                            }
                        ],
                    }
                ]
            }
        ).encode()
        for name in "ABC"
    }
    steps: list[tuple[Answer, str | None]] = [
        (Answer(body=documents["B"]), "B"),
        (Answer(body=b"no JSON"), None),
        (Answer(status=500, body=documents["C"]), None),
        (Answer(body=b"{}"), None),
        (Answer(body=documents["C"]), "C"),
        (Answer(body=documents["A"]), "A"),
    ]
    answers = [Answer(body=documents["A"])]
    sink.answer = lambda _: answers[-1]
    asked: Any = {**ACCOUNT, "project_name": "Polled", "poll_interval_s": 1800}
    with pagesense.launch(**asked, base_url=sink.url, engine=engine.name) as client:

        def shown() -> str | None:
            return client.get_variation_name("Exp All", "user1")

        def is_failing() -> bool:
            return client.status().endpoints["settings"].is_failing

        in_use = "A"
        for answer, name in steps:
            before = len(sink.received)
            answers.append(answer)
            assert client.handle_webhook({"X-OAuth-Token": "s3cret"}, b"", "s3cret") == 202
            wait_until(functools.partial(lambda count: len(sink.received) > count, before))
            if name is None:
                wait_until(is_failing)
                assert shown() == in_use
            else:
                wait_until(functools.partial(lambda wanted: shown() == wanted, name))
                wait_until(lambda: not is_failing())
                in_use = name
        assert client.status().source == "server"
        assert client.handle_webhook({"X-OAuth-Token": "guess"}, b"", "s3cret") == 401
    first, *others = [one["url_without_host"] for one in POLLED["settings_requests"]]
    targets = [one.target for one in sink.received]
    assert targets[0] == first
    assert set(targets[1:]) == set(others)


def test_a_client_that_fetched_its_settings_polls(engine: Engine, sink: Sink) -> None:
    """Every ten seconds, where nothing else is said; one that was given them does not."""
    sink.answer = lambda _: Answer(body=json.dumps(DOCUMENT).encode())
    with (
        pagesense.launch(**ACCOUNT, base_url=sink.url, engine=engine.name) as client,
        pagesense.launch(DOCUMENT, base_url=sink.url, engine=engine.name) as given,
    ):
        client.get_variation_name("Exp All", "user1")
        given.get_variation_name("Exp All", "user1")
        assert threads(client) == ["settings"]
        assert threads(given) == []
        wait_until(lambda: len(sink.received) > 1)
        # A refresh by hand ends it, where it succeeds.
        sink.answer = lambda _: Answer(status=500)
        assert client.get_and_update_project_settings() is False
        assert threads(client) == ["settings"]
        sink.answer = lambda _: Answer(body=json.dumps(DOCUMENT).encode())
        assert client.get_and_update_project_settings() is True
        wait_until(lambda: threads(client) == [])
        assert client.get_variation_name("Exp All", "user1") == "Original"
        assert threads(client) == []


@pytest.mark.parametrize(
    ("named", "account"), [("acct-x", "acct-x"), ("12345-eu", "12345"), ("1-EU-2", "1-EU-2")]
)
def test_a_refresh_of_settings_that_were_given(
    engine: Engine, sink: Sink, named: str, account: str
) -> None:
    """It asks as a first fetch does, with what the settings say."""
    given = json.loads(json.dumps(DOCUMENT))
    given["projectsettings"][0]["sdk_account_id"] = named
    sink.answer = lambda _: Answer(body=json.dumps(given).encode())
    with pagesense.launch(given, base_url=sink.url, engine=engine.name) as client:
        assert client.get_and_update_project_settings() is True
        assert client.get_and_update_project_settings(project_name="Http One") is True
    wanted = {"ai": account, "sk": KEY, "pn": "Http One", "a": account, "sgi": "Ro7xIyuMqrAPQWn"}
    assert raws(sink) == [{"fpqd": wanted}] * 2


def test_a_refresh_without_a_data_center(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    with pagesense.launch(DOCUMENT, is_development_mode=True, engine=engine.name) as client:
        assert client.get_and_update_project_settings() is False
    assert "the client knows no data center to ask" in caplog.text


def test_a_refresh_of_another_project_is_refused(
    engine: Engine, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    other = json.loads(json.dumps(DOCUMENT))
    other["projectsettings"][0]["project_key"] = "another"
    sink.answer = lambda _: Answer(body=json.dumps(other).encode())
    with pagesense.launch(
        DOCUMENT, base_url=sink.url, data_center="EU", engine=engine.name
    ) as client:
        assert client.get_and_update_project_settings(project_name="Other") is False
        assert raws(sink)[0]["fpqd"]["pn"] == "Other"
        assert client.get_and_update_project_settings("acct-IN", "k", "p") is False
        assert client.get_and_update_project_settings("acct", "k", "p") is False
        assert len(sink.received) == 1
    assert "of another" in caplog.text
    assert "sdk_account_id names another data center than the client's" in caplog.text
    assert "sdk_account_id: must be ACCOUNT-DATACENTER" in caplog.text


def test_a_start_without_the_server(engine: Engine, sink: Sink, tmp_path: Path) -> None:
    """The last good settings, then the fallback, then nothing; and then what the server has."""
    cache = tmp_path / "settings"
    sink.answer = lambda _: Answer(body=json.dumps(DOCUMENT).encode())
    options: Any = {**ACCOUNT, "base_url": sink.url, "engine": engine.name, "init_timeout_s": 0.3}
    pagesense.launch(**options, settings_cache=cache).close()
    sink.answer = lambda _: Answer(status=503)
    with pagesense.launch(**options, settings_cache=cache) as client:
        assert client.status().source == "cache"
        assert client.get_variation_name("Exp All", "user1") == "Original"
    with pagesense.launch(**options, fallback_settings=ours()) as client:
        assert client.status().source == "fallback"
        assert client.get_variation_name("Exp All", "user1") == "Original"
    with pagesense.launch(**options, allow_empty=True) as client:
        assert client.status().state == "empty"
        assert not client.healthz()
        assert repr(client).startswith("<sortition.pagesense.Client project=None")
        assert client.activate_experiment("Exp All", "user1") is None
        assert client.explain("Exp All", "user1") is None
        client.track_goal("Exp All", "user1", "Sign up")
        assert client.stats().refused == {"no_settings": {"visitor": 1, "conversion": 1}}
        sink.answer = lambda _: Answer(body=json.dumps(DOCUMENT).encode())
        assert client.get_and_update_project_settings() is True
        assert client.activate_experiment("Exp All", "user1") == "Original"
        assert client.healthz().state == "ready"
    assert client.healthz().state == "closed"


def ours(**changes: Any) -> dict[str, Any]:
    """The settings, with the names that the launch is given."""
    copy: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    copy["projectsettings"][0].update(sdk_account_id="acct1", sdk_key=ACCOUNT["sdk_key"], **changes)
    return copy


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"sdk_key": "old"}, "environment"),
        ({"project_name": "Gone"}, "project"),
        ({"sdk_account_id": "other"}, "account"),
    ],
)
def test_a_fallback_of_another_project_is_not_used(
    engine: Engine,
    sink: Sink,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, str],
    word: str,
) -> None:
    """One warning says what is another one; the server is asked for the project of the launch."""
    fallback = ours()
    fallback["projectsettings"][0].update(changes)
    sink.answer = lambda _: Answer(status=503)
    with pagesense.launch(
        **ACCOUNT,
        base_url=sink.url,
        engine=engine.name,
        init_timeout_s=0.3,
        close_timeout_s=0.3,
        fallback_settings=fallback,
        allow_empty=True,
    ) as client:
        assert client.status().state == "empty"
        assert caplog.text.count(f"its settings are of another {word}") == 1
        sink.answer = lambda _: Answer(body=json.dumps(DOCUMENT).encode())
        assert client.handle_webhook({"X-OAuth-Token": "s3cret"}, b"", "s3cret") == 202
        wait_until(lambda: client.status().source == "server")
        assert {one.target for one in sink.received} == {sink.received[0].target}


@pytest.mark.parametrize(
    "changes",
    [
        {"sdk_key": "other"},
        {"project_name": "Other"},
        {"sdk_account_id": "other-US"},
    ],
)
def test_a_cache_of_another_project_is_not_used(
    engine: Engine,
    sink: Sink,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, str],
) -> None:
    """A file that was written for another account, key or project costs one warning."""
    cache = tmp_path / "settings"
    asked = {**ACCOUNT, **changes}
    sink.answer = lambda _: Answer(body=json.dumps(named(asked["project_name"])).encode())
    options: Any = {"base_url": sink.url, "engine": engine.name, "init_timeout_s": 0.3}
    options |= {"settings_cache": cache, "close_timeout_s": 0.3}
    pagesense.launch(**asked, **options).close()
    sink.answer = lambda _: Answer(status=503)
    with pagesense.launch(**ACCOUNT, **options, allow_empty=True) as client:
        assert client.status().state == "empty"
    assert caplog.text.count("cannot be used: its settings are of another account") == 1


def test_a_first_answer_of_another_project_is_not_used(
    engine: Engine, sink: Sink, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A launch takes the fallback instead, the poller keeps that, and no cache is written."""
    cache = tmp_path / "settings"
    other = Answer(body=json.dumps(named("Another")).encode())
    sink.answer = lambda _: other
    options: Any = {**ACCOUNT, "base_url": sink.url, "engine": engine.name}
    with pytest.raises(sortition.SettingsUnavailableError, match="of another project"):
        pagesense.launch(**options, init_timeout_s=0.3)
    with pagesense.launch(
        **options, fallback_settings=ours(), settings_cache=cache, poll_interval_s=10
    ) as client:
        assert client.get_variation_name("Exp All", "user1") == "Original"
        wait_until(lambda: len(sink.received) > 2)
        wait_until(lambda: "there are none yet" in caplog.text or "stay in use" in caplog.text)
        assert client.status().source == "fallback"
        assert not cache.exists()
        sink.answer = lambda _: Answer(body=json.dumps(DOCUMENT).encode())
        assert client.get_and_update_project_settings()
        assert client.status().source == "server"
        assert cache.exists()


# Deciding


def perform(client: pagesense.Client, case: dict[str, Any]) -> Any:
    user_id = None if case.get("context") == "null" else case["user_id"]
    return getattr(client, case["call"])(case["experiment"], user_id, case["attributes"])


@pytest.mark.parametrize("group", DECISIONS["counts_by_group"])
def test_decisions(launched: Callable[..., pagesense.Client], group: str) -> None:
    """Every recorded decision through the public calls, with its look-ups and saves."""
    clients: dict[str, pagesense.Client] = {}
    for case in DECISIONS["cases"]:
        if case["group"] != group:
            continue
        storage, recorded = None, case["storage"]
        if recorded is not None:
            error = OSError("away") if recorded.get("lookup_raises") else None
            storage = Storage(recorded["lookup_returns"], error)
        name = case["settings"]
        if storage is not None or name not in clients:
            options = {"user_storage": storage, "is_development_mode": True}
            clients[name] = launched(DECISIONS["settings"][name], **options)
        # D1: the first evaluation in a process is like every other, which refuses these users.
        is_cold = case["evaluator_state"] == "cold"
        wanted = None if is_cold else case["expect"]["returns"]
        assert perform(clients[name], case) == wanted, case["id"]
        if storage is not None:
            assert storage.lookups == case["expect"]["lookups"], case["id"]
            # D13: see test_pagesense_vectors.
            if case["expect"]["saved"]:
                assert storage.saved == case["expect"]["saved"], case["id"]
            clients.pop(name)


def test_d1_the_first_decision_is_like_every_other(
    launched: Callable[..., pagesense.Client],
) -> None:
    """D1: in a new process, a user without attributes got into a targeted experiment."""
    script = (
        "import json, sys; from sortition import pagesense\n"
        "client = pagesense.launch(sys.stdin.read(), is_development_mode=True)\n"
        "print([client.get_variation_name('Exp Chrome', 'user1') for _ in range(2)])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(DOCUMENT),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "[None, None]\n"
    assert launched().get_variation_name("Exp Chrome", "user1") is None


BAD_PROFILES = [
    "no JSON",
    "[]",
    '{"user_id": "user1"}',
    '{"user_id": " ", "experiments": []}',
    '{"user_id": "user1", "experiments": [{"experiment_key": "other"}]}',
]


@pytest.mark.parametrize("found", BAD_PROFILES)
def test_d13_a_bad_profile_is_replaced(
    launched: Callable[..., pagesense.Client], caplog: pytest.LogCaptureFixture, found: str
) -> None:
    """D13: it kept the user from being saved for good."""
    storage = Storage(found)
    client = launched(user_storage=storage)
    assert client.get_variation_name("Exp All", "user1") == "Original"
    (saved,) = storage.saved
    assert json.loads(saved["json"]) == {
        "user_id": "user1",
        "experiments": [{"experiment_key": "key-all", "variation_key": "var-a"}],
    }
    assert "user1" not in caplog.text
    storage.found = saved["json"]
    assert client.get_variation_name("Exp All", "user1") == "Original"
    assert len(storage.saved) == 1


def test_d13_other_entries_are_kept_as_they_were(
    launched: Callable[..., pagesense.Client],
) -> None:
    others = [{"experiment_key": "x", "variation_key": "y", "more": 1.0}]
    profile = {"user_id": "somebody", "experiments": [*others, {"experiment_key": "key-all"}]}
    storage = Storage(json.dumps(profile))
    launched(user_storage=storage).get_variation_name("Exp All", "user1")
    (saved,) = storage.saved
    own = {"experiment_key": "key-all", "variation_key": "var-a"}
    assert json.loads(saved["json"]) == {"user_id": "user1", "experiments": [*others, own]}


def test_a_profile_of_the_callers_class() -> None:
    """The profiles that the storage receives."""
    text = '{"user_id": "user1", "experiments": [{"experiment_key": "a", "variation_key": "b"}]}'
    profile = UserProfile("user1", text)
    assert profile.get_user_id() == "user1"
    assert profile.get_experiment_array() == [{"experiment_key": "a", "variation_key": "b"}]
    assert "user1" not in repr(profile)
    assert repr(UserProfile("user1", "no JSON")) == "<UserProfile of 7 characters>"


def test_a_storage_that_raises(
    launched: Callable[..., pagesense.Client], caplog: pytest.LogCaptureFixture
) -> None:
    """The decision stands, nothing is saved, and the exception's text is in no log."""

    class Broken(Storage):
        def save(self, user_profile: UserProfile) -> None:
            raise OSError(user_profile.get_user_id())

    storage = Storage(error=KeyError("user1"))
    assert launched(user_storage=storage).get_variation_name("Exp All", "user1") == "Original"
    assert not storage.saved
    assert launched(user_storage=Broken()).get_variation_name("Exp All", "user1") == "Original"
    assert "user_storage.look_up raised KeyError" in caplog.text
    assert "user_storage.save raised OSError" in caplog.text
    assert "user1" not in caplog.text


async def later() -> str:
    return "{}"


@pytest.mark.parametrize("found", [b"{}", {"user_id": "user1"}, 5, later])
def test_what_a_storage_must_not_return(
    launched: Callable[..., pagesense.Client], caplog: pytest.LogCaptureFixture, found: Any
) -> None:
    """Such as the bytes of a Redis client: they count as nothing, which is logged."""
    storage = Storage(found)
    if found is later:
        storage.look_up = lambda _: later()  # type: ignore[method-assign,assignment,return-value]
    client = launched(user_storage=storage)
    assert client.get_variation_name("Exp All", "user1") == "Original"
    kind = "coroutine" if found is later else type(found).__name__
    words = f"user_storage.look_up must return text or None; {kind} counts as no profile"
    assert words in caplog.text


def test_a_paused_experiment_is_no_mistake(
    launched: Callable[..., pagesense.Client], caplog: pytest.LogCaptureFixture
) -> None:
    """A paused experiment is not logged as a mistake; tracking its goal is."""
    client = launched()
    assert client.activate_experiment("Exp Paused", "user1") is None
    assert client.get_variation_name("Exp Paused", "user1") is None
    assert not caplog.records
    client.track_goal("Exp Paused", "user1", "Paused goal")
    assert "track_goal: the experiment Exp Paused is not running" in caplog.text


def test_a_client_is_not_copied(launched: Callable[..., pagesense.Client]) -> None:
    client = launched()
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="launch one in each process"):
            copied(client)


# Goals


def test_track_goal_is_only_for_users_of_the_experiment(
    launched: Callable[..., pagesense.Client], sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """The page: without attributes only experiments for everyone qualify; else silently nothing."""
    client = launched(log_level=logging.INFO)
    before = len(caplog.records)
    client.track_goal("Exp Chrome", "user1", "Sign up")
    client.track_goal("Exp Chrome", "user1", "Sign up", {"Browser": "Safari"})
    assert client.flush()
    assert not sink.received
    assert len(caplog.records) == before
    assert client.stats().accepted == {}
    client.track_goal("Exp All", "user1", "Sign up")
    client.track_goal("Exp All", "user1", "Sign up")
    client.track_goal("Exp Chrome", "user1", "Sign up", {"Browser": "Chrome"})
    assert client.flush()
    assert [raw["fgrd"][0]["b"] for raw in raws(sink)] == ["key-all", "key-all", "key-chrome"]
    assert client.stats().delivered == {"conversion": 3}


def test_track_goal_of_a_stored_assignment(
    launched: Callable[..., pagesense.Client], sink: Sink
) -> None:
    """A stored user stays, whatever the audience says now."""
    entry = {"experiment_key": "key-chrome", "variation_key": "var-a"}
    storage = Storage(json.dumps({"user_id": "user1", "experiments": [entry]}))
    client = launched(user_storage=storage)
    client.track_goal("Exp Chrome", "user1", "Sign up")
    assert client.flush()
    (raw,) = raws(sink)
    assert raw["fgrd"][0]["c"] == "var-a"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Exp Al", "user1", "Sign up"), "no such experiment; did you mean Exp All?"),
        (("Exp All", "user1", "Sign u"), "no such goal; did you mean Sign up?"),
        (("Exp All", "user1", "Orphan"), "the experiment Exp All does not count the goal Orphan"),
        (("Exp Paused", "user1", "Paused goal"), "the experiment Exp Paused is not running"),
        (("Exp Flag", "user1", "Sign up"), "the experiment Exp Flag is not an A/B test"),
        ((" ", "user1", "Sign up"), "experiment_name must not be blank"),
        (("Exp All", " ", "Sign up"), "user_id must not be blank"),
        (("Exp All", 5, "Sign up"), "user_id must be a string, got int"),
        (("Exp All", b"x", "Sign up"), "user_id must be a string, got bytes"),
        (("Exp All", "user1", None), "goal_name must be a string, got None"),
        (("Exp All", "user1", "Sign up", ["Chrome"]), "user_attributes must be a dict, got list"),
        (("Exp All", "user1", "Sign up", None, "x"), "goal_properties must be a dict, got str"),
        (("Exp All", "user1"), "missing 1 required positional argument: 'goal_name'"),
    ],
)
def test_track_goal_mistakes(
    launched: Callable[..., pagesense.Client],
    sink: Sink,
    caplog: pytest.LogCaptureFixture,
    arguments: tuple[Any, ...],
    message: str,
) -> None:
    """A logged error, and nothing is sent."""
    client = launched()
    client.track_goal(*arguments)
    assert client.flush()
    assert not sink.received
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.message.startswith("track_goal: ")
    assert message in record.message
    assert "user1" not in caplog.text


REVENUES = [
    ({"revenue": "1000"}, True),
    ({GoalProperty.REVENUE: " 1000 "}, True),
    ({"revenue": "1_000"}, True),
    ({"revenue": "٣"}, True),
    ({}, False),
    ({"revenue": 1000}, False),
    ({"revenue": "10.50"}, False),
    ({"revenue": "-5"}, False),
    ({"revenue": "9" * 5000}, False),
    ({"coupon": "SAVE"}, False),
]


@pytest.mark.parametrize(("properties", "is_sent"), REVENUES)
def test_revenue(
    launched: Callable[..., pagesense.Client],
    sink: Sink,
    properties: dict[Any, Any],
    is_sent: bool,
) -> None:
    """Section 7.4, rule 3, for both kinds of goals."""
    changed = document(goals=[{"goal_link_name": "purchase", "is_primary_goal": False}])
    client = launched(changed)
    client.track_goal("Exp All", "user1", "Purchase", None, properties)
    client.track_project_goal("Purchase", "user1", None, properties)
    assert client.flush()
    assert len(sink.received) == 2 * is_sent
    for raw in raws(sink):
        (sent,) = raw["fgrd"][0]["gp"]
        assert sent == {"ln": "revenue", "v": str(next(iter(properties.values()))).strip()}


def test_a_revenue_goal_without_properties(
    launched: Callable[..., pagesense.Client], sink: Sink
) -> None:
    """The page's call is sent without an amount, the project's needs one."""
    changed = document(goals=[{"goal_link_name": "purchase", "is_primary_goal": False}])
    client = launched(changed)
    client.track_goal("Exp All", "user1", "Purchase")
    client.track_project_goal("Purchase", "user1")
    client.track_project_goal_by_identifier("purchase", "user1")
    assert client.flush()
    (raw,) = raws(sink)
    assert raw["fgrd"][0]["ipl"] is False
    assert "gp" not in raw["fgrd"][0]


def test_goals_of_one_name(launched: Callable[..., pagesense.Client], sink: Sink) -> None:
    """By name the first one is meant, by link name the very one."""
    changed = json.loads(json.dumps(DOCUMENT))
    (project,) = changed["projectsettings"]
    project["goals"].append({"goal_name": "Sign up", "goal_link_name": "again", "goal_type": 10})
    project["experiments"][1]["goals"] = [{"goal_link_name": "again", "is_primary_goal": True}]
    client = launched(changed)
    client.track_project_goal("Sign up", "user1", {"Browser": "Chrome"})
    client.track_project_goal_by_identifier("again", "user1", {"Browser": "Chrome"})
    assert client.flush()
    seen = [[one["b"] for one in raw["fgrd"][0]["el"]] for raw in raws(sink)]
    assert seen == [["key-all"], ["key-chrome"]]


class Unreadable(dict[str, object]):
    def items(self) -> Any:
        raise KeyError("user1")

    def get(self, *_: object) -> Any:
        raise KeyError("user1")


def test_values_that_json_cannot_carry(
    launched: Callable[..., pagesense.Client], sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """They are left out, counted and logged; the rest is sent."""
    loop: list[object] = []
    loop.append(loop)
    attributes: dict[Any, Any] = {
        "text": "Chrome",
        "set": {1},
        "nan": float("nan"),
        "loop": loop,
        "huge": 10**5000,
        "number": 1.5,
        "nested": {"a": [1, None, True]},
        "object": object(),
        5: "a name that is no text",
        None: "another",
    }
    client = launched()
    assert client.activate_experiment("Exp All", "user1", attributes) == "Original"
    properties: Any = {"set": {1}, "n": 3, 5: 6}
    client.track_goal("Exp All", "user1", "Sign up", None, properties)
    assert client.flush()
    visitor, goal = raws(sink)
    kept = [{"ln": name, "v": attributes[name]} for name in ("text", "number", "nested")]
    assert visitor["fvrd"][0]["fsca"] == kept
    assert goal["fgrd"][0]["gp"] == [{"ln": "n", "v": 3}]
    assert client.stats().left_out == {"visitor": 7, "conversion": 2}
    assert "user_attributes: a name of type int is no text, and is left out" in caplog.text
    assert "goal_properties: a name of type int is no text, and is left out" in caplog.text
    assert "user_attributes: a value of type set is no JSON, and is left out" in caplog.text
    assert client.activate_experiment("Exp All", "user1", Unreadable(a=1)) is None
    client.track_goal("Exp All", "user1", "Sign up", None, Unreadable(a=1))
    assert client.stats().refused == {"argument": {"visitor": 1, "conversion": 1}}


def nested(depth: int) -> list[object]:
    deep: list[object] = []
    for _ in range(depth):
        deep = [deep]
    return deep


def deepest_json() -> int:
    """How deep a list may be nested that Python's JSON can carry; a limit of the interpreter's."""
    can, cannot = 1, 100_000
    while cannot - can > 1:
        depth = (can + cannot) // 2
        try:
            json.dumps(nested(depth))
        except RecursionError:
            cannot = depth
        else:
            can = depth
    return can


def test_values_that_are_nearly_json(
    launched: Callable[..., pagesense.Client], sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """Those of a class that raises, and those that are nested a little too deep for the event."""
    client = launched()
    assert client.activate_experiment("Exp All", "user1", {"a": Unreadable(b=1), "c": 2})
    assert client.flush()
    assert raws(sink)[0]["fvrd"][0]["fsca"] == [{"ln": "c", "v": 2}]
    deepest = deepest_json()
    deep = nested(deepest - 100)
    for _ in range(100):
        deep = [deep]
        assert client.activate_experiment("Exp All", "user1", {"a": deep}) == "Original"
    left_out = client.stats().left_out["visitor"]
    assert 1 < left_out < 100
    assert "bug" not in caplog.text


def test_a_user_id_that_cannot_be_encoded(
    launched: Callable[..., pagesense.Client], sink: Sink
) -> None:
    """Bucket 0, which nobody is given; but an only variation is everyone's."""
    client = launched()
    assert client.activate_experiment("Exp All", "\ud800") is None
    only = document()
    first = only["projectsettings"][0]["experiments"][0]
    first["variations"] = first["variations"][:1]
    storage = Storage()
    client = launched(only, user_storage=storage)
    assert client.activate_experiment("Exp All", "\ud800") == "Original"
    assert not storage.saved
    assert client.flush()
    assert raws(sink)[0]["furd"] == {"f": "\ud800"}


def test_development_mode(launched: Callable[..., pagesense.Client], sink: Sink) -> None:
    """The settings keep the visitors of an experiment back; the option, everything."""
    client = launched()
    assert client.activate_experiment("Exp Dev", "user1") == "Original"
    client.track_goal("Exp Dev", "user1", "Dev goal")
    assert client.flush()
    assert [one.path for one in sink.received] == ["/psfullstacksdk/trackgoal"]
    silent = launched(is_development_mode=True)
    assert silent.activate_experiment("Exp All", "user1") == "Original"
    silent.track_goal("Exp All", "user1", "Sign up")
    silent.track_project_goal("Sign up", "user1")
    assert silent.flush()
    assert silent.close()
    assert len(sink.received) == 1


# Sending


def test_d9_events_outlive_a_close_and_an_exit(sink: Sink, engine: Engine) -> None:
    """D9: 60 activations and a close gave no request, and neither did the end of a program."""
    with pagesense.launch(DOCUMENT, base_url=sink.url, engine=engine.name) as client:
        for number in range(60):
            assert client.activate_experiment("Exp All", f"user{number}")
    assert client.stats().delivered == {"visitor": 60}
    script = (
        "import sys; from sortition import pagesense\n"
        f"client = pagesense.launch(sys.stdin.read(), base_url={sink.url!r})\n"
        "for number in range(20): client.activate_experiment('Exp All', f'late{number}')"
    )
    subprocess.run(
        [sys.executable, "-c", script], input=json.dumps(DOCUMENT), text=True, check=True
    )
    users = [raw["furd"]["f"] for raw in raws(sink)]
    wanted = [f"user{number}" for number in range(60)] + [f"late{number}" for number in range(20)]
    assert sorted(users) == sorted(wanted)


def test_two_platforms_and_two_clients_side_by_side(engine: Engine) -> None:
    """Nothing that one client is given reaches another."""
    settings_file = {
        "accountId": 1,
        "sdkKey": "vwokey",
        "version": 1,
        "campaigns": [
            {
                "id": 1,
                "key": "Exp All",
                "name": "Exp All",
                "type": "VISUAL_AB",
                "status": "RUNNING",
                "percentTraffic": 100,
                "segments": {},
                "variables": [],
                "isForcedVariationEnabled": False,
                "goals": [],
                "variations": [
                    {"id": 1, "name": "VWO", "weight": 100, "segments": {}, "variables": []}
                ],
            }
        ],
    }
    other = document(environment_key="env-other")
    with Sink() as first, Sink() as second, Sink() as third:
        one = pagesense.launch(DOCUMENT, base_url=first.url, engine=engine.name)
        two = pagesense.launch(other, base_url=second.url, engine=engine.name, log_level=50)
        batches = {"request_time_interval": 60}
        three = vwo.launch(
            settings_file, base_url=third.url, engine=engine.name, batch_events=batches
        )
        with one, two, three:
            assert three.activate("Exp All", "user1") == "VWO"
            assert one.activate_experiment("Exp All", "user1") == "Original"
            two.close()
            assert two.activate_experiment("Exp All", "user1") is None
            assert one.activate_experiment("Exp All", "user1") == "Original"
            assert three.activate("Exp All", "user2") == "VWO"
        assert one.stats().delivered == {"visitor": 2}
        assert two.stats().refused == {"closed": {"visitor": 1}}
        assert three.stats().delivered == {"visitor": 2}
        assert len(first.received) == 2
        assert not second.received
        assert len(third.received) == 1


@pytest.mark.parametrize("location", ["/elsewhere", "http://["])
def test_a_redirect_is_a_failure(
    launched: Callable[..., pagesense.Client], sink: Sink, location: str
) -> None:
    """It is not followed, whatever its location is; the event is kept and retried."""
    sink.answer = lambda _: Answer(status=302, headers={"Location": location})
    client = launched(close_timeout_s=0.1)
    client.activate_experiment("Exp All", "user1")
    assert client.flush(timeout_s=0.2) is False
    assert client.stats().in_flight == {"visitor": 1}
    assert {path.rpartition("/")[2] for path in sink.paths} == {"trackvisitor"}


def test_of_a_redirect_no_more_is_read_than_of_any_answer(sink: Sink) -> None:
    large = Answer(status=302, headers={"Location": "/elsewhere"}, body=bytes(10_000_000))
    sink.answer = lambda _: large
    transport = pagesense.RequestsTransport()
    answer = transport.send(pagesense.Request("GET", sink.url, most_answer_bytes=1000), 10)
    transport.close()
    assert (answer.status, len(answer.body), answer.is_whole) == (302, 1000, False)


# Privacy and messages


def test_broken_headers_of_an_answer_put_nothing_into_a_log(
    launched: Callable[..., pagesense.Client], sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """urllib3 warns of them with the whole URL: the key, the user's id and their attributes."""
    sink.answer = lambda _: Answer(headers={"Connection": "close", "X-One": "1\r\nno header"})
    client = launched()
    client.activate_experiment("Exp All", "secret-user")
    client.track_project_goal("Sign up", "secret-user")
    assert client.flush()
    assert client.stats().delivered == {"visitor": 1, "conversion": 1}
    assert not caplog.text


def test_d11_messages_say_something_and_no_secrets(
    launched: Callable[..., pagesense.Client], sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """D11: they were bare keys. And the URL, with the key and the user, was in the log."""
    caplog.set_level(logging.DEBUG)
    sink.answer = lambda _: Answer(status=400)
    client = launched()
    for user in ("secret-user", " ", "\ud800"):
        client.activate_experiment("Exp All", user, {"Browser": "secret-value"})
        client.get_variation_name("secret-user", user)
        client.track_goal("Exp All", user, "Sign up", {"Browser": "secret-value"})
        client.track_project_goal("Purchase", user, None, {"revenue": "secret-value"})
    client.flush()
    client.close()
    ours = [record for record in caplog.records if record.name.startswith("sortition")]
    assert ours
    for record in ours:
        assert " " in record.getMessage()
        for secret in ("secret-user", "secret-value", KEY, "raw="):
            assert secret not in record.getMessage()
    for shown in (repr(client), repr(client.status()), str(client.stats())):
        assert "secret" not in shown
        assert KEY not in shown


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str], engine: Engine) -> None:
    """The SDK printed lines when its messages were loaded."""
    with pagesense.launch(DOCUMENT, is_development_mode=True, engine=engine.name) as client:
        client.activate_experiment("Exp All", "user1")
        client.activate_experiment("Exp None", "user1")
    assert capfd.readouterr() == ("", "")


# Why


def test_explain(launched: Callable[..., pagesense.Client], sink: Sink) -> None:
    """Every reason, in words; the same answer as the call, and nothing sent or saved."""
    storage = Storage()
    client = launched(user_storage=storage)
    asked: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        (("Exp All", "user1"), {}, "bucketed"),
        (("Exp Chrome", "user1"), {}, "attributes_missing"),
        (("Exp Chrome", "user1", {"Browser": "Safari"}), {}, "audience_not_matched"),
        (("Exp Chrome", "user1", {"Browser": "Chrome"}), {}, "bucketed"),
        (("Exp Paused", "user1"), {}, "experiment_not_running"),
        (("Exp Flag", "user1"), {}, "wrong_experiment_type"),
        (("nobody", "user1"), {}, "experiment_unknown"),
        (("exp-all", "user1"), {"named_by": "link_name"}, "bucketed"),
        (("Exp All", "user1"), {"goal_name": "Sign up"}, "bucketed"),
        (("Exp All", "user1"), {"goal_name": "Orphan"}, "goal_not_mapped"),
        (("Exp All", "user1"), {"goal_name": "Sign"}, "goal_unknown"),
    ]
    for arguments, options, reason in asked:
        told = client.explain(*arguments, **options)
        assert told is not None
        assert told.reason == reason
        assert told.sentence in str(told)
        assert json.loads(json.dumps(told.as_dict()))["reason"] == reason
        if not options:
            assert told.variation == client.get_variation_name(*arguments)
        assert "user1" not in repr(told)
    told = client.explain("Exp Chrome", "user1", {"Browser": "Chrome"})
    assert str(told).splitlines() == [
        "Exp Chrome: Variation 1: the user's bucket lies in this variation's range",
        "  1. The experiment is an A/B test and running.",
        "  2. The user storage has nothing for the user.",
        "  3. The experiment is for its audiences.",
        "  4. There are attributes, none of them empty.",
        "  5. Audience chrome-only: Browser is 'Chrome', wanted equal to one of 'chrome': yes.",
        "  6. The user is in the audience chrome-only.",
        "  7. Hash 439129008, bucket 9008 of 10000, in the range of Variation 1, 100 % let in.",
    ]
    assert client.explain("Exp All", "user1", named_by="key") is None  # type: ignore[arg-type]
    assert client.explain("", "user1") is None
    assert not sink.received


def test_explain_saves_nothing(launched: Callable[..., pagesense.Client]) -> None:
    storage = Storage()
    client = launched(user_storage=storage)
    told = client.explain("Exp All", "user1")
    assert told is not None
    assert told.variation == "Original"
    assert (storage.lookups, storage.saved) == (1, [])


# The vendor's names


class Messages(PageSenseLogger):
    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []

    def info(self, class_name: str, message: str) -> None:
        self.taken.append(("info", f"{class_name}: {message}"))

    def error(self, class_name: str, message: str) -> None:
        self.taken.append(("error", f"{class_name}: {message}"))


def options_of(label: str) -> Any:
    """The options that a recorded case was made with."""
    if label == "options None":
        return None
    if label == "options wrong type":
        return {"polling_interval": 5}
    options: Any = PageSenseSDKOptions()
    name, _, text = label.partition(" attribute set to ")
    if text:
        setattr(options, name, eval(text))  # noqa: S307 -- our own vectors
    elif label != "defaults":
        method, _, value = label.removesuffix(")").partition("(")
        known = {"instance": {"add_custom_logger": Messages, "add_custom_storage": Storage}}
        given = known[value][method]() if value in known else eval(value)  # noqa: S307
        assert getattr(options, method)(given) is options
    return options


@pytest.mark.parametrize("case", CASES["options"], ids=lambda case: str(case["label"]))
def test_options_of_the_vendors_names(sink: Sink, case: dict[str, Any]) -> None:
    sink.answer = lambda _: Answer(body=json.dumps(DOCUMENT).encode())
    options = options_of(case["label"])
    if "raises" in case:
        # D14: text raised TypeError; ours keeps the old value and says so.
        text = 'Invalid pollingInterval: "10". Must be a positive integer.'
        assert options.get_validation_errors() == [text]
        assert options.polling_interval == 10
        return
    if "validation_errors" in case:
        assert options.get_validation_errors() == case["validation_errors"]
        assert options.is_valid() is case["is_valid"]
    build: Any = PageSenseClientBuilder.create_new_pagesense_client
    client = build(*ACCOUNT.values(), options, base_url=sink.url)
    assert (client is not None) is case.get("client_created", True)
    assert client is not None
    launch = client.client._launch
    assert launch.poll_interval_s == case["effective_polling_interval_s"]
    # Nothing is logged at the vendor's TRACE and FATAL.
    level = {"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(
        case["effective_log_level"], case["effective_log_level"]
    )
    assert launch.log._level == getattr(logging, level)
    assert (launch.log._logger is not None) is case.get("custom_logger_in_use", False)
    assert (launch.user_storage is not None) is case.get("custom_storage_in_use", False)
    client.close()


def test_a_custom_logger(sink: Sink) -> None:
    """It takes what is of its level, from the build on, and is no other client's."""
    sink.answer = lambda _: Answer(body=json.dumps(document(language_key=[])).encode())
    messages, options = Messages(), PageSenseSDKOptions()
    options.add_custom_logger(messages).add_log_level("error")
    build: Any = PageSenseClientBuilder.create_new_pagesense_client
    client = build(*ACCOUNT.values(), options, base_url=sink.url)
    assert client is not None
    ((level, message),) = messages.taken
    assert level == "error"
    assert message.startswith("PageSenseClient: settings: projectsettings[0].experiments[0]")
    client.get_variation_name("Exp None", PageSenseUserContext("user1"))
    assert len(messages.taken) == 2
    client.close()


def test_the_builder_says_why_there_is_no_client(sink: Sink) -> None:
    sink.answer = lambda _: Answer(status=403)
    messages, options = Messages(), PageSenseSDKOptions()
    options.add_custom_logger(messages)
    build: Any = PageSenseClientBuilder.create_new_pagesense_client
    assert build(*ACCOUNT.values(), options, base_url=sink.url) is None
    assert build("acct", "key", "name", options, base_url=sink.url) is None
    assert "was answered with status 403" in messages.taken[0][1]
    assert "sdk_account_id: must be ACCOUNT-DATACENTER" in messages.taken[1][1]


@pytest.mark.parametrize("level", [[], None, 5, "info", {"INFO": 1}])
def test_a_level_that_is_none_is_the_default(sink: Sink, level: Any) -> None:
    sink.answer = lambda _: Answer(body=json.dumps(DOCUMENT).encode())
    options = PageSenseSDKOptions()
    options.log_level = level
    build: Any = PageSenseClientBuilder.create_new_pagesense_client
    client = build(*ACCOUNT.values(), options, base_url=sink.url)
    assert client is not None
    assert client.client._launch.log._level == logging.INFO
    client.close()


def test_a_user_context_of_the_callers_class_that_raises(
    launched: Callable[..., pagesense.Client], sink: Sink
) -> None:
    class Unfinished(PageSenseUserContext):
        def __init__(self) -> None:
            """It does not do what its base does."""

    theirs = PageSenseClient(launched())
    assert theirs.activate_experiment("Exp All", Unfinished()) is None
    theirs.track_goal("Sign up", Unfinished())
    assert theirs.client.flush()
    assert not sink.received


def test_a_user_context() -> None:
    context = PageSenseUserContext("user1", None, "127.0.0.1")
    assert context.user_attributes == {}
    context.add_user_attribute("Browser", "Chrome")
    assert context.get_user_attribute("Browser") == "Chrome"
    assert context.get_user_attribute("OS") is None
    context.user_id, context.ip_address = "user2", None
    context.user_attributes = {"OS": "mac"}
    assert (context.user_id, context.ip_address) == ("user2", None)
    assert context.user_attributes == {"OS": "mac"}
    assert "user2" not in repr(context)


def test_goal_properties() -> None:
    """Section 7.4: immutable, equal by key."""
    text = GoalPropertyDataType.STRING
    one = GoalProperty("coupon", "Coupon", "", text)
    assert one == GoalProperty("coupon", "Another", None, GoalPropertyDataType.LONG, True)
    assert hash(one) == hash(GoalProperty("coupon", "Another", None, text))
    assert one not in ("coupon", GoalProperty.REVENUE)
    assert GoalProperty.REVENUE.property_key == "revenue"
    assert GoalProperty.REVENUE.property_data_type is GoalPropertyDataType.LONG
    assert GoalProperty.REVENUE.is_reserved_property is True
    wrong: Any = one
    with pytest.raises(AttributeError, match="immutable"):
        wrong.property_key = "other"
    with pytest.raises(AttributeError, match="immutable"):
        del wrong.property_key
    for key, name in (("", "x"), ("x", " "), (None, "x")):
        with pytest.raises(ValueError, match="not blank"):
            GoalProperty(key, name, "", text)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="GoalPropertyDataType, got str"):
        GoalProperty("x", "x", "", "STRING")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["audience", "goal"])
def test_link_names_that_stand_for_two(
    launched: Callable[..., pagesense.Client], sink: Sink, kind: str
) -> None:
    """Which is meant is not known: what refers to them is reported, and everything else serves.

    An experiment that refers to such an audience is set aside. A broken goal costs only that goal:
    the experiment serves without it.
    """
    changed = json.loads(json.dumps(DOCUMENT))
    (project,) = changed["projectsettings"]
    meant = {"audience": "chrome-only", "goal": "dev-goal"}[kind]
    (one,) = [one for one in project[f"{kind}s"] if one[f"{kind}_link_name"] == meant]
    project[f"{kind}s"].append({**one, f"{kind}_name": "Another"})
    client = launched(changed)
    affected = {"audience": "Exp Chrome", "goal": "Exp Dev"}[kind]
    served = client.get_variation_name(affected, "user1", {"Browser": "Chrome"})
    assert (served is None) == (kind == "audience")
    assert client.get_variation_name("Exp All", "user1") == "Original"
    twice, *others = [problem.path for problem in client.status().problems]
    assert twice.endswith(f".{kind}s[{len(project[f'{kind}s']) - 1}].{kind}_link_name")
    assert others
    assert all(".experiments[" in path for path in others)
    client.track_project_goal_by_identifier("dev-goal", "user1")
    assert client.flush()
    (raw,) = raws(sink)
    assert (raw["fgrd"][0]["gln"], raw["fgrd"][0]["el"] == []) == ("dev-goal", kind == "goal")


@pytest.mark.parametrize("closes", [False, True])
def test_a_client_leaves_no_thread(sink: Sink, closes: bool) -> None:
    """Nor one that nobody closes: what it took is sent all the same."""
    sink.answer = lambda _: Answer(body=json.dumps(DOCUMENT).encode())
    before = set(threading.enumerate())

    def ours() -> list[threading.Thread]:
        running = set(threading.enumerate()) - before
        return [one for one in running if one.name.startswith("sortition")]

    client: pagesense.Client | None = pagesense.launch(**ACCOUNT, base_url=sink.url)
    assert client is not None
    for number in range(20):
        client.activate_experiment("Exp All", f"user{number}")
    assert {one.name for one in ours()} > {"sortition-settings", "sortition-worker"}
    if closes:
        client.close()
    del client
    wait_until(lambda: sum("trackvisitor" in one.path for one in sink.received) == 20)
    wait_until(lambda: not ours())


def test_a_project_goal_asks_the_user_storage_once_for_all_experiments(
    launched: Callable[..., pagesense.Client],
) -> None:
    """One look-up decides for every experiment that counts the goal; one more precedes the save."""
    both = [documents.experiment(number) for number in (1, 2)]
    storage = Storage()
    client = launched(documents.project(*both), user_storage=storage)
    client.track_project_goal("Signup", "Ann")
    assert storage.lookups == 2
    (saved,) = storage.saved
    assert len(json.loads(saved["json"])["experiments"]) == 2
