"""The service goes on when the disk is full or fails; libfiu makes the C library say so.

The faults are those of the whole process, in `write`, `read` and `close`; sockets use other calls.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import settings
from support.events import MANY, events_of, sum_of
from support.sink import Sink, free_url, wait_until
from support.spooling import left_in

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Launch = Callable[..., vwo.Client]

pytestmark = pytest.mark.system

PROGRAM = textwrap.dedent(
    """
    import json, logging, os, signal, subprocess, sys
    from sortition import vwo
    from sortition._sending.spool import disk_state, takeover
    url, folder, report, point, at_the_end = sys.argv[1:]
    disk_state._TRIES_AGAIN_AFTER_S = 0.0
    takeover._LOOKS_AGAIN_AFTER_S = 0.01
    lines = []
    class Logger:
        def log(self, level, message):
            lines.append(message)
    client = vwo.launch(
        {document!r}, logger=Logger(), base_url=url, batch_events={{"events_per_request": 20}},
        spool=folder,
    )
    def take(name, count):
        users = [f"{{name}} {{number}}" for number in range(count)]
        return [user for user in users if client.track("checkout", user, "purchase")]
    def faults(command):
        subprocess.run(["fiu-ctrl", "-c", command, str(os.getpid())], check=True)
    before = take("before", 50)
    if at_the_end == "close":
        client.flush_events()
    faults("enable_random name=" + point)
    during = take("during", 500)
    faults("disable name=" + point.split(",")[0])
    after = take("after", 50)
    if at_the_end == "close":
        client.close(60)
    stats = client.stats()
    with open(report, "w") as file:
        json.dump(
            {{
                "before": before, "during": during, "after": after, "lines": lines,
                "delivered": sum(stats.delivered.values()),
            }},
            file,
        )
    if at_the_end == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    """
)
POINTS = [
    "posix/io/rw/write,probability=1,failinfo=28",
    "posix/io/rw/write,probability=0.3,failinfo=28",
    "posix/io/rw/write,probability=0.3,failinfo=5",
    "posix/io/rw/write/reduce,probability=0.3,failinfo=0",
]


def run(folder: Path, url: str, point: str, at_the_end: str) -> dict[str, Any]:
    """A process whose disk fails for a while."""
    report = folder.parent / "report.json"
    program = PROGRAM.format(document=settings())
    arguments = [sys.executable, "-c", program, url, str(folder), str(report), point, at_the_end]
    done = subprocess.run(
        ["/usr/bin/fiu-run", "-x", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode in (0, 137, -9), done.stderr) == (True, "")
    result: dict[str, Any] = json.loads(report.read_text())
    return result


@pytest.mark.parametrize("point", POINTS)
def test_the_service_goes_on(sink: Sink, tmp_path: Path, point: str) -> None:
    """Everything is delivered, and once; the log says that the disk fails, and that it works."""
    folder = tmp_path / "spool"
    result = run(folder, sink.url, point, "close")
    users = [event["u"] for one in sink.received for event in events_of(one)]
    assert len(users) == len(set(users)) == result["delivered"] == 600
    lines = "\n".join(result["lines"])
    assert "cannot write to" in lines
    assert "writing works again" in lines
    # As often as it begins to fail, not for each event.
    assert lines.count("cannot write to") <= lines.count("writing works again") + 1
    assert left_in(folder) == []


@pytest.mark.parametrize("point", POINTS)
def test_what_was_written_survives(launch: Launch, sink: Sink, tmp_path: Path, point: str) -> None:
    """The next process sends the events accepted before and after the fault."""
    folder = tmp_path / "spool"
    result = run(folder, free_url(), point, "kill")
    client = launch(settings(), batch_events=MANY, spool=folder)
    client.flush_events()
    visitor_id = client._snapshot.settings.visitor_id
    users = [event["u"] for one in sink.received for event in events_of(one)]
    assert len(users) == len(set(users))
    assert {visitor_id(user) for user in result["before"] + result["after"]} <= set(users)
    taken = {visitor_id(user) for part in ("before", "during", "after") for user in result[part]}
    assert set(users) <= taken
    stats = client.stats()
    assert stats.dropped.keys() <= {"damaged"}
    assert sum(stats.adopted.values()) == sum_of(stats)


READING = """
import logging, os, sys
from sortition._base.log import Log
from sortition._sending.spool.options import SpoolOptions
from sortition._sending.spool.process_folder import folders_in
from sortition._sending.spool.spool import Spool
from sortition._sending.spool import files
logging.basicConfig(stream=sys.stdout, format="%(message)s")
root = files.open_root(sys.argv[1])
(name,) = folders_in(root)
spool = Spool(SpoolOptions(sys.argv[1]), lambda: name.owner, Log("test"), 100)
def adopt(command):
    # Nothing of Python is to be read here.
    assert os.system(f"/usr/bin/fiu-ctrl -c '{command}' {os.getpid()}") == 0
    return spool.leftovers.take_over().adopted.total()
found = [adopt("enable name=posix/io/rw/read,failinfo=5"), adopt("disable name=posix/io/rw/read")]
print(*found)
spool.close()
"""


def test_what_cannot_be_read_waits(tmp_path: Path) -> None:
    """And is taken over once it can be."""
    folder = tmp_path / "spool"
    client = vwo.launch(settings(), base_url=free_url(), batch_events=MANY, spool=folder)
    for number in range(20):
        assert client.track("checkout", f"u{number}", "purchase")
    client.close(0)
    wait_until(lambda: client.stats().spooled == {"conversion": 20})
    done = subprocess.run(
        ["/usr/bin/fiu-run", "-x", sys.executable, "-c", READING, str(folder)],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    *lines, found = done.stdout.splitlines()
    assert any("leaving " in line and "Input/output error" in line for line in lines)
    assert found == "0 20"
    assert len(left_in(folder)) == 1
