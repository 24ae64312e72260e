"""A program that is told to end a second time, while its exit still waits for the server."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.documents import project, settings
from support.sink import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVENTS = 200
PROGRAM = f"""
import atexit, json, logging, signal, sys, threading
from sortition import pagesense, vwo
platform, url, folder, way, is_configured = sys.argv[1:]
if is_configured == "configured":
    logging.basicConfig(format="%(message)s")
spool = {{"spool": folder}} if folder else {{}}
if platform == "vwo":
    client = vwo.launch(
        json.loads({json.dumps(json.dumps(settings()))}), base_url=url, close_timeout_s=60,
        batch_events={{"events_per_request": 1000}}, **spool,
    )
    for number in range({EVENTS}):
        assert client.track("checkout", f"u{{number}}", "purchase")
else:
    client = pagesense.launch(
        json.loads({json.dumps(json.dumps(project()))}), data_center="EU", base_url=url,
        close_timeout_s=60, **spool,
    )
    for number in range({EVENTS}):
        client.activate_experiment("Test 1", f"u{{number}}")
class Impatient(BaseException):
    pass
def end(*_):
    raise {{"sys.exit": SystemExit(0), "Ctrl-C": KeyboardInterrupt(), "own": Impatient()}}[way]
signal.signal(signal.SIGTERM, end)
# Hooks run in the reverse order.
atexit.register(lambda: print("exiting", flush=True))
print("ready", flush=True)
threading.Event().wait(60)
"""


@pytest.fixture
def mute() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("is_configured", ["configured", "not configured"])
@pytest.mark.parametrize("way", ["sys.exit", "Ctrl-C", "own"])
@pytest.mark.parametrize("platform", ["vwo", "pagesense"])
def test_the_loss_has_its_line(platform: str, way: str, is_configured: str, mute: str) -> None:
    """Whatever the signal's handler raises, and where no logging was configured too."""
    lines = ended_twice([platform, mute, "", way, is_configured])
    assert number_before(lines, "were lost: closed") + on_their_way(lines) == EVENTS


@pytest.mark.parametrize("platform", ["vwo", "pagesense"])
def test_what_stays_in_a_spool_has_its_line(platform: str, mute: str, tmp_path: Path) -> None:
    lines = ended_twice([platform, mute, str(tmp_path / "spool"), "sys.exit", "configured"])
    assert not [line for line in lines if "lost" in line]
    assert number_before(lines, "wait in the spool") + on_their_way(lines) == EVENTS


def on_their_way(lines: list[str]) -> int:
    return number_before(lines, "were on their way")


def number_before(lines: list[str], words: str) -> int:
    """The number of events that a line tells of; a further signal may have it told again."""
    found = {
        next(int(word) for word in line.split() if word.isdigit())
        for line in lines
        if words in line
    }
    assert len(found) <= 1
    return sum(found)


def ended_twice(arguments: list[str]) -> list[str]:
    """The standard error of a program that receives a second signal to end."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGTERM)
        assert program.stdout.readline() == "exiting\n"

        def has_ended() -> bool:
            # The exit's wait may not have begun at the first of them.
            if program.poll() is None:
                program.send_signal(signal.SIGTERM)
            return program.poll() is not None

        wait_until(has_ended)
        return program.stderr.read().splitlines()
