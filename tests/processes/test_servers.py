"""The servers that services run on, and what became of every event.

Each is the real one, with two workers and the application of `application.py`. It is ended by the
signal that systemd, Docker and Kubernetes send.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.application import BATCH, BATCHES, PAGESENSE
from support.cells import GENEROUS_S, SOAK, Service, assert_exactly_once, cells_of
from support.sink import wait_until

from sortition.testing import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition.testing import FaultServer

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

EVENTS = 25
REQUESTS = 5000 if SOAK else 100
CALLERS = 8
WORKERS = 2
EVENTLET = Path(sys.executable).parents[1] / "eventlet" / "bin" / "python"


@pytest.fixture
def service(server: FaultServer, tmp_path: Path) -> Service:
    return Service(server, tmp_path, events=EVENTS)


class Connection(http.client.HTTPConnection):
    """HTTP over a socket of the folder, which nobody else can have taken."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=GENEROUS_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Running:
    """A server that runs."""

    def __init__(self, service: Service, process: subprocess.Popen[bytes], log: Path) -> None:
        self.service = service
        self.process = process
        self._log = log
        self.socket = service.folder / "socket"

    @property
    def log(self) -> str:
        return self._log.read_text()

    def ask(self, path: str = "/accept") -> int:
        """Which process answered."""
        connection = Connection(self.socket)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status == 200, (content, self.log)
            return int(content)
        finally:
            connection.close()

    def answers(self) -> bool:
        """Whether it serves already."""
        assert self.process.poll() is None, self.log
        try:
            self.ask("/")
        except OSError:
            return False
        return True

    def ask_often(self) -> None:
        """Ask from several callers, until every worker has answered."""
        wait_until(self.answers, within_s=GENEROUS_S)
        answered: set[int] = set()
        with ThreadPoolExecutor(CALLERS) as callers:
            answered.update(callers.map(lambda _: self.ask(), range(REQUESTS)))

        def all_have() -> bool:
            answered.add(self.ask())
            return len(answered) >= WORKERS

        wait_until(all_have, within_s=GENEROUS_S)

    def end(self, code: int = 0) -> None:
        """End it as an orchestrator does."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(GENEROUS_S) == code, self.log
        for word in ("Traceback", "Warning", "sortition", "SIGKILL", "TIMEOUT"):
            assert word not in self.log, self.log


@contextlib.contextmanager
def running(service: Service, command: list[str | Path], **environment: str) -> Iterator[Running]:
    """Run a server; whatever happens, nothing of it is left."""
    log = service.folder / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=service.folder,
            env={**service.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield Running(service, process, log)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def gunicorn(kind: str, *options: str, python: str | Path = sys.executable) -> list[str | Path]:
    command: list[str | Path] = [python, "-m", "gunicorn", "--worker-class", kind]
    command += ["--workers", str(WORKERS), "--bind", "unix:socket", "--worker-tmp-dir", "."]
    return [*command, *options, "support.wsgi_service:service"]


HOOKS = ("--config", "python:support.wsgi_service")


@pytest.mark.parametrize(
    ("kind", "options"),
    [("sync", ()), ("gthread", ("--threads", "4")), ("gevent", ())],
)
def test_gunicorn_with_preload(service: Service, kind: str, options: tuple[str, ...]) -> None:
    """The parent accepts before the workers are forked, between them, and at its end."""
    command = gunicorn(kind, "--preload", *HOOKS, *options)
    with running(service, command, **warnings_of(kind), ACCEPTS_AT_IMPORT="1") as server:
        server.ask_often()
        server.end()
        cells = service.cells(f"gunicorn --preload, {kind}", server.process.pid)
    assert_exactly_once(cells, in_parent=EVENTS * (2 + WORKERS))
    assert {cell.children for cell in cells} == {WORKERS}


@pytest.mark.parametrize("kind", ["sync", "gthread", "gevent"])
def test_gunicorn(service: Service, kind: str) -> None:
    """Each worker has its own; none is left when it was asked often enough."""
    options = ("--max-requests", "20", "--threads", "2")
    with running(service, gunicorn(kind, *options)) as server:
        server.ask_often()
        server.end()
        cells = service.cells(f"gunicorn, {kind}", server.process.pid)
    assert_exactly_once(cells, in_parent=0)
    assert all(cell.children >= WORKERS for cell in cells)


@pytest.mark.parametrize("kind", ["gevent", "eventlet"])
def test_patched_before_import(service: Service, kind: str) -> None:
    """The other order, in which the application is imported into a patched world."""
    patch = {
        "gevent": "from gevent import monkey; monkey.patch_all()",
        "eventlet": "import eventlet; eventlet.monkey_patch()",
    }
    config = service.folder / "config.py"
    config.write_text(f"{patch[kind]}\nfrom support.wsgi_service import on_exit, pre_fork\n")
    python = EVENTLET if kind == "eventlet" else sys.executable
    command = gunicorn(kind, "--preload", "--config", str(config), python=python)
    with running(service, command, **warnings_of(kind), ACCEPTS_AT_IMPORT="1") as server:
        server.ask_often()
        server.end()
        cells = service.cells(f"gunicorn --preload, {kind}, patched first", server.process.pid)
    assert_exactly_once(cells, in_parent=EVENTS * (2 + WORKERS))


def test_eventlet_with_preload(service: Service) -> None:
    """It patches the parent itself, after the import, and could not where threads ran already."""
    command = gunicorn("eventlet", "--preload", *HOOKS, python=EVENTLET)
    with running(service, command, **warnings_of("eventlet")) as server:
        server.ask_often()
        server.end()
        cells = service.cells("gunicorn --preload, eventlet", server.process.pid)
    assert_exactly_once(cells, in_parent=EVENTS * (1 + WORKERS))


def warnings_of(kind: str) -> dict[str, str]:
    """What is not to be heard: gevent warns where it comes late, and eventlet of itself."""
    return {"PYTHONWARNINGS": "ignore"} if kind in {"gevent", "eventlet"} else {}


@pytest.mark.parametrize("kind", ["sync", "gthread", "gevent"])
@pytest.mark.parametrize("fault", [faults.Hang(), faults.Refused(), faults.Status(503)])
def test_a_hangup_is_never_held_up(service: Service, kind: str, fault: faults.Fault) -> None:
    """Workers leave by themselves, in the time that their clients have for it."""
    plan = {"options": {"close_timeout_s": 0.5}, "ways": (BATCHES, PAGESENSE)}
    service = Service(service.server, service.folder, **plan)
    service.server.fault = fault
    # A worker that is not gone by then is killed, which the log says.
    options = ("--preload", "--graceful-timeout", "60", "--threads", "2")
    with running(service, gunicorn(kind, *options)) as server:
        wait_until(server.answers, within_s=GENEROUS_S)
        for _ in range(BATCH * 2):
            server.ask()
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.log.count("Booting worker") >= 2 * WORKERS)
        wait_until(lambda: server.log.count("Worker exiting") >= WORKERS, within_s=GENEROUS_S)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(GENEROUS_S) == 0
        assert "SIGKILL" not in server.log
        assert "Traceback" not in server.log


def workers_of(path: Path) -> set[str]:
    """The work of uWSGI's workers."""
    with socket.socket(socket.AF_UNIX) as told:
        told.connect(str(path))
        content = b"".join(iter(lambda: told.recv(65536), b""))
    return {worker["status"] for worker in json.loads(content)["workers"]}


