"""Converts a user's attributes to text, as the platforms compare it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnreadableError(Exception):
    """The ``str()`` of an object raises, or is not valid text."""


class Attributes(Protocol):
    """Looks up attributes of a user for a rule. A dictionary has the same method."""

    def get(self, name: str, /) -> object:
        """The value under this name; None if there is none."""


@dataclass(frozen=True, slots=True)
class WithIds:
    """Attributes of a user, with the user's ids.

    Attributes:
        others: The attributes; never changed.
        name: The name of the attribute that holds the user's id; None for none.
        ids: The user's ids by which lists may name the user; the attribute holds the first one.
    """

    others: Attributes
    name: str | None
    ids: tuple[str, ...]

    def get(self, name: str, /) -> object:
        """See `Attributes`."""
        return self.ids[0] if name == self.name else self.others.get(name)


def text_of(attributes: Attributes, name: str) -> str:
    """The value under this name as the platforms compare it.

    This is ``str(value)``, except ``true`` and ``false`` for booleans, and empty text for None and
    for a missing value.

    Raises:
        UnreadableError: The value cannot be converted.
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
        # Text with a lone surrogate cannot be compared.
        text.encode()
    except Exception as error:
        raise UnreadableError from error
    return text


def plain_text_of(attributes: Attributes, name: str) -> str | None:
    """The value under this name if it is text; otherwise None."""
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
