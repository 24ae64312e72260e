"""The storage in Redis: its keys, how long they are kept, and a server that goes and comes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
from support.backends import redis_server
from support.documents import settings
from support.storages import Awaited, profile, record

from sortition import OptionError, vwo
from sortition.storages import AsyncRedisStorage, RedisStorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def connection(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as one:
        one.flushdb()
        yield one


@pytest.mark.system
def test_keys_and_values(connection: redis.Redis, redis_url: str) -> None:
    """With an empty prefix they are those of `redis_creds`, and of the platform's SDK."""
    for prefix in ("sortition:", ""):
        storage = RedisStorage(redis_url, prefix=prefix)
        storage.set(record())
        storage.save(profile("Ann", "1"))
        found = connection.get(f"{prefix}checkout:Ann")
        assert isinstance(found, bytes)
        assert json.loads(found) == record()
        assert connection.exists(f"{prefix}:Ann")
        storage.close()
    assert RedisStorage(redis_url)._prefix == "sortition:"


@pytest.mark.system
def test_a_time_to_live_begins_with_each_write(connection: redis.Redis, redis_url: str) -> None:
    storage = RedisStorage(redis_url, ttl_s=3600)
    storage.set(record())
    storage.save(profile("Ann", "1"))
    for key in ("sortition:checkout:Ann", "sortition::Ann"):
        assert 3_500_000 < int(connection.pttl(key)) <= 3_600_000
        connection.pexpire(key, 1000_000)
    storage.set(record(goals="a"))
    assert int(connection.pttl("sortition:checkout:Ann")) > 3_500_000
    storage.close()
    for_ever = RedisStorage(redis_url)
    for_ever.set(record("Bob"))
    assert connection.pttl("sortition:checkout:Bob") == -1
    for_ever.close()


@pytest.mark.system
@pytest.mark.parametrize("decodes", [False, True])
def test_a_client_of_the_caller(connection: redis.Redis, redis_url: str, decodes: bool) -> None:
    """Also one that gives text in place of bytes."""
    with redis.Redis.from_url(redis_url, decode_responses=decodes) as client:
        storage = RedisStorage(client)
        storage.set(record(goals="a"))
        storage.set(record(goals="b"))
        assert storage.get("Ann", "checkout") == record(goals="a_vwo_b")
        assert storage.get_many("Ann", ["checkout", "x"])["x"] is None
        storage.save(profile("Ann", "1"))
        assert storage.look_up("Ann") == profile("Ann", "1").get_user_profile_json_string()
    assert connection.dbsize() == 2


@pytest.mark.system
def test_junk_is_returned_and_replaced(connection: redis.Redis, redis_url: str) -> None:
    """The client calls it text that is no record, and the next record takes its place."""
    storage = RedisStorage(redis_url)
    connection.set("sortition:checkout:Ann", b"{half")
    connection.set("sortition::Ann", b"\xff")
    assert storage.get("Ann", "checkout") == b"{half"
    assert storage.look_up("Ann") == b"\xff"
    storage.set(record())
    storage.save(profile("Ann", "1"))
    assert storage.get("Ann", "checkout") == record()
    assert storage.look_up("Ann") == profile("Ann", "1").get_user_profile_json_string()
    storage.close()


@pytest.mark.system
def test_reading_several_is_one_command(connection: redis.Redis, redis_url: str) -> None:
    storage = RedisStorage(redis_url)
    connection.config_resetstat()
    storage.get_many("Ann", [f"c{number}" for number in range(50)])
    stats: Any = connection.info("commandstats")
    assert stats["cmdstat_mget"]["calls"] == 1
    assert "cmdstat_get" not in stats
    storage.close()


@pytest.mark.system
def test_a_server_that_dies_comes_back_empty(tmp_path: Path) -> None:
    """Every call answers meanwhile; afterwards users are assigned and stored again."""
    with redis_server(tmp_path) as url:
        storage = RedisStorage(url)
        client = vwo.launch(settings(), user_storage=storage, is_development_mode=True)
        given = client.activate("checkout", "Ann")
        assert storage.get("Ann", "checkout")
    for number in range(10):
        assert client.activate("checkout", f"u{number}")
    assert client.status().reasons == ("the user storage is skipped: ConnectionError",)
    (tmp_path / "redis.sock").unlink(missing_ok=True)
    with redis_server(tmp_path):
        for operations in (client._storage_breaker.reads, client._storage_breaker.writes):
            operations._breaker.get()._paused_until = 0.0
        assert client.activate("checkout", "Ann") == given
        assert storage.get("Ann", "checkout")
        assert client.status().state == "ready"
        client.close()
        storage.close()


@pytest.mark.system
def test_an_asynchronous_one_serves_two_event_loops(redis_url: str) -> None:
    storage = AsyncRedisStorage(redis_url)
    one, other = Awaited(storage, storage.aclose), Awaited(storage, storage.aclose)
    one.set(record("Loop"))
    assert other.get("Loop", "checkout") == one.get("Loop", "checkout") == record("Loop")
    one.close()
    assert other.get("Loop", "checkout") == record("Loop")
    other.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"client_or_url": "ftp://nowhere"}, "client_or_url: is not the URL of a Redis server"),
        ({"client_or_url": None}, "client_or_url: must be a client of redis or a URL"),
        ({"client_or_url": 5}, "client_or_url: must be a client of redis or a URL, got int"),
        ({"client_or_url": redis.asyncio.Redis()}, "client_or_url: is a client for Async"),
        ({"ttl_s": 0}, "ttl_s: must be more than 0"),
        ({"ttl_s": "1"}, "ttl_s: must be a number"),
        ({"prefix": None}, "prefix: must be a string"),
    ],
)
def test_wrong_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        RedisStorage(**{"client_or_url": "redis://localhost", **options})


def test_a_synchronous_client_is_refused_by_the_asynchronous_storage() -> None:
    with pytest.raises(OptionError, match="client_or_url: is a client for RedisStorage"):
        AsyncRedisStorage(redis.Redis())  # type: ignore[arg-type]


def test_a_repr_holds_no_password() -> None:
    for kind in (RedisStorage, AsyncRedisStorage):
        assert "secret" not in repr(kind("redis://user:secret@localhost"))
