"""A panic in any entry of the compiled engine gives the call's nothing, and no more.

The module is built a second time, with a feature that makes every entry panic when the environment
asks for it: nothing that anybody runs has that.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.documents import project, settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, logging, os, sys, time
from sortition import _core, vwo

class Memory(logging.Handler):
    messages = []
    def emit(self, record):
        self.messages.append(record.getMessage())

logging.getLogger("sortition").addHandler(Memory(logging.ERROR))
document = json.loads(sys.argv[1])
client = vwo.launch(document, engine="compiled", is_development_mode=True)
batched = vwo.launch(
    document,
    engine="compiled",
    base_url="http://127.0.0.1:9",
    batch_events={"events_per_request": 5000},
)
tests = _core.PagesenseSettings.compile(sys.argv[2].encode())
profile = _core.PagesenseProfile.read(None)
assert client.activate("checkout", "Ann") == "Control"
assert batched.activate("checkout", "Ann") == "Control"
queue = batched._delivery.queue()
assert batched.activate("checkout", "Ann") == "Control"
assert queue.events == 2

os.environ["SORTITION_INJECT_PANICS"] = "1"
for one in (client, batched):
    assert one.activate("checkout", "Ann") is None
    assert one.get_variation_name("checkout", "Ann") is None
    assert one.track("checkout", "Ann", "purchase") is None
    assert one.track(None, "Ann", "purchase") is None
    assert one.track(["checkout"], "Ann", "purchase") is None
    assert one.is_feature_enabled("checkout", "Ann") is False
    assert one.get_feature_variable_value("checkout", "color", "Ann") is None
    assert one.explain("checkout", "Ann") is None
assert batched.push("plan", "pro", "Ann") is False
assert len(Memory.messages) == 13, Memory.messages
for message in Memory.messages:
    assert "which is a bug of sortition" in message
    assert "Ann" not in message

settings = client._snapshot.settings
entries = [
    lambda: _core.VwoSettings.compile(b"{}"),
    lambda: settings.visitor_id("Ann"),
    lambda: settings.running_campaign("checkout"),
    lambda: settings.campaigns_with_goal("purchase"),
    lambda: settings.decide("activate", "checkout", "Ann"),
    lambda: settings.decide("activate", "checkout", "Ann", steps=[]),
    lambda: settings.targets("checkout", "purchase"),
    lambda: settings.assign("activate", "checkout", "Ann"),
    lambda: settings.show("activate", "checkout", "Ann"),
    lambda: settings.convert("checkout", "Ann", "purchase"),
    lambda: settings.push_event("Ann", 0, "plan", "pro"),
    lambda: _core.vwo_batch([b"{}"]),
    lambda: queue.put("visitor", b"{}"),
    lambda: _core.PagesenseSettings.compile(b"{}"),
    lambda: tests.experiment("Test 1"),
    lambda: tests.goal("Signup"),
    lambda: tests.experiments_with_goal("Signup"),
    lambda: tests.decide("Test 1", "Ann"),
    lambda: tests.decide("Test 1", "Ann", steps=[]),
    lambda: _core.PagesenseProfile.read(""),
    lambda: profile.with_assignment("Ann", "e1", "v1"),
]
for entry in entries:
    try:
        entry()
    except Exception as error:
        assert type(error) is RuntimeError, error
        assert str(error) == "the compiled engine failed; please report this", error
    else:
        raise AssertionError("it did not panic")
try:
    vwo.launch(document, engine="compiled")
except Exception as error:
    assert type(error) is RuntimeError

del os.environ["SORTITION_INJECT_PANICS"]
assert client.activate("checkout", "Ann") == "Control"
assert queue.events == 2
assert batched.activate("checkout", "Ann") == "Control"
assert batched.stats().queued == {"visitor": 3}
batched.close(0.01)
print("survived")
"""


@pytest.mark.system
@pytest.mark.timeout(600)
def test_a_panic_is_the_call_s_nothing(tmp_path: Path) -> None:
    package = tmp_path / "sortition"
    shutil.copytree(
        ROOT / "python" / "sortition", package, ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )
    target = ROOT / "target" / "inject-panics"
    subprocess.run(
        [
            *("cargo", "build", "--locked", "--quiet", "--package", "sortition-bindings"),
            *("--features", "inject-panics", "--target-dir", str(target)),
        ],
        cwd=ROOT,
        check=True,
        env={**os.environ, "PYO3_PYTHON": sys.executable, "RUSTFLAGS": ""},
    )
    shutil.copy(target / "debug" / "lib_core.so", package / "_core.abi3.so")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(settings()), json.dumps(project())],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, "survived\n")
