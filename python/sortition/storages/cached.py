"""A cache in front of another user storage."""

from __future__ import annotations

import inspect
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sortition._base.clock import now_s
from sortition._base.errors import OptionTypeError
from sortition._base.options import kind, plain
from sortition._process.forks import PerProcess
from sortition.storages.merging import copied, merged_profile, merged_record
from sortition.storages.options import positive_number, positive_seconds
from sortition.storages.profile import UserProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sortition.storages.profile import UserProfileLike

DEFAULT_USERS: Final = 100_000
DEFAULT_TTL_S: Final = 60.0
_PROFILE: Final = None
"""The key of a user's profile among their records, which have the keys of campaigns."""


class _Cache:
    """Records of a limited number of users, each kept for a limited time."""

    def __init__(self, max_users: int, ttl_s: float) -> None:
        self._max_users = positive_number("max_users", max_users)
        self._ttl_s = positive_seconds("ttl_s", ttl_s)
        self._users: OrderedDict[str, dict[str | None, tuple[Any, float]]] = OrderedDict()
        # Reentrant: a signal handler may call the client within any of these lines.
        self._lock = PerProcess(threading.RLock)

    def get(self, user_id: str, key: str | None) -> Any:
        """The cached record; None without one."""
        with self._lock.get():
            return self._live(user_id, key)

    def _live(self, user_id: str, key: str | None) -> Any:
        known = self._users.get(user_id)
        if known is None:
            return None
        self._users.move_to_end(user_id)
        value, until = known.get(key, (None, 0.0))
        return value if now_s() < until else None

    def fill(self, user_id: str, key: str | None, value: Any) -> None:
        """Keep what was read, unless something newer was written since the reading began."""
        with self._lock.get():
            if self._live(user_id, key) is None:
                self._put(user_id, key, value)

    def add(
        self, user_id: str, key: str | None, value: Any, merged: Callable[[Any, Any], Any]
    ) -> None:
        """Keep what was written, merged with what another thread wrote meanwhile."""
        with self._lock.get():
            self._put(user_id, key, merged(self._live(user_id, key), value))

    def _put(self, user_id: str, key: str | None, value: Any) -> None:
        known = self._users.get(user_id)
        if known is None:
            known = self._users[user_id] = {}
            if len(self._users) > self._max_users:
                self._users.popitem(last=False)
        known[key] = (value, now_s() + self._ttl_s)

    def drop(self, user_id: str, key: str | None) -> None:
        """Forget it: nobody knows what the storage holds."""
        with self._lock.get():
            self._users.get(user_id, {}).pop(key, None)


class _Cached:
    """The common part of both kinds of caches."""

    merges_marks: Final = True

    def __init__(self, inner: Any, max_users: int, ttl_s: float, *, is_async: bool) -> None:
        method = getattr(inner, "get", None) or getattr(inner, "look_up", None)
        if not callable(method):
            raise OptionTypeError(f"inner: must be a user storage, got {kind(inner)}")
        if inspect.iscoroutinefunction(method) != is_async:
            words = "has no async methods: wrap it in CachedStorage"
            if not is_async:
                words = "has async methods: wrap it in AsyncCachedStorage"
            raise OptionTypeError(f"inner: {words}")
        self._inner = inner
        self._cache = _Cache(max_users, ttl_s)
        # One that does is not asked before each write.
        self._inner_merges = bool(getattr(inner, "merges_marks", False))

    def __repr__(self) -> str:
        # The inner storage's own repr may show records or a password.
        return f"{type(self).__name__}({type(self._inner).__name__})"

    def _fill(self, user_id: str, campaign_key: str, found: object) -> object:
        record = plain(found)
        if isinstance(record, dict) and record:
            self._cache.fill(user_id, campaign_key, copied(record))
        return record

    def _known(self, user_id: str, campaign_keys: Sequence[str]) -> dict[str, object]:
        known = {key: self._cache.get(user_id, key) for key in campaign_keys}
        return {key: copied(record) for key, record in known.items() if record is not None}

    def _must_read(self, user_id: str, key: str | None) -> bool:
        """Whether the storage is to be read before a write: what is known of it may be old."""
        return not self._inner_merges and self._cache.get(user_id, key) is not None


