"""How many instructions the five hottest paths take, against a committed baseline.

    python benches/instructions.py [--write REASON]

`valgrind --tool=callgrind` counts them, so the figures are the same whatever else the machine does.
For each path `hot_path.py` runs once more than without it; the difference is the path's. More than
the tolerance above the baseline is a failure; so is as much below it, since the baseline is then to
be written anew. A path's line in `instructions.json` says why it is what it is.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
BASELINE = HERE / "instructions.json"
TOLERANCE = 0.05
"""Interpreters of one version that were built apart differ by less."""

PATHS = {
    "get_variation_name": 20_000,
    "get_variation_name, five conditions": 20_000,
    # Together with the first ones less than a batch, so that none is sent.
    "activate, batched": 4_000,
    "track, batched": 4_000,
    "encode a batch of 100": 4_000,
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
    reason = parser.parse_args().write
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    failed = False
    for path, found in counts().items():
        known = baseline.get(path, {"instructions": 0})
        wanted = known["instructions"]
        differs = abs(found - wanted) > TOLERANCE * wanted
        print(f"{found:9,}  {wanted:9,}  {'CHANGED' if differs else 'ok':7}  {path}")
        failed |= differs
        if reason is not None and differs:
            baseline[path] = {"instructions": found, "reason": reason}
    if reason is not None:
        BASELINE.write_text(json.dumps(baseline, indent=2) + "\n")
        return 0
    if failed:
        print("a path takes more, or fewer, instructions than the baseline says; where that is")
        print("meant, write it anew: python benches/instructions.py --write 'why'")
    return int(failed)


if __name__ == "__main__":
    sys.exit(run())
