"""User storages, in which clients keep each user's variation, and a check for your own storage.

Each storage works with both platforms: ``get``, ``get_many`` and ``set`` for VWO, ``look_up`` and
``save`` for PageSense. Importing this package imports no other library: a class that needs one
imports it when you create an instance.
"""

from __future__ import annotations

from sortition._base.exporting import TYPE_CHECKING
from sortition._base.exporting import exporting as _exporting

if TYPE_CHECKING:
    from sortition.storages.cached import AsyncCachedStorage, CachedStorage
    from sortition.storages.conformance.check import acheck, check
    from sortition.storages.findings import Finding
    from sortition.storages.memory import MemoryStorage
    from sortition.storages.redis import AsyncRedisStorage, RedisStorage
    from sortition.storages.sqlalchemy import AsyncSQLAlchemyStorage, SQLAlchemyStorage
    from sortition.storages.sqlite import SQLiteStorage

__all__ = [
    "AsyncCachedStorage",
    "AsyncRedisStorage",
    "AsyncSQLAlchemyStorage",
    "CachedStorage",
    "Finding",
    "MemoryStorage",
    "RedisStorage",
    "SQLAlchemyStorage",
    "SQLiteStorage",
    "acheck",
    "check",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = _exporting(
        globals(),
        {
            "AsyncCachedStorage": "sortition.storages.cached",
            "AsyncRedisStorage": "sortition.storages.redis",
            "AsyncSQLAlchemyStorage": "sortition.storages.sqlalchemy",
            "CachedStorage": "sortition.storages.cached",
            "Finding": "sortition.storages.findings",
            "MemoryStorage": "sortition.storages.memory",
            "RedisStorage": "sortition.storages.redis",
            "SQLAlchemyStorage": "sortition.storages.sqlalchemy",
            "SQLiteStorage": "sortition.storages.sqlite",
            "acheck": "sortition.storages.conformance.check",
            "check": "sortition.storages.conformance.check",
        },
    )

del TYPE_CHECKING
