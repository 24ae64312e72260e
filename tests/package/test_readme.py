"""Every example of the README and of the docs runs."""

from __future__ import annotations

import re
import signal
import tempfile
import tomllib
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine

from sortition import vwo
from sortition._base.defaults import DEFAULT_PORT
from sortition.collector import server
from sortition.stats import Experiments
from sortition.storages import findings

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "python" / "sortition" / "demo" / "settings.json"
PROJECT = ROOT / "python" / "sortition" / "demo" / "pagesense.json"


def blocks(language: str, file: str = "README.md") -> list[str]:
    text = (ROOT / file).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def conversions_at(url: str) -> int:
    (account,) = requests.get(f"{url}/report.json", timeout=30).json()["accounts"]
    return sum(
        variation["conversions"]
        for campaign in account["campaigns"]
        for goal in campaign["goals"]
        for variation in goal["variations"]
    )


def test_the_program_of_the_readme(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It runs as a reader types it, and its conversion arrives."""
    monkeypatch.chdir(tmp_path)
    (program,) = blocks("python")
    lines = [line for line in program.splitlines() if line and not line.startswith("    ")]
    assert len(lines) <= 10
    for words in ("logging.basicConfig", "signal.SIGTERM", "user_storage"):
        assert words in program
    namespace: dict[str, object] = {}
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with server.running(SETTINGS) as url:
            exec(program.replace(f"http://127.0.0.1:{DEFAULT_PORT}", url), namespace)  # noqa: S102
            client = namespace["client"]
            assert isinstance(client, vwo.Client)
            assert client.close()
            assert conversions_at(url) == 1
        # A stop of the program is an ordinary exit, at which the client sends what waits.
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, handler)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def rows(file: str) -> dict[str, dict[str, str]]:
    """The rows of the first table of a file that has a column for each SDK, by their names."""
    text = (ROOT / file).read_text(encoding="utf-8")
    table = re.findall(r"(?m)^\|.*\|$", text[text.index("vwo-python-sdk |") - 500 :])
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    (head,) = (row for row in cells[:20] if "vwo-python-sdk" in row)
    body = cells[cells.index(head) + 2 :]
    return {row[0]: dict(zip(head, row, strict=False)) for row in reversed(body)}


def test_the_figures_are_those_of_the_measurements() -> None:
    """A figure in the README is the one of docs/performance.md, for the same row and subject."""
    measured = rows("docs/performance.md")
    (program,) = re.findall(r"(?s)## Why\n\n(.*?)\n\n", (ROOT / "README.md").read_text("utf-8"))
    shown = [[cell.strip() for cell in line.strip("|").split("|")] for line in program.splitlines()]
    assert shown[0][2:] == ["sortition", "in plain Python", "vwo-python-sdk"]
    assert len(shown[2:]) == 4
    for name, unit, *figures in shown[2:]:
        row = measured[name]
        assert unit == row["unit"]
        assert figures == [row["compiled"], row["pure"], row["vwo-python-sdk"]], name


def test_the_first_steps(capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, as a reader types them, against the collector that they name."""
    programs = blocks("python", "docs/first-steps.md")
    assert len(programs) == 5
    namespace: dict[str, object] = {}
    with server.running(SETTINGS) as url:
        for program in programs:
            assert f":{DEFAULT_PORT}" in program or "http" not in program
            exec(program.replace(f"http://127.0.0.1:{DEFAULT_PORT}", url), namespace)  # noqa: S102
        client = namespace["client"]
        assert isinstance(client, vwo.Client)
        assert client.close()
        assert conversions_at(url) >= 2
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


@pytest.mark.parametrize("file", ["README.md", "docs/first-steps.md", "docs/pagesense.md"])
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
        elif command == "pip":
            # `make check-packages` runs each of them.
            assert arguments[0] == "install"
        else:
            assert command == ".venv/bin/sortition"
            assert arguments[0] == "serve"
            assert (ROOT / arguments[-1]).exists()


@pytest.mark.parametrize(
    "readme", sorted((ROOT / "examples").glob("*/README.md")), ids=lambda readme: readme.parent.name
)
def test_the_commands_of_an_example(readme: Path) -> None:
    """The collector starts as it says, with a settings file that exists."""
    text = readme.read_text(encoding="utf-8")
    settings = re.search(r"(?m)^export SETTINGS=(.+)$", text)
    assert settings
    assert (readme.parent / settings[1]).is_file()
    assert "sortition serve --settings $SETTINGS &" in text


def test_the_programs_of_the_docs() -> None:
    programs = blocks("python", "docs/testing.md")
    assert len(programs) == 3
    for program in programs:
        exec(program, {})  # noqa: S102


def test_the_programs_about_statistics(capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, with the numbers that the page shows."""
    programs = blocks("python", "docs/statistics.md")
    assert len(programs) == 6
    namespace: dict[str, object] = {}
    for program in programs:
        exec(program, namespace)  # noqa: S102
    printed = capsys.readouterr().out.splitlines()
    shown = [line[2:] for program in programs for line in program.splitlines() if line[:1] == "#"]
    assert printed == shown


def test_the_programs_about_results(capsys: pytest.CaptureFixture[str]) -> None:
    """The page shows the report that its program prints."""
    programs = blocks("python", "docs/results.md")
    assert len(programs) == 2
    namespace: dict[str, object] = {}
    for program in programs:
        exec(program, namespace)  # noqa: S102
    (table,) = blocks("text", "docs/results.md")
    assert capsys.readouterr().out == f"{table}\n0\n"


def test_the_definition_of_experiments_of_the_docs() -> None:
    (definition,) = blocks("toml", "docs/statistics.md")
    (found,) = Experiments.of(tomllib.loads(definition)).experiments.values()
    assert found.goal("refund").direction == "down"
    assert found.periods[0].weights == {"Control": 20, "One page": 80}


def test_the_programs_about_user_storages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"settings_file": SETTINGS}
    for program in blocks("python", "docs/user-storage.md"):
        exec(program, namespace)  # noqa: S102
        client = namespace["client"]
        assert isinstance(client, vwo.Client)
        client.activate("checkout", "ann@example.com", user_storage_data={})
        assert client.stats().storage_findings == {}
        client.close()
    check = namespace["test_my_storage"]
    assert callable(check)
    check()
    engine = namespace["engine"]
    assert isinstance(engine, Engine)
    engine.dispose()


def test_the_findings_of_a_user_storage_are_all_in_the_docs() -> None:
    page = (ROOT / "docs" / "user-storage.md").read_text(encoding="utf-8")
    constants = {name: one for name, one in vars(findings).items() if name.isupper()}
    names = [one for one in constants.values() if isinstance(one, str)]
    assert names
    assert [one for one in names if f"`{one}`" not in page] == []
    stats = vwo.Stats.__doc__ or ""
    assert [one for one in names if f"``{one}``" not in stats] == []


def test_the_programs_about_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    programs = blocks("python", "docs/settings.md")
    assert len(programs) == 3
    namespace: dict[str, object] = {}
    # They keep a file in the folder that they run in.
    monkeypatch.chdir(tmp_path)
    with server.running(SETTINGS) as url, tempfile.TemporaryDirectory() as folder:
        for program in programs:
            here = program.replace(f"http://127.0.0.1:{DEFAULT_PORT}", url)
            exec(here.replace("/tmp/shop", folder), namespace)  # noqa: S102, S108
