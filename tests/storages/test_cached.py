"""The cache in front of a storage: what it believes, for how long, and what it never loses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from support.storages import keys_of, profile, record

from sortition import OptionError
from sortition.storages import AsyncCachedStorage, CachedStorage, MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition.storages.profile import UserProfile


class Inner:
    """A storage that replaces what it holds, and counts how often it is asked."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.profiles: dict[str, str] = {}
        self.asked: list[str] = []
        self.fails = False

    def _ask(self, method: str) -> None:
        self.asked.append(method)
        if self.fails:
            raise ConnectionError

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        self._ask("get")
        return self.records.get((user_id, campaign_key))

    def get_many(self, user_id: str, campaign_keys: list[str]) -> dict[str, Any]:
        self._ask("get_many")
        return {key: self.records.get((user_id, key)) for key in campaign_keys}

    def set(self, user_data: dict[str, Any]) -> None:
        self._ask("set")
        self.records[user_data["userId"], user_data["campaignKey"]] = user_data

    def look_up(self, user_id: str) -> str | None:
        self._ask("look_up")
        return self.profiles.get(user_id)

    def save(self, user_profile: UserProfile) -> None:
        self._ask("save")
        self.profiles[user_profile.get_user_id()] = user_profile.get_user_profile_json_string()


class AsyncInner(Inner):
    """The same with async methods."""

    async def get(self, *given: Any) -> Any:  # type: ignore[override]
        return super().get(*given)

    async def get_many(self, *given: Any) -> Any:  # type: ignore[override]
        return super().get_many(*given)

    async def set(self, *given: Any) -> None:  # type: ignore[override]
        super().set(*given)

    async def look_up(self, *given: Any) -> Any:  # type: ignore[override]
        return super().look_up(*given)

    async def save(self, *given: Any) -> None:  # type: ignore[override]
        super().save(*given)


class Cache:
    """A cache over an inner storage, synchronous or not, in the same words."""

    def __init__(self, *, is_async: bool, **options: Any) -> None:
        self.inner: Any = AsyncInner() if is_async else Inner()
        kind: Callable[..., Any] = AsyncCachedStorage if is_async else CachedStorage
        self.storage = kind(self.inner, **options)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.storage, name)

        def call(*given: Any) -> Any:
            answer = method(*given)
            return asyncio.run(answer) if asyncio.iscoroutine(answer) else answer

        return call


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Callable[..., Cache]:
    return lambda **options: Cache(is_async=request.param, **options)


def test_what_was_found_is_not_asked_for_again(make: Callable[..., Cache]) -> None:
    cache = make()
    cache.inner.records["Ann", "checkout"] = record()
    cache.inner.profiles["Ann"] = profile("Ann", "1").get_user_profile_json_string()
    for _ in range(3):
        assert cache.get("Ann", "checkout") == record()
        assert keys_of(cache.look_up("Ann")) == ["1"]
    assert cache.inner.asked == ["get", "look_up"]


def test_what_was_not_found_is_asked_for_each_time(make: Callable[..., Cache]) -> None:
    """Another process may have stored it meanwhile."""
    cache = make()
    assert cache.get("Ann", "checkout") is None
    assert cache.look_up("Ann") is None
    cache.inner.records["Ann", "checkout"] = record()
    cache.inner.profiles["Ann"] = profile("Ann", "1").get_user_profile_json_string()
    assert cache.get("Ann", "checkout") == record()
    assert keys_of(cache.look_up("Ann")) == ["1"]


def test_only_what_is_missing_is_asked_for_of_several(make: Callable[..., Cache]) -> None:
    cache = make()
    for key in "abcd":
        cache.set(record(campaign_key=key))
    cache.inner.records["Ann", "e"] = record(campaign_key="e")
    cache.inner.asked.clear()
    assert cache.get_many("Ann", list("abcd")) == {key: record(campaign_key=key) for key in "abcd"}
    assert cache.inner.asked == []
    assert cache.get_many("Ann", ["a", "e", "f"])["e"] == record(campaign_key="e")
    assert cache.get_many("Ann", ["a", "e"])["e"] == record(campaign_key="e")
    assert cache.inner.asked == ["get_many"]


