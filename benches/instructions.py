"""How many instructions the hottest paths take, against a committed baseline.

    python benches/instructions.py [--write REASON [PATH ...]]

`valgrind --tool=callgrind` counts them, so the figures are the same whatever else the machine does.
For each path `hot_path.py` runs once more than without it; the difference is the path's. More than
the tolerance above the baseline is a failure; so is as much below it, since the baseline is then to
be written anew: `--write` does that for the paths that are named, else for those that are beyond
the tolerance, and keeps the reason beside each.

The interpreter's own instructions are counted too, so a baseline is for one version of Python and
one kind of processor. With another the counts say nothing, which is a failure of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
BASELINE = HERE / "instructions.json"
TOLERANCE = 0.05
"""Interpreters of one version that were built apart differ by less."""
MADE_WITH = f"CPython {sys.version_info.major}.{sys.version_info.minor}, {platform.machine()}"

PATHS = {
    "get_variation_name": 5_000,
    "get_variation_name, five conditions": 5_000,
    # Together with the first ones less than a batch, so that none is sent.
    "activate, batched": 2_000,
    "track, batched": 2_000,
    "encode a batch of 100": 2_000,
    "PageSense, get_variation_name": 5_000,
    "PageSense, get_variation_name, five conditions": 5_000,
    "PageSense, activate_experiment": 2_000,
    "PageSense, track_goal": 2_000,
}
"""How often each is taken: often enough that a start differing from another does not matter."""


def count(path: str, calls: int) -> int:
    """The instructions of a whole run.

    Raises:
        RuntimeError: The run failed.
    """
    done = subprocess.run(  # noqa: S603 -- our own script
        [
            *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
            *(sys.executable, str(HERE / "hot_path.py"), path, str(calls)),
        ],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        raise RuntimeError(f"{path}: {done.stderr[-2000:]}")
    return int(found[1])


def counts() -> dict[str, int]:
    """The instructions of one call of each path."""
    first = next(iter(PATHS))
    # Not counted: it leaves the compiled files that the others start from.
    subprocess.run([sys.executable, HERE / "hot_path.py", first, "0"], check=True)  # noqa: S603
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        without = pool.submit(count, first, 0)
        totals = {path: pool.submit(count, path, calls) for path, calls in PATHS.items()}
        return {
            path: round((totals[path].result() - without.result()) / calls)
            for path, calls in PATHS.items()
        }


def run() -> int:
    """Count and compare, or write the baseline."""
    parser = argparse.ArgumentParser(description="Instructions of the hottest paths")
    parser.add_argument("--write", metavar="REASON", help="write the baseline, and why it changed")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="which to write")
    options = parser.parse_args()
    if options.write is not None and not options.write.strip():
        parser.error("a baseline changes for a reason")
    if unknown := set(options.paths) - PATHS.keys():
        parser.error(f"no such path: {', '.join(sorted(unknown))}")
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    known = baseline.get("paths", {})
    is_comparable = baseline.get("made with") == MADE_WITH
    if options.write is None and not is_comparable:
        print(f"the baseline is for {baseline.get('made with')}; this is {MADE_WITH}")
        return 1
    found = counts()
    changed = []
    for path, count_now in found.items():
        wanted = known.get(path, {"instructions": 0})["instructions"]
        if abs(count_now - wanted) > TOLERANCE * wanted:
            changed.append(path)
        change = f"{(count_now / wanted - 1):+8.2%}" if wanted else "     new"
        print(f"{count_now:9,}  {wanted:9,}  {change}  {path}")
    if options.write is not None:
        # All of them for another interpreter, whose counts have nothing to do with the old ones.
        written = options.paths or (changed if is_comparable else PATHS)
        paths = {
            path: {"instructions": found[path], "reason": options.write}
            if path in written
            else known[path]
            for path in PATHS
            if path in written or path in known
        }
        content = json.dumps({"made with": MADE_WITH, "paths": paths}, indent=2)
        BASELINE.write_text(f"{content}\n")
        print(f"written: {', '.join(written) or 'nothing'}")
        return 0
    if changed:
        print(f"more or fewer instructions than the baseline says: {', '.join(changed)}.")
        print("Where that is meant, write it anew: make instructions REASON='why'")
    return int(bool(changed))


if __name__ == "__main__":
    sys.exit(run())
