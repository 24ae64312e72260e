"""The caller's memory of past decisions, and calling it safely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from sortition._options import plain

if TYPE_CHECKING:
    from sortition._log import Log


class UserStorage:
    """Keeps what users were given, so that a user stays where they are when settings change.

    Derive from it or write any class with the same two methods. They are called on the thread of
    the call that decides, and may be called from several threads at once. What they raise is
    logged and counts as "nothing stored" or "not stored"; the decision stands.

    A record is a dictionary with ``userId``, ``campaignKey``, ``variationName``, for goals that
    were tracked ``goalIdentifiers``, and where the call gave it ``metaData``.

    Source: VWO spec, section 4.
    """

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        """The record of this user and campaign, as given to `set`; None where there is none."""
        raise NotImplementedError

    def set(self, user_data: dict[str, Any]) -> None:
        """Keep a record, in place of the one of the same user and campaign."""
        raise NotImplementedError


class UserStorageLike(Protocol):
    """Any object that keeps records; see `UserStorage`."""

    def get(self, user_id: str, campaign_key: str, /) -> object:
        """The record of this user and campaign."""

    def set(self, user_data: dict[str, Any], /) -> object:
        """Keep a record."""


def read_record(storage: UserStorageLike, user_id: str, campaign_key: str, log: Log) -> object:
    """What the storage holds; None where it raises."""
    try:
        return plain(storage.get(user_id, campaign_key))
    except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
        log.exception_of("user_storage.get", error)
        return None


def write_record(storage: UserStorageLike, record: dict[str, object], log: Log) -> None:
    """Keep a record; the decision stands where the storage raises."""
    try:
        storage.set(record)
    except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
        log.exception_of("user_storage.set", error)
