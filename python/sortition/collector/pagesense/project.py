"""A PageSense settings document, as the collector uses it.

Source: PageSense spec, sections 1 and 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sortition.collector.event import Owner, RefusedError
from sortition.collector.settings_file import object_in, parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition.collector.settings_file import Named

REVENUE_GOAL: Final = 11
"""The type of goals that measure revenue."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Project:
    """A project, read from its settings document.

    Attributes:
        portal_name: The portal's name.
        project_key: The project's key.
        project_name: The project's name.
        sdk_account_id: The account's id.
        sdk_key: The key of the project.
        experiments: The experiments, unchanged from the document.
        goals: The goals, unchanged from the document.
        document: The document.
    """

    portal_name: str
    project_key: str
    project_name: str
    sdk_account_id: str
    sdk_key: str
    experiments: list[Named]
    goals: list[Named]
    document: bytes

    @staticmethod
    def read(document: bytes) -> Project:
        """Read a settings document.

        Raises:
            ValueError: The content is not a PageSense settings document.
        """
        if document.startswith(_BYTE_ORDER_MARK):
            raise ValueError("not a settings file: PageSense refuses one with a byte-order mark")
        projects = object_in(document).get("projectsettings")
        # The platform's clients read the first element only.
        if not isinstance(projects, list) or not projects or not isinstance(projects[0], dict):
            raise ValueError("not a settings file: projectsettings must be a list with an object")
        project = projects[0]
        return Project(
            portal_name=_text(project, "portal_name"),
            project_key=_text(project, "project_key"),
            project_name=_text(project, "project_name"),
            sdk_account_id=_text(project, "sdk_account_id"),
            sdk_key=_text(project, "sdk_key"),
            experiments=parts(project, "experiments"),
            goals=parts(project, "goals"),
            document=document,
        )

    @property
    def owner(self) -> Owner:
        """The owner of the project's events."""
        return Owner("pagesense", self.portal_name, self.project_key)

    def ensure_asked_for(self, query: Mapping[str, str]) -> None:
        """Refuse a settings request for another project, or with the wrong key.

        The first request of a client has the account part of its account id, also in place of the
        portal's name, which the client does not know yet. Later requests have the values from the
        settings.

        Args:
            query: The object under ``fpqd``.

        Raises:
            RefusedError: The account, the portal, the key or the project does not match.
        """
        account_ids = {self.sdk_account_id, self.sdk_account_id.split("-")[0].strip()}
        if query["ai"] not in account_ids:
            raise RefusedError("the account is not the one of the settings file")
        if query["a"] not in {self.portal_name, query["ai"]}:
            raise RefusedError("the portal is not the one of the settings file")
        if query["sk"] != self.sdk_key:
            raise RefusedError("the key is not the one of the settings file")
        if query["pn"] != self.project_name:
            raise RefusedError("the project is not the one of the settings file")

    def ensure_its_own(self, owner: Owner, key: str, experiment: str | None) -> None:
        """Refuse an event of another project or key, so that a wrong key shows at once.

        Args:
            owner: The event's owner.
            key: The event's key.
            experiment: The key of the event's experiment. None for an event of the whole project,
                which has the SDK key in place of an environment's key.

        Raises:
            RefusedError: The portal, the project or the key does not match.
        """
        if owner.account != self.portal_name:
            raise RefusedError("the portal is not the one of the settings file")
        if owner.project != self.project_key:
            raise RefusedError("the project is not the one of the settings file")
        if key not in (
            {self.sdk_key} if experiment is None else self._environment_keys(experiment)
        ):
            raise RefusedError("the key is not the one of the settings file")

    def goal_type(self, link_name: str) -> object:
        """The type of a goal; None if the settings do not know it."""
        for goal in self.goals:
            if goal.get("goal_link_name") == link_name:
                return goal.get("goal_type")
        return None

    def _environment_keys(self, experiment: str) -> set[object]:
        """The key of the experiment's environment, or all keys if the settings lack the experiment.

        A client may still use earlier settings, which have it.
        """
        everything = [(one.get("experiment_key"), one) for one in self.experiments]
        its_own = [one for key, one in everything if key == experiment]
        return {
            key
            for one in its_own or self.experiments
            if isinstance(key := one.get("environment_key"), str)
        }


def _text(project: Named, name: str) -> str:
    value = project.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"not a settings file: projectsettings[0].{name} must be a string")
    return value
