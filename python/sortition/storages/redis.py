"""User storages in Redis, and the platform's launch option ``redis_creds``."""

from __future__ import annotations

import importlib
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from sortition._base.errors import OptionError, OptionTypeError
from sortition._base.options import ensure_known, kind, of_type
from sortition._process.forks import Forks
from sortition.storages.changing import BUSY, MOST_TRIES, change_to
from sortition.storages.merging import merged_profile
from sortition.storages.options import positive_seconds
from sortition.storages.text import record_of, storable

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import redis
    import redis.asyncio

    from sortition.storages.profile import UserProfileLike

DEFAULT_PREFIX: Final = "sortition:"
_KNOWN: Final = ("url", "user_id", "password")
# On the path of the caller's request; a Redis that takes longer counts as one that fails.
_TIMEOUT_S: Final = 1.0
_NEEDED: Final = "requires the package redis: install sortition with its extra, sortition[redis]"
# Sets a value if the known one is still there. Otherwise returns the current one.
_SET_IF_KNOWN: Final = """
local found = redis.call('GET', KEYS[1])
if (found or '') ~= ARGV[1] then return found or '' end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return false
"""


class _Keys:
    """The keys of records and their time to live, the same for both kinds of clients.

    A record is JSON under ``PREFIX CAMPAIGN:USER``, a PageSense profile is under ``PREFIX :USER``.
    A colon or percent sign in a campaign's key is written as in a URL, so that no two users share a
    key.
    """

    merges_marks: Final = True

    def __init__(self, ttl_s: float | None, prefix: str) -> None:
        self._prefix = of_type("prefix", prefix, str, "a string")
        seconds = None if ttl_s is None else positive_seconds("ttl_s", ttl_s)
        self._lifetime = "" if seconds is None else str(max(1, round(seconds * 1000)))

    def _record_key(self, user_id: str, campaign_key: str) -> str:
        campaign = storable(campaign_key).replace("%", "%25").replace(":", "%3A")
        return f"{self._prefix}{campaign}:{storable(user_id)}"

    def _profile_key(self, user_id: str) -> str:
        return f"{self._prefix}:{storable(user_id)}"

    def _of_record(self, user_data: Mapping[str, Any]) -> tuple[str, Callable[[object], str]]:
        """The key of a record, and what is to be written over what is there."""
        change = change_to(user_data)
        return self._record_key(user_data["userId"], user_data["campaignKey"]), change

    def _of_profile(self, profile: UserProfileLike) -> tuple[str, Callable[[object], str]]:
        """The same for a profile."""
        text = profile.get_user_profile_json_string()
        key = self._profile_key(profile.get_user_id())
        return key, lambda stored: merged_profile(_decoded(stored), text)


