"""Reading the options of storages."""

from __future__ import annotations

from sortition._base.errors import OptionError, OptionTypeError
from sortition._base.options import kind, of_type


def positive_number(name: str, value: object) -> int:
    """A whole number of at least 1.

    Raises:
        OptionError: It is no such number; the message names the option.
    """
    number = of_type(name, value, int, "a whole number")
    if number < 1:
        raise OptionError(f"{name}: must be at least 1")
    return number


def positive_seconds(name: str, value: object) -> float:
    """A number of seconds that is more than 0.

    Raises:
        OptionError: It is no such number; the message names the option.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OptionTypeError(f"{name}: must be a number of seconds, got {kind(value)}")
    # Also true for NaN, and for what `float` cannot hold.
    if not 0 < value <= 10**12:
        raise OptionError(f"{name}: must be more than 0 seconds")
    return float(value)
