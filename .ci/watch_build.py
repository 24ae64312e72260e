"""Run a build and say how far it is, without its many lines: those are in target/build.log.

python .ci/watch_build.py COMMAND …
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

LOG = Path(__file__).parents[1] / "target" / "build.log"
COMPILES = re.compile(r"^\s*Compiling (\S+)")
# In a log every line stays, so that there are few of them.
EVERY_S = 15.0


def main(*command: str) -> int:
    """Run the command; the exit code is its own, and where it fails its lines are printed."""
    began = said = time.monotonic()
    crates = 0
    overwrites = sys.stdout.isatty()
    LOG.parent.mkdir(exist_ok=True)
    with (
        LOG.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as build,
    ):
        assert build.stdout is not None
        for line in build.stdout:
            log.write(line)
            found = COMPILES.match(line)
            if not found:
                continue
            crates += 1
            now = time.monotonic()
            if overwrites or now - said >= EVERY_S:
                said = now
                show(f"  crate {crates}: {found[1]}, after {now - began:.0f} s", overwrites)
        failed = build.wait()
    if overwrites and crates:
        show("", overwrites)
    if failed:
        print(LOG.read_text(encoding="utf-8"), end="")
    elif crates:
        print(f"  built in {time.monotonic() - began:.0f} s", flush=True)
    return failed


def show(text: str, overwrites: bool) -> None:
    """Show how far it is: over the last line of a terminal, or as a line of a log."""
    print(f"\r{text:<60}\r" if overwrites else text, end="" if overwrites else "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
