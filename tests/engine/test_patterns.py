"""Patterns of the compiled engine against Python's own `re`, construct by construct."""

from __future__ import annotations

import random
import re
import sys
import warnings

import pytest

from sortition import _core
from sortition._engine.pure.pythonic.pattern import (
    InvalidPatternError,
    UnsupportedPatternError,
    compile_pattern,
)

# A few constructs that Python 3.11 compiles, later versions refuse.
PYTHON_3_11 = sys.version_info[:2] == (3, 11)

LETTERS = "abcABC01_ .-\n\tßéÉİıſKKµμΣςσ漢٣½\u0300𐐀𐐨isSkāẞ"
LITERALS = "abcAB01_ .-ßéÉİıſKµμΣςσ漢𐐀"
CLASSES = (
    r"""
\d|\D|\w|\W|\s|\S|.|[a-c]|[^a-c]|[]a]|[^]a]|[a-]|[\w-]|[\d_]|[^\W]|[a-zA-Z]|[é-ñ]|[\b]|[\101]|[!-~]
[𐐀x]|[𐐀-𐐧]|[Ā-ſ]|[a&&b]|[a--b]|[[a]|[:alpha:]|[[:alpha:]]|[^\s\d]|[K-S]|[İ-ı]|[\x41-\x43]|[\u0131]
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
ESCAPES = [
    r"\n",
    r"\t",
    r"\x41",
    r"\u0131",
    r"\U0001F642",
    r"\101",
    r"\0",
    r"\08",
    r"\.",
    r"\\",
    r"\-",
    r"\a",
    r"\e",
    r"\8",
    r"\x4",
    r"\u12",
    r"\400",
    r"\q",
]
ANCHORS = [r"^", r"$", r"\A", r"\Z", r"\b", r"\B"]
REPETITIONS = (
    "*|+|?|{2}|{1,2}|{0,2}|{,2}|{1,}|{,}|{}|{1|{x}|{2,1}|*?|+?|??|{1,2}?|*+|++|?+|{2,}+|**"
)
GROUPS = r"""
(%s)|(?:%s)|(?P<n>%s)|(?i:%s)|(?-i:%s)|(?s:%s)|(?m:%s)|(?x: %s # c
)|(?#c)%s|(?ms-i:%s)|(%s|(?<n>%s)|(?P<1>%s)|(?z:%s)|(?i-i:%s)|()%s|%s)
""".strip().split("|")
LOOKS = ["(?=%s)", "(?!%s)", "(?<=%s)", "(?<!%s)", "(?>%s)", "(?<=%s*)", "(?<=(%s))", "(?=(%s))"]
REFERENCES = (
    r"""
(%s)\1|(?P<n>%s)(?P=n)|(%s)(?(1)a|b)|(?:(%s)|b)(?(1)c)|(%s)|\1|((%s)b)+\2|(?:(%s)|b)*\1|\2%s|(?P=m)%s
(?(1)%s)|(?(n)%s)|(?P<n>%s)?(?(n)a)|(%s)?(?(1)a|b|c)|(%s)?(?(01)a)|(?<=(%s))\1|(?i)(%s)\1
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
FLAGS = ["", "(?i)", "(?m)", "(?s)", "(?x)", "(?a)", "(?ai)", "(?im)", "(?ix)", "(?u)", "(?L)"]
FLAGS += ["(?i)(?m)", " (?i)", "(?au)", "(?a)(?u)", "(?-i)", "(?b)"]

CONSTRUCTS = {
    "literals": (["literal"], False),
    "classes": (["literal", "class"], False),
    "escapes": (["literal", "escape"], False),
    "anchors": (["literal", "class", "anchor"], False),
    "repetitions": (["literal", "class", "anchor", "repetition"], False),
    "branches": (["literal", "class", "anchor", "branch"], False),
    "groups": (["literal", "class", "group", "repetition", "branch"], False),
    "looks": (["literal", "class", "anchor", "look", "repetition", "branch"], False),
    "references": (["literal", "class", "reference", "repetition", "branch"], False),
    "flags": (["literal", "class", "anchor", "group", "branch"], True),
    "all": (
        [
            "literal",
            "class",
            "escape",
            "anchor",
            "repetition",
            "branch",
            "group",
            "look",
            "reference",
        ],
        True,
    ),
}
SEED = 20261121
PATTERNS = 1500
TEXTS = 5


class Corpus:
    """Patterns and texts made by chance."""

    def __init__(self, parts: list[str], seed: str) -> None:
        self.chance = random.Random(seed)  # noqa: S311 -- the same in every run
        self.parts = parts
        self.leaves = [part for part in parts if part in ("literal", "class", "escape", "anchor")]
        self.inner = [part for part in parts if part not in self.leaves]

    def pattern(self) -> str:
        return "".join(self.part(3) for _ in range(self.chance.randint(1, 3)))

    def part(self, depth: int) -> str:
        choose = self.chance.choice
        if depth == 0 or not self.inner or self.chance.random() < 0.4:
            leaf = choose(self.leaves)
            lists = {"literal": LITERALS, "class": CLASSES, "escape": ESCAPES, "anchor": ANCHORS}
            return choose(lists[leaf])
        match choose(self.inner):
            case "repetition":
                return self.part(depth - 1) + choose(REPETITIONS.split("|"))
            case "branch":
                return self.part(depth - 1) + "|" + self.part(depth - 1)
            case inner:
                wraps = {"group": GROUPS, "look": LOOKS, "reference": REFERENCES}[inner]
                return choose(wraps).replace("%s", self.part(depth - 1))

    def text(self) -> str:
        return "".join(self.chance.choice(LETTERS) for _ in range(self.chance.randint(1, 10)))


def python_says(pattern: str, text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = re.compile(pattern)
    except Exception:  # noqa: BLE001 -- whatever `re` raises, the platform's SDK takes for "no match"
        return "invalid"
    try:
        return "found" if compiled.search(text) else "not found"
    except SystemError:
        # A fault of `re` itself.
        return "faulty"


def pure_says(pattern: str, text: str) -> str:
    try:
        return "found" if compile_pattern(pattern).search(text) else "not found"
    except InvalidPatternError:
        return "invalid"
    except UnsupportedPatternError:
        return "unsupported"


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_every_construct(construct: str) -> None:
    """Both engines find what `re` finds, in every version of Python."""
    parts, has_flags = CONSTRUCTS[construct]
    corpus = Corpus(parts, f"{SEED}:{construct}")
    seen: dict[str, int] = {}
    for _ in range(PATTERNS):
        pattern = corpus.pattern()
        if has_flags:
            pattern = corpus.chance.choice(FLAGS) + pattern
        for _ in range(TEXTS):
            text = corpus.text()
            expected, actual = python_says(pattern, text), _core.python_search(pattern, text)
            seen[actual] = seen.get(actual, 0) + 1
            if expected == "faulty":
                continue
            if actual == "unsupported":
                assert pure_says(pattern, text) in ("unsupported", "invalid"), pattern
                continue
            assert (pattern, text, expected) == (pattern, text, actual)
            assert (pattern, text, expected) == (pattern, text, pure_says(pattern, text))
    assert seen["found"] > 100
    assert seen["not found"] > 100


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "pattern",
    [
        r"\N{EM DASH}",
        r"[\N{EM DASH}]",
        r"(?a:\w)",
        r"(?u:\w)",
        r"(?t)a",
        "(?P<é>a)",
        r"(a(?(1)b|c))",
        r"(?P<n>a(?(n)b|c))",
        "(" * 101 + "a" + ")" * 101,
        r"(a)(?(0_1)b)",
    ],
)
def test_both_engines_refuse_what_is_not_supported(pattern: str) -> None:
    assert _core.python_search(pattern, "a") == "unsupported"
    if PYTHON_3_11:
        re.compile(pattern)
        assert pure_says(pattern, "a") == "unsupported"
    else:
        # Later releases refuse some of them themselves.
        assert pure_says(pattern, "a") in ("unsupported", "invalid")


@pytest.mark.parametrize(
    "pattern",
    [
        r"\\N",
        r"[(?a:]",
        r"\(?t\)",
        "(?x)a # (?u:\n b",
        "(a)(?(1)b)",
        "(?#(?a:)a",
        "(" * 100 + ")" * 100,
    ],
)
def test_neither_engine_refuses_what_only_looks_like_it(pattern: str) -> None:
    re.compile(pattern)
    assert _core.python_search(pattern, "a") in ("found", "not found")
    assert pure_says(pattern, "a") == _core.python_search(pattern, "a")


@pytest.mark.parametrize("pattern", [r"\w", r"\d", r"(?i)\u1c8a|\w"])
@pytest.mark.parametrize("character", ["\U0001e4d0", "\U00011f50", "\u1c89"])
def test_the_compiled_engine_knows_the_unicode_of_python_3_11(pattern: str, character: str) -> None:
    """A letter or digit added in Unicode 15.0 does not count as one in any version of Python."""
    assert _core.python_search(pattern, character) == "not found"


def test_too_large_a_pattern_is_not_supported() -> None:
    assert _core.python_search("a{9000}", "a") == "not found"
    assert _core.python_search("a{11000}", "a") == "unsupported"
    assert _core.python_search("(?:a{100}){100}{1}", "a") == "invalid"
    assert _core.python_search("(?:a{200}){200}", "a") == "unsupported"
    assert _core.python_search("(?:){4000000000}", "a") == "found"
