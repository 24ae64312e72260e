"""A settings document, in any form that a caller may give."""

from __future__ import annotations

import json
import math
import os
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

from sortition._base.errors import OptionError, OptionTypeError
from sortition._base.options import kind

if TYPE_CHECKING:
    from collections.abc import Iterator

SettingsFile: TypeAlias = "str | bytes | dict[str, Any] | os.PathLike[str]"
"""A settings document: JSON as text or bytes, a dictionary, or the path of a file."""


def document_of(settings_file: object, name: str = "settings_file") -> bytes:
    """The settings document as JSON in UTF-8.

    Args:
        settings_file: What the caller gave.
        name: The name of the option, for errors.

    Raises:
        OptionError: It has no valid form, or is not readable.
    """
    if isinstance(settings_file, os.PathLike):
        settings_file = _content_of(name, settings_file)
    if isinstance(settings_file, dict):
        try:
            settings_file = json.dumps(settings_file, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise OptionError(f"{name}: {_no_json(settings_file)}") from None
    if isinstance(settings_file, str):
        if settings_file[:1] not in ("{", "[", " ", "\t", "\r", "\n", "\ufeff"):
            raise OptionError(
                f"{name}: must be a JSON document; for the path of a file, pass a pathlib.Path"
            )
        try:
            settings_file = settings_file.encode()
        except UnicodeEncodeError:
            raise OptionError(f"{name}: holds half of a surrogate pair") from None
    if isinstance(settings_file, bytes | bytearray | memoryview):
        return bytes(settings_file)
    words = "JSON text, bytes, a dict or a path"
    raise OptionTypeError(f"{name}: must be {words}, got {kind(settings_file)}")


def without_byte_order_mark(document: bytes) -> bytes:
    """The document without a byte order mark, which is not JSON."""
    return document.removeprefix(b"\xef\xbb\xbf")


def _content_of(name: str, path: os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 -- any PathLike
            return file.read()
    except OSError as error:
        raise OptionError(f"{name}: {path} cannot be read: {error.strerror}") from error
    except ValueError:
        raise OptionError(f"{name}: cannot be read: its path holds a null character") from None


def _no_json(document: object) -> str:
    """Describe for an error which value of a document JSON cannot represent."""
    pending: deque[tuple[str, object]] = deque([("", document)])
    seen = set()
    while pending:
        place, value = pending.popleft()
        fault = _fault(value)
        if fault is not None:
            return f"{place.removeprefix('.') or 'the document'}: expected JSON, found {fault}"
        if isinstance(value, dict | list | tuple):
            if id(value) not in seen:
                pending.extend(_parts(place, value))
            seen.add(id(value))
    return "holds itself, or too many levels"


def _parts(place: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        yield from ((f"{place}.{key}", item) for key, item in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"{place}[{index}]", item) for index, item in enumerate(value))


def _fault(value: object) -> str | None:
    """What is wrong with one value, apart from its parts."""
    if isinstance(value, dict):
        wrong = [key for key in value if not isinstance(key, str | int | float | None)]
        return f"a key of type {kind(wrong[0])}" if wrong else None
    if isinstance(value, float) and not math.isfinite(value):
        return "a number that is not finite"
    if value is None or isinstance(value, str | int | float | list | tuple):
        return None
    return f"a value of type {kind(value)}"
