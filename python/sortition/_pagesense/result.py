"""What calls return beside plain values."""

from __future__ import annotations

from dataclasses import dataclass

from sortition._settings.status import ClientStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(ClientStatus):
    """How a client is in this process, and what it runs on.

    Attributes:
        project_name: The project of the settings in use; None where there are none.
        data_center: The data center that events go to; None where only a ``base_url`` was given.
    """

    project_name: str | None
    data_center: str | None
