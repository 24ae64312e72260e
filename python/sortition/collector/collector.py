"""A collector: the settings files that it serves, and the store of its events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from sortition.collector.pagesense.project import Project
from sortition.collector.settings_file import SettingsFile, platform_of
from sortition.collector.vwo.account import Account

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sortition.collector.event import Event, Platform
    from sortition.collector.store import Store

_Content = TypeVar("_Content")


class SettingsFileError(Exception):
    """The collector cannot serve a settings file; the message names the file and says why."""


@dataclass(frozen=True, slots=True)
class Served:
    """The settings files that the collector serves.

    Attributes:
        account_file: The VWO settings file. None: it serves no VWO settings, and accepts the events
            of every account.
        project_file: The PageSense settings file. None: it serves no PageSense settings, and
            accepts the events of every project.
    """

    account_file: SettingsFile[Account] | None = None
    project_file: SettingsFile[Project] | None = None

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Self:
        """Serve the files at these paths, at most one of each platform.

        Raises:
            SettingsFileError: A file cannot be read, is not a settings file, or is the second of
                its platform.
        """
        served = cls()
        for path in paths:
            try:
                served = served._with(path, platform_of(path.read_bytes()))
            except (OSError, ValueError) as error:
                raise SettingsFileError(f"{path}: {error}") from error
        return served

    def _with(self, path: Path, platform: Platform) -> Self:
        is_vwo = platform == "vwo"
        if (self.account_file if is_vwo else self.project_file) is not None:
            raise ValueError("a second settings file of the same platform")
        if is_vwo:
            account_file = SettingsFile(path, Account.read)
            account_file.content()
            return replace(self, account_file=account_file)
        project_file = SettingsFile(path, Project.read)
        project_file.content()
        return replace(self, project_file=project_file)


@dataclass(frozen=True, slots=True)
class Collector:
    """The state that all endpoints share.

    Attributes:
        store: The store of the events.
        served: The settings files that the collector serves.
    """

    store: Store
    served: Served

    def account(self) -> Account | None:
        """The account of VWO's settings file.

        Raises:
            HTTPException: The file cannot be used now.
        """
        return _content(self.served.account_file)

    def project(self) -> Project | None:
        """The project of PageSense's settings file.

        Raises:
            HTTPException: The file cannot be used now.
        """
        return _content(self.served.project_file)

    async def keep(self, events: list[Event]) -> None:
        """Store all events in one transaction."""
        await run_in_threadpool(self.store.add, events)


def _content(file: SettingsFile[_Content] | None) -> _Content | None:
    try:
        return None if file is None else file.content()
    except (OSError, ValueError) as error:
        detail = f"the settings file cannot be used: {error}"
        raise HTTPException(503, detail) from error
