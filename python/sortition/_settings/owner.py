"""Identifies the owner of settings in a file, without secrets."""

from __future__ import annotations

import hashlib
import json


def owner_of(*parts: object) -> str:
    """A digest of the owner of settings.

    Args:
        *parts: The platform, and the account, the key and the project, if known. Each counts as
            its text, None as missing.
    """
    texts = [None if part is None else str(part) for part in parts]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()
