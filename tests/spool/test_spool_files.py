"""The files of a spool: whose they are, what is taken over and what is left alone."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.sink import wait_until

from sortition._base.log import Log
from sortition._sending.spool import age, disk_state, files, process_folder
from sortition._sending.spool import spool as spool_module
from sortition._sending.spool.options import SpoolOptions
from sortition._sending.spool.owner import Owner
from sortition._sending.spool.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sortition._sending.spool.segment import Place

    Make = Callable[..., Spool]

OWNER = Owner.of("vwo", "604812", "a key")
AT_MS = 1_750_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def make(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make spools on one folder; those that a test leaves are let go of."""
    monkeypatch.setattr(spool_module, "_FEW_PER_REQUEST", 0)
    made: list[Spool] = []

    def make_one(
        owner: Owner = OWNER,
        *,
        most_bytes: int = 1 << 20,
        most_age_s: float = 3600.0,
        segment_events: int = 100,
    ) -> Spool:
        options = SpoolOptions(str(folder), most_bytes, most_age_s)
        made.append(Spool(options, lambda: owner, Log("test"), segment_events))
        return made[-1]

    yield make_one
    for one in made:
        one.close()


def put(spool: Spool, event: bytes) -> Place | None:
    """Keep an event; its place, or None where it is in no file."""
    places: list[Place] = []
    spool.append("visitor", event, places)
    return places[0] if places else None


def keep(spool: Spool, *events: bytes) -> list[Place]:
    places = [put(spool, event) for event in events]
    assert None not in places
    return [place for place in places if place is not None]


def loaded(spool: Spool) -> list[bytes]:
    """All that was taken over and is to be sent."""
    found: list[bytes] = []
    while (one := spool.leftovers.load()) is not None:
        found += [event.event for event, _ in one.events]
    return found


