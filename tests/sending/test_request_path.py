"""In batch mode, a call on the service's own thread decides, appends and returns."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.documents import campaign, revenue_goal, settings
from support.memory import resident_bytes
from support.paths import TESTS
from support.sink import BlackHole, Sink, free_url

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    Launch = Callable[..., vwo.Client]

pytestmark = pytest.mark.slow

SOAK = os.environ.get("SORTITION_SOAK") == "1"
ENGINES = ("compiled", "pure")
EVERYTHING = settings(
    campaign(
        segments={"or": [{"custom_variable": {"plan": "lower(PRO)"}}, {"user": "Ann"}]},
        isForcedVariationEnabled=True,
        goals=[revenue_goal(1, "purchase", revenueProp="amount")],
        variations=[
            {"id": 1, "name": "Control", "weight": 50, "segments": {"user": "Zoe"}},
            {"id": 2, "name": "One page", "weight": 50},
        ],
    ),
    isEventArchEnabled=True,
)
PROGRAM = textwrap.dedent(
    """
    import os, sys
    from sortition import vwo
    url, engine = sys.argv[1:3]
    client = vwo.launch(
        {document!r}, base_url=url, engine=engine, batch_events={{"events_per_request": 5000}}
    )
    def work(number):
        about = {{"plan": "pro", "age": number}}
        client.activate("checkout", f"u{{number}}", custom_variables=about)
        paid = {{"revenue_value": 5, "custom_variables": about}}
        assert client.track("checkout", f"u{{number}}", "purchase", **paid)
        client.get_variation_name("checkout", f"u{{number}}", custom_variables=about)
    for number in range(10):
        work(number)
    os.access("/begin", 0)
    for number in range(400):
        work(number)
    os.access("/end", 0)
    sys.stdout.flush()
    os._exit(0)
    """
).format(document=EVERYTHING)
# Python asks for memory and gives it back; threads of the client wake one another; and a process
# that was forked without Python's knowing, as uWSGI forks, is told by its id alone.
HARMLESS = {"brk", "mmap", "munmap", "madvise", "mremap", "futex", "mprotect", "getpid"}


@pytest.mark.system
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("server", ["down", "hanging"])
def test_it_asks_the_kernel_for_nothing(engine: str, server: str, tmp_path: Path) -> None:
    """With everything down, too."""
    trace = tmp_path / "trace"
    with BlackHole() as hole:
        url = hole.url if server == "hanging" else free_url()
        command = ["strace", "-o", str(trace), sys.executable, "-c", PROGRAM, url, engine]
        subprocess.run(command, check=True, timeout=100)
    lines = trace.read_text().splitlines()
    begin = next(index for index, line in enumerate(lines) if '"/begin"' in line)
    end = next(index for index, line in enumerate(lines) if '"/end"' in line)
    calls = [line.partition("(")[0] for line in lines[begin + 1 : end]]
    assert set(calls) <= HARMLESS
    # 1,200 calls were made: they do not wake anybody each time.
    assert calls.count("futex") < 400


@pytest.mark.system
def test_with_a_spool_an_event_is_one_write(tmp_path: Path) -> None:
    program = PROGRAM.replace("5000}", "5000}, spool=sys.argv[3]")
    trace = tmp_path / "trace"
    arguments = [free_url(), "compiled", str(tmp_path / "spool")]
    command = ["strace", "-o", str(trace), sys.executable, "-c", program, *arguments]
    subprocess.run(command, check=True, timeout=100)
    lines = trace.read_text().splitlines()
    begin = next(index for index, line in enumerate(lines) if '"/begin"' in line)
    end = next(index for index, line in enumerate(lines) if '"/end"' in line)
    calls = [line.partition("(")[0] for line in lines[begin + 1 : end]]
    assert set(calls) <= HARMLESS | {"write"}
    # Of three calls each, two have an event.
    assert calls.count("write") == 800


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("engine", ENGINES)
def test_users_leave_nothing_behind(engine: str, tmp_path: Path) -> None:
    """A million users in `make soak`, with all that a client has."""
    users = 1_000_000 if SOAK else 30_000
    program = textwrap.dedent(
        """
        import sys
        sys.path[:0] = [{tests!r}, {here!r}]
        from test_request_path import *
        print(grown(sys.argv[1], int(sys.argv[2])))
        """
    ).format(tests=str(TESTS), here=str(Path(__file__).parent))
    done = subprocess.run(
        [sys.executable, "-c", program, engine, str(users)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=1200,
    )
    assert int(done.stdout) < 5 * 1024 * 1024


class Memoryless(vwo.UserStorage):
    def get(self, _user_id: str, _campaign_key: str) -> None:
        return None

    def set(self, user_data: dict[str, object]) -> None:
        """Keeps nothing, so that what is left is the client's."""


def grown(engine: str, users: int) -> int:
    """By how many bytes the process grows from a third of the users to the last."""

    class Listener:
        def callback(self, properties: object) -> None:
            """Is told of every decision."""

    with Sink() as sink:
        client = vwo.launch(
            EVERYTHING,
            base_url=sink.url,
            engine=engine,  # type: ignore[arg-type]  # a name of the two
            user_storage=Memoryless(),
            integrations=Listener(),
            batch_events={"events_per_request": 1000},
        )
        before = 0
        for number in range(users):
            user = f"user {number}"
            about = {"plan": f"plan {number}" if number % 7 else "pro", "age": number}
            client.activate("checkout", user, custom_variables=about)
            client.track("checkout", user, "purchase", custom_variables=about, revenue_value=5)
            client.activate(f"unknown {number}", user)
            client.push("plan", str(number), user)
            if number % 1000 == 0:
                client.flush_events()
                sink.received.clear()
            if number == users // 3:
                gc.collect()
                before = resident_bytes()
        client.flush_events()
        sink.received.clear()
        gc.collect()
        after = resident_bytes()
        client.close()
    return after - before


@pytest.mark.parametrize("way", ["close", "exit"])
def test_a_name_look_up_that_hangs(tmp_path: Path, way: str) -> None:
    """Neither `close(timeout_s=1)` nor the exit waits for it."""
    program = textwrap.dedent(
        """
        import socket, sys, threading, time
        from sortition import vwo
        begun = threading.Event()
        # No resolver on this machine can be made to hang; this is the function that would.
        socket.getaddrinfo = lambda *_, **__: (begun.set(), time.sleep(3600))
        client = vwo.launch(
            {document!r},
            base_url="http://sortition.invalid",
            batch_events={{"events_per_request": 1}},
            close_timeout_s=1,
        )
        assert client.activate("checkout", "Ann", custom_variables={{"plan": "pro"}})
        assert begun.wait(30)
        if sys.argv[1] == "close":
            assert client.close(timeout_s=1) is False
            assert client.stats().accepted == {{"visitor": 1}}
            assert client.stats().delivered == {{}}
        """
    ).format(document=EVERYTHING)
    done = subprocess.run(
        [sys.executable, "-c", program, way],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "1 event was lost: unknown outcome" or way == "exit"
    assert "Traceback" not in done.stderr
