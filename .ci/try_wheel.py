"""Install the one wheel of a folder and use it on this platform, as before it is published.

python .ci/try_wheel.py dist

It decides, tracks, passes the vectors, runs the demo and, where there is `os.fork`, forks and ends
while threads go on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from check_packages import PROGRAM, VARIATION

ROOT = Path(__file__).parents[1]
TOOLS = ("hypothesis", "pytest", "pytest-timeout", "trustme")
VECTORS = ["tests/engine/test_vectors.py", "tests/engine/test_pagesense_vectors.py"]
FORKS = ["tests/processes/test_forks.py"]
# What the compiled module answers without a frame of Python, also while the interpreter ends.
DIRECT = ["tests/vwo/test_direct.py"]
# Without the compiled engine, a message on standard error says so, which that test does not expect.
PURE = ["-k", "not compiled and not http_library"]


def main(folder: str) -> int:
    """Install and use the wheel; what fails is raised."""
    (wheel,) = Path(folder).absolute().glob("*.whl")
    pure = wheel.name.endswith("-none-any.whl")
    tests = list(VECTORS)
    if hasattr(os, "fork"):
        tests += FORKS if pure else [*FORKS, *DIRECT]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        venv.create(temporary, with_pip=True)
        programs = Path(temporary, "Scripts" if sys.platform == "win32" else "bin")
        python = str(programs / "python")

        def run(*arguments: str, cwd: str | Path = temporary) -> None:
            subprocess.run([python, *arguments], cwd=cwd, check=True)

        run("-m", "pip", "install", "--quiet", f"sortition[demo] @ {wheel.as_uri()}", *TOOLS)
        run("-W", "error", "-c", PROGRAM, "pure" if pure else "compiled", VARIATION)
        run("-m", "sortition", "demo", "--db", str(Path(temporary, "demo.db")))
        which = PURE if pure else []
        run("-m", "pytest", "-q", "-p", "no:cacheprovider", *which, *tests, cwd=ROOT)
    print(f"{wheel.name}: installed, used and tested with {sys.version}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
