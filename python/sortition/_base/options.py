"""Options: the one rule of precedence, and what is said of a wrong one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from sortition._base.errors import OptionError, OptionTypeError, UnknownOptionError
from sortition._base.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

T = TypeVar("T")


def first_given(call: T | None, launch: T | None, default: T) -> T:
    """The call's value, else the launch's, else the default.

    None is "not given", at a call as at launch: the platforms say so, and no option has None as a
    value. ``False`` and ``0`` are given.
    """
    if call is not None:
        return call
    return default if launch is None else launch


def plain(value: object) -> object:
    """A mapping of any class as a plain dictionary, by what its ``get`` answers.

    So every engine reads the same of it. Anything else is returned as it is.

    Raises:
        Exception: Whatever the caller's class raises.
    """
    if type(value) is dict or not isinstance(value, Mapping):
        return value
    return {key: value.get(key) for key in value}


def ensure_known(names: Iterable[str], known: Collection[str]) -> None:
    """Refuse options that do not exist.

    Raises:
        UnknownOptionError: One of the names is not known; the message names the nearest that is.
    """
    for name in names:
        if name not in known:
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
