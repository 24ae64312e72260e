"""What the tests share: both engines, real servers, and a client that is always closed."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import requests
from support import cells
from support.certificates import Certificates, certificates
from support.sink import Sink

from sortition import _engine, vwo
from sortition._base import guard
from sortition.testing import FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sortition._engine import Engine, EngineChoice

# The same cases every time, and none that fails for being slow.
hypothesis.settings.register_profile("sortition", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("sortition")

# Every server of the tests is on this machine, where no proxy would find it.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"

# A shell that runs the tests in the background has them ignore Ctrl-C, and their children too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A bug is raised, so that the guard hides nothing from the tests.
guard.propagates = True

ENGINES: tuple[EngineChoice, ...] = ("compiled", "pure")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn: every test that decides runs once for each."""
    return _engine.load(request.param)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A real HTTP server on the loopback that records what it gets."""
    with Sink() as server:
        yield server


@pytest.fixture
def launch(engine: Engine, sink: Sink) -> Iterator[Callable[..., vwo.Client]]:
    """Launch clients with the engine of the test, that talk to the sink."""
    clients: list[vwo.Client] = []

    def launch_one(settings_file: object, **options: Any) -> vwo.Client:
        options = {"base_url": sink.url, "engine": engine.name, **options}
        client = vwo.launch(settings_file, **options)  # type: ignore[arg-type]  # tests give anything
        clients.append(client)
        return client

    yield launch_one
    for client in clients:
        client.close()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A real HTTP server on the loopback that misbehaves as it is told."""
    with FaultServer() as one:
        yield one


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """A real HTTP client."""
    with requests.Session() as one:
        yield one


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates for servers on the loopback."""
    return certificates(tmp_path_factory.mktemp("certificates"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what became of the events of all services that were run."""
    if cells.MATRIX:
        terminalreporter.section("what became of events")
        terminalreporter.write_line(cells.table())
