"""The process ends, whatever calls the client at its end."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest
from support.documents import campaign, project, revenue_goal, settings

if TYPE_CHECKING:
    from pathlib import Path

    from sortition.testing import FaultServer

GENEROUS_S: Final = 60.0
VWO: Final = settings(campaign(goals=[revenue_goal(11, "purchase")]))
PROGRAM: Final = f"""
import atexit, json, os, signal, sys, threading, time, weakref
caller, how, way, url, spool, engine = sys.argv[1:]
if how == "SIGTERM":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

def call(number=[0]):
    number[0] += 1
    if way == "pagesense":
        client.activate_experiment("Test 1", f"u{{number[0]}}")
    elif client.track("checkout", f"u{{number[0]}}", "purchase", revenue_value=1):
        os.write(1, b"taken\\n")

class Tracking:
    def __del__(self):
        call()

def generator():
    try:
        yield
    finally:
        call()

def call_for_ever():
    while True:
        call()
        time.sleep(0.001)

def call_later():
    time.sleep(0.1)
    call()

if caller == "a hook that comes before":
    atexit.register(call)
from sortition import pagesense, vwo
if way == "pagesense":
    client = pagesense.launch(
        json.loads({json.dumps(json.dumps(project()))}),
        data_center="EU", base_url=url, engine=engine, close_timeout_s=5,
    )
else:
    more = {{"spool": spool}} if way == "spool" else {{}}
    client = vwo.launch(
        json.loads({json.dumps(json.dumps(VWO))}),
        base_url=url, engine=engine, close_timeout_s=5, **more,
        batch_events=None if way == "within the call" else {{"events_per_request": 100}},
    )
call()
if caller == "a hook that comes after":
    atexit.register(call)
elif caller == "a finalizer":
    kept = Tracking()
elif caller == "a finalizer of a builtin":
    sys.kept = Tracking()
elif caller == "a generator":
    kept = generator()
    next(kept)
elif caller == "weakref.finalize":
    weakref.finalize(client, call)
elif caller == "a daemon thread":
    threading.Thread(target=call_for_ever, daemon=True).start()
elif caller == "a thread":
    threading.Thread(target=call_later).start()
if how == "sys.exit":
    sys.exit(0)
elif how == "exception":
    raise LookupError("on purpose")
elif how == "Ctrl-C":
    signal.raise_signal(signal.SIGINT)
elif how == "SIGTERM":
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
"""
CALLERS: Final = [
    "a hook that comes before",
    "a hook that comes after",
    "a finalizer",
    "a finalizer of a builtin",
    "a generator",
    "weakref.finalize",
    "a daemon thread",
    "a thread",
]
EXITS: Final = {
    "end": {0},
    "sys.exit": {0},
    "exception": {1},
    # By the signal, unless code of Python's was compiled at the exit.
    "Ctrl-C": {1, -signal.SIGINT},
    "SIGTERM": {0},
}
WAYS: Final = ["batches", "within the call", "spool", "pagesense"]
ENGINES: Final = ["compiled", "pure"]
ALL: Final = list(itertools.product(CALLERS, EXITS, WAYS, ENGINES))
# Every pair of caller and exit, with the ways and engines in turns.
CASES: Final = ALL if os.environ.get("SORTITION_SOAK") == "1" else ALL[::7]


@pytest.mark.parametrize(("caller", "how", "way", "engine"), CASES)
def test_the_process_ends(
    server: FaultServer, tmp_path: Path, caller: str, how: str, way: str, engine: str
) -> None:
    """Every event that a call accepted has arrived."""
    arguments = [caller, how, way, server.url, str(tmp_path / "spool"), engine]
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=GENEROUS_S,
    )
    assert ran.returncode in EXITS[how], ran.stderr
    own = {"exception": "LookupError", "Ctrl-C": "KeyboardInterrupt"}.get(how)
    assert ran.stderr.count("Traceback") == (0 if own is None else 1), ran.stderr
    assert "Fatal" not in ran.stderr
    taken = ran.stdout.count("taken")
    if caller == "a daemon thread":
        # The process may end between the arrival of an event and the next line.
        assert server.accepted >= 1
    elif way == "pagesense":
        assert 1 <= server.accepted <= 2
    else:
        assert server.accepted == taken >= 1
