"""The interface of a VWO user storage."""

from __future__ import annotations

from typing import Any, Protocol


class UserStorage:
    """Keeps each user's variation, so that users keep their variation when settings change.

    Derive from this class, or write any class with the same two methods. A synchronous client calls
    them on the thread that called it. An async client awaits async methods and calls others in
    threads, or directly if the storage has the attribute ``never_blocks = True``. Several calls may
    run at the same time. If a method raises, the client logs the exception and continues as if no
    record were stored; the decision stands.

    A storage may have a third method, ``get_many(user_id, campaign_keys)``, which returns a
    dictionary of records by campaign key. The client calls it when it needs several records at
    once, for a group of campaigns.

    A record is a dictionary with ``userId``, ``campaignKey`` and ``variationName``. If the user
    reached goals, it also has ``goalIdentifiers``, and if the call gave ``meta_data``, also
    ``metaData``. The client ignores any other value that `get` returns, such as JSON text, bytes, a
    list, or the record of another user or campaign. It logs it once and counts it in
    ``stats().storage_findings``, and ``explain`` shows it.

    Source: VWO spec, section 4.
    """

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        """Return the record of this user and campaign as `set` received it, or None.

        The base class returns None.
        """
        del user_id, campaign_key
        return None

    def set(self, user_data: dict[str, Any]) -> None:
        """Keep a record, and replace the earlier record of the same user and campaign.

        The base class does nothing.
        """


class UserStorageLike(Protocol):
    """Any object that keeps records; see `UserStorage`."""

    def get(self, user_id: str, campaign_key: str, /) -> object:
        """Return the record of this user and campaign."""

    def set(self, user_data: dict[str, Any], /) -> object:
        """Keep a record."""
