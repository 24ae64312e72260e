"""The caller's memory of past decisions, and calling it safely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from sortition._base.options import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._base.log import Log


class UserStorage:
    """Keeps what users were given, so that a user stays where they are when settings change.

    Derive from it or write any class with the same two methods. They are called on the thread of
    the call that decides, and may be called from several threads at once. What they raise is
    logged and counts as "nothing stored" or "not stored"; the decision stands.

    A storage may have a third method, ``get_many(user_id, campaign_keys)``, which returns a
    dictionary of records by campaign key: it is called where several are needed at once, for a
    group of campaigns.

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


def read_records(
    storage: UserStorageLike, user_id: str, campaign_keys: Sequence[str], log: Log
) -> dict[str, object]:
    """What the storage holds, by campaign key; None where there is nothing and where it raises.

    Several are asked for at once where the storage has a method ``get_many``.
    """
    get_many = getattr(storage, "get_many", None) if len(campaign_keys) > 1 else None
    if callable(get_many):
        try:
            found = plain(get_many(user_id, list(campaign_keys)))
        except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
            log.exception_of("user_storage.get_many", error)
            found = {}
        if isinstance(found, dict):
            return {key: _read(found, key, log) for key in campaign_keys}
    return {key: _read_one(storage, user_id, key, log) for key in campaign_keys}


def _read(records: dict[str, object], campaign_key: str, log: Log) -> object:
    try:
        return plain(records.get(campaign_key))
    except Exception as error:  # noqa: BLE001 -- as above
        log.exception_of("user_storage.get_many", error)
        return None


def _read_one(storage: UserStorageLike, user_id: str, campaign_key: str, log: Log) -> object:
    try:
        return plain(storage.get(user_id, campaign_key))
    except Exception as error:  # noqa: BLE001 -- as above
        log.exception_of("user_storage.get", error, "which counts as no record")
        return None


def write_record(storage: UserStorageLike, record: dict[str, object], log: Log) -> None:
    """Keep a record; the decision stands where the storage raises."""
    try:
        storage.set(record)
    except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
        log.exception_of("user_storage.set", error)
