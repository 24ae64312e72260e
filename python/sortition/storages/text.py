"""Records and ids as text, for backends that keep text."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNSTORABLE: Final = re.compile("[\\\\\0\ud800-\udfff]")


def text_of(record: Mapping[str, Any]) -> str:
    """A record as JSON text, in ASCII.

    Raises:
        TypeError: Its ``metaData`` holds what JSON cannot.
        ValueError: The same.
    """
    return json.dumps(record)


def record_of(text: object) -> object:
    """The record of a text; None if there is none.

    What is no JSON is returned as it is: it counts as no record, and the client says so.
    """
    if not text or not isinstance(text, str | bytes):
        return text or None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def storable(name: str) -> str:
    r"""An id or a key in characters that every backend takes, different for different ones.

    Only a backslash, a NUL and half of a surrogate pair are written otherwise, as ``\u005c`` is.
    """
    return _UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", name)
