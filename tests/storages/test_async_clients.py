"""Async clients of both platforms with the asynchronous storages that are ready to use."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from support.documents import campaign, experiment, project, settings, variation

from sortition import pagesense, storages, vwo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

ONE_PAGE = [variation(1, "Control", 0), variation(2, "One page", 100)]
CONTROL = [variation(1, "Control", 100), variation(2, "One page", 0)]
KINDS = [
    "sqlite",
    "cached sqlite",
    pytest.param("redis", marks=pytest.mark.system),
    pytest.param("postgresql", marks=pytest.mark.system),
]


@pytest.fixture(params=KINDS)
def opened(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[], Awaitable[tuple[Any, Callable[[], Awaitable[None]]]]]:
    """Opens a storage on the running loop, and what closes it."""
    kind = request.param
    url = f"sqlite+aiosqlite:///{tmp_path}/records.db"
    if kind in ("redis", "postgresql"):
        url = request.getfixturevalue("redis_url" if kind == "redis" else "postgres_url")

    async def open_one() -> tuple[Any, Callable[[], Awaitable[None]]]:
        if kind == "redis":
            in_redis = storages.AsyncRedisStorage(url, prefix=f"{tmp_path}:")
            return in_redis, in_redis.aclose
        engine = create_async_engine(url)
        prefix = f"a{abs(hash(str(tmp_path))):x}_"
        in_database = storages.AsyncSQLAlchemyStorage(engine, prefix)
        await in_database.create_tables()
        if kind.startswith("cached"):
            return storages.AsyncCachedStorage(in_database), engine.dispose
        return in_database, engine.dispose

    return open_one


def test_a_vwo_user_keeps_their_variation_and_converts_once(
    opened: Callable[[], Awaitable[Any]],
) -> None:
    async def run() -> None:
        storage, close = await opened()
        try:
            document = settings(campaign(variations=ONE_PAGE))
            async with await vwo.alaunch(
                document, user_storage=storage, is_development_mode=True
            ) as client:
                assert await client.activate("checkout", "Ann") == "One page"
                assert await client.track("checkout", "Ann", "purchase")
                assert not await client.track("checkout", "Ann", "purchase")
            changed = settings(campaign(variations=CONTROL))
            async with await vwo.alaunch(
                changed, user_storage=storage, is_development_mode=True
            ) as client:
                assert await client.activate("checkout", "Ann") == "One page"
                assert await client.activate("checkout", "Bob") == "Control"
                assert client.stats().storage_findings == {}
        finally:
            await close()

    asyncio.run(run())


def test_a_pagesense_user_keeps_their_variation(opened: Callable[[], Awaitable[Any]]) -> None:
    async def run() -> None:
        storage, close = await opened()
        try:
            async with await pagesense.alaunch(
                settings=project(experiment()), user_storage=storage, is_development_mode=True
            ) as client:
                name = "Test 1"
                given = await client.activate_experiment(name, "Ann")
                assert given is not None
                explained = await client.explain(name, "Ann")
                assert explained is not None
                assert (explained.variation, explained.reason) == (given, "stored")
                assert client.stats().storage_findings == {}
        finally:
            await close()

    asyncio.run(run())
