"""Reading the conformance vectors."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "vectors"


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of a file of VWO vectors; its first line says what produced them."""
    with gzip.open(FOLDER / "vwo" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        header, *lines = file
    assert "generated_by" in json.loads(header)
    return [json.loads(line) for line in lines]


def pagesense(name: str) -> dict[str, Any]:
    """A document of PageSense vectors, which says itself what produced it."""
    with gzip.open(FOLDER / "pagesense" / f"{name}.json.gz", "rt", encoding="utf-8") as file:
        document: dict[str, Any] = json.load(file)
    assert "generated_by" in document
    return document
