"""What a call's arguments must be, whatever the platform.

An invalid argument is the caller's mistake: the call logs which argument is wrong and returns its
documented empty result. Messages contain only the types of values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from sortition._base.options import kind, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_WAIT_S: Final = 86_400
_MOST_USER_ID_CHARACTERS: Final = 10_000
"""Longer than any real id, and short enough to hash and send with every call."""


class BadArgumentError(Exception):
    """An argument of a call is invalid; the message names it.

    Attributes:
        refusal: The name under which the call's event is counted as refused.
    """

    refusal = "argument"


def text(name: str, value: object) -> str:
    """A string that is not empty.

    Raises:
        BadArgumentError: It is something else.
    """
    # The common case first, since every call comes here.
    if type(value) is str and value and value.isascii():
        return value
    if not isinstance(value, str):
        raise BadArgumentError(f"{name} must be a string, got {kind(value)}")
    # A subclass may override `__str__` with another text, and any method may raise.
    plain_text = value if type(value) is str else str.__str__(value)
    if not plain_text:
        raise BadArgumentError(f"{name} must not be empty")
    if not plain_text.isascii():
        try:
            plain_text.encode()
        except UnicodeEncodeError:
            raise BadArgumentError(f"{name} holds half of a surrogate pair") from None
    return plain_text


def user_id(value: object) -> str:
    """The id of a user: a text of 1 to 10,000 characters.

    Raises:
        BadArgumentError: It is something else.
    """
    # As in `text`.
    if type(value) is str and 0 < len(value) <= _MOST_USER_ID_CHARACTERS and value.isascii():
        return value
    return short_enough(text("user_id", value))


def short_enough(value: str) -> str:
    """A user id that is short enough to hash and send with every call.

    Raises:
        BadArgumentError: It is longer.
    """
    if len(value) > _MOST_USER_ID_CHARACTERS:
        raise BadArgumentError(f"user_id must have at most {_MOST_USER_ID_CHARACTERS} characters")
    return value


def optional_text(name: str, value: object) -> str | None:
    """A string, or None.

    Raises:
        BadArgumentError: It is something else.
    """
    if value is None or (isinstance(value, str) and not str.__len__(value)):
        return None
    return text(name, value)


def mapping(name: str, value: object) -> dict[str, object] | None:
    """A dictionary, or None; any other mapping, such as a framework's, as a plain one.

    Raises:
        BadArgumentError: It is something else, or its class raises.
    """
    if value is None or type(value) is dict:
        return value
    if not isinstance(value, Mapping):
        raise BadArgumentError(f"{name} must be a dict, got {kind(value)}")
    try:
        return cast("dict[str, object]", plain(value))
    except Exception as error:  # noqa: BLE001 -- the caller's class may raise anything
        words = f"{name} cannot be read: {kind(value)}.get raises {type(error).__name__}"
        raise BadArgumentError(words) from None


def one_of(name: str, value: object, choices: Sequence[str]) -> str:
    """One of a few words.

    Raises:
        BadArgumentError: It is something else.
    """
    # Compare only text: another class may raise anything in a comparison.
    if not isinstance(value, str):
        raise BadArgumentError(f"{name} must be a string, got {kind(value)}")
    given = str.__str__(value)
    if given not in choices:
        raise BadArgumentError(f"{name} must be one of {', '.join(choices)}")
    return given


def boolean(name: str, value: object) -> bool | None:
    """A boolean, or None.

    Raises:
        BadArgumentError: It is something else.
    """
    if value is None or isinstance(value, bool):
        return value
    raise BadArgumentError(f"{name} must be a bool, got {kind(value)}")


def seconds(name: str, value: object) -> float | None:
    """A number of seconds from 0 to a day, or None.

    Raises:
        BadArgumentError: It is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadArgumentError(f"{name} must be a number of seconds, got {kind(value)}")
    # A subclass may raise in any method.
    number = float.__float__(value) if isinstance(value, float) else int.__int__(value)
    # Also false for NaN.
    if not 0 <= number <= _LONGEST_WAIT_S:
        raise BadArgumentError(f"{name} must be from 0 to {_LONGEST_WAIT_S} seconds")
    return float(number)
