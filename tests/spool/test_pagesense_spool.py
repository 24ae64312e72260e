"""The PageSense client with a spool: one request for each event, and several on their way."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import threading
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from support.pagesense import DOCUMENT
from support.sink import Answer, Sink, free_url, wait_until
from support.spooling import left_in

from sortition import pagesense
from sortition._http import retrying
from sortition._pagesense.wire import user_of

if TYPE_CHECKING:
    from pathlib import Path

    from support.sink import Received

    from sortition._engine import Engine

KILLS = 300 if os.environ.get("SORTITION_SOAK") == "1" else 30
AT_ONCE = 16


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def launch(url: str, folder: Path, **options: Any) -> pagesense.Client:
    return pagesense.launch(DOCUMENT, base_url=url, spool=folder, **options)


def raw_users(sink: Sink) -> list[str]:
    return [json.loads(one.query["raw"])["furd"]["f"] for one in sink.received]


def track(client: pagesense.Client, user: str) -> bool:
    experiment = DOCUMENT["projectsettings"][0]["experiments"][0]["experiment_name"]
    before = sum(client.stats().accepted.values())
    client.activate_experiment(experiment, user)
    return sum(client.stats().accepted.values()) > before


def test_what_a_killed_process_left(engine: Engine, sink: Sink, folder: Path) -> None:
    """The events of a user in their order."""
    pid = os.fork()
    if pid == 0:
        try:
            client = launch(free_url(), folder)
            for number in range(60):
                assert track(client, f"user {number % 20}")
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    busy: set[str] = set()
    at_once: list[int] = []
    lock = threading.Lock()

    def answer(received: Received) -> Answer:
        user = json.loads(received.query["raw"])["furd"]["f"]
        with lock:
            assert user not in busy
            busy.add(user)
            at_once.append(len(busy))
        threading.Event().wait(0.005)
        with lock:
            busy.discard(user)
        return Answer(body=b"ok")

    sink.answer = answer
    with launch(sink.url, folder, engine=engine.name) as client:
        assert client.flush()
        stats = client.stats()
    assert sum(stats.adopted.values()) == sum(stats.delivered.values()) == 60
    assert Counter(raw_users(sink)) == {f"user {number}": 3 for number in range(20)}
    assert max(at_once) > 1
    assert list(folder.iterdir()) == []


def test_what_was_delivered_is_not_sent_again(sink: Sink, folder: Path) -> None:
    """Although all events are in one file."""
    got = threading.Semaphore(0)

    def answer(received: Received) -> Answer:
        if "late" in received.query["raw"]:
            got.release()
            threading.Event().wait(60)
        return Answer(body=b"ok")

    sink.answer = answer
    pid = os.fork()
    if pid == 0:
        client = launch(sink.url, folder, request_timeout_s=60)
        for number in range(30):
            track(client, f"user {number}")
        wait_until(lambda: sum(client.stats().delivered.values()) == 30)
        track(client, "late")
        signal.pause()
    assert got.acquire(timeout=60)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert len(left_in(folder)) == 1
    with Sink() as last, launch(last.url, folder) as client:
        last.answer = lambda _: Answer(body=b"ok")
        assert client.flush()
        assert raw_users(last) == ["late"]
        assert client.stats().possibly_duplicated == {"visitor": 1}


def test_what_is_left_at_a_close_stays(sink: Sink, folder: Path) -> None:
    client = launch(free_url(), folder)
    for number in range(40):
        assert track(client, f"user {number % 30}")
    assert client.close(0.1) is False
    wait_until(lambda: client.stats().spooled == {"visitor": 40})
    sink.answer = lambda _: Answer(body=b"ok")
    with launch(sink.url, folder) as last:
        assert last.flush()
    assert len(raw_users(sink)) == 40
    assert list(folder.iterdir()) == []


def test_its_key_is_in_no_name(folder: Path) -> None:
    client = launch(free_url(), folder)
    track(client, "Ann")
    (own,) = folder.iterdir()
    assert own.name.startswith("pagesense.acct-from-settings.")
    client.close(0)


def test_requests_that_end_at_the_same_time(
    sink: Sink, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One removes a file to which another was about to append: that is no fault of the disk."""
    with launch(sink.url, folder) as client:
        for number in range(3000):
            assert track(client, f"user {number}")
        assert client.flush(60)
    assert client.stats().delivered == {"visitor": 3000}
    assert "cannot write to" not in caplog.text


@pytest.mark.timeout(1800)
def test_kills(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `tests/spool/test_kills.py`: at most what was on its way arrives again."""
    monkeypatch.setattr(retrying, "_FIRST_PAUSE_S", 0.002)
    chance = random.Random(35)  # noqa: S311 -- the same moments every time
    arrived: dict[str, list[str]] = defaultdict(list)
    lock = threading.Lock()

    def answer(received: Received) -> Answer:
        run = received.path.split("/")[1]
        with lock:
            arrived[json.loads(received.query["raw"])["furd"]["f"]].append(run)
        return Answer(body=b"ok")

    accepted: list[str] = []
    with Sink() as sink:
        sink.answer = answer
        for run in range(KILLS):
            url = free_url() if chance.random() < 0.2 else f"{sink.url}/{run}"
            told, tells = os.pipe()
            pid = os.fork()
            if pid == 0:
                try:
                    client = launch(url, folder)
                    for number in range(500):
                        user = f"{run} {number}"
                        if track(client, user):
                            os.write(tells, user.encode() + b"\n")
                    signal.pause()
                finally:
                    os._exit(1)
            os.close(tells)
            with os.fdopen(told, "rb") as pipe:
                # However slow the machine is, most of them are killed in the midst of their events.
                lines = list(itertools.islice(pipe, chance.randrange(60)))
                killer = threading.Timer(chance.uniform(0, 0.05), os.kill, [pid, signal.SIGKILL])
                killer.start()
                lines += pipe
            accepted += [line.decode().rstrip() for line in lines if line.endswith(b"\n")]
            killer.join()
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
        with launch(f"{sink.url}/last", folder) as client:
            assert client.flush(60)
            assert client.stats().dropped.keys() <= {"damaged"}
    assert [user for user in accepted if user not in arrived] == []
    assert len(accepted) > 5 * KILLS
    repeated = Counter(run for runs in arrived.values() for run in runs[:-1])
    assert max(repeated.values(), default=0) <= AT_ONCE


@pytest.mark.parametrize("event", [b"", b"22", b"22{}", b"22[]", b'22{"furd": {"f": 5}}', b"22{"])
def test_an_event_that_names_no_user(event: bytes) -> None:
    assert user_of(event) == ""
