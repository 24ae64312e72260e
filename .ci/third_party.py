"""The crates in the compiled module: their notices, their licences and the bill of materials.

python .ci/third_party.py write        write THIRD-PARTY-NOTICES.txt
python .ci/third_party.py check        check that file, and Cargo.lock against deny.toml
python .ci/third_party.py sbom FILE    write the bill of materials in CycloneDX's JSON
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
NOTICES = ROOT / "THIRD-PARTY-NOTICES.txt"
MODULE = "sortition-bindings"
INDEX = "registry+https://github.com/rust-lang/crates.io-index"
# Preferred where a crate offers a choice: its text is short and names the authors.
PREFERRED = "MIT"
TEXTS = re.compile(r"(?i)(un)?licen[cs]e|copying|notice")

HEADER = """\
Third-party notices

The compiled module of sortition, `sortition/_core`, contains the software listed here, each under
the licence that is named. The wheel in plain Python contains none of it.

`make notices` writes this file.
"""
# It is part of every Rust program, and no package of the registry.
STANDARD_LIBRARY = """\
The Rust standard library
License: MIT OR Apache-2.0
Source: https://github.com/rust-lang/rust
Copyright (c) The Rust Project Contributors
"""


class Crate(NamedTuple):
    """A package of the registry that the compiled module contains."""

    name: str
    version: str
    licence: str
    repository: str | None
    checksum: str
    folder: Path
    identifier: str


def metadata() -> dict[str, Any]:
    """What cargo says of the workspace, as `Cargo.lock` has it."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def linked(found: dict[str, Any]) -> tuple[list[Crate], dict[str, list[str]]]:
    """The crates that are linked into the module on any platform, and what each depends on.

    Build scripts and procedural macros run while it is built, and are not in it.
    """
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    (start,) = (key for key, package in packages.items() if package["name"] == MODULE)
    depends: dict[str, list[str]] = {}
    waiting = [start]
    while waiting:
        identifier = waiting.pop()
        if identifier in depends:
            continue
        depends[identifier] = sorted(
            dependency["pkg"]
            for dependency in nodes[identifier]["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
            and not is_macro(packages[dependency["pkg"]])
        )
        waiting += depends[identifier]
    checksums = locked_checksums()
    crates = [
        crate_of(packages[identifier], checksums)
        for identifier in depends
        if packages[identifier]["source"] is not None
    ]
    return sorted(crates), depends


def is_macro(package: dict[str, Any]) -> bool:
    """Whether this is a procedural macro."""
    return any("proc-macro" in target["kind"] for target in package["targets"])


def crate_of(package: dict[str, Any], checksums: dict[tuple[str, str], str]) -> Crate:
    """What the notices and the bill say of a package."""
    name, version = package["name"], package["version"]
    return Crate(
        name,
        version,
        # Old packages separate a choice by a slash.
        package["license"].replace("/", " OR "),
        package["repository"],
        checksums[name, version],
        Path(package["manifest_path"]).parent,
        package["id"],
    )


def locked_checksums() -> dict[tuple[str, str], str]:
    """The SHA-256 of each package of the registry."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))
    return {
        (package["name"], package["version"]): package["checksum"]
        for package in lock["package"]
        if "checksum" in package
    }


def notices(crates: list[Crate]) -> str:
    """The text of the notices: each crate, and each licence's text once with whose it is."""
    listed = [
        f"{crate.name} {crate.version}\nLicense: {crate.licence}\n"
        + (f"Source: {crate.repository}\n" if crate.repository else "")
        for crate in crates
    ]
    owners: dict[str, list[str]] = {}
    for crate in crates:
        for text in licence_texts(crate):
            owners.setdefault(text, []).append(crate.name)
    texts = [f"{', '.join(names)}\n\n{text}" for text, names in owners.items()]
    line = "-" * 80 + "\n\n"
    return line.join([HEADER + "\n", "\n".join([STANDARD_LIBRARY, *listed]) + "\n", *texts])


def licence_texts(crate: Crate) -> list[str]:
    """The licence files of a crate: of a choice, the preferred one alone."""
    files = sorted(file for file in crate.folder.iterdir() if TEXTS.match(file.name))
    files = [file for file in files if file.is_file()]
    chosen = [file for file in files if PREFERRED in file.name.upper()]
    if PREFERRED in re.split(r"[ ()]+", crate.licence) and " OR " in crate.licence and chosen:
        notice = [file for file in files if file.name.upper().startswith("NOTICE")]
        files = [*chosen, *notice]
    assert files, f"{crate.name} {crate.version} has no licence text"
    return [tidy(file.read_text(encoding="utf-8")) for file in files]


def tidy(text: str) -> str:
    """A text without blanks at the ends of its lines."""
    return "\n".join(one.rstrip() for one in text.strip().splitlines()) + "\n\n"


def complaints(found: dict[str, Any]) -> list[str]:
    """Every package of the lock file that `deny.toml` does not allow."""
    rules = tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))
    allowed = set(rules["licenses"]["allow"])
    banned = {rule["name"] for rule in rules["bans"]["deny"]}
    wrong = []
    for package in found["packages"]:
        name = f"{package['name']} {package['version']}"
        if package["source"] not in (None, INDEX):
            wrong.append(f"{name}: from {package['source']}")
        if package["name"] in banned:
            wrong.append(f"{name}: is banned")
        if not package["license"]:
            wrong.append(f"{name}: names no licence")
        elif not satisfied(package["license"], allowed):
            wrong.append(f"{name}: {package['license']} is not allowed")
    return wrong


