"""Reading the conformance vectors."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "vectors"


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of a file of VWO vectors; its first line says what produced them."""
    with gzip.open(FOLDER / "vwo" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        header, *lines = file
    assert "generated_by" in json.loads(header)
    return [json.loads(line) for line in lines]
