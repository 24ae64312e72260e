"""A release is refused until the versions, the changelog and the addresses agree with its tag."""

from __future__ import annotations

import importlib.util
import shutil
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


def prepare(folder: Path) -> None:
    """Do what CONTRIBUTING.md says before a release."""
    changelog = folder / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    dated = f"## [Unreleased]\n\n## [{__version__}] - 2030-01-31"
    changelog.write_text(text.replace("## [Unreleased]", dated, 1), encoding="utf-8")
    project = folder / "pyproject.toml"
    names = ("Changelog", "Documentation", "Issues", "Repository")
    urls = "".join(f'{name} = "{ADDRESS}/{name}"\n' for name in names)
    text = project.read_text(encoding="utf-8")
    project.write_text(f"{text}\n[project.urls]\n{urls}", encoding="utf-8")


def test_a_prepared_release_passes(release: Any, tmp_path: Path) -> None:
    prepare(tmp_path)
    assert release.complaints(__version__, ADDRESS) == []
    assert release.main("check", f"v{__version__}", ADDRESS) == 0


def test_the_files_have_the_same_version(release: Any) -> None:
    """Only what belongs to the moment of a release is missing from the repository."""
    wrong = release.complaints(__version__, ADDRESS)
    assert [line for line in wrong if "has version" in line] == []
    assert wrong


def test_a_tag_of_another_version_is_refused(release: Any, tmp_path: Path) -> None:
    prepare(tmp_path)
    wrong = release.complaints("9.9.9", ADDRESS)
    assert [line.split()[0] for line in wrong] == [
        "Cargo.toml",
        "python/sortition/_version.py",
        "CITATION.cff",
        "CHANGELOG.md",
    ]


def test_another_address_is_refused(release: Any, tmp_path: Path) -> None:
    prepare(tmp_path)
    wrong = release.complaints(__version__, "https://elsewhere.example/fork")
    assert len(wrong) == 4
    assert all(line.startswith("pyproject.toml: project.urls") for line in wrong)


def test_the_notes_are_the_section_of_the_version(release: Any, tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n- Later.\n\n## [1.2.3] - 2030-01-31\n\n### Added\n\n"
        "- This.\n\n## [1.2.2] - 2029-12-31\n\n- Before.\n",
        encoding="utf-8",
    )
    assert release.notes("1.2.3") == "### Added\n\n- This."
    assert release.notes("1.2.2") == "- Before."
    assert release.notes("1.2.30") == release.notes("1x2.3") == ""
