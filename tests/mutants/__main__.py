"""Change rules on purpose, one at a time, and see whether the tests notice: ``make mutants``.

Each rule is changed in a copy of the package, and the tests that ought to notice run against the
copy. A rule that no test notices is printed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from support.paths import ROOT

from mutants.rules import RULES, Rule

PACKAGE = ROOT / "python" / "sortition"


def is_noticed(rule: Rule, folder: Path) -> bool:
    """Whether a test fails when this rule is changed.

    Raises:
        ValueError: The rule's text does not stand in its file exactly once.
    """
    original = (PACKAGE / rule.file).read_text(encoding="utf-8")
    if original.count(rule.text) != 1:
        raise ValueError(
            f"{rule.file}: {rule.text!r} stands there {original.count(rule.text)} times"
        )
    changed = folder / "sortition" / rule.file
    changed.write_text(original.replace(rule.text, rule.changed), encoding="utf-8")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *rule.tests],
            cwd=ROOT,
            # Before the folder that the installation points to.
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    finally:
        changed.write_text(original, encoding="utf-8")
    if done.returncode not in (0, 1, 2):
        raise ValueError(f"{rule.file}: pytest ended with {done.returncode}")
    return done.returncode != 0


def main() -> int:
    """Change the rules whose description holds the given words, or all of them."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("words", nargs="?", default="", help="only rules whose text holds this")
    words = parser.parse_args().words
    chosen = [rule for rule in RULES if words in rule.what]
    unnoticed = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(PACKAGE, folder / "sortition")
        for rule in chosen:
            noticed = is_noticed(rule, folder)
            print(f"{'noticed' if noticed else 'NOT NOTICED'}: {rule.what}", flush=True)
            if not noticed:
                unnoticed.append(rule)
    print(f"{len(chosen) - len(unnoticed)} passed, {len(unnoticed)} failed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
