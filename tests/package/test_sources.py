"""Every reference to a specification leads somewhere in this repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from support.paths import ROOT, TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = {"VWO": "docs/spec/vwo.md", "PageSense": "docs/spec/pagesense.md"}
_NUMBER = r"\d+(?:\.\d+)?"
_NUMBERS = rf"{_NUMBER}(?:(?:, | and | to ){_NUMBER})*"
_REFERENCE = re.compile(rf"(VWO|PageSense) spec,\s+(?:///?!?\s+|#\s+)?sections?\s+({_NUMBERS})")


def sources() -> Iterator[Path]:
    for folder in (ROOT / "python", ROOT / "rust", TESTS):
        for file in folder.rglob("*"):
            if file.suffix in (".py", ".pyi", ".rs") and "target" not in file.parts:
                yield file


def sections_of(page: str) -> set[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return set(re.findall(rf"(?m)^##+ ({_NUMBER})[. ]", text))


@pytest.mark.parametrize("platform", PAGES)
def test_every_section_that_is_cited_exists(platform: str) -> None:
    sections = sections_of(PAGES[platform])
    cited = {
        (number, file.name)
        for file in sources()
        for name, numbers in _REFERENCE.findall(file.read_text(encoding="utf-8"))
        if name == platform
        for number in re.findall(_NUMBER, numbers)
    }
    assert len(cited) > 20
    assert {(number, name) for number, name in cited if number not in sections} == set()


def test_no_reference_leads_to_a_list_that_is_not_here() -> None:
    """Numbers of proofs and sections of a design paper mean nothing to a reader."""
    missing = re.compile(r"\bT-\d\d\b|\bdesign, section")
    found = [file.name for file in sources() if missing.search(file.read_text(encoding="utf-8"))]
    assert found == []
