"""A user's attributes, as audiences read them.

Source: PageSense spec, sections 3 and 3.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def are_complete(attributes: Mapping[str, object]) -> bool:
    """Whether there are attributes, all with a name and a value.

    Otherwise no audience is evaluated.
    """
    if not attributes:
        return False
    return not any(_is_empty(name) or _is_empty(value) for name, value in attributes.items())


def text_of(attributes: Mapping[str, object], name: str) -> str | None:
    """The value under this name if it is text; otherwise None."""
    try:
        value = attributes.get(name)
    except Exception:  # noqa: BLE001 -- a key of the caller's may raise anything when compared
        return None
    # As plain text, because a subclass of `str` may have its own `lower`.
    return str.__str__(value) if isinstance(value, str) else None


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and str.__len__(value) == 0)
