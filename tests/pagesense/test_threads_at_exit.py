"""PageSense calls of daemon threads while the interpreter ends."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from support.cells import SOAK
from support.documents import audience, experiment, project

ENDING = """
import gc, json, sys, threading
from sortition import pagesense

gc.set_threshold(5)

class Country:
    def __hash__(self):
        return hash("Country")

    def __eq__(self, other):
        # Long enough for another thread to have its turn.
        for _ in range(20_000):
            pass
        return other == "Country"

class Cycle:
    def __init__(self):
        self.me = self

    def __del__(self):
        for _ in range(1000):
            pass

client = pagesense.launch(
    json.loads(sys.argv[1]), engine="compiled", base_url="http://127.0.0.1:9", close_timeout_s=0.01
)
calls = threading.Semaphore(0)

def call_for_ever(call):
    while True:
        gc.disable()
        Cycle()
        gc.enable()
        call()
        calls.release()

country = Country()
CALLS = [
    lambda: client.get_variation_name("Test 1", "Ann", {country: "DE"}),
    lambda: client.get_variation_name("Test 1", "Ann", {"Browser": country, country: "DE"}),
    lambda: client.activate_experiment("Test 1", "Ann", {country: "DE"}),
    lambda: client.track_goal("Test 1", "Ann", "Signup", {country: "DE"}),
]
for call in CALLS:
    threading.Thread(target=call_for_ever, args=(call,), daemon=True).start()
for _ in range(20):
    calls.acquire()
"""


@pytest.mark.parametrize("_again", range(500 if SOAK else 5))
def test_daemon_threads_may_go_on_calling_while_the_interpreter_ends(_again: int) -> None:
    """Python ends such a thread wherever it is, also in the caller's own comparison of keys."""
    condition = {"attribute_name": "Country", "operator": 1, "values": ["DE"]}
    german = audience("german", {"conditions": [{"conditions": [condition]}]})
    document = project(
        experiment(audiences=[{"audience_link_name": "german"}]),
        audiences=[audience("all", {}), german],
    )
    done = subprocess.run(
        [sys.executable, "-c", ENDING, json.dumps(document)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