class CachedStorage(_Cached):
    """Keeps what another user storage answered in memory for a while, for both platforms.

    Only what is found is kept: a user without a record is asked for each time. Within `ttl_s` this
    process does not see what others write, so a goal that another process tracked may count once
    more. Before a write it reads the inner storage again, unless that one merges marks. If it
    does not, two writes of one user at the same moment may still cost a mark. Safe to use from any
    number of threads.
    """

    def __init__(
        self, inner: Any, max_users: int = DEFAULT_USERS, ttl_s: float = DEFAULT_TTL_S
    ) -> None:
        """Make one.

        Args:
            inner: The storage that keeps the records.
            max_users: How many users to remember, at least 1. The least recently used one is
                forgotten first.
            ttl_s: How long to believe an answer, in seconds.

        Raises:
            OptionError: An option cannot be used; the message names it.
        """
        super().__init__(inner, max_users, ttl_s, is_async=False)

    def get(self, user_id: str, campaign_key: str) -> object:
        """The record of this user and campaign; None if there is none."""
        known = self._cache.get(user_id, campaign_key)
        if known is not None:
            return copied(known)
        return self._fill(user_id, campaign_key, self._inner.get(user_id, campaign_key))

    def get_many(self, user_id: str, campaign_keys: Sequence[str]) -> dict[str, object]:
        """The records of this user and these campaigns, by campaign key."""
        found = self._known(user_id, campaign_keys)
        missing = [key for key in campaign_keys if key not in found]
        get_many = getattr(self._inner, "get_many", None)
        if len(missing) > 1 and get_many is not None:
            several = get_many(user_id, missing)
            if isinstance(several, Mapping):
                rest = {key: self._fill(user_id, key, several.get(key)) for key in missing}
                return {**found, **rest}
        return {**found, **{key: self.get(user_id, key) for key in missing}}

    def set(self, user_data: Mapping[str, Any]) -> None:
        """Keep a record in the inner storage, and in memory."""
        user_id, key = user_data["userId"], user_data["campaignKey"]
        record = copied(merged_record(self._cache.get(user_id, key), user_data))
        try:
            if self._must_read(user_id, key):
                record = merged_record(plain(self._inner.get(user_id, key)), record)
            self._inner.set(record)
        except BaseException:
            self._cache.drop(user_id, key)
            raise
        self._cache.add(user_id, key, record, merged_record)

    def look_up(self, user_id: str) -> object:
        """The PageSense profile of this user, as JSON text; None if there is none."""
        known = self._cache.get(user_id, _PROFILE)
        if known is not None:
            return known
        found = self._inner.look_up(user_id)
        if isinstance(found, str) and found:
            self._cache.fill(user_id, _PROFILE, found)
        return found

    def save(self, user_profile: UserProfileLike) -> None:
        """Keep a PageSense profile in the inner storage, and in memory."""
        user_id = user_profile.get_user_id()
        known = self._cache.get(user_id, _PROFILE)
        text = merged_profile(known, user_profile.get_user_profile_json_string())
        try:
            if self._must_read(user_id, _PROFILE):
                text = merged_profile(self._inner.look_up(user_id), text)
            self._inner.save(UserProfile(user_id, text))
        except BaseException:
            self._cache.drop(user_id, _PROFILE)
            raise
        self._cache.add(user_id, _PROFILE, text, merged_profile)


class AsyncCachedStorage(_Cached):
    """The same as `CachedStorage` in front of an asynchronous storage."""

    def __init__(
        self, inner: Any, max_users: int = DEFAULT_USERS, ttl_s: float = DEFAULT_TTL_S
    ) -> None:
        """Make one.

        Args:
            inner: The storage that keeps the records; its methods are async.
            max_users: As for `CachedStorage`.
            ttl_s: As for `CachedStorage`.

        Raises:
            OptionError: An option cannot be used; the message names it.
        """
        super().__init__(inner, max_users, ttl_s, is_async=True)

    async def get(self, user_id: str, campaign_key: str) -> object:
        """As `CachedStorage.get`."""
        known = self._cache.get(user_id, campaign_key)
        if known is not None:
            return copied(known)
        return self._fill(user_id, campaign_key, await self._inner.get(user_id, campaign_key))

    async def get_many(self, user_id: str, campaign_keys: Sequence[str]) -> dict[str, object]:
        """As `CachedStorage.get_many`."""
        found = self._known(user_id, campaign_keys)
        missing = [key for key in campaign_keys if key not in found]
        get_many = getattr(self._inner, "get_many", None)
        if len(missing) > 1 and get_many is not None:
            several = await get_many(user_id, missing)
            if isinstance(several, Mapping):
                rest = {key: self._fill(user_id, key, several.get(key)) for key in missing}
                return {**found, **rest}
        return {**found, **{key: await self.get(user_id, key) for key in missing}}

    async def set(self, user_data: Mapping[str, Any]) -> None:
        """As `CachedStorage.set`."""
        user_id, key = user_data["userId"], user_data["campaignKey"]
        record = copied(merged_record(self._cache.get(user_id, key), user_data))
        try:
            if self._must_read(user_id, key):
                record = merged_record(plain(await self._inner.get(user_id, key)), record)
            await self._inner.set(record)
        except BaseException:
            self._cache.drop(user_id, key)
            raise
        self._cache.add(user_id, key, record, merged_record)

    async def look_up(self, user_id: str) -> object:
        """As `CachedStorage.look_up`."""
        known = self._cache.get(user_id, _PROFILE)
        if known is not None:
            return known
        found = await self._inner.look_up(user_id)
        if isinstance(found, str) and found:
            self._cache.fill(user_id, _PROFILE, found)
        return found

    async def save(self, user_profile: UserProfileLike) -> None:
        """As `CachedStorage.save`."""
        user_id = user_profile.get_user_id()
        known = self._cache.get(user_id, _PROFILE)
        text = merged_profile(known, user_profile.get_user_profile_json_string())
        try:
            if self._must_read(user_id, _PROFILE):
                text = merged_profile(await self._inner.look_up(user_id), text)
            await self._inner.save(UserProfile(user_id, text))
        except BaseException:
            self._cache.drop(user_id, _PROFILE)
            raise
        self._cache.add(user_id, _PROFILE, text, merged_profile)
