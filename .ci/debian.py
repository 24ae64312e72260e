"""Packages of Debian, unpacked into a folder: nothing is installed, and no rights are needed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Of the compiler's sources, the standard library alone is compiled.
UNWANTED = (
    "--no-wildcards-match-slash",
    "--exclude=./usr/share/doc",
    "--exclude=./usr/share/man",
    "--exclude=./usr/src/rustc-*/compiler",
    "--exclude=./usr/src/rustc-*/src",
    "--exclude=./usr/src/rustc-*/tests",
    "--exclude=./usr/src/rustc-*/vendor",
)
CONFIGURATION = """\
Dir::State "{folder}/state";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "-";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
"""


class MissingError(Exception):
    """Packages that cannot be had from here; the message says why."""


class Debian:
    """The packages of one architecture, of this machine's release or of another suite."""

    def __init__(self, folder: Path, architecture: str, suite: str | None = None) -> None:
        self.folder = folder.absolute()
        for name in ("state", "lists/partial", "cache/archives/partial", "packages"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        # No package is there yet, so that all that one depends on is named.
        (self.folder / "status").touch()
        lines = sources(suite)
        if not lines:
            raise MissingError("apt has no source of Debian's packages here")
        (self.folder / "sources.list").write_text("\n".join(lines) + "\n", encoding="utf-8")
        configuration = CONFIGURATION.format(folder=self.folder, architecture=architecture)
        (self.folder / "apt.conf").write_text(configuration, encoding="utf-8")
        self._apt("update")

    def with_dependencies(self, names: Iterable[str]) -> list[str]:
        """These packages and all that they depend on."""
        shown = self._apt("install", "--simulate", "--no-install-recommends", *names)
        return re.findall(r"(?m)^Inst (\S+)", shown)

    def unpack(self, names: Iterable[str], root: Path) -> Path:
        """Unpack exactly these packages into a folder, which is returned."""
        root.mkdir(parents=True, exist_ok=True)
        before = set((self.folder / "packages").iterdir())
        self._apt("download", *names)
        for package in sorted(set((self.folder / "packages").iterdir()) - before):
            with subprocess.Popen(
                ["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE
            ) as files:
                command = ["tar", "--extract", "--directory", str(root), *UNWANTED]
                subprocess.run(command, stdin=files.stdout, check=True)
            package.unlink()
        return root

    def _apt(self, *arguments: str) -> str:
        """Run apt-get on the lists of this folder; what it prints."""
        done = subprocess.run(
            ["apt-get", "--quiet", *arguments],
            cwd=self.folder / "packages",
            env={"APT_CONFIG": str(self.folder / "apt.conf"), "PATH": "/usr/sbin:/usr/bin:/bin"},
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise MissingError(f"apt-get {arguments[0]}: {done.stderr.strip()}")
        return done.stdout


def sources(suite: str | None) -> list[str]:
    """This machine's sources of Debian's packages; with a suite, that suite of its main archive."""
    found: list[tuple[str, str]] = []
    files = [SOURCES[0], *sorted(SOURCES[1].glob("*"))] if SOURCES[1].exists() else [SOURCES[0]]
    for file in files:
        if file.suffix not in (".list", ".sources") or not file.exists():
            continue
        text = file.read_text(encoding="utf-8")
        for stanza in text.split("\n\n"):
            fields = dict(re.findall(r"(?m)^(URIs|Suites): *(.+)$", stanza))
            if "URIs" in fields and "Suites" in fields:
                found += [
                    (uri, name)
                    for uri in fields["URIs"].split()
                    for name in fields["Suites"].split()
                ]
        found += re.findall(r"(?m)^deb +(?:\[[^]]*\] +)?(\S+) +(\S+) ", text)
    entries = [(uri.rstrip("/"), name) for uri, name in found if "/debian" in uri]
    if suite is not None:
        main = [uri for uri, _ in entries if uri.endswith("/debian")]
        entries = [(uri, suite) for uri in main[:1]]
    return [f"deb [signed-by={KEYRING}] {uri} {name} main" for uri, name in entries]
