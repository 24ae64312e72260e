"""Long patterns, each of a shape that a careless compiler reads in quadratic time.

Nothing here measures time: quadratic work on these does not end before the generous deadline.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sortition import _core
from sortition._engine.pure.pythonic.pattern import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE_S = 60.0
LAST_SURROGATE = 0xDFFF
CHARACTERS = [chr(code) for code in range(LAST_SURROGATE + 1, sys.maxunicode + 1)]
"""A million distinct characters, of which none means anything to a pattern."""
MANY = 300_000

PATTERNS: dict[str, tuple[Callable[[], str], str]] = {
    "a class": (lambda: "[" + "".join(CHARACTERS) + "]", "found"),
    "a class that ignores case": (lambda: "(?i)[" + "".join(CHARACTERS) + "]", "found"),
    "a class of doubles": (lambda: "[" + "ab" * MANY + "\U0001f642]", "found"),
    "a class of ranges": (
        lambda: "[" + "".join(f"{one}-{one}" for one in CHARACTERS[::3]) + "\U0001f642]",
        "found",
    ),
    "a class of ranges that ignores case": (
        lambda: "(?i)[" + "".join(f"{one}-{one}" for one in CHARACTERS[::3]) + "\U0001f642]",
        "found",
    ),
    "branches of one character": (lambda: "|".join(CHARACTERS[:MANY]) + "|\U0001f642", "found"),
    "branches with a common prefix": (lambda: "a" * MANY + "b|" + "a" * MANY + "c", "unsupported"),
    "many branches with a common prefix": (
        lambda: "|".join(f"a{one}" for one in CHARACTERS[:MANY]) + "|\U0001f642",
        "unsupported",
    ),
    "literals": (lambda: "".join(CHARACTERS), "unsupported"),
    "named groups": (
        lambda: "".join(f"(?P<g{number}>)" for number in range(MANY)) + "\U0001f642",
        "found",
    ),
    "repeated groups of nothing": (lambda: "(?:" + "()" * MANY + "a){9000}", "unsupported"),
    "flags for groups": (lambda: "(?i:)" * MANY + "\U0001f642", "found"),
    "comments": (lambda: "(?#)" * MANY + "\U0001f642", "found"),
    "braces": (lambda: "{" * MANY, "unsupported"),
    "backslashes": (lambda: r"\\" * MANY, "unsupported"),
}


ENGINE = {"compiled": "the_compiled_engine_says", "pure": "the_pure_engine_says"}


def the_compiled_engine_says(pattern: str) -> str:
    return _core.python_search(pattern, "\U0001f642")


def the_pure_engine_says(pattern: str) -> str:
    return "found" if compile_pattern(pattern).search("\U0001f642") else "not found"


def answer_in_time(engine: str, shape: str) -> str:
    """The answer of a child, which a deadline ends whatever it is busy with."""
    program = (
        f"import test_long_patterns as t; print(t.{ENGINE[engine]}(t.PATTERNS[{shape!r}][0]()))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=DEADLINE_S,
    )
    return asked.stdout.strip()


@pytest.mark.parametrize("shape", PATTERNS)
def test_the_compiled_engine_reads_a_long_pattern_in_linear_time(shape: str) -> None:
    """The pattern is searched for, or refused as too large."""
    assert answer_in_time("compiled", shape) == PATTERNS[shape][1]


@pytest.mark.parametrize("shape", ["named groups", "flags for groups", "comments"])
def test_the_pure_engine_looks_for_what_is_not_supported_in_linear_time(shape: str) -> None:
    """`re` reads the pattern, and the search for what is not supported takes no longer."""
    assert answer_in_time("pure", shape) == PATTERNS[shape][1]
