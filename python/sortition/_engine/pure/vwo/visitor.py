"""The visitor id that stands for a user on the wire, so that the raw user id never leaves.

Source: VWO spec, section 9; pinned by the vectors in ``vwo/uuid.jsonl``.
"""

from __future__ import annotations

import uuid

_PLATFORM = uuid.uuid5(uuid.NAMESPACE_URL, "https://vwo.com")


def account_namespace(account_id: str) -> uuid.UUID:
    """The namespace of an account's visitor ids."""
    return uuid.uuid5(_PLATFORM, account_id)


def visitor_id(namespace: uuid.UUID, user_id: str) -> str:
    """The user's visitor id: 32 hexadecimal digits in upper case."""
    return uuid.uuid5(namespace, user_id).hex.upper()
