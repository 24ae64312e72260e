"""The precedence of options, and the errors for invalid ones."""

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

    None means "not given", in a call and at launch: the platforms say so, and no option has None as
    a value. ``False`` and ``0`` count as given.
    """
    if call is not None:
        return call
    return default if launch is None else launch


def plain(value: object) -> object:
    """A mapping of any class as a plain dictionary, with the values that its ``get`` returns.

    So both engines read the same values. Returns anything else unchanged.

    Raises:
        Exception: The caller's class raised it.
    """
    if type(value) is dict or not isinstance(value, Mapping):
        return value
    return {key: value.get(key) for key in value}


def ensure_known(names: Iterable[str], known: Collection[str]) -> None:
    """Refuse unknown options.

    Raises:
        UnknownOptionError: One of the names is unknown; the message suggests the nearest known
            name.
    """
    for name in names:
        if name not in known:
            raise UnknownOptionError(f"{name}: there is no such option{nearest(name, known)}")


def kind(value: object) -> str:
    """The type of a value for an error message, which never contains the value itself."""
    return "None" if value is None else type(value).__name__


def of_type(name: str, value: object, wanted: type[T], words: str) -> T:
    """The value, if it has the option's type.

    Raises:
        OptionTypeError: It has another type.
    """
    # A boolean is an integer in Python, but never intended as one.
    if isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
        return value
    raise OptionTypeError(f"{name}: must be {words}, got {kind(value)}")


def checked_base_url(value: object) -> str:
    """The base URL without a trailing slash.

    Raises:
        OptionError: It is not a URL for requests.
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
