"""The client prints nothing, makes no file, opens no needless socket and logs few lines."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from support.documents import settings
from support.sink import Answer, free_url

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]

DOCUMENT = json.dumps(settings())
LAUNCH = f"""
import sys
from sortition import vwo
def launch(**options):
    return vwo.launch({DOCUMENT!r}, engine=sys.argv[1], **options)
"""
ENGINES = ["compiled", "pure"]


def run(program: str, engine: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in an empty folder of its own, with nothing configured."""
    command = [sys.executable, "-W", "error", "-c", LAUNCH + textwrap.dedent(program), engine]
    return subprocess.run(
        command, cwd=folder, timeout=60, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_only_mistakes_are_printed_and_no_file_is_left(engine: str, tmp_path: Path) -> None:
    """Without logging configured, each mistake shows once, and an outage in a line or two."""
    done = run(
        f"""
        client = launch(base_url={free_url()!r})
        client.activate("checkout", "Ann")
        client.activate("checkout", 42)
        client.activate("none", "Ann")
        client.track(None, "Ann", "purchase", revenue_value=[1], colour="red")
        for number in range(200):
            client.track("checkout", f"user-{{number}}", "purchase")
        try:
            vwo.launch("{{")
        except ValueError:
            pass
        """,
        engine,
        tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "")
    lines = done.stderr.splitlines()
    assert "activate: user_id must be a string, got int" in lines
    assert len(set(lines)) == len(lines) <= 10
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_development_mode_opens_no_socket(engine: str, tmp_path: Path) -> None:
    """The interpreter itself reports every socket; `requests` is not even imported."""
    done = run(
        """
        def watch(event, arguments):
            if event.startswith("socket."):
                raise SystemExit(f"{event} {arguments}")
        sys.addaudithook(watch)
        client = launch(is_development_mode=True)
        assert client.activate("checkout", "Ann")
        assert client.track("checkout", "Ann", "purchase") == {"checkout": True}
        assert client.track(None, "Ann", "purchase")
        client.close()
        assert "requests" not in sys.modules
        """,
        engine,
        tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("engine", ENGINES)
def test_launching_and_deciding_opens_no_socket(engine: str, tmp_path: Path) -> None:
    done = run(
        """
        sys.addaudithook(lambda event, _: event.startswith("socket.") and sys.exit(event))
        assert launch().get_variation_name("checkout", "Ann")
        assert "requests" not in sys.modules
        """,
        engine,
        tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.system
@pytest.mark.parametrize("engine", ENGINES)
def test_development_mode_makes_no_network_call_of_the_system(engine: str, tmp_path: Path) -> None:
    """Only the kernel would see I/O of the compiled engine itself."""
    program = LAUNCH + textwrap.dedent(
        """
        client = launch(is_development_mode=True)
        assert client.activate("checkout", "Ann")
        assert client.track("checkout", "Ann", "purchase")
        client.close()
        """
    )
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-e", "trace=%network", "-o", str(trace)]
    command += [sys.executable, "-c", program, engine]
    subprocess.run(command, check=True, timeout=100)
    calls = [line for line in trace.read_text().splitlines() if "(" in line]
    assert calls == []
    # The same trace sees a socket where there is one, so that the test can fail.
    command[-2:] = ["import socket; socket.socket().close()"]
    subprocess.run(command, check=True, timeout=100)
    assert "socket(AF_INET" in trace.read_text()


@pytest.mark.parametrize("failure", ["refused", "500", "503"])
def test_an_outage_fills_no_log(
    launch: Launch, sink: Sink, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    """At most ten lines however long it lasts, and no traceback."""
    caplog.set_level(logging.INFO, logger="sortition")
    if failure != "refused":
        sink.answer = lambda _: Answer(int(failure))
    client = launch(settings(), base_url=free_url() if failure == "refused" else sink.url)
    for number in range(2000):
        assert not client.track("checkout", f"user-{number}", "purchase")
        client.activate("checkout", f"user-{number}")
    records = [record for record in caplog.records if record.name.startswith("sortition")]
    assert 1 <= len(records) <= 10
    assert all(record.exc_info is None for record in records)
    assert all("Traceback" not in record.getMessage() for record in records)


def test_a_mistake_on_a_busy_path_is_logged_once(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    client = launch(settings())
    for number in range(500):
        client.activate("paused", f"user-{number}")
        client.track(["paused"], f"user-{number}", "purchase")
    assert [record.getMessage() for record in caplog.records] == [
        f"{call}: the settings have no such campaign (the key may be a user id and is not shown)"
        for call in ("activate", "track")
    ]
    for number in range(3000):
        client.activate(f"campaign-{number}", "Ann")
    assert len(caplog.records) == 101
    assert "more mistakes of this kind are only counted" in caplog.records[-1].getMessage()


def test_importing_is_cheap(tmp_path: Path) -> None:
    """The client imports the HTTP library when it first sends something."""
    program = "import sys, sortition.vwo; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    heavy = {"requests", "urllib3", "ssl", "sqlite3", "asyncio", "starlette", "uvicorn", "email"}
    assert heavy.isdisjoint(done.stdout.split())
