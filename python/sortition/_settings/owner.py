"""Whose settings are in a file, without a word that is secret."""

from __future__ import annotations

import hashlib
import json


def owner_of(*parts: object) -> str:
    """A digest of what settings belong to.

    Args:
        *parts: The platform, and the account, the key and the project as far as there are. Each
            counts as its text, None as missing.
    """
    texts = [None if part is None else str(part) for part in parts]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()
