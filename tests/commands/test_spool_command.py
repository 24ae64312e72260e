"""`sortition spool ls` and `sortition spool drain`, as a user types them."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from support.commands import run, serving
from support.documents import settings
from support.events import MANY, events_of
from support.pagesense import DOCUMENT
from support.sink import Answer, Sink, free_url, wait_until
from support.spooling import killed, left_in

from sortition import pagesense, vwo
from sortition._commands import cli
from sortition._sending.spool import age, record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def document(tmp_path: Path) -> str:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(settings()))
    return str(path)


def listed(folder: Path) -> list[dict[str, Any]]:
    done = run("spool", "ls", "--json", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


class TestList:
    def test_what_is_kept(self, folder: Path) -> None:
        killed(folder, 3)
        with vwo.launch(
            settings(), base_url=free_url(), batch_events=MANY, spool=folder, close_timeout_s=0.01
        ) as client:
            assert client.track("checkout", "Ann", "purchase")
            wait_until(lambda: client.stats().adopted == {"conversion": 3})
            done = run("spool", "ls", str(folder))
            assert (done.returncode, done.stderr) == (0, "")
            heading, *rows = done.stdout.splitlines()
            columns = ["PLATFORM", "ACCOUNT", "PROCESS", "STATE", "EVENTS", "BYTES", "OLDEST"]
            assert heading.split() == columns
            assert {row.split()[0] for row in rows} == {"vwo"}
            assert str(os.getpid()) in done.stdout
            assert sum(one["events"] for one in listed(folder)) == 4
            assert "alive" in {one["state"] for one in listed(folder)}
        (ended,) = listed(folder)
        assert ended["oldest_s"] >= 0
        assert {name: ended[name] for name in ("platform", "state", "events", "damaged")} == {
            "platform": "vwo",
            "state": "ended",
            "events": 4,
            "damaged": 0,
        }
        assert ended["account"] == str(settings()["accountId"])
        assert ended["size"] == sum(file.stat().st_size for file in left_in(folder))

    def test_it_changes_nothing(self, folder: Path) -> None:
        killed(folder, 3)
        before = {file: file.read_bytes() for file in left_in(folder)}
        listed(folder)
        assert {file: file.read_bytes() for file in left_in(folder)} == before

    def test_what_is_damaged(self, folder: Path) -> None:
        killed(folder, 3)
        (file,) = left_in(folder)
        file.write_bytes(file.read_bytes()[:-5])
        (one,) = listed(folder)
        assert (one["events"], one["damaged"]) == (2, 1)
        assert "1 damaged" in run("spool", "ls", str(folder)).stdout

    def test_what_cannot_be_read(self, folder: Path) -> None:
        killed(folder, 3)
        (left,) = folder.iterdir()
        left.chmod(0o777)
        (one,) = listed(folder)
        assert one["state"] == "unreadable"
        left.chmod(0o700)
        (left / "lock").unlink()
        (one,) = listed(folder)
        assert one["state"] == "unreadable"

    def test_an_empty_folder(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "notes.txt").touch()
        done = run("spool", "ls", str(folder))
        assert (done.returncode, done.stdout) == (0, "the folder has no events\n")

    def test_no_folder(self, folder: Path) -> None:
        done = run("spool", "ls", str(folder))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"sortition: {folder}: No such file or directory\n"

    @pytest.mark.parametrize(
        ("seconds", "shown"),
        [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")],
    )
    def test_ages(self, seconds: float, shown: str) -> None:
        from sortition._commands.draining import _age  # noqa: PLC0415

        assert _age(seconds) == shown


class TestDrain:
    def test_with_settings(self, sink: Sink, folder: Path, document: str) -> None:
        killed(folder, 250)
        arguments = ("--settings", document, "--base-url", sink.url)
        done = run("spool", "drain", str(folder), *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "250 events taken over, 250 delivered\n"
        assert sum(len(events_of(received)) for received in sink.received) == 250
        assert listed(folder) == []
        done = run("spool", "drain", str(folder), *arguments)
        assert (done.returncode, done.stdout) == (0, "0 events taken over, 0 delivered\n")

    def test_with_settings_that_are_fetched(
        self, folder: Path, document: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The key is not typed, where others could see it."""
        key = str(settings()["sdkKey"])
        killed(folder, 3)
        monkeypatch.setenv("SORTITION_SDK_KEY", key)
        with serving("--settings", document) as (_, url):
            account = str(settings()["accountId"])
            done = run("spool", "drain", str(folder), "--account-id", account, "--base-url", url)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "3 events taken over, 3 delivered\n"
        assert key not in done.stdout + done.stderr

    def test_another_key(self, sink: Sink, folder: Path, tmp_path: Path) -> None:
        killed(folder, 3)
        path = tmp_path / "rotated.json"
        path.write_text(json.dumps({**settings(), "sdkKey": "rotated"}))
        arguments = ("--settings", str(path), "--base-url", sink.url)
        done = run("spool", "drain", str(folder), *arguments)
        assert done.returncode == 0
        assert "0 events taken over" in done.stdout
        assert "still in the folder: vwo" in done.stdout
        assert sink.received == []
        done = run("spool", "drain", str(folder), *arguments, "--any-key")
        assert (done.returncode, done.stdout) == (0, "3 events taken over, 3 delivered\n")
        assert sink.received[0].headers["authorization"] == "rotated"

    def test_events_that_are_old(self, sink: Sink, folder: Path, document: str) -> None:
        killed(folder, 3)
        (file,) = left_in(folder)
        reading = age.now()
        file.write_bytes(
            record.encoded_clock(reading)
            + b"".join(
                record.encoded_event(
                    event.number, reading.wall_ms - 30 * 86_400_000, event.kind, event.event
                )
                for event in record.content_of(file.read_bytes()).events
            )
        )
        assert listed(folder)[0]["oldest_s"] > 29 * 86_400
        arguments = ("--settings", document, "--base-url", sink.url)
        assert run("spool", "drain", str(folder), *arguments).returncode == 0
        assert len(sink.received) == 1

    def test_a_server_that_is_down(self, folder: Path, document: str) -> None:
        killed(folder, 3)
        arguments = ("--settings", document, "--base-url", free_url(), "--timeout-s", "1")
        done = run("spool", "drain", str(folder), *arguments)
        assert done.returncode == 1
        assert "3 events taken over, 0 delivered, 3 left" in done.stdout
        assert listed(folder)[0]["events"] == 3

    def test_a_server_that_does_not_want_them(
        self, sink: Sink, folder: Path, document: str
    ) -> None:
        """The events are lost, and the command says why."""
        sink.answer = lambda _: Answer(status=410)
        killed(folder, 3)
        arguments = ("--settings", document, "--base-url", sink.url)
        done = run("spool", "drain", str(folder), *arguments)
        assert done.returncode == 1
        assert "failed (status 410)" in done.stderr
        assert done.stdout == "3 events taken over, 0 delivered, 3 lost (rejected)\n"

    def test_a_server_that_refuses(self, sink: Sink, folder: Path, document: str) -> None:
        """The events stay for when somebody has corrected the key."""
        sink.answer = lambda _: Answer(status=401)
        killed(folder, 3)
        arguments = ("--settings", document, "--base-url", sink.url, "--timeout-s", "1")
        done = run("spool", "drain", str(folder), *arguments)
        assert done.returncode == 1
        assert "failed (status 401)" in done.stderr
        assert done.stdout.startswith("3 events taken over, 0 delivered, 3 left\n")

    def test_pagesense(self, sink: Sink, folder: Path, tmp_path: Path) -> None:
        sink.answer = lambda _: Answer(body=b"ok")
        pid = os.fork()
        if pid == 0:
            client = pagesense.launch(DOCUMENT, base_url=free_url(), spool=folder)
            experiment = DOCUMENT["projectsettings"][0]["experiments"][0]["experiment_name"]
            for number in range(5):
                client.activate_experiment(experiment, f"user {number}")
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(pid, 0)
        path = tmp_path / "pagesense.json"
        path.write_text(json.dumps(DOCUMENT))
        arguments = ["--platform", "pagesense", "--settings", str(path), "--data-center", "EU"]
        arguments += ["--base-url", sink.url]
        done = run("spool", "drain", str(folder), *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "5 events taken over, 5 delivered\n"

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["--settings", "/no/such/file"], "settings_file"),
            (["--settings", __file__], "settings"),
            (["--account-id", "1", "--base-url", "ftp://x"], "base_url"),
            (["--account-id", ""], "account_id"),
            (["--platform", "pagesense", "--account-id", "1-US"], "project_name"),
            (
                ["--platform", "pagesense", "--account-id", "1-US", "--data-center", "X"],
                "data_center",
            ),
        ],
    )
    def test_what_cannot_be_used(
        self,
        folder: Path,
        arguments: list[str],
        complaint: str,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        folder.mkdir()
        monkeypatch.setenv("SORTITION_SDK_KEY", "key")
        assert cli.main(["spool", "drain", str(folder), *arguments]) == 2
        assert complaint in capsys.readouterr().err

    def test_no_folder(self, folder: Path, document: str) -> None:
        done = run("spool", "drain", str(folder), "--settings", document)
        assert (done.returncode, done.stderr) == (2, f"sortition: {folder}: is not a folder\n")
        assert not folder.exists()

    def test_it_needs_a_key(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder.mkdir()
        assert cli.main(["spool", "drain", str(folder), "--account-id", "1"]) == 2
        assert capsys.readouterr().err.startswith("sortition: SORTITION_SDK_KEY: must contain")

    def test_it_needs_an_account(self, folder: Path) -> None:
        assert run("spool", "drain", str(folder)).returncode == 2
