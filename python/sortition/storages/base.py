"""The caller's memory of past decisions."""

from __future__ import annotations

from typing import Any, Protocol


class UserStorage:
    """Keeps what users were given, so that a user stays where they are when settings change.

    Derive from it or write any class with the same two methods. A synchronous client calls them on
    the thread of the call that decides. An async client awaits them where they are async, and
    otherwise calls them in threads, or directly where the storage has the attribute
    ``never_blocks = True``. They may be called several times at once. What they raise is
    logged and counts as "nothing stored" or "not stored"; the decision stands.

    A storage may have a third method, ``get_many(user_id, campaign_keys)``, which returns a
    dictionary of records by campaign key: it is called where several are needed at once, for a
    group of campaigns.

    A record is a dictionary with ``userId``, ``campaignKey``, ``variationName``, for goals that
    were tracked ``goalIdentifiers``, and where the call gave it ``metaData``. What `get` returns
    beside that (JSON text, bytes, a list, a record of another user or campaign) counts as no
    record: it is logged once, counted in ``stats().storage_findings`` and shown by ``explain``.

    Source: VWO spec, section 4.
    """

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        """The record of this user and campaign, as given to `set`; None if there is none.

        This method of the base class itself finds nothing.
        """
        del user_id, campaign_key
        return None

    def set(self, user_data: dict[str, Any]) -> None:
        """Keep a record, in place of the one of the same user and campaign.

        This method of the base class itself keeps nothing.
        """


class UserStorageLike(Protocol):
    """Any object that keeps records; see `UserStorage`."""

    def get(self, user_id: str, campaign_key: str, /) -> object:
        """The record of this user and campaign."""

    def set(self, user_data: dict[str, Any], /) -> object:
        """Keep a record."""
