"""The ready storages with the async client: records and profiles are kept and found again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import uvloop
from sqlalchemy.ext.asyncio import create_async_engine
from support.documents import campaign, project, settings, variation

from sortition import pagesense, storages, vwo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

CONTROL_ONLY = [variation(1, "Control", 100), variation(2, "One page", 0)]
ONE_PAGE_ONLY = [variation(1, "Control", 0), variation(2, "One page", 100)]


async def sqlalchemy(folder: Path) -> AsyncIterator[Any]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'users.db'}")
    storage = storages.AsyncSQLAlchemyStorage(engine)
    await storage.create_tables()
    yield storage
    await engine.dispose()


async def cached(folder: Path) -> AsyncIterator[Any]:
    async for inner in sqlalchemy(folder):
        yield storages.AsyncCachedStorage(inner)


async def sqlite(folder: Path) -> AsyncIterator[Any]:
    yield storages.SQLiteStorage(folder / "users.db")


async def memory(_: Path) -> AsyncIterator[Any]:
    yield storages.MemoryStorage()


KINDS: list[Callable[[Path], AsyncIterator[Any]]] = [sqlalchemy, cached, sqlite, memory]


async def use(storage: Any) -> None:
    users = [f"user-{number}" for number in range(20)]
    options: dict[str, Any] = {
        "user_storage": storage,
        "is_development_mode": True,
        "storage_timeout_s": 30,
    }
    first = settings(campaign(variations=CONTROL_ONLY))
    async with await vwo.alaunch(first, **options) as client:
        given = await asyncio.gather(*(client.activate("checkout", user) for user in users))
        assert set(given) == {"Control"}
    # With other weights they stay where they are.
    later = settings(campaign(variations=ONE_PAGE_ONLY))
    async with await vwo.alaunch(later, **options) as client:
        again = await asyncio.gather(*(client.activate("checkout", user) for user in users))
        assert set(again) == {"Control"}
        tracked = [await client.track("checkout", users[0], "purchase") for _ in range(2)]
        # A goal is credited once.
        assert tracked == [{"checkout": True}, {"checkout": False}]
        assert client.stats().storage_findings == {}
    async with await pagesense.alaunch(project(), data_center="EU", **options) as other:
        shown = await other.activate_experiment("Test 1", "Ann")
        assert await other.get_variation_name("Test 1", "Ann") == shown
        explained = await other.explain("Test 1", "Ann")
        assert "the user storage holds this variation" in str(explained)
        assert other.stats().storage_findings == {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_user_stays_where_they_are(
    kind: Callable[[Path], AsyncIterator[Any]],
    run: Callable[[Coroutine[Any, Any, None]], None],
    tmp_path: Path,
) -> None:
    async def work() -> None:
        async for storage in kind(tmp_path):
            await use(storage)

    run(work())
