"""The report on all events of the collector."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from sortition.collector.pagesense.report import projects
from sortition.collector.vwo.report import accounts

if TYPE_CHECKING:
    from sortition.collector.event import Owner
    from sortition.collector.pagesense.project import Project
    from sortition.collector.pagesense.report import ProjectReport
    from sortition.collector.store import Counts
    from sortition.collector.vwo.account import Account
    from sortition.collector.vwo.report import AccountReport


class Report(TypedDict):
    """The report: VWO's accounts and PageSense's projects.

    Names are None if no settings file contains them.
    """

    accounts: list[AccountReport]
    projects: list[ProjectReport]


def report(counts: dict[Owner, Counts], account: Account | None, project: Project | None) -> Report:
    """The report on all events, with the names from the settings files."""
    return {"accounts": accounts(counts, account), "projects": projects(counts, project)}
