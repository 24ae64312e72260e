"""Each storage that is ready to use, over a backend of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine
from support.backends import postgres_server, redis_server
from support.storages import Awaited, Closed

from sortition import storages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHARED = [
    "sqlite",
    "cached sqlite",
    pytest.param("redis", marks=pytest.mark.system),
    pytest.param("async redis", marks=pytest.mark.system),
    "sqlalchemy sqlite",
    "async sqlalchemy sqlite",
    "async cached sqlalchemy sqlite",
    pytest.param("sqlalchemy postgresql", marks=pytest.mark.system),
    pytest.param("async sqlalchemy postgresql", marks=pytest.mark.system),
]
"""Those that processes can share."""


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    # Of the path of a socket the kernel takes about a hundred characters.
    with (
        tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder,
        postgres_server(Path(folder)) as url,
    ):
        yield url


def hurry(engine: Engine) -> Engine:
    """Have SQLite wait for no disk."""
    if engine.dialect.name == "sqlite":

        def configure(connection: Any, _: object) -> None:
            for words in ("journal_mode = WAL", "synchronous = OFF"):
                connection.execute(f"PRAGMA {words}")

        event.listen(engine, "connect", configure)
    return engine


def sqlalchemy_maker(request: pytest.FixtureRequest, name: str, folder: Path) -> Callable[[], Any]:
    is_async, is_sqlite = name.startswith("async "), name.endswith("sqlite")
    prefix = f"t{abs(hash(str(folder))):x}_"
    url = f"sqlite{'+aiosqlite' * is_async}:///{folder}/records.db"
    if not is_sqlite:
        url = request.getfixturevalue("postgres_url")

    def make() -> Any:
        if is_async:
            engine = create_async_engine(url)
            hurry(engine.sync_engine)
            inner = storages.AsyncSQLAlchemyStorage(engine, prefix)
            outer = storages.AsyncCachedStorage(inner) if "cached" in name else inner
            one: Any = Awaited(outer, engine.dispose, inner.create_tables)
        else:
            one = Closed(storages.SQLAlchemyStorage(hurry(create_engine(url)), prefix))
        one.create_tables()
        return one

    return make


def maker(request: pytest.FixtureRequest, folder: Path) -> Callable[[], Any]:
    """A factory of storages that share records with each other, but with no other test."""
    if request.param == "memory":
        return storages.MemoryStorage
    if request.param == "sqlite":
        return lambda: storages.SQLiteStorage(folder / "records.db")
    if request.param == "cached sqlite":
        return lambda: storages.CachedStorage(storages.SQLiteStorage(folder / "records.db"))
    if "sqlalchemy" in request.param:
        return sqlalchemy_maker(request, request.param, folder)
    url, prefix = request.getfixturevalue("redis_url"), f"{folder}:"
    if request.param == "redis":
        return lambda: storages.RedisStorage(url, prefix=prefix)

    def make() -> Any:
        one = storages.AsyncRedisStorage(url, prefix=prefix)
        return Awaited(one, one.aclose)

    return make


FORKABLE = ["memory", *(one for one in SHARED if "sqlalchemy sqlite" not in str(one))]
"""Those that a process with threads may fork: SQLite's connections must be known for that."""


@pytest.fixture(params=FORKABLE)
def forkable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Each storage that other threads may use during a fork."""
    one = maker(request, tmp_path)()
    yield one
    close = getattr(one, "close", None)
    if close is not None:
        close()


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
