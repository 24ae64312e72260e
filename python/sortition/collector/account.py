"""The settings file that the collector serves, and what it knows from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sortition.collector.event import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

Named: TypeAlias = dict[str, object]
"""A campaign, variation or goal of the settings file."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account, by its settings file.

    Attributes:
        account_id: The account's id, as text.
        sdk_key: The key of the environment.
        campaigns: The campaigns as they stand in the file.
        document: The file's content.
    """

    account_id: str
    sdk_key: str
    campaigns: list[Named]
    document: bytes

    @staticmethod
    def read(document: bytes) -> Account:
        """Read a settings file's content.

        Raises:
            ValueError: It is no settings file.
        """
        try:
            settings = json.loads(document.decode("utf-8-sig"))
        except RecursionError:
            raise ValueError("no settings file: it is nested too deeply") from None
        if not isinstance(settings, dict) or "accountId" not in settings:
            raise ValueError("no settings file: it has no accountId")
        return Account(
            account_id=str(settings["accountId"]),
            sdk_key=str(settings.get("sdkKey", "")),
            campaigns=parts(settings, "campaigns"),
            document=document,
        )

    def ensure_its_own(self, account_id: str, sdk_key: str) -> None:
        """Refuse what comes from elsewhere, so that a wrong key is noticed at once.

        Raises:
            RefusedError: The account or the key is another one.
        """
        if account_id != self.account_id:
            raise RefusedError("the account is not the one of the settings file")
        if sdk_key != self.sdk_key:
            raise RefusedError("the key is not the one of the settings file")

    def revenue_property(self, campaign_id: str, goal_id: str) -> str | None:
        """The event property that carries a goal's revenue."""
        for campaign in self.campaigns:
            if str(campaign.get("id")) != campaign_id:
                continue
            for goal in parts(campaign, "goals"):
                if str(goal.get("id")) == goal_id:
                    name = goal.get("revenueProp")
                    return name if isinstance(name, str) and name else None
        return None


class SettingsFile:
    """A settings file on disk; an edit of it takes effect with the next request."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[tuple[int, int], Account] | None = None

    def account(self) -> Account:
        """The account as the file has it now.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is no settings file.
        """
        status = self._path.stat()
        version = (status.st_mtime_ns, status.st_size)
        if self._read is None or self._read[0] != version:
            self._read = (version, Account.read(self._path.read_bytes()))
        return self._read[1]


def parts(whole: Named, name: str) -> list[Named]:
    """The account's campaigns, or a campaign's variations or goals."""
    found = whole.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
