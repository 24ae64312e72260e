"""Build for other platforms than this one, and run what was built, as far as that can be done here.

nice python .ci/cross.py target/cross/wheels

- aarch64: a wheel for every glibc from 2.17 on, tested under qemu with Debian's Python for it.
- musl on x86-64: a wheel, and the engine's own tests as a static program. There is no Python for
  musl to load the wheel into.

The compiler is Debian's, for whose version Debian has the other platforms' standard libraries; its
packages are unpacked into target/cross. The linker is zig.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import build_wheel
import check_wheels
from check_packages import PROGRAM, VARIATION
from check_pythons import TOOLS
from debian import Debian

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "target" / "cross"
BIN = Path(sys.executable).parent
# What is taken of all that these packages depend on: this machine has the rest.
PROGRAMS = ("rustc-web", "rust-web-src", "qemu-user")
TAKEN = re.compile(r"rust|libstd-rust|libllvm|qemu-user|libcapstone")
AARCH64 = "aarch64-unknown-linux-gnu"
MUSL = "x86_64-unknown-linux-musl"
TESTS = ("tests/engine/test_vectors.py", "tests/engine/test_pagesense_vectors.py")
BUILD_STD = ("-Z", "build-std=std,panic_unwind")


def main(folder: str) -> int:
    """Build and test; what fails is raised."""
    wheels = Path(folder).absolute()
    shutil.rmtree(wheels, ignore_errors=True)
    root, emulated = unpack()
    environment = compiler(root)
    figures: list[str] = []

    report(figures, "aarch64 wheel", lambda: build_aarch64(wheels, environment, emulated))
    (aarch64,) = wheels.glob("*aarch64*.whl")
    check_wheels.check(aarch64)
    python = emulator(root, emulated)
    report(figures, "aarch64 under qemu", lambda: run_aarch64(aarch64, python))

    report(figures, "musl wheel", lambda: build_musl(wheels, environment))
    (musl,) = wheels.glob("*musllinux*.whl")
    check_wheels.check(musl)
    report(figures, "musl engine tests", lambda: run_musl(environment))
    print("\n".join(["", *figures, "cross: all passed"]))
    return 0


def report(figures: list[str], title: str, work: Callable[[], str]) -> None:
    """Do a piece of work, and note how long it took the processors."""
    print(f"\n== {title}", flush=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    outcome = work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    figures.append(f"{title}: {outcome}, {spent:.0f} s of CPU")
    print(f"-- {figures[-1]}", flush=True)


def unpack() -> tuple[Path, Path]:
    """The compiler with the libraries of both platforms, and a Python for aarch64."""
    host = Debian(FOLDER / "apt-amd64", "amd64")
    other = Debian(FOLDER / "apt-arm64", "arm64")
    names = [name for name in host.with_dependencies(PROGRAMS) if TAKEN.match(name)]
    root = host.unpack(names, FOLDER / "host")
    other.unpack(["libstd-rust-web-dev"], root)
    emulated = other.unpack(other.with_dependencies(["python3.11"]), FOLDER / "aarch64")
    return root, emulated


def compiler(root: Path) -> dict[str, str]:
    """The environment in which cargo takes the unpacked compiler."""
    programs = FOLDER / "bin"
    for name in ("rustc", "rustdoc"):
        libraries = root / "usr" / "lib" / "x86_64-linux-gnu"
        script(
            programs / name,
            f'LD_LIBRARY_PATH={libraries} exec {root}/usr/bin/{name} --sysroot {root}/usr "$@"',
        )
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
        "RUSTC": str(programs / "rustc"),
        "RUSTDOC": str(programs / "rustdoc"),
        # `-Z build-std` is for a nightly compiler, and is all that is used of it.
        "RUSTC_BOOTSTRAP": "1",
        "CARGO_TARGET_DIR": str(FOLDER / "target"),
    }


def script(file: Path, text: str) -> Path:
    """Write a program for the shell."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def build_aarch64(wheels: Path, environment: dict[str, str], emulated: Path) -> str:
    """Build the wheel for aarch64 with the oldest glibc that manylinux has."""
    (library,) = emulated.glob("**/libgcc_s.so.1")
    flag = build_wheel.with_unwinder_of_the_system(library)
    build(wheels, {**environment, "RUSTFLAGS": flag}, AARCH64, "manylinux2014")
    return "built"


def build_musl(wheels: Path, environment: dict[str, str]) -> str:
    """Build the wheel for musl, with the standard library, of which Debian has none for it."""
    flags = "-C target-feature=-crt-static"
    build(wheels, {**environment, "RUSTFLAGS": flags}, MUSL, "musllinux_1_2", *BUILD_STD)
    return "built"


def build(wheels: Path, environment: dict[str, str], target: str, tag: str, *options: str) -> None:
    """Build a wheel for this target."""
    command = [sys.executable, str(ROOT / ".ci" / "build_wheel.py"), str(wheels), "--zig"]
    subprocess.run(
        [*command, "--target", target, "--compatibility", tag, *options],
        env=environment,
        check=True,
    )


def emulator(root: Path, emulated: Path) -> str:
    """A program that starts the Python for aarch64."""
    libraries = root / "usr" / "lib" / "x86_64-linux-gnu"
    python = emulated / "usr" / "bin" / "python3.11"
    line = f'exec {root}/usr/bin/qemu-aarch64 -L {emulated} -0 "$0" {python} "$@"'
    start = script(python.parent / "start-python3.11", f"LD_LIBRARY_PATH={libraries} {line}")
    return str(start)


def run_aarch64(wheel: Path, python: str) -> str:
    """Decide, track and fork with the wheel for aarch64, and run the vectors."""
    site = FOLDER / "site"
    shutil.rmtree(site, ignore_errors=True)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
    platform = ["--only-binary=:all:", "--platform", "manylinux2014_aarch64"]
    tags = ["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--abi", "abi3"]
    packages = ["--target", str(site), str(wheel), *TOOLS]
    subprocess.run([*install, *platform, *tags, "--abi", "none", *packages], check=True)
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        program = PROGRAM.replace("/site-packages/", "/site/")
        command = [python, "-c", program, "compiled", VARIATION]
        subprocess.run(command, cwd=folder, env=environment, check=True)
    return pytest(python, environment)


def pytest(python: str, environment: dict[str, str]) -> str:
    """Run the vectors with this Python; pytest's summary."""
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "--timeout=0", "-p", "no:cacheprovider", *TESTS],
        cwd=ROOT,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return re.sub(r" in .*", "", done.stdout.strip().splitlines()[-1])


def run_musl(environment: dict[str, str]) -> str:
    """Run the engine's own tests, linked statically with musl."""
    # zig brings the objects that begin and end a program, for which rustc would look beside it.
    linker = script(
        FOLDER / "bin" / "link-with-musl",
        'for one; do shift; case "$one" in *crt*.o | -nostartfiles | -nodefaultlibs) ;; '
        '*) set -- "$@" "$one" ;; esac; done\n'
        f'exec {sys.executable} -m ziglang cc -target x86_64-linux-musl "$@"',
    )
    environment = {**environment, "CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER": str(linker)}
    cargo = [str(BIN / "cargo-zigbuild"), "test", "--locked", "--package", "sortition-engine"]
    done = subprocess.run(
        [*cargo, "--lib", "--tests", "--target", MUSL, *BUILD_STD],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    passed = re.findall(r"test result: ok\. (\d+) passed", done.stdout)
    assert passed, done.stdout
    return f"{sum(map(int, passed))} passed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
