"""Options: the one rule of precedence, and what is said of a wrong one."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final, TypeVar

from sortition._errors import OptionTypeError, UnknownOptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

T = TypeVar("T")

_MOST_COMPARED: Final = 100


def first_given(call: T | None, launch: T | None, default: T) -> T:
    """The call's value, else the launch's, else the default.

    None is "not given", at a call as at launch: the platforms say so, and no option has None as a
    value. ``False`` and ``0`` are given.
    """
    if call is not None:
        return call
    return default if launch is None else launch


def plain(value: object) -> object:
    """A dictionary of a class of its own as a plain one, by what its ``get`` answers.

    So every engine reads the same of it. Anything else is returned as it is.

    Raises:
        Exception: Whatever the caller's class raises.
    """
    if type(value) is dict or not isinstance(value, dict):
        return value
    return {key: value.get(key) for key in value}


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the name that was probably meant; empty where none is like it."""
    # Comparing takes time in proportion to the lengths.
    found = difflib.get_close_matches(name[:_MOST_COMPARED], list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""


def ensure_known(unknown: Mapping[str, object], known: Iterable[str]) -> None:
    """Refuse options that do not exist.

    Raises:
        UnknownOptionError: There is one; the message names the nearest that does exist.
    """
    for name in unknown:
        raise UnknownOptionError(f"{name}: there is no such option{nearest(name, known)}")


def kind(value: object) -> str:
    """The type of a value in an error's words; never the value itself."""
    return "None" if value is None else type(value).__name__


def of_type(name: str, value: object, wanted: type[T], words: str) -> T:
    """The value, of the type that an option has.

    Raises:
        OptionTypeError: It is of another type.
    """
    # A boolean is an integer for Python, and never what was meant.
    if isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
        return value
    raise OptionTypeError(f"{name}: must be {words}, got {kind(value)}")
