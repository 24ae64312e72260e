"""A settings document on disk, which the collector serves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sortition.collector.event import Platform

Named: TypeAlias = dict[str, object]
"""A part of a settings document that has a name, such as a campaign, a variation or a goal."""

Content = TypeVar("Content")


class SettingsFile(Generic[Content]):
    """A settings document on disk; an edit of it takes effect with the next request.

    Args:
        path: Where it is.
        read: Reads its content, and raises `ValueError` where it is no settings document.
    """

    def __init__(self, path: Path, read: Callable[[bytes], Content]) -> None:
        self._path = path
        self._read = read
        self._latest: tuple[tuple[int, int], Content] | None = None

    def content(self) -> Content:
        """What the file says now.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is no settings document.
        """
        status = self._path.stat()
        version = (status.st_mtime_ns, status.st_size)
        if self._latest is None or self._latest[0] != version:
            self._latest = (version, self._read(self._path.read_bytes()))
        return self._latest[1]


def platform_of(document: bytes) -> Platform:
    """Whose settings document this is.

    Raises:
        ValueError: Nobody's, or one that could be either's.
    """
    settings = object_in(document)
    match ("accountId" in settings, "projectsettings" in settings):
        case (True, False):
            return "vwo"
        case (False, True):
            return "pagesense"
        case (True, True):
            raise ValueError("no settings file: it has both accountId and projectsettings")
    raise ValueError("no settings file: it has neither accountId nor projectsettings")


def object_in(document: bytes) -> Named:
    """The object that a settings document is.

    Raises:
        ValueError: It is none.
    """
    try:
        settings = json.loads(document.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("no settings file: it is nested too deeply") from None
    if not isinstance(settings, dict):
        raise ValueError("no settings file: it is no object")  # noqa: TRY004 -- what it holds is wrong
    return settings


def parts(whole: Named, name: str) -> list[Named]:
    """The parts of this name, such as the variations of a campaign."""
    found = whole.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text_or_none(value: object) -> str | None:
    """A name, where there is one."""
    return value if isinstance(value, str) else None