FORK_HOOKS = "--py-call-uwsgi-fork-hooks"


@pytest.mark.parametrize(
    "options", ["", "--enable-threads", FORK_HOOKS, "--lazy-apps", f"--lazy-apps {FORK_HOOKS}"]
)
def test_uwsgi(service: Service, options: str) -> None:
    """uWSGI forks its workers with and without fork hooks and threads.

    Where uWSGI forks without Python's hooks, a thread of the parent can keep the interpreter's lock
    from the child for ever, whosever thread it is. So there the parent only launches its clients.
    """
    accepts = FORK_HOOKS in options
    # The interpreter of uWSGI's parent has no end: what waits there is sent when it is due.
    service = Service(service.server, service.folder, events=EVENTS, interval_s=1)
    program = Path(sys.executable).parent / "uwsgi"
    command: list[str | Path] = [program, "--master", "--die-on-term", "--need-app"]
    command += ["--processes", str(WORKERS), "--http-socket", "socket", "--disable-logging"]
    command += ["--stats", "stats", "--virtualenv", str(Path(sys.executable).parents[1])]
    command += ["--module", "support.wsgi_service:service", *options.split()]
    environment = {"ACCEPTS_AT_IMPORT": "1"} if accepts else {}
    with running(service, command, **environment) as server:
        server.ask_often()
        parent = server.process.pid
        accepted = {visitor for process, _, visitor in service.accepted() if process == parent}
        wait_until(lambda: accepted <= service.arrived())
        # A worker that still has a request in hand would leave at once.
        wait_until(lambda: workers_of(service.folder / "stats") == {"idle"})
        server.end()
        cells = service.cells(f"uWSGI {options}".strip(), parent)
    in_parent = EVENTS if accepts and "--lazy-apps" not in options else 0
    assert_exactly_once(cells, in_parent=in_parent)
    assert {cell.children for cell in cells} == {WORKERS}


