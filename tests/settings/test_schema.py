"""The published JSON Schemas are what the parser takes, neither more nor less than they can say."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from support.documents import mangle
from support.schema import PAGESENSE, SOURCES, VWO, file_of, schema_of, text_of, verdict_of
from support.vectors import cases, pagesense

from sortition._commands.checking.document import verdict_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.schema import Source

    from sortition._engine import Engine

pytestmark = pytest.mark.slow

ENGINE = Path(__file__).parents[2] / "rust" / "engine" / "src"
REPLACEMENTS: list[Any] = [None, True, 0, -1, 1.5, 101, "", " ", "a", [], [1], {}, {"a": 1}]


def validator(source: Source) -> Draft202012Validator:
    schema = json.loads(file_of(source).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def documents_of(source: Source) -> Iterator[Any]:
    """The documents of the conformance vectors that are JSON."""
    if source is VWO:
        for name in ("scenarios", "scenarios-legacy"):
            yield from (case["settings"] for case in cases(name))
        return
    yield from pagesense("decisions")["settings"].values()
    for case in pagesense("settings-builder-options")["documents"]:
        try:
            yield json.loads(case["body"])
        except (TypeError, ValueError):
            continue


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.platform)
def test_what_is_published_is_what_the_parser_says(source: Source) -> None:
    """`make schema` writes them."""
    assert file_of(source).read_text(encoding="utf-8") == text_of(schema_of(source))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.platform)
def test_every_field_that_is_read_is_there(source: Source) -> None:
    """A field that the parser learns to read, and no complete document has, would be missed."""
    text = (ENGINE / source.platform / "wire.rs").read_text(encoding="utf-8")
    shapes = text.partition("/// What this platform asks of fields.")[0]
    read = set(re.findall(r'fields\s*\.\w+\(\s*"(\w+)"', shapes))
    read |= set(re.findall(r'"(sdk_version|sdk_language|sdk_environment)"', shapes))
    read |= set(re.findall(r'const PROJECTS: &str = "(\w+)"', shapes))
    read |= set(re.findall(r'\?\.text\("(\w+)"\)', shapes))
    assert len(read) > 20
    described: set[str] = set()

    def collect(schema: Any) -> None:
        if isinstance(schema, dict):
            described.update(schema.get("properties", {}))
            for part in schema.values():
                collect(part)
        elif isinstance(schema, list):
            for part in schema:
                collect(part)

    collect(schema_of(source))
    assert described == read


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.platform)
def test_the_vectors_documents(source: Source, engine: Engine) -> None:
    """The schema accepts every document that the parser accepts without a problem."""
    schema = validator(source)
    good = 0
    for document in documents_of(source):
        text = json.dumps(document).encode()
        is_valid = schema.is_valid(document)
        if verdict_on(text, source.platform, engine).is_good:
            good += 1
            assert is_valid, next(schema.iter_errors(document))
    assert good > (10 if source is PAGESENSE else 300)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.platform)
def test_documents_with_one_thing_changed(source: Source) -> None:
    """What the schema refuses, the parser complains of; and nearly always the other way round."""
    schema = validator(source)
    chosen = random.Random(5)  # noqa: S311 -- the same ones each time
    refused = complained_of = both = 0
    for _ in range(3000):
        path = [chosen.randrange(60) for _ in range(chosen.randrange(1, 8))]
        document = mangle(source.document, path, chosen.choice(REPLACEMENTS))
        is_refused = not schema.is_valid(document)
        complains = not verdict_of(document, source.platform).is_good
        assert complains or not is_refused, (path, next(schema.iter_errors(document)).message)
        refused += is_refused
        complained_of += complains
        both += is_refused and complains
    assert refused > 1000
    # The rest are names that refer to nothing, and what expressions say.
    assert both > 0.75 * complained_of
