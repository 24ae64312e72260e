"""Each storage that is ready to use, over a backend of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.backends import redis_server
from support.storages import Awaited

from sortition import storages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SHARED = [
    "sqlite",
    pytest.param("redis", marks=pytest.mark.system),
    pytest.param("async redis", marks=pytest.mark.system),
]
"""Those that processes can share."""


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


def maker(request: pytest.FixtureRequest, folder: Path) -> Callable[[], Any]:
    """What makes a storage, each time over the same records, which no other test sees."""
    if request.param == "memory":
        return storages.MemoryStorage
    if request.param == "sqlite":
        return lambda: storages.SQLiteStorage(folder / "records.db")
    url, prefix = request.getfixturevalue("redis_url"), f"{folder}:"
    if request.param == "redis":
        return lambda: storages.RedisStorage(url, prefix=prefix)
    return lambda: Awaited(storages.AsyncRedisStorage(url, prefix=prefix))


@pytest.fixture(params=SHARED)
def make_shared(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Any]:
    """Makes storages over the same records."""
    return maker(request, tmp_path)


@pytest.fixture(params=["memory", *SHARED])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Each storage; an asynchronous one as a synchronous one that awaits it."""
    one = maker(request, tmp_path)()
    yield one
    close = getattr(one, "close", None)
    if close is not None:
        close()
