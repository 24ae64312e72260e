"""A VWO settings file, as the collector uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sortition.collector.event import Owner, RefusedError
from sortition.collector.settings_file import object_in, parts

if TYPE_CHECKING:
    from sortition.collector.settings_file import Named


@dataclass(frozen=True, slots=True)
class Account:
    """An account, read from its settings file.

    Attributes:
        account_id: The account's id, as text.
        sdk_key: The key of the environment; None if the settings have none that a client can send,
            and then any key is accepted.
        campaigns: The campaigns, unchanged from the file.
        document: The file's content.
    """

    account_id: str
    sdk_key: str | None
    campaigns: list[Named]
    document: bytes

    @staticmethod
    def read(document: bytes) -> Account:
        """Read a settings file's content.

        Raises:
            ValueError: The content is not a VWO settings file.
        """
        settings = object_in(document)
        if "accountId" not in settings:
            raise ValueError("not a settings file: it has no accountId")
        return Account(
            account_id=str(settings["accountId"]),
            sdk_key=_key_of(settings.get("sdkKey")),
            campaigns=parts(settings, "campaigns"),
            document=document,
        )

    @property
    def owner(self) -> Owner:
        """The owner of the account's events."""
        return Owner("vwo", self.account_id)

    def ensure_asked_for(self, account_id: str, sdk_key: str) -> None:
        """Refuse a request of another account or key, so that a wrong key shows at once.

        Raises:
            RefusedError: The account or the key does not match.
        """
        if account_id != self.account_id:
            raise RefusedError("the account is not the one of the settings file")
        if self.sdk_key is not None and sdk_key != self.sdk_key:
            raise RefusedError("the key is not the one of the settings file")

    def ensure_its_own(self, owner: Owner, sdk_key: str) -> None:
        """Refuse an event of another account or key.

        Raises:
            RefusedError: The account or the key does not match.
        """
        self.ensure_asked_for(owner.account, sdk_key)

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


def _key_of(value: object) -> str | None:
    """The key, if it is one that a client takes from a settings file."""
    if not isinstance(value, str) or not value or " " in value:
        return None
    return value if value.isascii() and value.isprintable() else None
