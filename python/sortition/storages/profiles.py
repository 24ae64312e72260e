"""What is wrong with what a user storage returned as a profile for a PageSense client.

Source: PageSense spec, section 5.
"""

from __future__ import annotations

import json

from sortition._base.options import kind
from sortition.storages import findings
from sortition.storages.findings import is_awaitable


def finding_in(found: object, user_id: str) -> tuple[str, str] | None:
    """What is wrong with what ``look_up`` returned, by name and in words; None if nothing is.

    Whether a text is a profile at all is not asked here: the engine says that.

    Args:
        found: What it returned.
        user_id: The user's id.
    """
    if found is None:
        return None
    if isinstance(found, str):
        if not _is_of_another_user(str.__str__(found), user_id):
            return None
        return findings.OTHER_USER, "returned the profile of another user, which is used"
    words = f"must return text or None; {kind(found)} counts as no profile"
    if is_awaitable(found):
        return findings.ASYNC, f"{words}; launch the client with alaunch to await it"
    is_bytes = isinstance(found, bytes | bytearray | memoryview)
    return (findings.BYTES if is_bytes else findings.WRONG_TYPE), words


def _is_of_another_user(profile: str, user_id: str) -> bool:
    """Whether a profile names a user other than the one it was looked up for."""
    if user_id in profile:
        # The usual case: there is no need to parse the profile a second time.
        return False
    try:
        named = json.loads(profile)["user_id"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return False
    return isinstance(named, str) and bool(named.strip()) and named != user_id