def uvicorn(*options: str) -> list[str | Path]:
    command: list[str | Path] = [sys.executable, "-m", "uvicorn", "--uds", "socket"]
    return [*command, "--no-access-log", *options, "support.asgi_service:service"]


@pytest.mark.parametrize("closes", [True, False])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_uvicorn_workers(service: Service, loop: str, *, closes: bool) -> None:
    """After its own shutdown uvicorn ends its workers by SIGTERM, which nothing survives.

    So the application closes its clients when the server says that it ends.
    """
    service = Service(service.server, service.folder, ways=(BATCHES, PAGESENSE))
    where = f"uvicorn --workers, {loop}" + (", closed" if closes else "")
    environment = {"CLOSES": "1"} if closes else {}
    with running(service, uvicorn("--workers", "2", "--loop", loop), **environment) as server:
        server.ask_often()
        server.end()
        cells = service.cells(where, server.process.pid)
    if closes:
        assert_exactly_once(cells, in_parent=0)
    for cell in cells:
        assert (cell.repeated, cell.by_others, cell.unknown) == (0, 0, 0)
        assert cell.lost < BATCH * WORKERS


def test_subprocesses_of_uvloop(server: FaultServer, tmp_path: Path) -> None:
    """Settings still refresh and events still flow while subprocesses start."""
    size = 200 if SOAK else 40
    service = Service(server, tmp_path, size=size)
    assert_exactly_once(cells_of(service, "subprocesses of uvloop"), in_parent=size, in_children=0)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    """A Redis of its own."""
    program = shutil.which("redis-server")
    assert program, "apt.txt names the package"
    path = tmp_path / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--save", ""]
    with subprocess.Popen([program, *options], cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(path.exists)
            yield f"redis+socket://{path}"
        finally:
            process.terminate()


CALL = """
import sys
from support import celery_service
name, times = sys.argv[1:]
task = getattr(celery_service, name)
results = [task.delay() for _ in range(int(times))]
print(*{str(result.get(timeout=100)) for result in results})
"""


def call_task(service: Service, broker: str, name: str, times: int) -> list[str]:
    """Have the workers run a task so many times; what they returned."""
    # It has the application, too, but it is no part of the service.
    folder = service.folder / "caller"
    folder.mkdir()
    elsewhere = Service(service.server, folder)
    done = subprocess.run(
        [sys.executable, "-c", CALL, name, str(times)],
        env={**elsewhere.environment, "BROKER": broker},
        capture_output=True,
        check=True,
        text=True,
        timeout=GENEROUS_S,
    )
    return done.stdout.split()


@pytest.mark.parametrize("recycles", [False, True])
def test_celery_prefork(service: Service, broker: str, *, recycles: bool) -> None:
    """Its children leave by `os._exit`, after a signal of Celery's own."""
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "support.celery_service:celery",
        "worker",
    ]
    command += ["--pool", "prefork", "--concurrency", str(WORKERS), "--loglevel", "WARNING"]
    command += ["--max-tasks-per-child", "13"] if recycles else []
    environment = {"BROKER": broker, "ACCEPTS_AT_IMPORT": "1", "PYTHONWARNINGS": "ignore"}
    with running(service, command, **environment) as server:
        processes = call_task(service, broker, "accept", REQUESTS)
        server.end()
        where = "Celery prefork" + (", --max-tasks-per-child" if recycles else "")
        cells = service.cells(where, server.process.pid)
    assert_exactly_once(cells, in_parent=2 * EVENTS, in_children=REQUESTS)
    assert len(processes) >= WORKERS
