"""Deeply nested documents and patterns on threads with a small stack, in a process of their own.

Where a stack overflows, the process ends by a signal, which no exception handler sees.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest
from support.documents import audience, campaign, experiment, project, settings, variation

SMALL_STACK_BYTES = 64 * 1024
"""A thread of musl has twice as much by default."""

PROGRAM = """
    import json, sys, threading
    from sortition import _engine

    question = json.load(sys.stdin)
    engine = _engine.load(question["engine"]).module
    documents = [document.encode() for document in question["documents"]]
    profiles = question["profiles"]
    answers = []

    def work():
        for document in documents:
            if question["platform"] == "vwo":
                compiled = engine.VwoSettings.compile(document)
                variables = {"text": question["text"]}
                decision = compiled.decide("get_variation_name", "checkout", "Ann", variables)
                answers.append(decision.reason)
            else:
                compiled = engine.PagesenseSettings.compile(document)
                answers.append(len(compiled.problems))
        for profile in profiles:
            engine.PagesenseProfile.read(profile)
            answers.append("read")

    threading.stack_size(question["stack_bytes"])
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    print(json.dumps(answers))
"""


def ask(**question: object) -> list[object]:
    asked = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        input=json.dumps(
            {"stack_bytes": SMALL_STACK_BYTES, "profiles": [], "text": "a", **question}
        ),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answers: list[object] = json.loads(asked.stdout)
    return answers


def nested(levels: int, operand: str = "a") -> dict[str, object]:
    """A segment of this many operators, which cancel one another."""
    segment: dict[str, object] = {"custom_variable": {"text": operand}}
    for _ in range(levels):
        segment = {"not": segment}
    return segment


def document_of(segments: dict[str, object]) -> str:
    only = campaign(segments=segments, variations=[variation(1, "in", 100)])
    return json.dumps(settings(only))


PATTERNS = {
    "groups": "(" * 100 + "a" + ")" * 100,
    "branches": "(a|b" * 99 + ")*" * 99,
    "looks ahead": "(?=" * 100 + "a" + ")" * 100,
    "looks behind": "a" + "(?<=" * 99 + "a" + ")" * 99,
    "atomic groups": "(?>" * 99 + "a" + ")" * 99,
    "possessive repetitions": "(?:a" * 99 + ")*+" * 99,
    "conditions": "(b)?" + "(?(1)b|" * 99 + "a" + ")" * 99,
    "looks beside a reference": r"(b)?" + "(?=" * 99 + "a" + ")" * 99 + r"(?(1)b|a)",
    "atomic groups beside a reference": r"(a)?" + "(?>" * 99 + "a?" + ")" * 99 + r"\1?",
}


@pytest.mark.parametrize("engine", ["compiled", "pure"])
def test_a_deeply_nested_document_of_vwo_compiles_and_decides(engine: str) -> None:
    """Up to the deepest that is read; beyond, the document is refused as everywhere."""
    documents = [document_of(nested(levels)) for levels in (0, 10, 60, 118, 120)]
    answers = ask(engine=engine, platform="vwo", documents=documents)
    assert answers == ["bucketed"] * 5


@pytest.mark.parametrize("engine", ["compiled", "pure"])
def test_a_deeply_nested_document_of_pagesense_compiles(engine: str) -> None:
    """Nothing of what lies so deep is read, and none of it harms."""
    tree: object = {}
    for _ in range(110):
        tree = [tree]
    inner: object = {"conditions": [{"conditions": [json.dumps(tree)]}]}
    deep = audience("deep", {"conditions": tree})
    text = audience("text", json.dumps(inner))
    documents = [
        json.dumps(project(experiment(), audiences=[audience("all", {}), deep, text], extra=tree))
    ]
    profile = json.dumps(
        {
            "user_id": "Ann",
            "experiments": [{"experiment_key": "e", "variation_key": "v", "x": tree}],
        }
    )
    answers = ask(engine=engine, platform="pagesense", documents=documents, profiles=[profile])
    assert answers[1:] == ["read"]


@pytest.mark.parametrize("kind", PATTERNS)
def test_a_deeply_nested_pattern_is_searched_for(kind: str) -> None:
    """Every construct that nests, as deep as it may be nested."""
    documents = [document_of(nested(0, f"regex({PATTERNS[kind]})"))]
    answers = ask(engine="compiled", platform="vwo", documents=documents, text="aaaa")
    assert answers == ["bucketed"]
