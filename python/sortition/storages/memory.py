"""A user storage in the memory of one process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from sortition._process.forks import PerProcess
from sortition.storages.merging import copied, merged_profile, merged_record
from sortition.storages.options import positive_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sortition.storages.profile import UserProfileLike


class _User:
    """The records of one user."""

    __slots__ = ("profile", "records")

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.profile: str | None = None


class MemoryStorage:
    """Keeps the records of a limited number of users in memory, for both platforms.

    When one more comes, the least recently used one is forgotten. Nothing survives the
    process, and processes share nothing: use it in tests, and in services of a single process that
    may forget. Safe to use from any number of threads. A forked child begins with what its parent
    had.

    Attributes:
        never_blocks: True: an async client calls it without a thread.
        merges_marks: True: it keeps the marks of all writers of a record.
    """

    never_blocks = True
    merges_marks: Final = True

    def __init__(self, max_users: int = 100_000) -> None:
        """Make an empty one.

        Args:
            max_users: How many users to remember, at least 1.

        Raises:
            OptionError: `max_users` is no such number.
        """
        self._max_users = positive_number("max_users", max_users)
        self._users: OrderedDict[str, _User] = OrderedDict()
        # Reentrant: a signal handler may call the client within any of these lines.
        self._lock = PerProcess(threading.RLock)

    def __repr__(self) -> str:
        return f"MemoryStorage(max_users={self._max_users})"

    def __len__(self) -> int:
        """How many users it remembers."""
        return len(self._users)

    def __bool__(self) -> bool:
        """True, even if it is empty."""
        return True

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        """The record of this user and campaign, a copy; None if there is none."""
        with self._lock.get():
            user = self._known(user_id)
            record = None if user is None else user.records.get(campaign_key)
            return None if record is None else copied(record)

    def get_many(
        self, user_id: str, campaign_keys: Sequence[str]
    ) -> dict[str, dict[str, Any] | None]:
        """The records of this user and these campaigns, by campaign key."""
        return {key: self.get(user_id, key) for key in campaign_keys}

    def set(self, user_data: Mapping[str, Any]) -> None:
        """Keep a copy of a record, with the goals that the stored one has."""
        campaign_key = user_data["campaignKey"]
        with self._lock.get():
            records = self._remembered(user_data["userId"]).records
            merged = merged_record(records.get(campaign_key), user_data)
            records[campaign_key] = copied(merged)

    def look_up(self, user_id: str) -> str | None:
        """The PageSense profile of this user, as JSON text; None if there is none."""
        with self._lock.get():
            user = self._known(user_id)
            return None if user is None else user.profile

    def save(self, user_profile: UserProfileLike) -> None:
        """Keep a PageSense profile, with the assignments that only the stored one has."""
        text = user_profile.get_user_profile_json_string()
        with self._lock.get():
            user = self._remembered(user_profile.get_user_id())
            user.profile = merged_profile(user.profile, text)

    def clear(self) -> None:
        """Forget everyone."""
        with self._lock.get():
            self._users.clear()

    def _known(self, user_id: str) -> _User | None:
        user = self._users.get(user_id)
        if user is not None:
            self._users.move_to_end(user_id)
        return user

    def _remembered(self, user_id: str) -> _User:
        user = self._known(user_id)
        if user is None:
            user = self._users[user_id] = _User()
            if len(self._users) > self._max_users:
                self._users.popitem(last=False)
        return user
