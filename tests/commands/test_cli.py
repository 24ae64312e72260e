"""The command: `sortition serve` and `sortition demo`, as a user types them."""

from __future__ import annotations

import copy
import json
import operator
import os
import signal
import socket
import subprocess
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests
from support.commands import run, serving
from support.documents import settings

import sortition
from sortition import vwo
from sortition._base.defaults import DEFAULT_PORT
from sortition._commands import cli
from sortition._sending.ledger import Ledger
from sortition._sending.pure import Counts
from sortition.demo.agreement import (
    account_differences,
    ledger_differences,
    project_differences,
)
from sortition.demo.simulation import Goal, Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class TestServe:
    def test_it_serves_settings_takes_events_and_reports(self, tmp_path: Path) -> None:
        path, database = tmp_path / "settings.json", tmp_path / "events.db"
        path.write_text(json.dumps(settings()))
        with serving("--settings", str(path), "--db", str(database)) as (_, url):
            text = vwo.get_settings_file(604812, "0123456789abcdef", base_url=url)
            assert json.loads(text) == settings()
            with vwo.launch(text, base_url=url) as client:
                assert client.activate("checkout", "Ann")
                assert client.track("checkout", "Ann", "purchase")
            report = requests.get(f"{url}/report.json", timeout=30).json()
        (goal,) = report["accounts"][0]["campaigns"][0]["goals"]
        assert sum(one["visitors"] for one in goal["variations"]) == 1
        assert sum(one["conversions"] for one in goal["variations"]) == 1
        assert database.exists()

    @pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
    def test_it_ends_in_order(self, signal_number: int) -> None:
        with serving() as (process, url):
            deadline = time.monotonic() + 30
            while not requests.get(f"{url}/healthz", timeout=30).ok:
                assert time.monotonic() < deadline
            process.send_signal(signal_number)
            process.wait(timeout=30)
            assert process.stdout is not None
            assert process.stderr is not None
            output, errors = process.stdout.read(), process.stderr.read()
        assert process.returncode in (0, -signal_number)
        assert "report: " in output
        assert errors == ""

    def test_it_binds_the_loopback_unless_told_otherwise(self) -> None:
        with serving() as (_, url):
            assert url.startswith("http://127.0.0.1:")
        with serving("--host", "0.0.0.0") as (_, url):  # noqa: S104 -- what is tested
            assert url.startswith("http://0.0.0.0:")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--settings", "none.json"], "--settings none.json: "),
            (["--settings", "list.json"], "--settings list.json: not a settings file"),
            (["--settings", "broken.json"], "--settings broken.json: "),
            (
                ["--settings", "object.json"],
                "--settings object.json: not a settings file: it has neither accountId nor pro",
            ),
            (
                ["--settings", "both.json"],
                "--settings both.json: not a settings file: it has both accountId and project",
            ),
            (
                ["--settings", "project.json"],
                "--settings project.json: not a settings file: projectsettings must be a list",
            ),
            (
                ["--settings", "vwo.json", "--settings", "other.json"],
                "--settings other.json: a second settings file of the same platform",
            ),
            (["--db", "list.json"], "--db list.json: file is not a database"),
            (["--db", "no/such/folder.db"], "--db no/such/folder.db: "),
            (["--host", "203.0.113.1"], "203.0.113.1:0: "),
        ],
    )
    def test_what_cannot_be_started(
        self, tmp_path: Path, arguments: list[str], message: str
    ) -> None:
        (tmp_path / "broken.json").write_text("{")
        (tmp_path / "object.json").write_text("{}")
        (tmp_path / "both.json").write_text('{"accountId": 1, "projectsettings": []}')
        (tmp_path / "project.json").write_text('{"projectsettings": 5}')
        for name in ("vwo.json", "other.json"):
            (tmp_path / name).write_text(json.dumps(settings()))
        (tmp_path / "list.json").write_text("[]" + " " * 5000)
        if "--db" not in arguments and "--host" not in arguments:
            arguments = [*arguments, "--db", "new.db"]
        done = run("serve", "--port", "0", *arguments, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"sortition serve: {message}")
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "new.db").exists()

    def test_a_port_that_is_taken(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = run("serve", "--port", str(port))
        assert done.returncode == 2
        assert done.stderr == f"sortition serve: 127.0.0.1:{port}: Address already in use\n"


class TestDemo:
    @pytest.mark.parametrize("engine", ["compiled", "pure"])
    def test_it_runs_from_settings_to_a_report_that_agrees(
        self, engine: str, tmp_path: Path
    ) -> None:
        done = run("demo", "--users", "60", "--engine", engine, "--db", "d.db", folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"The client decides with the {engine} engine" in done.stdout
        assert "The report agrees with what the simulated users did" in done.stdout
        assert "agrees with what the users did, and with the client's ledger" in done.stdout
        for shown in (
            "One page",
            "Uplift",
            "revenue per visitor",
            "Not enough data",
            "Next steps",
        ):
            assert shown in done.stdout
        for shown in ("Zoho PageSense", "Large pictures", "Shown early"):
            assert shown in done.stdout
        assert (tmp_path / "d.db").exists()

    def test_it_overwrites_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "d.db").touch()
        done = run("demo", "--users", "1", "--db", "d.db", folder=tmp_path)
        assert done.returncode == 2
        assert "d.db already exists" in done.stdout

    def test_it_works_behind_a_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name)
        assert run("demo", "--users", "1").returncode == 0

    def test_the_reader_may_stop(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        command = [sys.executable, "-m", "sortition", "demo", "--users", "1"]
        done = subprocess.run(
            command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (1, "")

    def test_a_report_that_says_otherwise_is_noticed(self) -> None:
        """The demo's own check can fail."""
        tally = Tally()
        tally.visitors["a", "Control"] = 2
        variation = {"id": "1", "name": "Control", "visitors": 2}
        reached = {"conversions": 0, "unique_converters": 0, "revenue": 0.0, "rate": 0.0}
        goal = {"id": "9", "identifier": "buy", "variations": [{**variation, **reached}]}
        campaign = {"id": "1", "key": "a", "variations": [variation], "goals": [goal]}
        report: Any = {"accounts": [{"campaigns": [campaign]}]}
        assert account_differences(report, tally) == []
        for place, wrong in (("visitors", 3), ("conversions", 1), ("revenue", 0.01)):
            other = copy.deepcopy(report)
            (found,) = other["accounts"][0]["campaigns"]
            found["goals"][0]["variations"][0][place] = wrong
            found["variations"][0]["visitors"] = wrong if place == "visitors" else 2
            assert len(account_differences(other, tally)) == 1
        tally.goals["a", "Control", "forgotten"] = Goal()
        assert account_differences(report, tally) == ["the report lacks a · Control · forgotten"]

    def test_a_report_on_a_project_that_says_otherwise_is_noticed(self) -> None:
        """The demo compares each number of the report with the users and with the client."""
        tally, stats = Tally(), Ledger(Counts())
        tally.visitors["Page", "A"] = 2
        tally.goals["Page", "A", "Buy"] = Goal(1, {"Ann"}, Decimal(5))
        tally.unattributed["Buy"] = Goal(2, {"Ben"}, Decimal(0))
        stats.counts.begin({"visitor": 2, "conversion": 3}).end()
        variation = {"key": "1", "name": "A", "visitors": 2}
        reached = {"conversions": 1, "unique_converters": 1, "revenue": 5.0}
        goal = {"link_name": "buy", "name": "Buy", "variations": [{**variation, **reached}]}
        outside = {
            "link_name": "buy",
            "name": "Buy",
            "conversions": 2,
            "unique_converters": 1,
            "revenue": 0.0,
        }
        experiment = {"key": "1", "name": "Page", "variations": [variation], "goals": [goal]}
        project = {"experiments": [experiment], "unattributed": [outside]}
        report: Any = {"projects": [project]}
        assert project_differences(report, tally) == []
        assert ledger_differences(report, stats.stats()) == []

        def differences(change: Callable[[Any], None]) -> tuple[int, int]:
            other = copy.deepcopy(report)
            change(other["projects"][0])
            of_ledger = ledger_differences(other, stats.stats())
            return len(project_differences(other, tally)), len(of_ledger)

        first = operator.itemgetter(0)
        assert differences(lambda one: first(one["unattributed"]).update(conversions=3)) == (1, 2)
        assert differences(lambda one: first(one["unattributed"]).update(revenue=1.0)) == (1, 0)
        assert differences(lambda one: one.update(unattributed=[])) == (1, 2)
        assert differences(lambda one: one.update(experiments=[])) == (2, 2)
        shown = operator.itemgetter("experiments")
        assert differences(
            lambda one: first(first(shown(one))["variations"]).update(visitors=3)
        ) == (1, 2)
        assert differences(
            lambda one: first(first(first(shown(one))["goals"])["variations"]).update(
                unique_converters=0
            )
        ) == (1, 0)
        under_way = stats.counts.begin({"visitor": 1})
        # What was accepted differs, and what was delivered does not yet.
        assert len(ledger_differences(report, stats.stats())) == 1
        under_way.end()
        assert len(ledger_differences(report, stats.stats())) == 2


class TestUse:
    def test_version(self) -> None:
        done = run("--version")
        assert (done.returncode, done.stdout) == (0, f"sortition {sortition.__version__}\n")

    @pytest.mark.parametrize(
        "arguments", [[], ["fly"], ["serve", "--port", "x"], ["serve", "--port", "70000"]]
    )
    def test_misuse(self, arguments: list[str]) -> None:
        done = run(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("usage: sortition")

    @pytest.mark.parametrize(
        ("command", "missing", "extra"),
        [("serve", "uvicorn", "collector"), ("demo", "rich", "demo")],
    )
    def test_a_missing_extra_is_named(self, command: str, missing: str, extra: str) -> None:
        program = (
            f"import sys; sys.modules[{missing!r}] = None\n"
            f"from sortition._commands import cli; sys.exit(cli.main([{command!r}]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert f"run: pip install 'sortition[{extra}]'" in done.stderr

    def test_help_names_the_defaults(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            cli.main(["serve", "--help"])
        assert str(DEFAULT_PORT) in capsys.readouterr().out
