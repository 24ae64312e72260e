"""The rules that `make mutants` changes still stand where they are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutants.rules import RULES, Rule

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.what)
def test_a_rule_stands_once_in_its_file(rule: Rule) -> None:
    """A reworded line would otherwise take its rule out of `make mutants` unnoticed."""
    content = (ROOT / "python/sortition" / rule.file).read_text(encoding="utf-8")
    assert content.count(rule.text) == 1
    assert rule.changed != rule.text
    for test in rule.tests:
        assert (ROOT / test.partition("::")[0]).exists(), test
