"""The classes of results that are not plain values."""

from __future__ import annotations

from dataclasses import dataclass

from sortition._settings.status import ClientStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(ClientStatus):
    """The state of a client in this process.

    Attributes:
        project_name: The project of the settings in use; None without settings.
        data_center: The data center that receives events; None if only a ``base_url`` was given.
    """

    project_name: str | None
    data_center: str | None
