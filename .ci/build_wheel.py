"""Build a wheel with the compiled module that does not depend on where it was built.

python .ci/build_wheel.py FOLDER [option of `maturin build` …]

Paths of the build machine are replaced, symbols removed, and the bill of materials added.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import third_party

ROOT = Path(__file__).parents[1]
# What takes the place of the folders that rustc would write into messages of panics.
CARGO_HOME = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def with_unwinder_of_the_system(library: Path | str) -> str:
    """The flag that links GCC's library for unwinding in place of the one that zig brings.

    At its exit Python ends daemon threads by `pthread_exit`, which unwinds them with the system's
    library. The process crashes where frames of the module use another one.
    """
    return f"-Clink-arg={library}"


def libgcc() -> str:
    """The path of the system's library for unwinding."""
    command = ["gcc", "-print-file-name=libgcc_s.so.1"]
    path = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    if not Path(path).is_absolute():
        message = "gcc does not know where libgcc_s.so.1 is"
        raise SystemExit(message)
    return path


def flags(options: tuple[str, ...]) -> list[str]:
    """The flags for rustc: those of the caller, the unwinder, and the replacement of paths."""
    encoded = os.environ.get("CARGO_ENCODED_RUSTFLAGS")
    given = encoded.split("\x1f") if encoded else os.environ.get("RUSTFLAGS", "").split()
    command = ["rustc", "--print", "sysroot"]
    sysroot = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    # For another target the caller says where its library is.
    if "--zig" in options and "--target" not in options:
        given.append(with_unwinder_of_the_system(libgcc()))
    return [
        *given,
        f"--remap-path-prefix={ROOT}=sortition",
        f"--remap-path-prefix={CARGO_HOME}=cargo",
        f"--remap-path-prefix={sysroot}=rust",
    ]


def main(folder: str, *options: str) -> int:
    """Build one wheel into this folder; the exit code is maturin's."""
    with tempfile.TemporaryDirectory() as temporary:
        bill = str(Path(temporary, "sortition.cyclonedx.json"))
        third_party.main("sbom", bill)
        # maturin looks for zig beside the first Python of the search path.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        program = shutil.which("maturin", path=path) or "maturin"
        command = [program, "build", "--release", "--locked", "--strip", "--out", folder]
        environment = {
            **os.environ,
            "PATH": path,
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags(options)),
        }
        environment.pop("RUSTFLAGS", None)
        done = subprocess.run(
            [*command, "--sbom-include", bill, *options], cwd=ROOT, env=environment, check=False
        )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
