"""A client that takes over what other processes left: how much at a time, and in which state."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from support.documents import settings
from support.events import MANY, events_of, sum_of
from support.sink import Answer, Sink, free_url, wait_until
from support.spooling import killed, left_in

from sortition._sending.spool import files, takeover

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sortition import vwo

    Launch = Callable[..., vwo.Client]

EVENTS = 400
BYTES = 100_000
"""One process's events take less than this, and those of two take more."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def users(sink: Sink) -> list[str]:
    return [event["u"] for one in sink.received for event in events_of(one)]


class TestMoreThanTheBound:
    """Each process that died kept to `spool_bytes`; together they left more than one may keep."""

    def test_a_flush_sends_all_of_it(self, launch: Launch, sink: Sink, folder: Path) -> None:
        for _ in range(4):
            killed(folder, EVENTS, batch_events={"events_per_request": 50})
        client = launch(
            settings(), batch_events={"events_per_request": 50}, spool=folder, spool_bytes=BYTES
        )
        assert client.flush_events(timeout_s=60)
        stats = client.stats()
        assert stats.adopted == stats.delivered == {"conversion": 4 * EVENTS}
        assert stats.dropped == {}
        assert len(users(sink)) == 4 * EVENTS
        assert client.close()
        assert list(folder.iterdir()) == []

    def test_without_a_flush(self, launch: Launch, folder: Path) -> None:
        """The next part is taken over as soon as there is room, and not a minute later."""
        for _ in range(4):
            killed(folder, EVENTS, batch_events={"events_per_request": 50})
        client = launch(
            settings(),
            batch_events={"events_per_request": 50, "request_time_interval": 1},
            spool=folder,
            spool_bytes=BYTES,
        )
        assert client.activate("checkout", "Ann")
        wait_until(lambda: client.stats().delivered.get("conversion") == 4 * EVENTS)

    def test_in_an_outage_it_stays(self, launch: Launch, folder: Path, sink: Sink) -> None:
        """Events that the client does not take over are not counted and stay for others."""
        for _ in range(4):
            killed(folder, EVENTS)
        client = launch(
            settings(), base_url=free_url(), batch_events=MANY, spool=folder, spool_bytes=BYTES
        )
        assert client.activate("checkout", "Ann")
        wait_until(lambda: client.stats().adopted.get("conversion", 0) > 0)
        assert client.flush_events(timeout_s=0.5) is False
        stats = client.stats()
        assert stats.adopted["conversion"] < 4 * EVENTS
        assert stats.dropped == {}
        assert sum_of(stats) == stats.adopted["conversion"] + 1
        other = launch(settings(), batch_events=MANY, spool=folder)
        assert other.flush_events()
        assert other.stats().delivered["conversion"] + stats.adopted["conversion"] == 4 * EVENTS
        client.close(0)
        last = launch(settings(), batch_events=MANY, spool=folder)
        assert last.flush_events()
        assert len(users(sink)) == 4 * EVENTS + 1

    def test_by_many_at_once(self, launch: Launch, sink: Sink, folder: Path) -> None:
        for _ in range(4):
            killed(folder, EVENTS)
        clients = [
            launch(settings(), batch_events=MANY, spool=folder, spool_bytes=BYTES) for _ in range(3)
        ]
        flushes = [
            threading.Thread(target=client.flush_events, kwargs={"timeout_s": 60})
            for client in clients
        ]
        for thread in flushes:
            thread.start()
        for thread in flushes:
            thread.join()
        wait_until(lambda: len(users(sink)) == 4 * EVENTS)
        assert all(client.stats().dropped == {} for client in clients)


