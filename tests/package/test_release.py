"""A release is prepared by one command, and refused until the versions and the changelog agree."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sortition import __version__

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
ADDRESS = "https://forge.example/owner/sortition"
FILES = (
    "CHANGELOG.md",
    "CITATION.cff",
    "Cargo.toml",
    "pyproject.toml",
    "python/sortition/_version.py",
)


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program of the release workflow, over a copy of the files that it reads."""
    specification = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_a_prepared_release_passes(release: Any) -> None:
    assert release.main("check", "v2.3.4") == 1
    assert release.main("prepare", "v2.3.4") == 0
    assert release.complaints("2.3.4") == []
    assert release.main("check", "v2.3.4") == 0


def test_the_present_version_is_ready_to_be_prepared(release: Any) -> None:
    """Only the section of the changelog, which belongs to the moment of a release, is missing."""
    assert [line.split()[0] for line in release.complaints(__version__)] == ["CHANGELOG.md"]
    release.prepare(__version__, date(2030, 1, 31))
    assert release.complaints(__version__) == []


def test_what_was_unreleased_becomes_the_section_of_the_version(
    release: Any, tmp_path: Path
) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(
        "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- This.\n\n"
        "## [1.2.2] - 2029-12-31\n\n- Before.\n",
        encoding="utf-8",
    )
    # A second time changes nothing.
    for day in (30, 31):
        release.prepare("1.2.3", date(2030, 1, day))
    assert changelog.read_text(encoding="utf-8") == (
        "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2030-01-30\n\n### Added\n\n- This.\n\n"
        "## [1.2.2] - 2029-12-31\n\n- Before.\n"
    )
    citation = (tmp_path / "CITATION.cff").read_text(encoding="utf-8")
    assert "\nversion: 1.2.3\ndate-released: 2030-01-31\n" in citation
    assert citation.count("date-released") == 1


@pytest.mark.parametrize("version", ["1.2", "1.2.3rc1", "", "1.2.3\n"])
def test_only_a_version_of_three_numbers_is_prepared(
    release: Any, tmp_path: Path, version: str
) -> None:
    before = {file: (tmp_path / file).read_bytes() for file in FILES}
    with pytest.raises(SystemExit, match="not a version"):
        release.prepare(version, date(2030, 1, 31))
    assert {file: (tmp_path / file).read_bytes() for file in FILES} == before


def test_a_tag_of_another_version_is_refused(release: Any) -> None:
    release.prepare("2.3.4", date(2030, 1, 31))
    assert [line.split()[0] for line in release.complaints("9.9.9")] == [
        "Cargo.toml",
        "python/sortition/_version.py",
        "CITATION.cff",
        "CHANGELOG.md",
    ]


def test_the_packages_name_the_repository_that_builds_them(release: Any, tmp_path: Path) -> None:
    assert release.main("addresses", ADDRESS) == 0
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["urls"] == {
        "Changelog": f"{ADDRESS}/blob/main/CHANGELOG.md",
        "Documentation": f"{ADDRESS}/blob/main/README.md",
        "Issues": f"{ADDRESS}/issues",
        "Repository": ADDRESS,
    }
    assert "sortition" in project["scripts"]


def test_the_notes_are_the_section_of_the_version(release: Any, tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n- Later.\n\n## [1.2.3] - 2030-01-31\n\n### Added\n\n"
        "- This.\n\n## [1.2.2] - 2029-12-31\n\n- Before.\n",
        encoding="utf-8",
    )
    assert release.notes("1.2.3") == "### Added\n\n- This."
    assert release.notes("1.2.2") == "- Before."
    assert release.notes("1.2.30") == release.notes("1x2.3") == ""


def test_a_wheel_is_tried_without_the_tools_that_check_it() -> None:
    """The workflows try a wheel where neither auditwheel nor what comes with it is installed."""
    program = "import sys; sys.modules['elftools'] = None; sys.path[:0] = ['.ci']; import try_wheel"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