def test_what_is_too_old_is_asked_for_again(
    make: Callable[..., Cache], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("sortition.storages.cached.now_s", lambda: now)
    cache = make(ttl_s=10)
    cache.set(record())
    cache.inner.records["Ann", "checkout"] = record(goals="a")
    now = 1009.0
    assert cache.get("Ann", "checkout") == record()
    now = 1010.0
    assert cache.get("Ann", "checkout") == record(goals="a")


def test_no_more_users_than_allowed(make: Callable[..., Cache]) -> None:
    cache = make(max_users=2)
    for name in ("Ann", "Bob", "Eve"):
        cache.set(record(name))
    cache.inner.asked.clear()
    for name in ("Eve", "Bob"):
        assert cache.get(name, "checkout") == record(name)
    assert cache.inner.asked == []
    assert cache.get("Ann", "checkout") == record("Ann")
    assert cache.inner.asked == ["get"]


def test_a_mark_of_another_process_is_not_lost(make: Callable[..., Cache]) -> None:
    """Also where what is known is old, and the inner storage only replaces."""
    cache = make()
    cache.set(record())
    cache.save(profile("Ann", "1"))
    cache.inner.records["Ann", "checkout"] = record(goals="a")
    cache.inner.profiles["Ann"] = profile("Ann", "1", "2").get_user_profile_json_string()
    cache.set(record(goals="b"))
    cache.save(profile("Ann", "3"))
    assert cache.inner.records["Ann", "checkout"] == record(goals="a_vwo_b")
    assert cache.get("Ann", "checkout") == record(goals="a_vwo_b")
    assert set(keys_of(cache.inner.profiles["Ann"])) == {"1", "2", "3"}
    assert set(keys_of(cache.look_up("Ann"))) == {"1", "2", "3"}


def test_what_could_not_be_written_is_not_believed(make: Callable[..., Cache]) -> None:
    """The error is the caller's to hear, and the next read asks the storage."""
    cache = make()
    cache.set(record())
    cache.save(profile("Ann", "1"))
    cache.inner.fails = True
    with pytest.raises(ConnectionError):
        cache.set(record(goals="a"))
    with pytest.raises(ConnectionError):
        cache.save(profile("Ann", "2"))
    cache.inner.fails = False
    assert cache.get("Ann", "checkout") == record()
    assert keys_of(cache.look_up("Ann")) == ["1"]


@pytest.mark.parametrize("found", [b"bytes", "text", [1], 5, {}])
def test_junk_is_passed_on_and_not_kept(make: Callable[..., Cache], found: Any) -> None:
    cache = make()
    cache.inner.records["Ann", "checkout"] = found
    for _ in range(2):
        assert cache.get("Ann", "checkout") == found
    assert cache.inner.asked == ["get", "get"]


def test_one_that_merges_by_itself_is_not_read_before_a_write() -> None:
    class Counting(MemoryStorage):
        reads = 0

        def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
            self.reads += 1
            return super().get(user_id, campaign_key)

    inner = Counting()
    cache = CachedStorage(inner)
    cache.set(record())
    cache.set(record(goals="a"))
    assert inner.reads == 0
    assert inner.get("Ann", "checkout") == record(goals="a")


def test_the_other_kind_of_storage_is_refused() -> None:
    with pytest.raises(OptionError, match="inner: has async methods: wrap it in AsyncCached"):
        CachedStorage(AsyncInner())
    with pytest.raises(OptionError, match="inner: has no async methods: wrap it in CachedStorage"):
        AsyncCachedStorage(Inner())
    with pytest.raises(OptionError, match="inner: must be a user storage, got int"):
        CachedStorage(5)
    for option in ("max_users", "ttl_s"):
        with pytest.raises(OptionError, match=f"{option}: must be"):
            CachedStorage(Inner(), **{option: 0})
