"""Load the compiled wheel into every CPython that can be had here, and test it there.

python .ci/check_pythons.py dist

Those that are installed are taken, and the newest from Debian's packages, which are unpacked into
target/pythons. Fails where fewer than two ran beside this one's version.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from debian import Debian, MissingError

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "target" / "pythons"
# The versions that are supported, beside the oldest, with which all other tests run.
VERSIONS = ("3.12", "3.13", "3.14", "3.15")
WANTED = 2
# Where a version is not installed: Debian's suite that has the newest.
SUITE = "sid"
# What a Python needs of Debian's packages beside its own: the rest is for a shell or a terminal.
TOOLS = ("hypothesis", "pytest", "pytest-timeout", "requests", "trustme")
TESTS = (
    "tests/engine/test_vectors.py",
    "tests/engine/test_pagesense_vectors.py",
    "tests/processes/test_forks.py",
    "tests/vwo/test_direct.py",
)
# What forks and calls do with the other engine, the tests of the oldest version show.
OPTIONS = ("-q", "-p", "no:cacheprovider", "-m", "not system", "-k", "vectors or not pure")


def main(folder: str) -> int:
    """Test the compiled wheel of this folder; the exit code is 1 where a test fails."""
    (wheel,) = Path(folder).glob("*-abi3-*.whl")
    pythons = {version: found for version in VERSIONS if (found := installed(version))}
    missing = [version for version in VERSIONS if version not in pythons]
    if missing:
        pythons |= unpacked(missing)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = list(pool.map(lambda item: test(wheel, *item), sorted(pythons.items())))
    for version in VERSIONS:
        if version not in pythons:
            print(f"-- CPython {version}: not to be had here")
    print(
        f"{sum(passed)} versions of CPython passed beside {sys.version.split()[0]}, wanted {WANTED}"
    )
    return 0 if all(passed) and len(passed) >= WANTED else 1


def installed(version: str) -> str | None:
    """An installed CPython of this version that starts, on the search path or under pyenv."""
    named = shutil.which(f"python{version}")
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    under = sorted(str(one) for one in home.glob(f"versions/{version}.*/bin/python{version}"))
    for python in [*reversed(under), *([named] if named else [])]:
        command = [python, "-c", "import ssl, sys; print(sys.version_info[:2])"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.stdout.strip() == str(tuple(map(int, version.split(".")))):
            return python
    return None


def unpacked(versions: list[str]) -> dict[str, str]:
    """These versions from Debian's packages, as far as they can be had."""
    try:
        debian = Debian(FOLDER / "apt", "amd64", SUITE)
    except (MissingError, OSError) as error:
        print(f"-- Debian's packages cannot be had: {error}")
        return {}
    found = {}
    for version in versions:
        try:
            names = debian.with_dependencies([f"python{version}"])
            root = debian.unpack(names, FOLDER / f"root-{version}")
            found[version] = starter(root, version)
        except MissingError as error:
            print(f"-- CPython {version} cannot be had: {error}")
    return found


def starter(root: Path, version: str) -> str:
    """A program that starts an unpacked Python with the C library that it was built for."""
    loader = next(root.glob("**/ld-linux-x86-64.so.2"))
    libraries = ":".join(str(root / folder) for folder in ("usr/lib/x86_64-linux-gnu", "lib"))
    program = root / "usr" / "bin" / f"start-python{version}"
    program.write_text(
        f'#!/bin/sh\nexec {loader} --library-path {libraries} --argv0 "$0" '
        f'{root}/usr/bin/python{version} "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    return str(program)


def test(wheel: Path, version: str, python: str) -> bool:
    """Run the tests with this Python and the wheel; print how it went, and whether it passed."""
    began = time.monotonic()
    site = FOLDER / f"site-{version}"
    shutil.rmtree(site, ignore_errors=True)
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--target",
        str(site),
    ]
    only = ["--only-binary=:all:", "--implementation", "cp", "--python-version", version]
    subprocess.run([*install, *only, str(wheel), *TOOLS], check=True)
    done = subprocess.run(
        [python, "-m", "pytest", *OPTIONS, *TESTS],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(site),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    last = done.stdout.strip().splitlines()[-1:]
    summary = re.sub(r"^=+ | =+$", "", last[0]) if last else "printed nothing"
    passed = done.returncode == 0
    if not passed:
        print(done.stdout)
    print(
        f"-- CPython {version} ({python}): {summary}, {time.monotonic() - began:.0f} s in all",
        flush=True,
    )
    return passed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
