"""A user storage in Redis, for the platform's launch option ``redis_creds``.

Keys and values are those of the platform's own SDK, so that both read each other's records.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from sortition._base.errors import OptionError, OptionTypeError
from sortition._base.options import ensure_known, kind, of_type
from sortition._http.breaker import Breaker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import redis

_KNOWN: Final = ("url", "user_id", "password")
# On the path of the caller's request; a Redis that takes longer counts as one that fails.
_TIMEOUT_S: Final = 1.0


class PausedError(Exception):
    """The Redis failed several times running, and is not asked for a while."""


class RedisUserStorage:
    """Keeps each record as JSON under ``CAMPAIGN_KEY:USER_ID``.

    Connections are made at first use and belong to the process that made them. After three failures
    in a row the Redis is not asked for ten seconds, so that one that hangs does not hold up every
    call.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._breaker = Breaker()

    def get(self, user_id: str, campaign_key: str) -> object:
        """The record of this user and campaign; None where there is none."""
        return _record(self._ask(lambda: self._client.get(_key(user_id, campaign_key))))

    def get_many(self, user_id: str, campaign_keys: Sequence[str]) -> dict[str, object]:
        """The records of this user and these campaigns, in one exchange."""
        keys = [_key(user_id, key) for key in campaign_keys]
        values = self._ask(lambda: self._client.mget(keys))
        found = cast("Sequence[bytes | None]", values)
        return {key: _record(value) for key, value in zip(campaign_keys, found, strict=True)}

    def set(self, user_data: Mapping[str, Any]) -> None:
        """Keep a record."""
        key = _key(user_data["userId"], user_data["campaignKey"])
        content = json.dumps(user_data)
        self._ask(lambda: self._client.set(key, content))

    def _ask(self, exchange: Callable[[], object]) -> object:
        if not self._breaker.allows():
            raise PausedError
        try:
            answer = exchange()
        except Exception:
            self._breaker.note_failure()
            raise
        self._breaker.note_success()
        return answer


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
        try:
            import redis  # noqa: PLC0415 -- an extra
        except ImportError:
            words = "requires the package redis: install sortition with its extra, sortition[redis]"
            raise OptionError(f"{name}: {words}") from None
        login = {key: one for key, one in (("username", user), ("password", password)) if one}
        try:
            client = redis.Redis.from_url(
                # A host as the platform's SDK takes it, with or without a port.
                url if "://" in url else f"redis://{url}/0",
                **login,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S,
            )
        except ValueError:
            raise OptionError(f"{name}.url: is not the URL of a Redis server") from None
        return RedisUserStorage(client)


def _key(user_id: object, campaign_key: object) -> str:
    return f"{campaign_key}:{user_id}"


def _record(value: object) -> object:
    return json.loads(cast("bytes", value)) if value else None