class RedisStorage(_Keys):
    """Keeps records in Redis, for both platforms.

    Reading the records of several campaigns is one exchange. Writing is one for a new record, and
    another one if there is a record already: it is written only if nobody changed it meanwhile,
    and what another process has added stays. Safe to use from any number of threads and processes;
    connections are made at first use and belong to the process that made them.
    """

    def __init__(
        self,
        client_or_url: redis.Redis | str,
        ttl_s: float | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        """Make one; nothing is connected yet.

        Args:
            client_or_url: A ``redis.Redis``, or the URL of a server, such as
                ``redis://localhost:6379/0``. With a URL, connecting and each wait for an answer
                take a second at most.
            ttl_s: How long a record is kept after it was last written, in seconds; None for ever.
            prefix: What every key begins with.

        Raises:
            OptionError: An option cannot be used; the message names it.
        """
        super().__init__(ttl_s, prefix)
        if isinstance(client_or_url, str):
            url = client_or_url
            name = "client_or_url"
            self._make = lambda: cast("redis.Redis", _connecting(url, "redis", name, name))
        else:
            client = cast("redis.Redis", _checked(client_or_url, "redis"))
            self._make = lambda: client
        # In a child, locks of its parent's client may be held for ever, and closing that client
        # would take them. With a URL, the child makes a client of its own and leaves the
        # other alone. A client that was given is used in the child, too.
        self._clients = {Forks.count: self._make()}  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        # The client's own repr may hold a password.
        return f"RedisStorage(prefix={self._prefix!r})"

    def get(self, user_id: str, campaign_key: str) -> object:
        """The record of this user and campaign; None if there is none."""
        return record_of(self._here().get(self._record_key(user_id, campaign_key)))

    def get_many(self, user_id: str, campaign_keys: Sequence[str]) -> dict[str, object]:
        """The records of this user and these campaigns, by campaign key, in one exchange."""
        if not campaign_keys:
            return {}
        keys = [self._record_key(user_id, key) for key in campaign_keys]
        return _records(campaign_keys, cast("Iterable[object]", _mget_of(self._here())(keys)))

    def set(self, user_data: Mapping[str, Any]) -> None:
        """Keep a record, with the goals that the stored one has."""
        self._change(*self._of_record(user_data))

    def look_up(self, user_id: str) -> object:
        """The PageSense profile of this user, as JSON text; None if there is none."""
        return _decoded(self._here().get(self._profile_key(user_id)))

    def save(self, user_profile: UserProfileLike) -> None:
        """Keep a PageSense profile, with the assignments that only the stored one has."""
        self._change(*self._of_profile(user_profile))

    def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        self._here().close()

    def _here(self) -> redis.Redis:
        """The client of this process."""
        client = self._clients.get(Forks.count)
        return self._clients.setdefault(Forks.count, self._make()) if client is None else client  # type: ignore[no-untyped-call]

    def _change(self, key: str, change: Callable[[object], str]) -> None:
        known: Any = ""
        for _ in range(MOST_TRIES):
            new = change(known or None)
            known = self._here().eval(_SET_IF_KNOWN, 1, key, known, new, self._lifetime)
            if known is None:
                return
        raise RuntimeError(BUSY)


class AsyncRedisStorage(_Keys):
    """The same as `RedisStorage` for an asynchronous client, over ``redis.asyncio``.

    Made with a URL it serves any number of event loops, with connections of their own. A client
    that is given belongs to the loop that it was first used on.
    """

    def __init__(
        self,
        client_or_url: redis.asyncio.Redis | str,
        ttl_s: float | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        """Make one; nothing is connected yet.

        Args:
            client_or_url: A ``redis.asyncio.Redis``, or the URL of a server. With a URL, connecting
                and each wait for an answer take a second at most.
            ttl_s: As for `RedisStorage`.
            prefix: As for `RedisStorage`.

        Raises:
            OptionError: An option cannot be used; the message names it.
        """
        super().__init__(ttl_s, prefix)
        self._url = client_or_url if isinstance(client_or_url, str) else None
        self._client = self._connect() if self._url else self._given(client_or_url)
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = (
            weakref.WeakKeyDictionary()
        )

    def __repr__(self) -> str:
        return f"AsyncRedisStorage(prefix={self._prefix!r})"

    async def get(self, user_id: str, campaign_key: str) -> object:
        """As `RedisStorage.get`."""
        return record_of(await self._here().get(self._record_key(user_id, campaign_key)))

    async def get_many(self, user_id: str, campaign_keys: Sequence[str]) -> dict[str, object]:
        """As `RedisStorage.get_many`."""
        if not campaign_keys:
            return {}
        keys = [self._record_key(user_id, key) for key in campaign_keys]
        return _records(campaign_keys, await _mget_of(self._here())(keys))

    async def set(self, user_data: Mapping[str, Any]) -> None:
        """As `RedisStorage.set`."""
        await self._change(*self._of_record(user_data))

    async def look_up(self, user_id: str) -> object:
        """As `RedisStorage.look_up`."""
        return _decoded(await self._here().get(self._profile_key(user_id)))

    async def save(self, user_profile: UserProfileLike) -> None:
        """As `RedisStorage.save`."""
        await self._change(*self._of_profile(user_profile))

    async def aclose(self) -> None:
        """Close the connections of this event loop. A later call opens new ones."""
        await self._here().aclose()

    @staticmethod
    def _given(client: object) -> redis.asyncio.Redis:
        return cast("redis.asyncio.Redis", _checked(client, "redis.asyncio"))

    def _connect(self) -> redis.asyncio.Redis:
        name, module = "client_or_url", "redis.asyncio"
        return cast("redis.asyncio.Redis", _connecting(self._url or "", module, name, name))

    def _here(self) -> redis.asyncio.Redis:
        """The client of the running event loop."""
        if self._url is None:
            return self._client
        import asyncio  # noqa: PLC0415 -- for those who use it

        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            # Of several threads that come here, each has a loop of its own.
            client = self._clients[loop] = self._connect()
        return client

    async def _change(self, key: str, change: Callable[[object], str]) -> None:
        known: Any = ""
        for _ in range(MOST_TRIES):
            new = change(known or None)
            answer: Any = self._here().eval(_SET_IF_KNOWN, 1, key, known, new, self._lifetime)
            known = await answer
            if known is None:
                return
        raise RuntimeError(BUSY)


class RedisUserStorage(RedisStorage):
    """Keeps each record as JSON under ``CAMPAIGN_KEY:USER_ID``, as the platform's own SDK does."""

    def __init__(self, make: Callable[[], redis.Redis]) -> None:
        """Make one.

        Args:
            make: Makes a client, for each process.
        """
        client = make()
        super().__init__(client, prefix="")
        self._make = make

    def _record_key(self, user_id: str, campaign_key: str) -> str:
        return f"{campaign_key}:{user_id}"


@dataclass(frozen=True, slots=True)
class RedisCredentials:
    """Reads the launch option ``redis_creds``; nothing is connected yet."""

    allowed: str = "``url`` is a host with or without a port, or a ``redis://`` URL"

    def __call__(self, name: str, value: object) -> RedisUserStorage:
        """See `sortition._client.checks.Check`."""
        given = of_type(name, value, dict, "a dict")
        ensure_known([f"{name}.{key}" for key in given], [f"{name}.{key}" for key in _KNOWN])
        for key, one in given.items():
            if one is not None and not isinstance(one, str):
                raise OptionTypeError(f"{name}.{key}: must be a string, got {kind(one)}")
        url, user, password = (given.get(key) or None for key in _KNOWN)
        if url is None:
            raise OptionError(f"{name}.url: is missing")
        login = {key: one for key, one in (("username", user), ("password", password)) if one}
        # A host as the platform's SDK takes it, with or without a port.
        full_url = url if "://" in url else f"redis://{url}/0"

        def make() -> redis.Redis:
            client = _connecting(full_url, "redis", name, f"{name}.url", **login)
            return cast("redis.Redis", client)

        return RedisUserStorage(make)


def _checked(given: object, module: str) -> object:
    """A client that was given, if it is one of this module."""
    name = "client_or_url"
    of_module = f"{type(given).__module__}."
    is_async = of_module.startswith("redis.asyncio.")
    if is_async != (module == "redis.asyncio") and of_module.startswith("redis."):
        other = "AsyncRedisStorage" if is_async else "RedisStorage"
        raise OptionTypeError(f"{name}: is a client for {other}")
    if any(not callable(getattr(given, method, None)) for method in ("get", "mget", "eval")):
        raise OptionTypeError(f"{name}: must be a client of {module} or a URL, got {kind(given)}")
    return given


def _connecting(url: str, module: str, name: str, url_name: str, **login: str) -> object:
    """A client that makes its connections at first use."""
    try:
        library = importlib.import_module(module)
        retry = importlib.import_module(f"{module}.retry")
        backoff = importlib.import_module("redis.backoff")
    except ImportError:
        raise OptionError(f"{name}: {_NEEDED}") from None
    # A connection that the server has closed is worth another try; one that hangs is not.
    once = retry.Retry(backoff.NoBackoff(), 1, supported_errors=(library.ConnectionError,))
    try:
        return library.Redis.from_url(
            url,
            **login,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            retry=once,
        )
    except ValueError:
        raise OptionError(f"{url_name}: is not the URL of a Redis server") from None


def _mget_of(client: object) -> Callable[[list[str]], Any]:
    """What reads several keys at once; in a cluster they may be on several servers."""
    method: Callable[[list[str]], Any] = getattr(client, "mget_nonatomic", None) or client.mget  # type: ignore[attr-defined]
    return method


def _records(campaign_keys: Sequence[str], found: Iterable[object]) -> dict[str, object]:
    return {key: record_of(value) for key, value in zip(campaign_keys, found, strict=True)}


def _decoded(value: object) -> object:
    """Text of bytes; what is no UTF-8 is returned as it is, and counts as no profile."""
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value
