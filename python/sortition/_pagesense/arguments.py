"""Checks of a call's arguments.

Source: PageSense spec, section 7.3.
"""

from __future__ import annotations

from sortition._base.arguments import BadArgumentError
from sortition._base.options import kind


def filled(name: str, value: object) -> str:
    """Text that is not blank; it is not trimmed.

    Raises:
        BadArgumentError: It is something else.
    """
    if not isinstance(value, str):
        raise BadArgumentError(f"{name} must be a string, got {kind(value)}")
    if not str.strip(value):
        raise BadArgumentError(f"{name} must not be blank")
    # A subclass may override `__str__` with another text.
    return value if type(value) is str else str.__str__(value)


def name_of(name: str, value: object) -> str:
    """The name of an experiment or a goal, which UTF-8 can encode.

    Raises:
        BadArgumentError: It is something else.
    """
    text = filled(name, value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise BadArgumentError(f"{name} holds half of a surrogate pair") from None
    return text
