"""Programs that use the public surface type-check, and wrong ones do not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).parents[1] / "typing" / "api.py"


def test_the_sample_program(tmp_path: Path) -> None:
    """`mypy --strict` finds exactly the errors that the sample marks, with the installed types."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(SAMPLE)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {
        (int(line), code)
        for line, code in re.findall(r"api\.py:(\d+): error: .*\[([a-z-]+)\]", done.stdout)
    }
    marked = {
        (number, match[1])
        for number, line in enumerate(SAMPLE.read_text(encoding="utf-8").splitlines(), 1)
        if (match := re.search(r"# E: ([a-z-]+)$", line))
    }
    assert marked
    assert found == marked, done.stdout + done.stderr
