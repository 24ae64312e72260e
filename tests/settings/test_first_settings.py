"""The sources of a client's first settings, for every behaviour of the network."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import stat
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.children import in_child
from support.documents import campaign, settings, variation
from support.sink import Answer, BlackHole, free_url, wait_until

import sortition
from sortition import _engine, vwo
from sortition._base.log import Log
from sortition._settings.cache import SettingsCache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.sink import Sink

    from sortition._engine import Engine

    Launch = Callable[..., vwo.Client]

KEY = "0123456789abcdef"
GENEROUS_S = 30.0
FETCHED: dict[str, Any] = {"account_id": 604812, "sdk_key": KEY, "init_timeout_s": 0.5}
SOAK = os.environ.get("SORTITION_SOAK") == "1"


@pytest.fixture
def engine() -> Engine:
    """One will do: that both read documents alike is shown elsewhere."""
    return _engine.load()


def only(name: str, **extra: Any) -> bytes:
    """Settings that give everybody this variation."""
    document = settings(campaign(variations=[variation(1, name, 100)]), **extra)
    return json.dumps(document).encode()


def decides(client: vwo.Client) -> str | None:
    return client.get_variation_name("checkout", "Ann")


def serve(sink: Sink, body: bytes, status: int = 200) -> None:
    sink.answer = lambda received: Answer(status, body) if received.method == "GET" else Answer()


class TestTheServer:
    def test_they_are_fetched(self, launch: Launch, sink: Sink) -> None:
        serve(sink, only("Fetched"))
        client = launch(None, **FETCHED)
        assert decides(client) == "Fetched"
        assert client.status().source == "server"
        assert client.status().state == "ready"
        query = sink.received[0].query
        assert (query["a"], query["i"]) == ("604812", KEY)
        # Nothing else is asked for without an interval.
        assert sink.paths == ["/server-side/settings"]

    def test_those_that_are_given_go_first(self, launch: Launch, sink: Sink) -> None:
        serve(sink, only("Fetched"))
        assert decides(launch(only("Given"), **FETCHED)) == "Given"
        assert sink.received == []

    def test_no_thread_is_left(self, launch: Launch, sink: Sink) -> None:
        """A fork after a launch finds one thread only."""
        serve(sink, only("Fetched"))
        before = set(threading.enumerate())
        launch(None, **FETCHED)
        new = {one for one in threading.enumerate() if one.name.startswith("sortition")} - before
        assert new == set()

    @pytest.mark.parametrize("server", ["hangs", "down", "drips"])
    def test_without_any_the_launch_says_why(self, launch: Launch, sink: Sink, server: str) -> None:
        with BlackHole() as hole:
            url = {"hangs": hole.url, "down": free_url(), "drips": sink.url}[server]
            serve(sink, b"", 503)
            with pytest.raises(sortition.SettingsUnavailableError) as caught:
                launch(None, base_url=url, **FETCHED)
        assert str(caught.value).startswith(f"there are no settings: GET {url}")
        assert KEY not in str(caught.value)

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    def test_a_wrong_key_is_not_asked_for_again(
        self, launch: Launch, sink: Sink, status: int
    ) -> None:
        serve(sink, b"", status)
        with pytest.raises(sortition.SettingsUnavailableError) as caught:
            launch(None, **{**FETCHED, "init_timeout_s": 30})
        assert caught.value.status == status
        assert len(sink.received) == 1

    def test_a_server_that_comes_back_in_time(self, launch: Launch, sink: Sink) -> None:
        answers = iter([Answer(503), Answer(200, b"<html>"), Answer(200, only("Fetched"))])
        sink.answer = lambda _: next(answers)
        client = launch(None, **{**FETCHED, "init_timeout_s": 30})
        assert decides(client) == "Fetched"

    def test_settings_of_another_account(self, launch: Launch, sink: Sink) -> None:
        serve(sink, only("Other", accountId=5))
        with pytest.raises(sortition.SettingsUnavailableError, match="another account"):
            launch(None, **FETCHED)

    def test_a_launch_that_fails_leaves_nothing(self, launch: Launch, sink: Sink) -> None:
        """No thread and no open file is left behind."""
        serve(sink, b"", 401)
        before = set(threading.enumerate())
        for _ in range(5):
            with pytest.raises(sortition.SettingsUnavailableError):
                launch(None, **FETCHED)

        def left() -> list[str]:
            names = [thread.name for thread in set(threading.enumerate()) - before]
            return [name for name in names if name.startswith("sortition")]

        wait_until(lambda: not left())


class TestEmpty:
    @pytest.mark.parametrize("server", ["hangs", "down"])
    def test_every_call_returns_its_nothing(self, launch: Launch, server: str) -> None:
        """Without settings, `launch` returns in time and each call gives its documented nothing."""
        with BlackHole() as hole:
            url = hole.url if server == "hangs" else free_url()
            batch = {"events_per_request": 10}
            client = launch(None, base_url=url, allow_empty=True, batch_events=batch, **FETCHED)
            assert client.status().state == "empty"
            assert client.status().settings_version is None
            assert "there are no settings yet: GET" in client.status().reasons[0]
            assert not client.healthz()
            assert client.activate("checkout", "Ann") is None
            assert client.get_variation_name("checkout", "Ann") is None
            assert client.track("checkout", "Ann", "purchase") is None
            assert client.is_feature_enabled("checkout", "Ann") is False
            assert client.get_feature_variable_value("checkout", "color", "Ann") is None
            assert client.push("plan", "pro", "Ann") is False
            assert client.explain("checkout", "Ann") is None
            kinds = {"visitor": 2, "conversion": 1, "push": 1}
            assert client.stats().refused == {"no_settings": kinds}
            assert client.flush_events() is True
            assert repr(client).startswith("<sortition.vwo.Client account=None")
            assert client.close(1.0)

    def test_no_call_asks_the_server(self, launch: Launch, sink: Sink) -> None:
        serve(sink, b"", 503)
        client = launch(None, allow_empty=True, **FETCHED)
        asked = len(sink.received)
        for number in range(1000):
            client.activate("checkout", f"u{number}")
        # The poller may have asked meanwhile: at most once a second.
        assert len(sink.received) <= asked + 3

    def test_it_recovers_by_itself(self, launch: Launch, sink: Sink) -> None:
        """Also without an interval, by its first use or by a probe."""
        serve(sink, b"", 503)
        client = launch(None, allow_empty=True, **FETCHED)
        assert not client.healthz()
        serve(sink, only("Fetched"))
        wait_until(lambda: client.healthz().is_ok)
        assert client.status().state == "ready"
        assert decides(client) == "Fetched"
        # And then nobody asks any more.
        wait_until(lambda: not client.status().threads["settings"].is_running)

    def test_a_child_recovers_too(self, launch: Launch, sink: Sink) -> None:
        serve(sink, b"", 503)
        client = launch(None, allow_empty=True, **FETCHED)
        assert decides(client) is None
        serve(sink, only("Fetched"))

        def child() -> bool:
            wait_until(lambda: decides(client) == "Fetched")
            return True

        assert in_child(child)

    def test_an_opt_out_before_there_are_any(self, launch: Launch, sink: Sink) -> None:
        serve(sink, b"", 503)
        client = launch(None, allow_empty=True, **FETCHED)
        assert client.set_opt_out() is True
        assert client.status().state == "closed"
        assert client.get_and_update_settings_file(604812, KEY) is False

    def test_asked_for_by_hand(self, launch: Launch, sink: Sink) -> None:
        serve(sink, b"", 503)
        client = launch(None, allow_empty=True, **FETCHED)
        assert client.get_and_update_settings_file(604812, KEY) is False
        serve(sink, only("Fetched"))
        assert client.get_and_update_settings_file(604812, KEY) == only("Fetched").decode()
        assert decides(client) == "Fetched"


class TestTheFallback:
    def test_it_is_used_for_want_of_any_other(
        self, launch: Launch, sink: Sink, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "bundled.json"
        path.write_bytes(only("Bundled"))
        serve(sink, b"", 503)
        client = launch(None, fallback_settings_file=path, **FETCHED)
        assert decides(client) == "Bundled"
        status = client.status()
        assert (status.state, status.source, status.age_s) == ("stale", "fallback", None)
        assert "not confirmed yet" in status.reasons[0]
        assert "the fallback is in use" in caplog.text
        assert client.healthz().is_ok
        serve(sink, only("Fetched"))
        wait_until(lambda: decides(client) == "Fetched")
        assert client.status().state == "ready"

    def test_it_is_not_used_where_the_server_answers(self, launch: Launch, sink: Sink) -> None:
        serve(sink, only("Fetched"))
        client = launch(None, fallback_settings_file=only("Bundled"), **FETCHED)
        assert decides(client) == "Fetched"

    @pytest.mark.parametrize(
        ("fallback", "message"),
        [
            (b"{}", "version: expected"),
            ("{", "settings: expected JSON"),
            (5, "fallback_settings_file: must be JSON text"),
            (only("Other", accountId=5), "account_id: the fallback settings are of another"),
        ],
    )
    def test_one_that_is_broken_is_found_at_once(
        self, launch: Launch, sink: Sink, fallback: Any, message: str
    ) -> None:
        """Not on the day on which it is needed."""
        serve(sink, only("Fetched"))
        with pytest.raises(ValueError, match=message):
            launch(None, fallback_settings_file=fallback, **FETCHED)


class TestTheCache:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "folder" / "settings.cache"

    def test_a_start_without_the_server(
        self, launch: Launch, sink: Sink, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The same decisions as before the restart."""
        document = json.dumps(settings(campaign(percentTraffic=73))).encode()
        serve(sink, document)
        first = launch(None, settings_cache=path, **FETCHED)
        users = [f"user-{number}" for number in range(500)]
        before = [first.get_variation_name("checkout", user) for user in users]
        assert None in before
        first.close()
        os.utime(path, (time.time() - 7200, time.time() - 7200))
        serve(sink, b"", 503)
        second = launch(None, settings_cache=str(path), **FETCHED)
        assert [second.get_variation_name("checkout", user) for user in users] == before
        status = second.status()
        assert (status.state, status.source) == ("stale", "cache")
        assert status.age_s is not None
        assert 7200 <= status.age_s < 7300
        assert "last good ones are in use" in caplog.text
        assert KEY not in caplog.text
        # The server is back and has nothing new: they are good after all.
        serve(sink, document)
        second._live.wake()
        wait_until(lambda: second.status().state == "ready")
        assert time.time() - path.stat().st_mtime < 100

    def test_it_goes_before_the_fallback(self, launch: Launch, sink: Sink, path: Path) -> None:
        serve(sink, only("Cached"))
        options = {"settings_cache": path, "fallback_settings_file": only("Bundled"), **FETCHED}
        launch(None, **options).close()
        serve(sink, b"", 503)
        assert decides(launch(None, **options)) == "Cached"

    def test_what_is_polled_is_kept(self, launch: Launch, sink: Sink, path: Path) -> None:
        client = launch(only("Given"), settings_cache=path, poll_interval_s=1)
        serve(sink, only("New"))
        wait_until(lambda: decides(client) == "New")
        wait_until(lambda: path.exists() and only("New") in path.read_bytes())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [one.name for one in path.parent.iterdir()] == [path.name]

    def test_what_is_not_usable_is_not_kept(self, launch: Launch, sink: Sink, path: Path) -> None:
        serve(sink, only("Good"))
        client = launch(None, settings_cache=path, **FETCHED)
        before = path.read_bytes()
        serve(sink, b"<html>")
        client.get_and_update_settings_file(604812, KEY)
        assert path.read_bytes() == before

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda path: path.write_bytes(b""),
            lambda path: path.write_bytes(b"{}"),
            lambda path: path.write_bytes(path.read_bytes()[:-1]),
            lambda path: path.write_bytes(path.read_bytes().replace(b"Good", b"Evil")),
            lambda path: path.write_bytes(b"\0" * 4096),
            lambda path: path.write_bytes(b"{" * 500 + b"\n{}"),
            lambda path: path.write_bytes(path.read_bytes().replace(b'"sortition": 2', b'"a": 2')),
            lambda path: path.write_bytes(os.urandom(100_000)),
            lambda path: (path.unlink(), path.mkdir()),
            lambda path: (path.unlink(), os.mkfifo(path)),  # type: ignore[func-returns-value]
            lambda path: (path.rename(path.with_name("other")), path.symlink_to("other")),
            lambda path: (path.unlink(), path.symlink_to(path)),
        ],
        ids=[
            "empty",
            "other",
            "cut",
            "changed",
            "zeros",
            "no-head",
            "no-mark",
            "random",
            "directory",
            "pipe",
            "link",
            "loop",
        ],
    )
    def test_a_file_that_is_spoilt(
        self,
        launch: Launch,
        sink: Sink,
        path: Path,
        caplog: pytest.LogCaptureFixture,
        spoil: Callable[[Path], object],
    ) -> None:
        """One warning, and the service goes on."""
        serve(sink, only("Good"))
        launch(None, settings_cache=path, **FETCHED).close()
        spoil(path)
        serve(sink, b"", 503)
        client = launch(
            None, settings_cache=path, fallback_settings_file=only("Bundled"), **FETCHED
        )
        assert decides(client) == "Bundled"
        assert caplog.text.count("settings_cache: ") == 1
        # With the server back, it is good again, unless something stands in its place.
        serve(sink, only("Better"))
        wait_until(lambda: decides(client) == "Better")
        if not path.is_dir():
            wait_until(lambda: path.is_file() and only("Better") in path.read_bytes())
        assert caplog.text.count("settings_cache: ") <= 2

    def test_settings_of_another_account(
        self, launch: Launch, sink: Sink, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        serve(sink, only("Other", accountId=5))
        launch(None, settings_cache=path, **{**FETCHED, "account_id": 5}).close()
        serve(sink, b"", 503)
        client = launch(None, settings_cache=path, allow_empty=True, **FETCHED)
        assert decides(client) is None
        assert "cannot be used: its settings are of another account" in caplog.text

    def test_settings_of_another_environment(
        self, launch: Launch, sink: Sink, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A cache or a fallback with another key of the same account is not used."""
        other = "fedcba9876543210"
        serve(sink, only("Staging", sdkKey=other))
        launch(None, settings_cache=path, **{**FETCHED, "sdk_key": other}).close()
        serve(sink, b"", 503)
        fallback = only("Staging", sdkKey=other)
        client = launch(
            None,
            settings_cache=path,
            fallback_settings_file=fallback,
            allow_empty=True,
            **FETCHED,
        )
        assert decides(client) is None
        assert caplog.text.count("settings_cache: ") == 1
        assert (
            caplog.text.count("the fallback cannot be used: its settings are of another env") == 1
        )
        assert other not in caplog.text
        assert other.encode() not in path.read_bytes().partition(b"\n")[0]

    @pytest.mark.parametrize("key", [None, ""])
    def test_a_fallback_without_a_key_is_used(
        self, launch: Launch, sink: Sink, key: str | None
    ) -> None:
        """It is compared in what it names."""
        serve(sink, b"", 503)
        client = launch(None, fallback_settings_file=only("Bundled", sdkKey=key), **FETCHED)
        assert decides(client) == "Bundled"

    def test_a_first_answer_of_another_environment(self, launch: Launch, sink: Sink) -> None:
        """The server's settings must belong to the requested account."""
        serve(sink, only("Other", sdkKey="fedcba9876543210"))
        with pytest.raises(sortition.SettingsUnavailableError, match="another environment"):
            launch(None, **FETCHED)

    @pytest.mark.parametrize("mode", [0o666, 0o620])
    def test_a_file_that_others_may_write(
        self,
        launch: Launch,
        sink: Sink,
        path: Path,
        caplog: pytest.LogCaptureFixture,
        mode: int,
    ) -> None:
        """Its checksum says nothing then."""
        serve(sink, only("Good"))
        launch(None, settings_cache=path, **FETCHED).close()
        path.chmod(mode)
        serve(sink, b"", 503)
        client = launch(None, settings_cache=path, allow_empty=True, **FETCHED)
        assert decides(client) is None
        assert "cannot be used: other users may write to it" in caplog.text

    @pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
    def test_a_folder_that_others_may_write(
        self,
        launch: Launch,
        sink: Sink,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        mode: int,
    ) -> None:
        """Nothing is read from it, and nothing is written into it."""
        folder = tmp_path / "folder"
        path = folder / "settings.cache"
        serve(sink, only("Good"))
        launch(None, settings_cache=path, **FETCHED).close()
        folder.chmod(mode)
        before = path.read_bytes()
        serve(sink, b"", 503)
        client = launch(None, settings_cache=path, allow_empty=True, **FETCHED)
        assert decides(client) is None
        assert "cannot be used: other users may write to its folder" in caplog.text
        serve(sink, only("Better"))
        wait_until(lambda: decides(client) == "Better")
        assert path.read_bytes() == before

    def test_a_file_of_another_user(
        self,
        launch: Launch,
        sink: Sink,
        path: Path,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        serve(sink, only("Good"))
        launch(None, settings_cache=path, **FETCHED).close()
        serve(sink, b"", 503)
        me = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: me + 1)
        client = launch(None, settings_cache=path, allow_empty=True, **FETCHED)
        assert decides(client) is None
        assert "cannot be used: it belongs to another user" in caplog.text

    @pytest.mark.parametrize("place", ["/proc/none/settings", "/dev/full/settings"])
    def test_a_place_that_cannot_be_written_to(
        self, launch: Launch, sink: Sink, caplog: pytest.LogCaptureFixture, place: str
    ) -> None:
        """Settings are used without a cache, and the log has one warning."""
        serve(sink, only("Good"))
        account = {**FETCHED, "init_timeout_s": GENEROUS_S}
        client = launch(None, settings_cache=place, poll_interval_s=1, **account)
        assert decides(client) == "Good"
        serve(sink, only("Better"))
        wait_until(lambda: decides(client) == "Better")
        assert caplog.text.count("settings_cache: ") == 1

    @pytest.mark.system
    def test_a_full_disk(self, tmp_path: Path) -> None:
        """The old settings stay, and standard error has the one warning.

        A limit on a file's size fails in the same place as a full disk.
        """
        program = textwrap.dedent(
            """
            import resource, signal, sys
            from sortition._base.log import Log
            from sortition._settings.cache import SettingsCache
            from pathlib import Path
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            path = Path(sys.argv[1])
            cache = SettingsCache(path, Log("vwo"))
            cache.keep(b"small", "owner")
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
            cache.keep(b"x" * 100_000, "owner")
            assert cache.load("owner").document == b"small"
            assert [one.name for one in path.parent.iterdir()] == [path.name]
            """
        )
        path = tmp_path / "cache"
        command = [sys.executable, "-c", program, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        warning = f"settings_cache: {path} cannot be written: File too large\n"
        assert (done.returncode, done.stderr) == (0, warning)

    def test_what_a_dead_process_left_behind_is_removed(self, tmp_path: Path) -> None:
        path = tmp_path / "cache"
        old, new = tmp_path / ".cache.1-ab.tmp", tmp_path / ".cache.2-cd.tmp"
        for one in (old, new):
            one.write_bytes(b"half")
        os.utime(old, (0, 0))
        SettingsCache(path, Log("vwo")).keep(b"document", "owner")
        assert not old.exists()
        assert new.exists()

    def test_many_processes_share_it(self, tmp_path: Path) -> None:
        """A reader finds a whole document or nothing."""
        path = tmp_path / "cache"
        duration_s = 10.0 if SOAK else 1.0
        documents = [os.urandom(50_000 + number) for number in range(8)]
        cache = SettingsCache(path, Log("vwo"))
        cache.keep(documents[0], "owner")

        def write() -> bool:
            one = SettingsCache(path, Log("vwo"))
            until = time.monotonic() + duration_s
            for document in itertools.cycle(documents):
                one.keep(document, "owner")
                if time.monotonic() > until:
                    break
            return True

        def read() -> bool:
            until = time.monotonic() + duration_s
            while time.monotonic() < until:
                found = SettingsCache(path, Log("vwo")).load("owner")
                if found is None or found.document not in documents:
                    return False
            return True

        children = []
        for work in [write, read] * (20 if SOAK else 4):
            child = os.fork()
            if child == 0:
                with contextlib.suppress(BaseException):
                    os._exit(0 if work() else 1)
                os._exit(2)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert codes == [0] * len(children)
        assert [one.name for one in tmp_path.iterdir()] == ["cache"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"settings_cache": 5}, "settings_cache: must be a path, got int"),
        ({"settings_cache": ""}, "settings_cache: must be the path of a file"),
        ({"settings_cache": "a\0b"}, "settings_cache: must be the path of a file"),
        ({"allow_empty": 1}, "allow_empty: must be a bool"),
        ({"init_timeout_s": 0}, "init_timeout_s: must be more than 0"),
        ({"init_timeout_s": "1"}, "init_timeout_s: must be a number"),
    ],
)
def test_a_bad_option(launch: Launch, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        launch(None, **{**FETCHED, **options})


def test_neither_settings_nor_an_account(launch: Launch) -> None:
    with pytest.raises(sortition.OptionError, match="settings_file: is required"):
        launch(None, allow_empty=True)


def test_a_name_that_nobody_looks_up(tmp_path: Path) -> None:
    """A resolver that never answers holds up neither launch nor exit."""
    program = textwrap.dedent(
        """
        import socket, threading
        from sortition import vwo
        socket.getaddrinfo = lambda *_, **__: threading.Event().wait()
        client = vwo.launch(
            account_id=1, sdk_key="abc", base_url="http://settings.example",
            init_timeout_s=0.5, allow_empty=True,
        )
        assert client.activate("checkout", "Ann") is None
        assert client.status().state == "empty"
        client.close(1.0)
        """
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[1:] == ["activate: there are no settings yet"]
