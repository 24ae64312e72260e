"""Several interpreters in one process, as mod_wsgi runs applications."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
import sys
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
    run = lambda interpreter, code: interpreters.run_string(interpreter, code)
else:
    import _xxsubinterpreters as interpreters
    run = interpreters.run_string

CODE = {code!r}

def inside(expected):
    interpreter = interpreters.create()
    failed = run(interpreter, CODE + f"assert engine == {{expected!r}}, engine\\n")
    assert failed is None, failed
    interpreters.destroy(interpreter)

def here(expected):
    names = {{}}
    exec(CODE, names)
    assert names["engine"] == expected, names["engine"]
"""

CODE = """
import sortition
from sortition import vwo

document = {"version": 1, "accountId": 1, "campaigns": [{
    "id": 1, "key": "checkout", "type": "VISUAL_AB", "status": "RUNNING", "percentTraffic": 100,
    "goals": [], "variations": [{"id": 1, "name": "Control", "weight": 100}]}]}
with vwo.launch(document, is_development_mode=True) as client:
    assert client.activate("checkout", "ann") == "Control"
    engine = client.status().engine
try:
    vwo.launch("{}")
except sortition.SettingsError:
    pass
try:
    vwo.launch(document, engine="compiled", is_development_mode=True).close()
except sortition.OptionError as error:
    assert engine == "pure"
    assert "another interpreter of this process uses the compiled engine" in str(error)
else:
    assert engine == "compiled"
"""


@pytest.mark.parametrize(
    "order",
    [
        "here('compiled'); inside('pure'); inside('pure'); here('compiled')",
        "inside('compiled'); here('pure'); inside('pure')",
    ],
    ids=["main-first", "other-first"],
)
def test_the_compiled_engine_belongs_to_one_interpreter(order: str) -> None:
    """Any other one decides with the pure engine, and catches its own exceptions."""
    program = PROGRAM.format(code=CODE) + textwrap.dedent(order)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
