"""A settings file that the collector serves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sortition.collector.event import Platform

Named: TypeAlias = dict[str, object]
"""A named part of a settings document, such as a campaign, a variation or a goal."""

Content = TypeVar("Content")


class SettingsFile(Generic[Content]):
    """A settings file. Changes to it take effect with the next request.

    Args:
        path: The file's path.
        read: Parses the file's content; raises `ValueError` if it is not a settings document.
    """

    def __init__(self, path: Path, read: Callable[[bytes], Content]) -> None:
        self._path = path
        self._read = read
        self._latest: tuple[tuple[int, int], Content] | None = None

    def content(self) -> Content:
        """The file's current content.

        Raises:
            OSError: The file cannot be read.
            ValueError: The content is not a settings document.
        """
        status = self._path.stat()
        version = (status.st_mtime_ns, status.st_size)
        if self._latest is None or self._latest[0] != version:
            self._latest = (version, self._read(self._path.read_bytes()))
        return self._latest[1]


def platform_of(document: bytes) -> Platform:
    """The platform of a settings document.

    Raises:
        ValueError: The document has the fields of neither platform, or of both.
    """
    settings = object_in(document)
    match ("accountId" in settings, "projectsettings" in settings):
        case (True, False):
            return "vwo"
        case (False, True):
            return "pagesense"
        case (True, True):
            raise ValueError("not a settings file: it has both accountId and projectsettings")
    raise ValueError("not a settings file: it has neither accountId nor projectsettings")


def object_in(document: bytes) -> Named:
    """Parse a settings document.

    Raises:
        ValueError: The content is not a JSON object.
    """
    try:
        settings = json.loads(document.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("not a settings file: it is nested too deeply") from None
    if not isinstance(settings, dict):
        raise ValueError("not a settings file: it is not an object")  # noqa: TRY004 -- what it holds is wrong
    return settings


def parts(whole: Named, name: str) -> list[Named]:
    """The parts with this name, such as the variations of a campaign."""
    found = whole.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text_or_none(value: object) -> str | None:
    """The value if it is text, else None."""
    return value if isinstance(value, str) else None
