"""What a release needs of the repository, and what is said of it.

python .ci/release.py check v1.2.3 ADDRESS    check that all agree on this version
python .ci/release.py notes v1.2.3            print the version's section of the changelog
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
ADDRESSES = ("Changelog", "Documentation", "Issues", "Repository")


def notes(version: str) -> str:
    """The section of the changelog about a version; empty without one."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(
        rf"(?ms)^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## \[|\Z)", text
    )
    return section[1].strip() if section else ""


def complaints(version: str, address: str) -> list[str]:
    """Everything that stands in the way of this release, from the repository at this address."""
    wrong = []
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    written = {
        "Cargo.toml": cargo["workspace"]["package"]["version"],
        "python/sortition/_version.py": found(
            r'VERSION: Final = "(.+)"',
            (ROOT / "python/sortition/_version.py").read_text(encoding="utf-8"),
        ),
        "CITATION.cff": found(r"(?m)^version: (.+)$", citation),
    }
    wrong += [f"{file} has version {one}" for file, one in written.items() if one != version]
    if not notes(version):
        wrong.append(f"CHANGELOG.md has no section `## [{version}] - year-month-day`")
    urls = project.get("urls", {})
    for name in ADDRESSES:
        if not urls.get(name, "").startswith(address):
            wrong.append(f"pyproject.toml: project.urls has no {name} under {address}")
    return wrong


def found(pattern: str, text: str) -> str:
    """What the group of a pattern matches; empty where it matches nothing."""
    match = re.search(pattern, text)
    return match[1] if match else ""


def main(command: str, tag: str, *address: str) -> int:
    """Check, or print the notes; the exit code is 1 where something is wrong."""
    version = tag.removeprefix("v")
    if command == "notes":
        print(notes(version))
        return 0
    wrong = complaints(version, *address)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
