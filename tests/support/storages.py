"""Records for storages to keep, and asynchronous storages in synchronous tests."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from typing import TYPE_CHECKING, Any, Final

from sortition._process.forks import PerProcess
from sortition.storages.profile import UserProfile
from support.sink import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

SOAK: Final = bool(os.environ.get("SORTITION_SOAK"))
RACES: Final = 10_000 if SOAK else 40
"""How often two writers meet at one record."""


class Awaited:
    """An asynchronous storage as a synchronous one: an event loop of its own awaits each call."""

    def __init__(
        self,
        storage: Any,
        close: Callable[[], Coroutine[Any, Any, None]],
        create_tables: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self.storage = storage
        self._close = close
        self._create_tables = create_tables
        # A child makes its own: it has none of its parent's threads.
        self._loop = PerProcess(_running_loop)

    def _await(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop.get()).result(60)

    def get(self, user_id: str, campaign_key: str) -> Any:
        return self._await(self.storage.get(user_id, campaign_key))

    def get_many(self, user_id: str, campaign_keys: Sequence[str]) -> Any:
        return self._await(self.storage.get_many(user_id, campaign_keys))

    def set(self, record: dict[str, Any]) -> None:
        self._await(self.storage.set(record))

    def look_up(self, user_id: str) -> Any:
        return self._await(self.storage.look_up(user_id))

    def save(self, profile: UserProfile) -> None:
        self._await(self.storage.save(profile))

    def create_tables(self) -> None:
        assert self._create_tables is not None
        self._await(self._create_tables())

    def close(self) -> None:
        self._await(self._close())
        loop = self._loop.get()
        loop.call_soon_threadsafe(loop.stop)
        wait_until(lambda: not loop.is_running())
        loop.close()


class Closed:
    """A storage over an engine of SQLAlchemy, which is closed together with it."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def close(self) -> None:
        self._storage._engine.dispose()


def _running_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


def record(
    user_id: str = "Ann",
    campaign_key: str = "checkout",
    variation: str = "Control",
    goals: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A record as a VWO client gives it to ``set``."""
    found: dict[str, Any] = {
        "userId": user_id,
        "campaignKey": campaign_key,
        "variationName": variation,
    }
    return {**found, **({} if goals is None else {"goalIdentifiers": goals}), **more}


def profile(user_id: str, *keys: str) -> UserProfile:
    """A profile as a PageSense client gives it to ``save``."""
    experiments = [{"experiment_key": key, "variation_key": "v"} for key in keys]
    return UserProfile(user_id, json.dumps({"user_id": user_id, "experiments": experiments}))


def keys_of(text: str | None) -> list[str]:
    """The keys of the experiments of a profile."""
    assert text is not None
    return [one["experiment_key"] for one in json.loads(text)["experiments"]]
