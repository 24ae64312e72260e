"""Write what the tests have as seeds of the fuzz targets, and its words as dictionaries.

Usage: seeds.py FOLDER
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.hostile_patterns import FAMILIES
from support.vectors import cases, pagesense

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 32_768
"""Longer documents hold nothing that shorter ones do not."""

PATTERN_TOKENS = (
    *(
        "(?:",
        "(?=",
        "(?!",
        "(?<=",
        "(?<!",
        "(?P<a>",
        "(?P=a)",
        "(?(1)",
        "(?i:",
        "(?-i:",
        "(?#",
        "(?>",
    ),
    *("\\1", "\\A", "\\Z", "\\b", "\\B", "\\d", "\\D", "\\s", "\\S", "\\w", "\\W", "\\x41"),
    *("\\u0041", "\\N{DIGIT ONE}", "[^", "[]]", "*?", "+?", "??", "*+", "{0,9}", "{3}", "{,2}?"),
)
"""What the parser of patterns knows beyond single characters."""

NUMBER_TOKENS = ("inf", "nan", "infinity", "1e9", "1E-9", "0x", "1_0", "+", "-", ".5", "e", "_")
"""What `float` and `int` know beyond digits."""


def vwo_documents() -> Iterator[str]:
    """Whole documents, and one for each expression."""
    for name in ("scenarios", "scenarios-legacy"):
        for case in cases(name):
            yield json.dumps(case["settings"], ensure_ascii=False)
    for case in cases("segments"):
        campaign = {
            "id": 1,
            "key": "a",
            "status": "RUNNING",
            "percentTraffic": 100,
            "variations": [{"id": 1, "name": "A", "weight": 100}],
            "goals": [{"id": 1, "identifier": "g", "type": "CUSTOM_GOAL"}],
            "segments": case["segments"],
        }
        yield json.dumps({"version": 1, "accountId": 1, "campaigns": [campaign]})


def pagesense_documents() -> Iterator[str]:
    """Documents as a server sent them, good and bad."""
    for case in pagesense("settings-builder-options")["documents"]:
        if isinstance(case["body"], str):
            yield case["body"]
    for document in pagesense("decisions")["settings"].values():
        yield document if isinstance(document, str) else json.dumps(document)


def patterns() -> Iterator[str]:
    """Each pattern of the tests, with a text for which it was made."""
    for family in FAMILIES.values():
        for one in family.patterns():
            yield f"{one.pattern}\n{one.short_text}"


def texts() -> Iterator[str]:
    """Every text of the operands that segments compare, numbers among them."""
    for case in cases("segments"):
        for value in case["variables"].values():
            yield str(value)


def escaped(entry: str) -> str:
    """An entry as a dictionary of libFuzzer spells it."""
    return entry.replace("\\", "\\\\").replace('"', '\\"')


def words_of(value: object) -> Iterator[str]:
    """Every key and every short text, in any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from words_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from words_of(item)
    elif isinstance(value, str):
        yield value


def write(folder: Path, name: str, documents: Iterator[str], tokens: tuple[str, ...] = ()) -> None:
    """Write the seeds and the dictionary of a target, which libFuzzer refuses when it is empty."""
    seeds = folder / name / "seeds"
    seeds.mkdir(parents=True, exist_ok=True)
    words: set[str] = set()
    count = 0
    for document in documents:
        content = document.encode("utf-8", "surrogatepass")
        if len(content) > MOST_BYTES:
            continue
        count += 1
        (seeds / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
        try:
            words.update(words_of(json.loads(document)))
        except (ValueError, RecursionError):
            continue
    assert count, "there are vectors"
    # Words that the documents share are what the parser looks for.
    usable = sorted(word for word in words if word.isascii() and word.isidentifier())
    entries = [*tokens, *(f'"{word}"' for word in usable[:2000])]
    assert entries, f"{name} has no words"
    lines = [f'"{escaped(entry)}"\n' for entry in entries]
    (folder / name / "words.dict").write_text("".join(lines))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    write(target, "vwo_settings", vwo_documents())
    write(target, "pagesense_settings", pagesense_documents())
    write(target, "pattern", patterns(), PATTERN_TOKENS)
    write(target, "text", texts(), NUMBER_TOKENS)
