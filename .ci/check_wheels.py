"""Check what a wheel holds, and that its tag is true.

python .ci/check_wheels.py WHEEL …
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from email.parser import BytesParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
LICENCES = ("LICENSE", "THIRD-PARTY-NOTICES.txt")
# Folders of the machine that builds, whose names belong in no wheel.
PRIVATE = {
    str(folder)
    for folder in (
        ROOT,
        Path.home(),
        Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo"),
        Path(sys.prefix),
    )
    if len(folder.parts) > 1
}


def check(wheel: Path) -> None:
    """Check a wheel; what is wrong in it is raised."""
    print(f"-- {wheel.name}, {wheel.stat().st_size:,} bytes", flush=True)
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    (about,) = (name.split("/")[0] for name in files if name.endswith(".dist-info/WHEEL"))
    for licence in LICENCES:
        assert files[f"{about}/licenses/{licence}"] == (ROOT / licence).read_bytes(), licence
    metadata = BytesParser().parsebytes(files[f"{about}/METADATA"])
    for platform in ("VWO", "PageSense"):
        assert platform in metadata["Summary"], metadata["Summary"]
        assert platform.lower() in metadata["Keywords"], metadata["Keywords"]
    assert "sortition/py.typed" in files
    modules = [name for name in files if name.endswith((".so", ".pyd"))]
    if wheel.name.endswith("-py3-none-any.whl"):
        assert not modules, modules
        assert not [name for name in files if "/sboms/" in name]
    else:
        assert len(modules) == 1, modules
        bill = json.loads(files[f"{about}/sboms/sortition.cyclonedx.json"])
        assert len(bill["components"]) > 1
    for name, content in files.items():
        # The hashes in it may spell anything.
        if name.endswith("/RECORD"):
            continue
        named = [folder for folder in PRIVATE if f"{folder}/".encode() in content]
        assert not named, f"{name} names {named}"
    if modules:
        check_symbols(wheel)


def check_symbols(wheel: Path) -> None:
    """Check that the module needs no more of libc and of Python than the wheel's tag says."""
    programs = Path(sys.executable).parent
    if "-musllinux_" in wheel.name:
        check_musl(wheel)
    elif "linux" in wheel.name:
        command = [str(programs / "auditwheel"), "show", str(wheel)]
        shown = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        tag = shown.split("platform tag:")[1].split('"')[1]
        assert tag in wheel.name, f"{wheel.name} is consistent with {tag}"
        # With its own unwinder the process crashes where Python ends a thread within the module.
        assert "libgcc_s.so.1" in shown, "the module brings an unwinder of its own"
        print(f"auditwheel: consistent with {tag}, unwinds with the system's library", flush=True)
    if "-abi3-" in wheel.name:
        command = [str(programs / "abi3audit"), "--strict", "--summary", str(wheel)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        shown = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 0, shown
        assert "0 ABI version mismatches and 0 ABI violations" in shown, shown
        print("abi3audit: 0 version mismatches, 0 violations", flush=True)


def check_musl(wheel: Path) -> None:
    """Check that the module needs musl's C library and nothing else.

    auditwheel reads the libraries that a module needs, and on a system with glibc finds that one's.
    """
    # It comes with auditwheel, which is not there where a wheel is only tried.
    from elftools.elf.dynamic import DynamicSection  # noqa: PLC0415
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415

    with zipfile.ZipFile(wheel) as archive:
        (module,) = (name for name in archive.namelist() if name.endswith(".so"))
        elf = ELFFile(io.BytesIO(archive.read(module)))
    dynamic = elf.get_section_by_name(".dynamic")
    assert isinstance(dynamic, DynamicSection)
    needed = [
        tag.needed  # type: ignore[attr-defined]  # of a tag of this kind
        for tag in dynamic.iter_tags()
        if tag.entry.d_tag == "DT_NEEDED"
    ]
    assert needed == ["libc.so"], needed
    assert elf.get_section_by_name(".gnu.version_r") is None, "it needs versioned symbols"
    print("musl: needs libc.so, and no versioned symbol", flush=True)


def main(*wheels: str) -> int:
    """Check these wheels; the exit code is 1 without any."""
    for wheel in wheels:
        check(Path(wheel))
    return 0 if wheels else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
