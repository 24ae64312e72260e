"""The services in `examples`, each under a real server: pages answer, and events arrive."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests
from support.paths import ROOT
from support.sink import wait_until

from sortition.collector import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.sink import Sink

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "examples"
SETTINGS = ROOT / "python" / "sortition" / "demo" / "settings.json"
GENEROUS_S = 60
NAMES = ["fastapi_service", "starlette_service"]


class Service:
    """An example that runs, and the collector that its events go to."""

    def __init__(self, url: str, collector: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.collector = collector
        self.process = process

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=GENEROUS_S)

    def post(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        return requests.post(f"{self.url}{path}", timeout=GENEROUS_S, headers=headers)

    def counted(self) -> tuple[int, int]:
        """The visitors and the purchases of the campaign that the collector has."""
        report = requests.get(f"{self.collector}/report.json", timeout=GENEROUS_S).json()
        found = [
            campaign
            for account in report["accounts"]
            for campaign in account["campaigns"]
            if campaign["key"] == "checkout"
        ]
        variations = [one for campaign in found for one in campaign["variations"]]
        goals = [goal for campaign in found for goal in campaign["goals"]]
        purchases = [one for goal in goals for one in goal["variations"]]
        return (
            sum(one["visitors"] for one in variations),
            sum(one["conversions"] for one in purchases),
        )


def started(name: str, collector: str, folder: Path) -> subprocess.Popen[str]:
    command = ["-m", "uvicorn", "main:app", "--app-dir", str(EXAMPLES / name), "--port", "0"]
    environment = {
        **os.environ,
        "SETTINGS": str(SETTINGS),
        "USERS": str(folder / "users.db"),
        "BASE_URL": collector,
        "WEBHOOK_SECRET": "secret",
    }
    return subprocess.Popen(
        [sys.executable, *command],
        env=environment,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if "running on" in line:
            return line.split("running on ")[1].split()[0]
    raise AssertionError("the server did not start")


@pytest.fixture(params=NAMES)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    with server.running(SETTINGS) as collector:
        process = started(request.param, collector, tmp_path)
        try:
            yield Service(address_of(process), collector, process)
        finally:
            process.kill()
            process.communicate()


def test_a_service_answers_and_its_events_arrive(service: Service) -> None:
    """Also those that wait when the server is told to stop."""
    users = [f"user-{number}" for number in range(10)]
    given = [service.get(f"/checkout?user={user}").json()["variation"] for user in users]
    again = [service.get(f"/checkout?user={user}").json()["variation"] for user in users]
    assert again == given
    shown = [user for user, variation in zip(users, given, strict=True) if variation]
    assert shown
    for user in shown:
        assert service.post(f"/orders?user={user}&amount=49.9").json() == {"tracked": True}
    assert service.get("/health").json()["ok"] is True
    service.process.send_signal(signal.SIGTERM)
    _, messages = service.process.communicate(timeout=GENEROUS_S)
    assert "Application shutdown complete" in messages
    assert "Traceback" not in messages
    # A user who was stored before is no new visitor.
    wait_until(lambda: service.counted() == (len(shown), len(shown)))


@pytest.mark.parametrize("service", ["fastapi_service"], indirect=True)
def test_a_service_takes_a_webhook(service: Service) -> None:
    wrong = service.post("/settings-changed", headers={"x-vwo-auth": "other"})
    assert wrong.status_code == 401
    right = service.post("/settings-changed", headers={"x-vwo-auth": "secret"})
    assert right.status_code == 202


def test_the_first_program_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a reader types it; its conversion arrives."""
    text = (ROOT / "docs" / "asyncio.md").read_text(encoding="utf-8")
    program = re.findall(r"(?s)```python\n(.*?)```", text)[0]
    shutil.copy(SETTINGS, tmp_path / "settings.json")
    monkeypatch.chdir(tmp_path)
    with server.running(SETTINGS) as collector:
        exec(program.replace("http://127.0.0.1:8484", collector), {})  # noqa: S102
        report = requests.get(f"{collector}/report.json", timeout=GENEROUS_S).text
    assert "TrackResult" in capsys.readouterr().out
    assert "checkout" in report


@pytest.mark.parametrize("sends", ['{"events_per_request": 100}', "None"])
def test_a_program_that_closes_nothing_loses_no_event(sink: Sink, sends: str) -> None:
    """Also where a task was cancelled while it waited for the answer."""
    program = f"""
import asyncio
from sortition import vwo
from support.documents import settings

async def main():
    client = await vwo.alaunch(settings(), base_url={sink.url!r}, batch_events={sends})
    calls = [asyncio.ensure_future(client.activate("checkout", f"u{{n}}")) for n in range(20)]
    await asyncio.gather(*calls[:10])
    for call in calls[10:]:
        call.cancel()
    return client

client = asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=GENEROUS_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    if sends == "None":
        assert 10 <= len(sink.received) <= 20
    else:
        assert [len(one.json["ev"]) for one in sink.received] == [20]