def satisfied(expression: str, allowed: set[str]) -> bool:
    """Whether licences of this set are enough for an SPDX expression."""
    words = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def choice() -> bool:
        met = every()
        while words and words[0] == "OR":
            words.pop(0)
            met = every() or met
        return met

    def every() -> bool:
        met = one()
        while words and words[0] == "AND":
            words.pop(0)
            met = one() and met
        return met

    def one() -> bool:
        word = words.pop(0)
        if word == "(":
            met = choice()
            words.pop(0)
            return met
        if words and words[0] == "WITH":
            word = f"{word} WITH {words[1]}"
            del words[:2]
        return word in allowed

    return choice()


def bill(found: dict[str, Any]) -> dict[str, Any]:
    """The bill of materials of the compiled module, the same wherever it is made."""
    crates, depends = linked(found)
    packages = {package["id"]: package for package in found["packages"]}
    (module,) = (package for package in packages.values() if package["name"] == MODULE)

    def reference(identifier: str) -> str:
        package = packages[identifier]
        return f"pkg:cargo/{package['name']}@{package['version']}"

    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": reference(module["id"]),
                "name": "sortition",
                "version": module["version"],
                "licenses": [{"expression": module["license"]}],
                "purl": f"pkg:pypi/sortition@{module['version']}",
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": reference(crate.identifier),
                "name": crate.name,
                "version": crate.version,
                "hashes": [{"alg": "SHA-256", "content": crate.checksum}],
                "licenses": [{"expression": crate.licence}],
                "purl": reference(crate.identifier),
            }
            for crate in crates
        ]
        + [
            {
                "type": "library",
                "bom-ref": reference(identifier),
                "name": packages[identifier]["name"],
                "version": packages[identifier]["version"],
                "licenses": [{"expression": packages[identifier]["license"]}],
            }
            for identifier in sorted(depends)
            if packages[identifier]["source"] is None and packages[identifier]["name"] != MODULE
        ],
        "dependencies": [
            {"ref": reference(one), "dependsOn": [reference(other) for other in depends[one]]}
            for one in sorted(depends, key=reference)
        ],
    }


def main(command: str, *files: str) -> int:
    """Do one of the three; the exit code is 1 where a check fails."""
    found = metadata()
    if command == "sbom":
        Path(files[0]).write_text(json.dumps(bill(found), indent=1) + "\n", encoding="utf-8")
        return 0
    crates, _ = linked(found)
    text = notices(crates)
    if command == "write":
        NOTICES.write_text(text, encoding="utf-8")
        return 0
    wrong = complaints(found)
    if not NOTICES.exists() or NOTICES.read_text(encoding="utf-8") != text:
        wrong.append(f"{NOTICES.name} is out of date: run `make notices`")
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print(f"{len(found['packages'])} packages allowed, {len(crates)} of them in the wheel")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
