"""How a value that is known of a user becomes text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnreadableError(Exception):
    """An object whose ``str()`` raises, or gives what is no text."""


def text_of(attributes: Mapping[str, object], name: str) -> str:
    """The value under this name as the platforms compare it.

    That is ``str(value)``, but ``true`` and ``false`` for booleans, and empty for None and for
    what is missing.

    Raises:
        UnreadableError: There is no such text.
    """
    try:
        value = attributes.get(name)
        if value is None:
            return ""
        if value is True:
            return "true"
        if value is False:
            return "false"
        text = str(value)
        # Half of a surrogate pair is no text that could be compared.
        text.encode()
    except Exception as error:
        raise UnreadableError from error
    return text


def plain_text_of(attributes: Mapping[str, object], name: str) -> str | None:
    """The value under this name where it is text itself; otherwise None."""
    try:
        value = attributes.get(name)
        if not isinstance(value, str):
            return None
        value.encode()
    except Exception:  # noqa: BLE001 -- a key of the caller's may raise anything when compared
        return None
    return value


def has(attributes: Mapping[str, object], name: str) -> bool:
    """Whether there is a value under this name."""
    try:
        return name in attributes
    except Exception:  # noqa: BLE001 -- as above
        return False
