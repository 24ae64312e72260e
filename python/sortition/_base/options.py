"""Options: the one rule of precedence, and what is said of a wrong one."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from sortition._base.errors import OptionError, OptionTypeError, UnknownOptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

T = TypeVar("T")

_MOST_COMPARED: Final = 100
_LONGEST_TIMEOUT_S: Final = 3600.0
_LONGEST_WAIT_S: Final = 7 * 86_400.0


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


def choice(name: str, value: object, choices: tuple[str, ...] | list[str]) -> str | None:
    """One of a few words, or None.

    Raises:
        OptionError: It is something else.
    """
    if value is None:
        return None
    text = of_type(name, value, str, "a string")
    if text not in choices:
        raise OptionError(f"{name}: must be one of {', '.join(choices)}")
    return text


def with_methods(name: str, value: object, *methods: str) -> object:
    """An object that has these methods, or None.

    Raises:
        OptionTypeError: It is something else.
    """
    if value is None:
        return None
    for method in methods:
        if not callable(getattr(value, method, None)):
            words = f"method{'s' * (len(methods) > 1)} {' and '.join(methods)}"
            raise OptionTypeError(f"{name}: must have the {words}, got {kind(value)}")
    return value


def seconds(name: str, value: object) -> float:
    """A number of seconds, more than 0 and at most an hour.

    Raises:
        OptionError: It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OptionTypeError(f"{name}: must be a number of seconds, got {kind(value)}")
    # Also false for what is no number; an integer may be too large to be shown.
    if not 0 < value <= _LONGEST_TIMEOUT_S:
        words = f"more than 0 and at most {_LONGEST_TIMEOUT_S:g} seconds"
        raise OptionError(f"{name}: must be {words}")
    return float(value)


def seconds_of_waiting(name: str, value: object, *, least: float) -> float:
    """A number of seconds, at most a week.

    Raises:
        OptionError: It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OptionTypeError(f"{name}: must be a number of seconds, got {kind(value)}")
    # Also false for what is no number.
    if not least <= value <= _LONGEST_WAIT_S:
        raise OptionError(f"{name}: must be from {least:g} to {_LONGEST_WAIT_S:g} seconds")
    return float(value)


def whole_number(name: str, value: object, *, most: int) -> int:
    """A whole number of at least 1.

    Raises:
        OptionError: It is something else.
    """
    number = of_type(name, value, int, "a whole number")
    if not 1 <= number <= most:
        raise OptionError(f"{name}: must be from 1 to {most}")
    return number


def callback(name: str, value: object) -> Any:
    """Something that can be called, or None.

    Raises:
        OptionTypeError: It is something else.
    """
    if value is not None and not callable(value):
        raise OptionTypeError(f"{name}: must be callable, got {kind(value)}")
    return value


def checked_base_url(value: object) -> str:
    """The base URL without a slash at its end.

    Raises:
        OptionError: It is no URL that requests could be sent to.
    """
    url = of_type("base_url", value, str, "a string")
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise OptionError("base_url: is no URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        raise OptionError("base_url: must start with http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise OptionError("base_url: must not hold a user name or a password")
    if parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise OptionError("base_url: must be no more than scheme, host, port and path")
    return url.rstrip("/")