class TestHugeFiles:
    """A segment that something has made larger than any that sortition writes."""

    @pytest.fixture
    def huge(self, folder: Path) -> Path:
        killed(folder, 10)
        (file,) = left_in(folder)
        os.truncate(file, 2**31)
        return file

    @pytest.mark.usefixtures("huge")
    def test_its_events_are_sent(self, launch: Launch, sink: Sink, folder: Path) -> None:
        client = launch(settings(), batch_events=MANY, spool=folder)
        assert client.flush_events() is False
        stats = client.stats()
        assert stats.delivered == {"conversion": 10}
        assert stats.dropped == {"damaged": {"unreadable": 1}}
        assert len(users(sink)) == 10
        assert client.close()
        assert list(folder.iterdir()) == []

    def test_it_costs_no_more_memory_than_is_read(self, huge: Path) -> None:
        folder = os.open(huge.parent, os.O_RDONLY)
        try:
            assert len(files.read(huge.name, folder)) == files.MOST_READ_BYTES
            assert files.size_of(huge.name, folder) == files.MOST_READ_BYTES
        finally:
            os.close(folder)

    @pytest.mark.usefixtures("huge")
    def test_what_is_noted_in_it_is_found_again(
        self, launch: Launch, sink: Sink, folder: Path
    ) -> None:
        """Another process knows which of its events were delivered."""
        answers = iter([200])
        sink.answer = lambda _: Answer(status=next(answers, 503))
        first = launch(settings(), batch_events={"events_per_request": 4}, spool=folder)
        first.flush_events(timeout_s=0.5)
        wait_until(lambda: first.stats().delivered == {"conversion": 4})
        first.close(0)
        sink.answer = lambda _: Answer()
        last = launch(settings(), batch_events=MANY, spool=folder)
        assert last.flush_events()
        assert last.stats().delivered == {"conversion": 6}


class TestItsThread:
    def test_one_that_cannot_be_started_is_tried_again(
        self, launch: Launch, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        killed(folder, 3)
        monkeypatch.setattr(takeover, "_STARTS_AGAIN_AFTER_S", 0.0)
        client = launch(settings(), batch_events={"request_time_interval": 1}, spool=folder)
        real = threading.Thread.start

        def fail(thread: threading.Thread) -> None:
            if thread.name == "sortition-spool":
                raise RuntimeError("can't start new thread")
            real(thread)

        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", fail)
            assert client.activate("checkout", "Ann")
            assert client.flush_events(timeout_s=5) is False
            assert client.stats().adopted == {}
        assert client.activate("checkout", "Bob")
        wait_until(lambda: client.stats().delivered == {"visitor": 2, "conversion": 3})

    def test_one_that_died_is_replaced(
        self, launch: Launch, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever ended it."""
        monkeypatch.setattr(threading, "excepthook", lambda _: None)
        client = launch(settings(), batch_events={"request_time_interval": 1}, spool=folder)

        def end(*_: object) -> None:
            raise SystemExit

        with monkeypatch.context() as patched:
            patched.setattr(takeover.Takeover, "_take_over", end)
            assert client.activate("checkout", "Ann")
            wait_until(
                lambda: "sortition-spool" not in {thread.name for thread in threading.enumerate()}
            )
        killed(folder, 3)
        assert client.flush_events()
        assert client.stats().adopted == {"conversion": 3}

    def test_a_callback_on_it_may_flush_and_close(
        self, launch: Launch, sink: Sink, folder: Path
    ) -> None:
        """Neither waits for the thread, which ends after the callback; no event is lost."""
        killed(folder, 5)
        (file,) = left_in(folder)
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 255
        file.write_bytes(content)
        told: list[tuple[str, object, object]] = []
        activated = threading.Event()

        def on_drop(reason: str, _: int) -> None:
            activated.wait(60)
            name = threading.current_thread().name
            told.append((f"{name} {reason}", client.flush_events(), client.close()))

        client = launch(settings(), batch_events=MANY, spool=folder, on_drop=on_drop)
        assert client.activate("checkout", "Ann")
        activated.set()
        wait_until(lambda: bool(told))
        assert told == [("sortition-spool damaged", False, False)]
        wait_until(lambda: client.stats().delivered.get("visitor") == 1)
        wait_until(
            lambda: "sortition-spool" not in {thread.name for thread in threading.enumerate()}
        )
        # A close leaves what was not in the queue yet to the next process.
        client = launch(settings(), batch_events=MANY, spool=folder)
        client.flush_events()
        assert len(users(sink)) == 5
