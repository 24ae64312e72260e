"""Checks of launch options: each reads one value, and describes which values it allows.

A check receives the option's name and a value other than None. It returns the value to use, or
raises an `OptionError` that names the option.
"""

from __future__ import annotations

import inspect
import logging
import os
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final, Protocol

from sortition._base.errors import OptionError, OptionTypeError
from sortition._base.options import checked_base_url, kind, of_type

HOUR_S: Final = 3600.0
WEEK_S: Final = 7 * 86_400.0

_AS_GOOD_AS_NO_BOUND: Final = 2**40
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Check(Protocol):
    """Reads the value of an option."""

    @property
    def allowed(self) -> str:
        """The allowed values, for the documentation; empty if the type says enough."""

    def __call__(self, name: str, value: object, /) -> Any:
        """The value to use.

        Raises:
            OptionError: The value is invalid; the message names the option.
        """


@dataclass(frozen=True, slots=True)
class Anything:
    """Accepts any value, which is read later together with other options."""

    allowed: str = ""

    def __call__(self, _name: str, value: object) -> Any:
        """See `Check`."""
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    allowed: str = ""

    def __call__(self, name: str, value: object) -> bool:
        """See `Check`."""
        return of_type(name, value, bool, "a bool")


@dataclass(frozen=True, slots=True)
class Seconds:
    """A number of seconds.

    Attributes:
        least: The smallest number.
        most: The largest number.
        includes_least: Whether the smallest number itself is allowed.
    """

    least: float
    most: float
    includes_least: bool = True

    @property
    def allowed(self) -> str:
        """See `Check`."""
        if self.includes_least:
            return f"from {self.least:g} to {self.most:g}"
        return f"more than {self.least:g} and at most {self.most:g}"

    def __call__(self, name: str, value: object) -> float:
        """See `Check`."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise OptionTypeError(f"{name}: must be a number of seconds, got {kind(value)}")
        # Also false for NaN. The message has no value: an integer may be too large to print.
        is_allowed = self.least <= value <= self.most
        if not is_allowed or (value == self.least and not self.includes_least):
            raise OptionError(f"{name}: must be {self.allowed} seconds")
        return float(value)


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A whole number of at least 1.

    Attributes:
        most: The largest number.
    """

    most: int

    @property
    def allowed(self) -> str:
        """See `Check`."""
        return f"from 1 to {self.most}" if self.most < _AS_GOOD_AS_NO_BOUND else "at least 1"

    def __call__(self, name: str, value: object) -> int:
        """See `Check`."""
        number = of_type(name, value, int, "a whole number")
        if not 1 <= number <= self.most:
            raise OptionError(f"{name}: must be from 1 to {self.most}")
        return number


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several words."""

    words: tuple[str, ...]
    allowed: str = ""

    def __call__(self, name: str, value: object) -> str:
        """See `Check`."""
        text = of_type(name, value, str, "a string")
        if text not in self.words:
            raise OptionError(f"{name}: must be one of {', '.join(self.words)}")
        return text


@dataclass(frozen=True, slots=True)
class Level:
    """A level of ``logging``."""

    allowed: str = ", ".join(f"``logging.{level}``" for level in _LEVELS)

    def __call__(self, name: str, value: object) -> int:
        """See `Check`."""
        words = f"must be a level of logging: {', '.join(_LEVELS[:-1])} or {_LEVELS[-1]}"
        if isinstance(value, bool) or not isinstance(value, int):
            raise OptionTypeError(f"{name}: {words}; got {kind(value)}")
        if value not in [getattr(logging, level) for level in _LEVELS]:
            raise OptionError(f"{name}: {words}")
        return int(value)


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """A base URL for requests."""

    allowed: str = "``http://`` or ``https://``, a host, and a port and a path where needed"

    def __call__(self, name: str, value: object) -> str:
        """See `Check`."""
        del name
        return checked_base_url(value)


@dataclass(frozen=True, slots=True)
class FilePath:
    """The path of a file, which may not exist yet."""

    allowed: str = ""

    def __call__(self, name: str, value: object) -> str:
        """See `Check`."""
        if not isinstance(value, str | os.PathLike):
            raise OptionTypeError(f"{name}: must be a path, got {kind(value)}")
        path = os.fspath(value)
        if not isinstance(path, str) or not path or "\0" in path:
            raise OptionTypeError(f"{name}: must be the path of a file")
        return path


@dataclass(frozen=True, slots=True)
class Callback:
    """A callable that is not async."""

    allowed: str = ""

    def __call__(self, name: str, value: object) -> Any:
        """See `Check`."""
        if not callable(value):
            raise OptionTypeError(f"{name}: must be callable, got {kind(value)}")
        if _is_async(value) or _is_async(getattr(value, "__call__", None)):  # noqa: B004
            raise OptionTypeError(f"{name}: is async; this client cannot await it")
        return value


@dataclass(frozen=True, slots=True)
class Having:
    """An object with certain methods, which are async only where that is allowed."""

    methods: tuple[str, ...]
    allowed: str = ""
    may_be_async: bool = False

    @property
    def _words(self) -> str:
        return f"the method{'s' * (len(self.methods) > 1)} {' and '.join(self.methods)}"

    def __call__(self, name: str, value: object) -> Any:
        """See `Check`."""
        for method in self.methods:
            found = getattr(value, method, None)
            if not callable(found):
                raise OptionTypeError(f"{name}: must have {self._words}, got {kind(value)}")
            if isinstance(value, type) and _needs_an_instance(value, method):
                words = f"must be an object, got the class {value.__name__}"
                raise OptionTypeError(f"{name}: {words}; pass {value.__name__}() instead")
        if not self.may_be_async:
            ensure_not_async(name, value, self.methods)
        return value


def ensure_not_async(
    name: str, value: object, methods: tuple[str, ...], what_can: str = ""
) -> None:
    """Refuse an object with an async method.

    Args:
        name: The option.
        value: The object.
        methods: The methods to look at, as far as it has them.
        what_can: What can await it, in words; empty where nothing can.

    Raises:
        OptionTypeError: One of them is async.
    """
    for method in methods:
        if _is_async(getattr(value, method, None)):
            words = f"{method} is async; this client cannot await it{what_can}"
            raise OptionTypeError(f"{name}: {words}")


def _needs_an_instance(given: type, method: str) -> bool:
    """Whether a method of a class only works on its instances."""
    return isinstance(inspect.getattr_static(given, method, None), FunctionType)


def _is_async(function: object) -> bool:
    """Whether calling this returns something to await."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
