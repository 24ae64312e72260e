"""Prepare a release, check it, and print what is new in it.

python .ci/release.py prepare v1.2.3       write the version and today's date into the repository
python .ci/release.py check v1.2.3         check that every file agrees with this tag
python .ci/release.py addresses ADDRESS    write the addresses of the public repository
python .ci/release.py notes v1.2.3         print the version's section of the changelog
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNRELEASED = "## [Unreleased]"
# Each address under that of the repository, for the metadata of the packages.
ADDRESSES = {
    "Changelog": "/blob/main/CHANGELOG.md",
    "Documentation": "/blob/main/README.md",
    "Issues": "/issues",
    "Repository": "",
}
# Every file that has the version, and the line that has it.
VERSIONS = {
    "Cargo.toml": r'(?ms)(^\[workspace\.package\]\nversion = ")([^"]+)',
    "python/sortition/_version.py": r'(VERSION: Final = ")([^"]+)',
    "CITATION.cff": r"(?m)(^version: )(.+)$",
}
# The line after the version, which a release that was never made does not have.
DATE = r"(?m)(^version: .+\n)((?:date-released: .+\n)?)"


def notes(version: str) -> str:
    """The section of the changelog about a version; empty without one."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(
        rf"(?ms)^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## \[|\Z)", text
    )
    return section[1].strip() if section else ""


def prepare(version: str, today: date) -> None:
    """Write the version into every file, and begin its section of the changelog."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        message = f"{version} is not a version such as 1.2.3"
        raise SystemExit(message)
    for file, pattern in VERSIONS.items():
        replace(file, pattern, version)
    replace("CITATION.cff", DATE, f"date-released: {today.isoformat()}\n")
    if not notes(version):
        section = f"({re.escape(UNRELEASED)}\n)()"
        replace("CHANGELOG.md", section, f"\n## [{version}] - {today.isoformat()}\n")


def replace(file: str, pattern: str, text: str) -> None:
    """Replace the second group of a pattern in a file."""
    path = ROOT / file
    before = path.read_text(encoding="utf-8")
    after, count = re.subn(pattern, lambda match: match[1] + text, before, count=1)
    if not count:
        message = f"{file} does not have what {pattern!r} describes"
        raise SystemExit(message)
    path.write_text(after, encoding="utf-8")


def addresses(address: str) -> None:
    """Write `[project.urls]`, which names the repository that builds the packages."""
    lines = [f'{name} = "{address}{path}"\n' for name, path in ADDRESSES.items()]
    replace(
        "pyproject.toml",
        r"(?m)^()(# \[project\.urls\]\n(?:# .*\n)*)",
        "".join(["[project.urls]\n", *lines]),
    )


def complaints(version: str) -> list[str]:
    """Every disagreement with the version that is about to be released."""
    wrong = []
    for file, pattern in VERSIONS.items():
        match = re.search(pattern, (ROOT / file).read_text(encoding="utf-8"))
        written = match[2] if match else "no version"
        if written != version:
            wrong.append(f"{file} has {written}, not {version}")
    if not notes(version):
        wrong.append(f"CHANGELOG.md has no section `## [{version}] - year-month-day`")
    return wrong


def main(command: str, argument: str) -> int:
    """Do what the command says; the exit code is 1 where something is wrong."""
    version = argument.removeprefix("v")
    if command == "prepare":
        prepare(version, datetime.now(UTC).date())
    elif command == "addresses":
        addresses(argument)
    elif command == "notes":
        print(notes(version))
    elif command == "check":
        wrong = complaints(version)
        for line in wrong:
            print(line, file=sys.stderr)
        return 1 if wrong else 0
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
