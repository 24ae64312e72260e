"""Every example of the README and of the docs runs."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
import requests

from sortition import vwo
from sortition._base.defaults import DEFAULT_PORT
from sortition.collector import server
from sortition.storages import findings

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "python" / "sortition" / "demo" / "settings.json"
PROJECT = ROOT / "python" / "sortition" / "demo" / "pagesense.json"


def blocks(language: str, file: str = "README.md") -> list[str]:
    text = (ROOT / file).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, as a reader types them, against the collector that they name."""
    programs = blocks("python")
    assert len(programs) == 5
    namespace: dict[str, object] = {}
    with server.running(SETTINGS) as url:
        for program in programs:
            assert f":{DEFAULT_PORT}" in program or "http" not in program
            exec(program.replace(f"http://127.0.0.1:{DEFAULT_PORT}", url), namespace)  # noqa: S102
        client = namespace["client"]
        assert isinstance(client, vwo.Client)
        assert client.close()
        (account,) = requests.get(f"{url}/report.json", timeout=30).json()["accounts"]
    conversions = sum(
        variation["conversions"]
        for campaign in account["campaigns"]
        for goal in campaign["goals"]
        for variation in goal["variations"]
    )
    assert conversions >= 2
    printed = capsys.readouterr().out
    assert "'checkout': True" in printed
    shown = [line[2:] for program in programs for line in program.splitlines() if line[:1] == "#"]
    assert len(shown) > 3
    for line in shown:
        # An ellipsis stands for what is left out.
        assert line.rstrip(" …") in printed


def test_the_programs_for_pagesense(capsys: pytest.CaptureFixture[str]) -> None:
    """The same for PageSense's page."""
    programs = blocks("python", "docs/pagesense.md")
    assert len(programs) == 4
    namespace: dict[str, object] = {"__name__": "a_program"}
    with server.running(PROJECT) as url:
        for program in programs:
            exec(program.replace(f"http://127.0.0.1:{DEFAULT_PORT}", url), namespace)  # noqa: S102
        (project,) = requests.get(f"{url}/report.json", timeout=30).json()["projects"]
    assert namespace["variation"] == "Shown early"
    visitors = sum(
        variation["visitors"]
        for experiment in project["experiments"]
        for variation in experiment["variations"]
    )
    assert visitors == 1
    printed = capsys.readouterr().out
    shown = [line[2:] for program in programs for line in program.splitlines() if line[:1] == "#"]
    assert len(shown) > 3
    for line in shown:
        assert line.rstrip(" …") in printed


@pytest.mark.parametrize("file", ["README.md", "docs/pagesense.md"])
def test_the_commands(file: str) -> None:
    """Every command that is shown exists, and the files that it names."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = [
        line.removeprefix("$ ").split("#")[0].split()
        for block in blocks("console", file)
        for line in block.splitlines()
    ]
    assert commands
    for command, *arguments in commands:
        if command == "make":
            assert all(re.search(rf"(?m)^{target}:", makefile) for target in arguments)
        else:
            assert command == ".venv/bin/sortition"
            assert arguments[0] == "serve"
            assert (ROOT / arguments[-1]).exists()


def test_the_programs_of_the_docs() -> None:
    programs = blocks("python", "docs/testing.md")
    assert len(programs) == 2
    for program in programs:
        exec(program, {})  # noqa: S102


def test_the_program_about_user_storages() -> None:
    (program,) = blocks("python", "docs/user-storage.md")
    namespace: dict[str, object] = {"settings_file": SETTINGS}
    exec(program, namespace)  # noqa: S102
    client = namespace["client"]
    assert isinstance(client, vwo.Client)
    client.close()


def test_the_findings_of_a_user_storage_are_all_in_the_docs() -> None:
    page = (ROOT / "docs" / "user-storage.md").read_text(encoding="utf-8")
    constants = {name: one for name, one in vars(findings).items() if name.isupper()}
    names = [one for one in constants.values() if isinstance(one, str)]
    assert names
    assert [one for one in names if f"`{one}`" not in page] == []
    stats = vwo.Stats.__doc__ or ""
    assert [one for one in names if f"``{one}``" not in stats] == []


def test_the_programs_about_settings() -> None:
    programs = blocks("python", "docs/settings.md")
    assert len(programs) == 3
    namespace: dict[str, object] = {}
    with server.running(SETTINGS) as url, tempfile.TemporaryDirectory() as folder:
        for program in programs:
            here = program.replace(f"http://127.0.0.1:{DEFAULT_PORT}", url)
            exec(here.replace("/tmp/shop", folder), namespace)  # noqa: S102, S108
