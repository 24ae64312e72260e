"""A client with a spool: what it accepted survives it, and is counted."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.clients import open_files
from support.documents import settings
from support.events import (
    GENEROUS_S,
    MANY,
    events_of,
    outbox_of,
    sizes,
    sum_of,
    takeover_of,
    without_senders,
)
from support.sink import Answer, BlackHole, Sink, free_url, wait_until
from support.spooling import killed, left_in

from sortition import vwo
from sortition._http import retrying
from sortition._sending.spool import disk_state, takeover

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Received

    Launch = Callable[..., vwo.Client]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts that a test can wait for."""
    monkeypatch.setattr(retrying, "_FIRST_PAUSE_S", 0.002)
    monkeypatch.setattr(retrying, "_LONGEST_PAUSE_S", 0.01)


def users(sink: Sink) -> list[str]:
    return [event["u"] for one in sink.received for event in events_of(one)]


def ids(client: vwo.Client, count: int) -> list[str]:
    return [client._snapshot.settings.visitor_id(f"u{number}") for number in range(count)]


class TestSurviving:
    """The next process sends the events that a killed one accepted."""

    def test_a_flush_sends_it(self, launch: Launch, sink: Sink, folder: Path) -> None:
        killed(folder, 250)
        client = launch(settings(), batch_events={"events_per_request": 100}, spool=folder)
        assert client.flush_events()
        assert users(sink) == ids(client, 250)
        stats = client.stats()
        assert stats.adopted == stats.delivered == {"conversion": 250}
        assert sum_of(stats) == 250
        assert (stats.accepted, stats.possibly_duplicated) == ({}, {})
        assert client.close()
        assert list(folder.iterdir()) == []

    def test_the_first_event_sends_it(self, launch: Launch, sink: Sink, folder: Path) -> None:
        killed(folder, 5)
        client = launch(settings(), batch_events={"request_time_interval": 1}, spool=str(folder))
        assert client.activate("checkout", "Ann")
        wait_until(lambda: client.stats().delivered == {"visitor": 1, "conversion": 5})
        assert len(users(sink)) == 6

    def test_another_process_that_dies_is_noticed(
        self, launch: Launch, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(takeover, "_LOOKS_AGAIN_AFTER_S", 0.05)
        client = launch(settings(), batch_events={"request_time_interval": 1}, spool=folder)
        assert client.activate("checkout", "Ann")
        killed(folder, 5)
        wait_until(lambda: client.stats().delivered == {"visitor": 1, "conversion": 5})

    def test_many_that_died(self, launch: Launch, sink: Sink, folder: Path) -> None:
        for _ in range(5):
            killed(folder, 40)
        client = launch(settings(), batch_events={"events_per_request": 7}, spool=folder)
        assert client.flush_events()
        assert sorted(users(sink)) == sorted(ids(client, 40) * 5)
        assert max(sizes(sink)) == 7

    def test_nothing_is_looked_for_before_the_first_event(
        self, launch: Launch, folder: Path
    ) -> None:
        before = threading.active_count()
        client = launch(settings(), batch_events=MANY, spool=folder)
        client.stats()
        assert not folder.exists()
        assert threading.active_count() == before

    def test_more_than_the_queue_holds(self, launch: Launch, sink: Sink, folder: Path) -> None:
        killed(folder, 300)
        client = launch(
            settings(), batch_events={"events_per_request": 20}, spool=folder, queue_events=50
        )
        assert client.flush_events()
        assert users(sink) == ids(client, 300)

    def test_without_settings(
        self, launch: Launch, sink: Sink, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is taken over once it is known whose it is."""
        monkeypatch.setattr(takeover, "_LOOKS_AGAIN_AFTER_S", 0.05)
        killed(folder, 3)
        body = json.dumps(settings()).encode()
        sink.answer = lambda _: Answer(status=503)
        account, key = settings()["accountId"], settings()["sdkKey"]
        client = launch(
            None,
            account_id=account,
            sdk_key=key,
            allow_empty=True,
            batch_events={"request_time_interval": 1},
            spool=folder,
        )
        assert client.stats().adopted == {}
        client.flush_events(timeout_s=1)
        assert client.stats().adopted == {}
        sink.answer = lambda received: Answer(body=body if received.method == "GET" else b"")
        assert client.get_and_update_settings_file(account, key)
        wait_until(lambda: client.stats().delivered == {"conversion": 3})

    def test_of_another_environment(self, launch: Launch, sink: Sink, folder: Path) -> None:
        killed(folder, 3)
        other = launch({**settings(), "sdkKey": "another"}, batch_events=MANY, spool=folder)
        assert other.activate("checkout", "Ann")
        assert other.flush_events()
        assert len(users(sink)) == 1
        assert other.stats().adopted == {}
        client = launch(settings(), batch_events=MANY, spool=folder)
        assert client.flush_events()
        assert client.stats().adopted == {"conversion": 3}

    def test_the_key_is_not_written(self, folder: Path) -> None:
        key = "0123456789abcdef"
        killed(folder, 3)
        pid = os.fork()
        if pid == 0:
            client = vwo.launch(
                {**settings(), "sdkKey": key},
                base_url=free_url(),
                batch_events=MANY,
                spool=folder,
            )
            client.activate("checkout", "Ann")
            os._exit(0)
        os.waitpid(pid, 0)
        for file in left_in(folder):
            assert key not in str(file)
            assert key.encode() not in file.read_bytes()
            assert b"Ann" not in file.read_bytes()
        assert len(left_in(folder)) == 2

    def test_a_damaged_file(self, launch: Launch, folder: Path, caplog: Any) -> None:
        killed(folder, 10)
        (file,) = left_in(folder)
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        told: list[tuple[str, int]] = []
        client = launch(
            settings(),
            batch_events=MANY,
            spool=folder,
            on_drop=lambda reason, count: told.append((reason, count)),
        )
        assert client.flush_events() is False
        stats = client.stats()
        assert stats.adopted == {"conversion": 9, "unreadable": 1}
        assert stats.delivered == {"conversion": 9}
        assert stats.dropped == {"damaged": {"unreadable": 1}}
        assert told == [("damaged", 1)]
        assert "1 event was lost: damaged" in caplog.text


class TestWhatWasOnItsWay:
    """A request whose answer nobody will see: the server may have its events."""

    @pytest.fixture
    def hanging(self, folder: Path) -> list[Any]:
        """The requests from a process that was killed while it waited for the response."""
        with Sink() as first:
            got = threading.Event()

            def answer(_: Received) -> Answer:
                got.set()
                threading.Event().wait(GENEROUS_S)
                return Answer()

            first.answer = answer
            pid = os.fork()
            if pid == 0:
                client = vwo.launch(settings(), base_url=first.url, batch_events=MANY, spool=folder)
                for number in range(5):
                    client.track("checkout", f"u{number}", "purchase")
                client.flush_events("async")
                signal.pause()
            assert got.wait(GENEROUS_S)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return events_of(first.received[0])

    def test_it_is_sent_again_and_counted(
        self, launch: Launch, sink: Sink, folder: Path, hanging: list[Any]
    ) -> None:
        """The same bytes, times included."""
        client = launch(settings(), batch_events=MANY, spool=folder)
        assert client.flush_events()
        assert events_of(sink.received[0]) == hanging
        assert client.stats().possibly_duplicated == {"conversion": 5}

    @pytest.mark.usefixtures("hanging")
    def test_it_may_be_dropped(self, launch: Launch, sink: Sink, folder: Path) -> None:
        client = launch(settings(), batch_events=MANY, spool=folder, on_unknown_outcome="drop")
        assert client.flush_events() is False
        assert sink.received == []
        assert client.stats().dropped == {"unknown_outcome": {"conversion": 5}}
        assert client.close()
        assert list(folder.iterdir()) == []

    @pytest.mark.usefixtures("hanging")
    def test_it_is_still_known_after_another_death(self, launch: Launch, folder: Path) -> None:
        """An attempt that did not arrive says nothing of the one before."""
        client = launch(settings(), base_url=free_url(), batch_events=MANY, spool=folder)
        assert client.flush_events(timeout_s=0.3) is False
        assert client.close(0) is False
        last = launch(settings(), batch_events=MANY, spool=folder)
        assert last.flush_events()
        assert last.stats().possibly_duplicated == {"conversion": 5}

    def test_what_was_refused_is_no_repeat(self, launch: Launch, sink: Sink, folder: Path) -> None:
        """Nothing was listening: it has certainly not arrived."""
        client = launch(settings(), base_url=free_url(), batch_events=MANY, spool=folder)
        assert client.activate("checkout", "Ann")
        assert client.flush_events(timeout_s=0.2) is False
        assert client.close(0) is False
        last = launch(settings(), batch_events=MANY, spool=folder, on_unknown_outcome="drop")
        assert last.flush_events()
        assert last.stats().possibly_duplicated == {}
        assert len(users(sink)) == 1


class TestClosing:
    def test_what_is_left_stays(
        self, launch: Launch, sink: Sink, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = launch(
            settings(), base_url=free_url(), batch_events={"events_per_request": 5}, spool=folder
        )
        for number in range(20):
            assert client.track("checkout", f"u{number}", "purchase")
        assert client.close(0.1) is False
        wait_until(lambda: client.stats().spooled == {"conversion": 20})
        assert client.stats().dropped == {}
        assert sum_of(client.stats()) == 20
        assert "closed while 20 events wait in the spool" in caplog.text
        last = launch(settings(), batch_events=MANY, spool=folder)
        assert last.flush_events()
        assert users(sink) == ids(last, 20)

    def test_nothing_is_left_where_all_was_sent(self, launch: Launch, folder: Path) -> None:
        before = threading.active_count()
        client = launch(settings(), batch_events={"events_per_request": 10}, spool=folder)
        for number in range(95):
            assert client.activate("checkout", f"u{number}")
        assert client.close()
        assert list(folder.iterdir()) == []
        wait_until(lambda: threading.active_count() <= before + 1)

    def test_while_a_request_hangs(self, launch: Launch, sink: Sink, folder: Path) -> None:
        with BlackHole() as hole:
            client = launch(
                settings(),
                base_url=hole.url,
                batch_events=MANY,
                spool=folder,
                request_timeout_s=0.5,
            )
            for number in range(5):
                assert client.track("checkout", f"u{number}", "purchase")
            assert client.flush_events(timeout_s=0.1) is False
            assert client.close(0) is False
            # The thread that sends goes on until its request is over; then the files are free.
            wait_until(lambda: client.stats().spooled == {"conversion": 5})
        takeover = takeover_of(client)
        wait_until(lambda: takeover._thread is None or not takeover._thread.is_alive())
        last = launch(settings(), batch_events=MANY, spool=folder)
        assert last.flush_events()
        assert users(sink) == ids(last, 5)

    def test_one_that_nobody_closes(self, sink: Sink, folder: Path) -> None:
        before = set(threading.enumerate())
        client = vwo.launch(settings(), base_url=sink.url, batch_events=MANY, spool=folder)
        assert client.activate("checkout", "Ann")
        del client
        gc.collect()
        wait_until(lambda: sizes(sink) == [1])
        wait_until(lambda: set(threading.enumerate()) - before == set())
        assert list(folder.iterdir()) == []

    def test_from_a_callback(self, launch: Launch, sink: Sink, folder: Path) -> None:
        clients: list[vwo.Client] = []
        batches = {"events_per_request": 10, "flush_callback": lambda *_: clients[0].close()}
        clients.append(launch(settings(), batch_events=batches, spool=folder))
        with without_senders(outbox_of(clients[0])):
            for number in range(95):
                assert clients[0].activate("checkout", f"u{number}")
        outbox_of(clients[0])._senders.start()
        wait_until(lambda: clients[0].stats().delivered == {"visitor": 95})
        wait_until(lambda: list(folder.iterdir()) == [])
        assert sum(sizes(sink)) == 95

    def test_the_exit_of_a_program(self, launch: Launch, sink: Sink, folder: Path) -> None:
        program = f"""
import sys
from sortition import vwo
client = vwo.launch(
    {settings()!r}, base_url=sys.argv[1], batch_events={{"events_per_request": 7}},
    spool=sys.argv[2], close_timeout_s=float(sys.argv[3]),
)
for number in range(20):
    assert client.track("checkout", f"u{{number}}", "purchase")
"""
        for url, close_timeout_s in ((free_url(), 0.2), (sink.url, GENEROUS_S)):
            arguments = [url, str(folder), str(close_timeout_s)]
            subprocess.run([sys.executable, "-c", program, *arguments], check=True)
        assert len(set(users(sink))) == 20
        client = launch(settings(), batch_events=MANY, spool=folder)
        assert client.flush_events()
        assert sorted(users(sink)) == sorted(ids(client, 20) * 2)
        assert client.close()
        assert list(folder.iterdir()) == []


class TestSettling:
    """A file goes when it is known what became of its events, whatever that was."""

    @pytest.mark.usefixtures("hurried")
    @pytest.mark.parametrize("status", [200, 400, 413, 500])
    def test_nothing_is_left(self, launch: Launch, sink: Sink, folder: Path, status: int) -> None:
        answers = iter([status] * 3)
        sink.answer = lambda _: Answer(status=next(answers, 200))
        client = launch(settings(), batch_events={"events_per_request": 8}, spool=folder)
        for number in range(100):
            assert client.activate("checkout", f"u{number}")
        client.flush_events()
        assert sum_of(client.stats()) == 100
        assert sum(file.stat().st_size > 0 for file in left_in(folder)) <= 1
        client.close()
        assert list(folder.iterdir()) == []

    def test_files_are_closed(self, launch: Launch, folder: Path) -> None:
        client = launch(settings(), batch_events={"events_per_request": 2}, spool=folder)
        assert client.activate("checkout", "Ann")
        assert client.flush_events()
        before = open_files()
        for number in range(400):
            assert client.activate("checkout", f"u{number}")
        assert client.flush_events()
        assert open_files() <= before + 3

    def test_retries_that_ended(self, launch: Launch, sink: Sink, folder: Path) -> None:
        sink.answer = lambda _: Answer(status=503)
        client = launch(
            settings(), batch_events={"events_per_request": 2}, spool=folder, retry_for_s=0.05
        )
        assert client.activate("checkout", "Ann")
        assert client.activate("checkout", "Bob")
        wait_until(lambda: client.stats().dropped == {"retries_ended": {"visitor": 2}})
        assert client.close()
        assert list(folder.iterdir()) == []

    def test_a_batch_is_a_file(self, launch: Launch, folder: Path) -> None:
        client = launch(
            settings(), base_url=free_url(), batch_events={"events_per_request": 50}, spool=folder
        )
        for number in range(500):
            assert client.activate("checkout", f"u{number}")
        assert len(left_in(folder)) in (10, 11)
        client.close(0)

    def test_single_events_share_a_file(self, launch: Launch, sink: Sink, folder: Path) -> None:
        """And it is on record which of them the server has."""
        client = launch(settings(), batch_events={"events_per_request": 1}, spool=folder)
        for number in range(30):
            assert client.activate("checkout", f"u{number}")
        wait_until(lambda: client.stats().delivered == {"visitor": 30})
        assert len(left_in(folder)) == 1
        (own,) = folder.iterdir()
        copy = folder / own.name.replace(own.name[-16:], "0" * 16)
        shutil.copytree(own, copy)
        last = launch(settings(), batch_events=MANY, spool=folder)
        assert last.flush_events()
        assert last.stats().adopted == {}
        assert len(users(sink)) == 30


class TestForks:
    def test_each_has_its_own(self, launch: Launch, sink: Sink, folder: Path) -> None:
        """The parent sends its waiting events, and the child sends its own."""
        client = launch(settings(), batch_events=MANY, spool=folder)
        for number in range(50):
            assert client.activate("checkout", f"parent {number}")
        children = []
        for child in range(4):
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    for number in range(25):
                        client.activate("checkout", f"child {child} {number}")
                    if child % 2:
                        os.kill(os.getpid(), signal.SIGKILL)
                    status = 0 if client.close(GENEROUS_S) else 2
                finally:
                    os._exit(status)
            children.append(pid)
        for pid in children:
            assert os.waitpid(pid, 0)[1] in (0, signal.SIGKILL)
        assert client.flush_events()
        assert client.close()
        last = launch(settings(), batch_events=MANY, spool=folder)
        assert last.flush_events()
        assert len(users(sink)) == len(set(users(sink))) == 150
        assert last.close()
        assert list(folder.iterdir()) == []

    def test_many_clients_on_one_folder(self, launch: Launch, sink: Sink, folder: Path) -> None:
        killed(folder, 100)
        clients = [launch(settings(), batch_events=MANY, spool=folder) for _ in range(5)]
        for number, client in enumerate(clients):
            assert client.activate("checkout", f"user {number}")
        assert all(client.flush_events() for client in clients)
        assert len(users(sink)) == len(set(users(sink))) == 105
        assert all(client.close() for client in clients)
        assert list(folder.iterdir()) == []


class TestFailing:
    """One warning, and the service goes on as without a spool."""

    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(disk_state, "_TRIES_AGAIN_AFTER_S", 0.0)

    def test_a_folder_that_cannot_be_made(
        self, launch: Launch, sink: Sink, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        parent = tmp_path / "parent"
        parent.mkdir()
        client = launch(settings(), batch_events=MANY, spool=parent / "spool")
        parent.rmdir()
        for number in range(100):
            assert client.activate("checkout", f"u{number}")
        assert caplog.text.count("events are in memory only") == 1
        status = client.status()
        assert status.state == "degraded"
        (reason,) = status.reasons
        assert reason.endswith("because the spool fails: No such file or directory")
        assert client.healthz()
        parent.mkdir()
        assert client.activate("checkout", "Ann")
        assert caplog.text.count("spool: writing works again") == 1
        assert client.status().state == "ready"
        assert len(left_in(parent / "spool")) == 1
        assert client.flush_events()
        assert sum(sizes(sink)) == 101

    def test_what_is_in_memory_alone_is_lost_at_the_end(
        self, launch: Launch, tmp_path: Path
    ) -> None:
        parent = tmp_path / "parent"
        parent.mkdir()
        client = launch(settings(), base_url=free_url(), batch_events=MANY, spool=parent / "spool")
        parent.rmdir()
        assert client.activate("checkout", "Ann")
        parent.mkdir()
        assert client.activate("checkout", "Bob")
        assert client.close(0.1) is False
        wait_until(lambda: client.stats().spooled == {"visitor": 1})
        assert client.stats().dropped == {"closed": {"visitor": 1}}

    def test_it_is_full(
        self, launch: Launch, caplog: pytest.LogCaptureFixture, folder: Path
    ) -> None:
        client = launch(
            settings(), base_url=free_url(), batch_events=MANY, spool=folder, spool_bytes=2000
        )
        for number in range(50):
            assert client.activate("checkout", f"u{number}")
        assert sum(file.stat().st_size for file in left_in(folder)) <= 2000
        assert caplog.text.count("it holds as many bytes as it may") == 1
        client.close(0)
        wait_until(lambda: sum_of(client.stats()) == client.stats().accepted["visitor"] == 50)
        kept, lost = client.stats().spooled["visitor"], client.stats().dropped["closed"]["visitor"]
        assert kept > 5
        assert kept + lost == 50

    def test_its_folder_is_removed(self, launch: Launch, sink: Sink, folder: Path) -> None:
        client = launch(settings(), batch_events={"events_per_request": 2}, spool=folder)
        assert client.activate("checkout", "Ann")
        shutil.rmtree(folder)
        for number in range(9):
            assert client.activate("checkout", f"u{number}")
        assert client.flush_events()
        assert sum(sizes(sink)) == 10
        assert client.close()


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"spool": 5}, "spool: must be the path of a folder, got int"),
            ({"spool": b"/tmp"}, "spool: must be the path of a folder, got bytes"),
            ({"spool": ""}, "spool: must be the path of a folder"),
            ({"spool": "a\0b"}, "spool: must be the path of a folder"),
            ({"spool": __file__}, "spool: is not a folder"),
            ({"spool": "/no/such/folder"}, "spool: its parent folder does not exist"),
            ({"spool_bytes": 0}, "spool_bytes: must be from 1"),
            ({"spool_bytes": "1"}, "spool_bytes: must be a whole number, got str"),
            ({"spool_age_s": 0}, "spool_age_s: must be from 1 to 604800 seconds"),
            ({"spool_age_s": "1"}, "spool_age_s: must be a number of seconds, got str"),
        ],
    )
    def test_what_cannot_be_used(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=re.escape(message)):
            vwo.launch(settings(), batch_events=MANY, **options)

    def test_it_needs_batches(self, folder: Path) -> None:
        """The launch refuses a spool that would never hold an event."""
        with pytest.raises(ValueError, match="spool: requires batch_events"):
            vwo.launch(settings(), spool=folder)

    def test_a_folder_is_where_it_was_at_the_launch(
        self, launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path)
        client = launch(settings(), batch_events=MANY, spool="spool")
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert client.activate("checkout", "Ann")
        assert len(left_in(tmp_path / "spool")) == 1

    def test_development_mode_keeps_nothing(self, launch: Launch, folder: Path) -> None:
        client = launch(settings(), batch_events=MANY, spool=folder, is_development_mode=True)
        assert client.activate("checkout", "Ann")
        assert client.close()
        assert not folder.exists()

    def test_a_refused_event_is_not_kept(self, launch: Launch, folder: Path) -> None:
        client = launch(
            settings(), base_url=free_url(), batch_events=MANY, spool=folder, queue_events=1
        )
        for number in range(10):
            client.track("checkout", f"u{number}", "purchase")
        accepted = client.stats().accepted["conversion"]
        assert accepted < 10
        client.close(0)
        wait_until(lambda: client.stats().spooled == {"conversion": accepted})
        with contextlib.suppress(FileNotFoundError):
            assert sum(file.read_bytes().count(b'"u"') for file in left_in(folder)) == accepted


def test_it_says_how_much_it_took_over(
    launch: Launch, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    killed(folder, 3)
    assert launch(settings(), batch_events=MANY, spool=folder).flush_events()
    assert "spool: sending 3 events of processes that ended" in caplog.text