def folders(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.spool"))


def killed(folder: Path, count: int, owner: Owner = OWNER) -> None:
    """A process that keeps so many events and is killed."""
    pid = os.fork()
    if pid == 0:
        try:
            spool = Spool(SpoolOptions(str(folder)), lambda: owner, Log("test"), 100)
            for number in range(count):
                put(spool, b"%d" % number)
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


class TestKeeping:
    def test_nothing_is_made_before_the_first_event(self, make: Make, folder: Path) -> None:
        make()
        assert not folder.exists()

    def test_rights(self, make: Make, folder: Path) -> None:
        before = os.umask(0)
        try:
            keep(make(), b"event")
        finally:
            os.umask(before)
        (own,) = folders(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
        assert {stat.S_IMODE(one.stat().st_mode) for one in own.iterdir()} == {0o600}

    def test_the_key_is_in_no_name(self, make: Make, folder: Path) -> None:
        keep(make(Owner.of("vwo", "../604812 é", "0123456789abcdef")), b"event")
        (own,) = folders(folder)
        assert own.name.startswith("vwo.___604812__.")
        assert "0123456789abcdef" not in own.name

    def test_a_file_holds_so_many_events(self, make: Make, folder: Path) -> None:
        keep(make(segment_events=10), *[b"event"] * 25)
        assert len(segments(folder)) == 3

    def test_what_is_settled_is_removed(self, make: Make, folder: Path) -> None:
        spool = make(segment_events=10)
        places = keep(spool, *[b"event"] * 25)
        spool.settle(places[:10])
        assert len(segments(folder)) == 2
        spool.settle(places[10:19])
        assert len(segments(folder)) == 2
        spool.settle(places[19:])
        # To the last one, more may come.
        assert len(segments(folder)) == 1
        spool.close()
        assert folders(folder) == []

    def test_from_many_threads(self, make: Make) -> None:
        spool = make(segment_events=7)

        def work(thread: int) -> list[Place]:
            return keep(spool, *(b"%d %d" % (thread, number) for number in range(300)))

        with ThreadPoolExecutor(8) as callers:
            places = [place for some in callers.map(work, range(8)) for place in some]
        assert len({(place.segment.name, place.number) for place in places}) == 2400
        spool.close()
        heir = make()
        heir.leftovers.take_over()
        assert sorted(loaded(heir)) == sorted(
            b"%d %d" % (thread, number) for thread in range(8) for number in range(300)
        )

    def test_from_a_signal_handler(self, make: Make, folder: Path) -> None:
        """In the middle of a call that keeps an event."""
        spool = make(segment_events=3)

        taken = threading.Semaphore(0)

        def interrupt(*_: object) -> None:
            put(spool, b"signal")
            taken.release()

        main = threading.get_ident()
        stop = threading.Event()

        def signal_again() -> None:
            while not stop.is_set():
                signal.pthread_kill(main, signal.SIGUSR1)
                taken.acquire(timeout=60)

        before = signal.signal(signal.SIGUSR1, interrupt)
        thread = threading.Thread(target=signal_again)
        interval = sys.getswitchinterval()
        sys.setswitchinterval(0.00001)
        thread.start()
        try:
            keep(spool, *[b"call"] * 3000)
        finally:
            stop.set()
            taken.release()
            thread.join()
            signal.signal(signal.SIGUSR1, before)
            sys.setswitchinterval(interval)
        spool.close()
        heir = make()
        adopted = heir.leftovers.take_over().adopted
        found = loaded(heir)
        assert found.count(b"call") == 3000
        assert found.count(b"signal") > 100
        assert adopted == {"visitor": len(found)}
        assert len(segments(folder)) > 1000


class TestTakingOver:
    def test_what_a_process_left(self, make: Make, folder: Path) -> None:
        killed(folder, 250)
        spool = make()
        adoption = spool.leftovers.take_over()
        assert adoption.adopted == {"visitor": 250}
        assert adoption.dropped == {}
        assert loaded(spool) == [b"%d" % number for number in range(250)]
        assert len(folders(folder)) == 1
        assert spool.leftovers.take_over().adopted == {}

    def test_what_a_client_left_that_was_closed(self, make: Make, folder: Path) -> None:
        first = make()
        settled = keep(first, b"1", b"2", b"3")[1]
        first.settle([settled])
        first.close()
        second = make()
        assert second.leftovers.take_over().adopted == {"visitor": 2}
        assert loaded(second) == [b"1", b"3"]
        second.close()
        assert len(segments(folder)) == 1

    def test_who_is_alive_is_left_alone(self, make: Make) -> None:
        keep(make(), b"event")
        assert make().leftovers.take_over().adopted == {}

    def test_another_account_is_left_alone(self, make: Make, folder: Path) -> None:
        owners = [
            Owner.of("vwo", "604812", "another key"),
            Owner.of("vwo", "604813", "a key"),
            Owner.of("pagesense", "604812", "a key"),
        ]
        for owner in owners:
            killed(folder, 3, owner)
        spool = make()
        assert spool.leftovers.take_over().adopted == {}
        for owner in owners:
            heir = make(owner)
            assert heir.leftovers.take_over().adopted == {"visitor": 3}

    def test_by_one_of_many(self, make: Make, folder: Path) -> None:
        for _ in range(5):
            killed(folder, 20)
        spools = [make() for _ in range(8)]
        start = threading.Barrier(8)

        def adopt(spool: Spool) -> int:
            start.wait()
            return spool.leftovers.take_over().adopted.total()

        with ThreadPoolExecutor(8) as callers:
            assert sum(callers.map(adopt, spools)) == 100
        assert sum(len(loaded(spool)) for spool in spools) == 100

    def test_a_second_kill_in_the_middle(
        self, make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """At every step of taking over."""
        calls = ("rename", "unlink", "rmdir", "listdir", "mkdir")
        for step in range(60):
            killed(folder, 250)
            pid = os.fork()
            if pid == 0:
                left = step

                def dying(real: Callable[..., object]) -> Callable[..., object]:
                    def call(*arguments: object, **options: object) -> object:
                        nonlocal left
                        left -= 1
                        if left < 0:
                            os.kill(os.getpid(), signal.SIGKILL)
                        return real(*arguments, **options)

                    return call

                for name in calls:
                    monkeypatch.setattr(os, name, dying(getattr(os, name)))
                Spool(
                    SpoolOptions(str(folder)), lambda: OWNER, Log("test"), 100
                ).leftovers.take_over()
                os._exit(0)
            is_whole = os.waitpid(pid, 0)[1] == 0
            spool = make()
            assert spool.leftovers.take_over().adopted == {"visitor": 250}
            assert sorted(map(int, loaded(spool))) == sorted(range(250))
            spool.close()
            for one in segments(folder):
                one.unlink()
            if is_whole:
                break
        assert is_whole
        assert step > 10

    def test_it_is_ready_when_it_can_be_seen(self, make: Make, folder: Path) -> None:
        """Nobody takes over a folder that is being made."""
        folder.mkdir()
        begun = folder / f".new.vwo.604812.{OWNER.identity}.1.{'0' * 16}"
        begun.mkdir(0o700)
        (begun / "lock").touch()
        spool = make()
        assert spool.leftovers.take_over().adopted == {}
        assert begun.exists()
        long_ago = time.time() - 7200
        os.utime(begun, (long_ago, long_ago))
        spool.leftovers.take_over()
        assert not begun.exists()

    def test_what_there_is_no_room_for_stays(self, make: Make, folder: Path) -> None:
        """And is taken over once what was taken is settled; nothing is dropped."""
        first = make(segment_events=10)
        keep(first, *(b"%0100d" % number for number in range(100)))
        first.close()
        spool = make(most_bytes=6000)
        sent: list[bytes] = []
        rounds = 0
        while (taken := spool.leftovers.take_over()).adopted:
            rounds += 1
            assert taken.dropped == {}
            assert spool.size <= 3000
            assert spool.leftovers.are_left_behind == (len(sent) + taken.adopted.total() < 100)
            assert not spool.leftovers.have_room
            while (one := spool.leftovers.load()) is not None:
                sent += [event.event for event, _ in one.events]
                spool.settle([place for _, place in one.events])
            assert spool.leftovers.have_room == spool.leftovers.are_left_behind
        assert sent == [b"%0100d" % number for number in range(100)]
        assert rounds == 5
        assert segments(folder) == []

    def test_a_file_that_is_larger_than_all_may_be(self, make: Make, folder: Path) -> None:
        """One file at a time is always taken over."""
        for _ in range(3):
            killed(folder, 50)
        spool = make(most_bytes=1)
        for _ in range(3):
            assert spool.leftovers.take_over().adopted == {"visitor": 50}
            (one,) = iter(spool.leftovers.load, None)
            assert not spool.leftovers.have_room
            spool.settle([place for _, place in one.events])
        assert spool.leftovers.take_over().adopted == {}
        assert segments(folder) == []

    def test_own_events_have_room_beside_leftovers(self, make: Make, folder: Path) -> None:
        for _ in range(4):
            killed(folder, 100)
        spool = make(most_bytes=20_000)
        spool.leftovers.take_over()
        assert spool.leftovers.are_left_behind
        keep(spool, *[b"x" * 60] * 100)

    def test_what_is_left_behind_is_free_for_others(self, make: Make, folder: Path) -> None:
        for _ in range(4):
            killed(folder, 100)
        spools = [make(most_bytes=10_000) for _ in range(4)]
        taken = [spool.leftovers.take_over().adopted.total() for spool in spools]
        assert taken == [100] * 4

    def test_the_oldest_first(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whichever process they are of, and whatever the wall clock said."""
        real = age.uptime_ms
        for number in (3, 1, 4, 2, 0):
            with monkeypatch.context() as patched:
                # The higher the number, the younger.
                behind_ms = (10 - number) * 1000
                patched.setattr(age, "uptime_ms", lambda behind_ms=behind_ms: real() - behind_ms)
                patched.setattr(time, "time_ns", lambda number=number: number % 2 * 10**18)
                first = make()
                keep(first, b"%d" % number)
            first.close()
        spool = make()
        spool.leftovers.take_over()
        assert loaded(spool) == [b"%d" % number for number in range(5)]

    def test_damage_is_counted(self, make: Make, folder: Path) -> None:
        first = make()
        keep(first, b"1", b"2", b"3")
        (file,) = segments(folder)
        first.close()
        data = bytearray(file.read_bytes())
        data[data.index(b"visitor2")] ^= 1
        file.write_bytes(data)
        spool = make()
        adoption = spool.leftovers.take_over()
        assert adoption.adopted == {"visitor": 2, "unreadable": 1}
        assert adoption.dropped == {"damaged": {"unreadable": 1}}
        assert loaded(spool) == [b"1", b"3"]

    def test_damage_after_it_was_counted(self, make: Make, folder: Path) -> None:
        killed(folder, 3)
        spool = make()
        spool.leftovers.take_over()
        (file,) = segments(folder)
        file.write_bytes(b"")
        one = spool.leftovers.load()
        assert one is not None
        assert (one.events, one.dropped) == ([], {"damaged": {"visitor": 3}})
        assert segments(folder) == []

    def test_a_file_that_is_gone(
        self, make: Make, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        killed(folder, 3)
        spool = make()
        spool.leftovers.take_over()
        segments(folder)[0].unlink()
        one = spool.leftovers.load()
        assert one is not None
        assert one.dropped == {"damaged": {"visitor": 3}}
        assert "spool: cannot read" in caplog.text


class TestForks:
    def test_a_child_does_not_keep_its_parent_alive(self, make: Make, folder: Path) -> None:
        """It has none of the parent's files open, so that they are taken over at once."""
        told, tells = os.pipe()
        parent = os.fork()
        if parent == 0:
            spool = Spool(SpoolOptions(str(folder)), lambda: OWNER, Log("test"), 100)
            put(spool, b"parent")
            child = os.fork()
            if child == 0:
                own = Spool(SpoolOptions(str(folder)), lambda: OWNER, Log("test"), 100)
                put(own, b"child")
                os.write(tells, b"%d\n" % os.getpid())
                signal.pause()
            signal.pause()
        with os.fdopen(told) as pipe:
            child = int(pipe.readline())
        os.close(tells)
        try:
            spool = make()
            assert spool.leftovers.take_over().adopted == {}
            os.kill(parent, signal.SIGKILL)
            os.waitpid(parent, 0)
            spool.leftovers.take_over()
            assert loaded(spool) == [b"parent"]
        finally:
            os.kill(child, signal.SIGKILL)
        wait_until(lambda: spool.leftovers.take_over().adopted == {"visitor": 1})
        assert loaded(spool) == [b"child"]

    def test_a_fork_while_the_lock_is_opened(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The child has a file open that it does not know of; the parent does not lock that one."""
        real = files.open_file
        children: list[int] = []

        def forking(name: str, folder: int, flags: int) -> int:
            descriptor = real(name, folder, flags)
            if not children:
                children.append(os.fork())
                if not children[0]:
                    signal.pause()
            return descriptor

        monkeypatch.setattr(files, "open_file", forking)
        spool = make()
        keep(spool, b"event")
        try:
            spool.close()
            assert make().leftovers.take_over().adopted == {"visitor": 1}
        finally:
            os.kill(children[0], signal.SIGKILL)
            os.waitpid(children[0], 0)

    def test_a_program_that_is_started_keeps_nothing_alive(self, make: Make) -> None:
        first = make()
        keep(first, b"event")
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as program:
            first.close()
            assert make().leftovers.take_over().adopted == {"visitor": 1}
            program.kill()

    def test_its_descriptors_are_only_its_own(self, make: Make) -> None:
        """A child closes only the files that its parent had open for the spool."""
        others = set(files._Held.descriptors)
        spool = make()
        keep(spool, b"event")
        before = set(files._Held.descriptors) - others
        assert before
        pid = os.fork()
        if pid == 0:
            is_open = []
            for descriptor in before:
                try:
                    os.fstat(descriptor)
                except OSError:
                    continue
                is_open.append(descriptor)
            os._exit(len(is_open))
        assert os.waitpid(pid, 0)[1] == 0
        spool.close()
        assert not before & set(files._Held.descriptors)


class TestForeign:
    """The client neither reads, writes nor removes files that are not the spool's."""

    @pytest.fixture
    def left(self, folder: Path) -> Path:
        """The folder of a process that has ended, with an event in it."""
        killed(folder, 1)
        (left,) = folders(folder)
        return left

    def test_files_in_the_folder(self, make: Make, folder: Path) -> None:
        folder.mkdir()
        (folder / "notes.txt").write_text("mine")
        (folder / "vwo.1.2.3").mkdir()
        (folder / "vwo.1.2.3" / "00.spool").write_text("mine")
        spool = make()
        keep(spool, b"event")
        assert spool.leftovers.take_over().adopted == {}
        spool.close()
        assert (folder / "notes.txt").read_text() == "mine"
        assert (folder / "vwo.1.2.3" / "00.spool").exists()

    def test_files_in_a_folder_of_a_process(self, make: Make, left: Path) -> None:
        (left / "notes.txt").write_text("mine")
        spool = make()
        assert spool.leftovers.take_over().adopted == {"visitor": 1}
        assert (left / "notes.txt").read_text() == "mine"
        assert spool.leftovers.take_over().adopted == {}

    def test_a_folder_that_is_a_link(self, make: Make, left: Path, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        left.rename(elsewhere)
        left.symlink_to(elsewhere)
        assert make().leftovers.take_over().adopted == {}
        assert len(list(elsewhere.glob("*.spool"))) == 1

    def test_a_segment_that_is_a_link(self, make: Make, left: Path, tmp_path: Path) -> None:
        (file,) = left.glob("*.spool")
        elsewhere = tmp_path / "elsewhere"
        file.rename(elsewhere)
        file.symlink_to(elsewhere)
        assert make().leftovers.take_over().adopted == {}
        assert elsewhere.exists()
        assert file.is_symlink()

    def test_a_lock_that_is_a_link(self, make: Make, left: Path, tmp_path: Path) -> None:
        (left / "lock").unlink()
        (tmp_path / "lock").touch()
        (left / "lock").symlink_to(tmp_path / "lock")
        assert make().leftovers.take_over().adopted == {}

    def test_a_pipe_and_a_socket(
        self, make: Make, left: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody waits for them."""
        (file,) = left.glob("*.spool")
        file.unlink()
        os.mkfifo(file)
        monkeypatch.chdir(left)
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(f"{'1' * 16}-00000001.spool")
            assert make().leftovers.take_over().adopted == {}
        assert file.is_fifo()

    def test_a_folder_that_others_may_write_to(self, make: Make, left: Path) -> None:
        left.chmod(0o777)
        assert make().leftovers.take_over().adopted == {}

    def test_another_user_s(self, make: Make, left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
            assert make().leftovers.take_over().adopted == {}
        assert make().leftovers.take_over().adopted == {"visitor": 1}

    def test_without_its_lock(self, make: Make, left: Path) -> None:
        """Nobody can tell whether its process is alive."""
        (left / "lock").unlink()
        spool = make()
        assert spool.leftovers.take_over().adopted == {}
        next(left.glob("*.spool")).unlink()
        spool.leftovers.take_over()
        assert not left.exists()


class TestFailing:
    """The client warns once and continues, and uses the spool again once it can."""

    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(disk_state, "_TRIES_AGAIN_AFTER_S", 0.0)

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
    def test_a_write_that_fails(
        self,
        make: Make,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        code: int,
    ) -> None:
        spool = make()
        keep(spool, b"before")

        def fail(*_: object) -> int:
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patched:
            patched.setattr(os, "write", fail)
            assert [put(spool, b"lost") for _ in range(100)] == [None] * 100
        assert caplog.text.count(os.strerror(code)) == 1
        keep(spool, b"after")
        assert caplog.text.count("spool: writing works again") == 1
        spool.close()
        heir = make()
        assert heir.leftovers.take_over().dropped == {}
        assert loaded(heir) == [b"before", b"after"]

    def test_a_write_that_is_cut_short(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing is appended to what is not whole."""
        spool = make()
        keep(spool, b"before")
        real = os.write
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", lambda file, data: real(file, data[:20]))
            assert put(spool, b"lost") is None
        keep(spool, b"after")
        spool.close()
        heir = make()
        assert heir.leftovers.take_over().dropped == {"damaged": {"unreadable": 1}}
        assert loaded(heir) == [b"before", b"after"]

    def test_it_is_not_logged_again_and_again(
        self,
        make: Make,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A disk that fails and works in turn."""
        spool = make()
        real = os.write
        calls = iter(range(10_000))
        monkeypatch.setattr(
            os, "write", lambda file, data: real(file, data[: 5 if next(calls) % 2 else None])
        )
        for _ in range(200):
            put(spool, b"event")
        assert caplog.text.count("cannot write to") == 1
        assert caplog.text.count("spool: writing works again") == 1

    def test_it_is_left_alone_for_a_while(
        self, make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(disk_state, "_TRIES_AGAIN_AFTER_S", 3600.0)
        folder.write_text("no folder")
        spool = make()
        assert put(spool, b"event") is None
        folder.unlink()
        assert put(spool, b"event") is None
        assert not folder.exists()

    def test_a_file_system_without_locks(
        self, make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

        spool = make()
        with monkeypatch.context() as patched:
            patched.setattr("fcntl.flock", fail)
            assert put(spool, b"event") is None
        assert folders(folder) == []
        keep(spool, b"event")

    def test_a_disk_without_room_for_a_folder(
        self, make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The client still sends events that other processes left there."""
        killed(folder, 250)
        spool = make()

        def fail(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patched:
            patched.setattr(process_folder.ProcessFolder, "create", fail)
            assert spool.leftovers.take_over().adopted == {"visitor": 250}
            assert spool.leftovers.take_over().adopted == {}
            assert len(folders(folder)) == 1
            assert make().leftovers.take_over().adopted == {}
            while (one := spool.leftovers.load()) is not None:
                spool.settle([place for _, place in one.events])
        assert segments(folder) == []
        spool.close()
        assert folders(folder) == []

    def test_its_folder_is_removed(self, make: Make, folder: Path) -> None:
        import shutil  # noqa: PLC0415

        spool = make(segment_events=1)
        places = keep(spool, b"1")
        shutil.rmtree(folder)
        assert put(spool, b"2") is None
        places += keep(spool, b"3")
        assert len(segments(folder)) == 1
        spool.settle(places)
        spool.close()
        assert folders(folder) == []

    def test_it_is_full(self, make: Make, caplog: pytest.LogCaptureFixture) -> None:
        """And has room again when something was settled."""
        spool = make(most_bytes=1000, segment_events=3)
        places = []
        while (place := put(spool, b"x" * 100)) is not None:
            places.append(place)
        assert len(places) == 6
        assert "it holds as many bytes as it may" in caplog.text
        spool.settle(places[:3])
        assert put(spool, b"x" * 100) is not None

    def test_a_disk_that_is_full(self, tmp_path: Path) -> None:
        """A real one, as far as a process can be given one: a bound on the size of files."""
        program = """
import logging, resource, signal, sys
from sortition._base.log import Log
from sortition._sending.spool.owner import Owner
from sortition._sending.spool.options import SpoolOptions
from sortition._sending.spool.spool import Spool
logging.basicConfig(stream=sys.stdout, format="%(message)s")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool(SpoolOptions(sys.argv[1]), lambda: Owner.of("vwo", "1", ""), Log("test"), 10**6)
kept = []
for _ in range(50):
    spool.append("visitor", b"x" * 100, kept)
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
for _ in range(50):
    places = []
    spool.append("visitor", b"x" * 100, places)
    kept += places
print(len(kept))
"""
        folder = tmp_path / "spool"
        done = subprocess.run(
            [sys.executable, "-c", program, str(folder)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        warning, kept = done.stdout.splitlines()
        assert "cannot write to" in warning
        heir = Spool(SpoolOptions(str(folder)), lambda: Owner.of("vwo", "1", ""), Log("test"), 100)
        assert heir.leftovers.take_over().adopted == {"visitor": int(kept), "unreadable": 1}
        heir.close()
        assert 50 < int(kept) < 100


def test_its_log_names_no_event(make: Make, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    killed(folder, 1)
    (left,) = folders(folder)
    left.chmod(0o777)
    spool = make()
    spool.leftovers.take_over()
    assert f"leaving {left.name} alone" in caplog.text


def test_the_name_of_a_folder_is_read() -> None:
    text = f"vwo.604812.{OWNER.identity}.4711.{'0' * 16}"
    name = process_folder.FolderName.read(text)
    assert name is not None
    assert (name.owner, name.pid) == (OWNER, 4711)
    for other in ("", "vwo", text + "0", text.upper(), text.replace("604812", "60/4812")):
        assert process_folder.FolderName.read(other) is None
