"""Connections of ``requests`` that write no URL into a log.

Where an answer's headers are broken, urllib3 warns of it with the whole URL, which may hold the key
and users' ids. Only when this is imported are ``requests`` and urllib3.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from sortition._process.inherited_connections import open_here

if TYPE_CHECKING:
    import socket

    from urllib3 import PoolManager


class QuietAdapter(HTTPAdapter):
    """Takes broken headers for the end of the headers, as urllib3 does, without its warning."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See `HTTPAdapter`."""
        super().init_poolmanager(*args, **kwargs)
        _quiet(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> PoolManager:
        """See `HTTPAdapter`."""
        manager: PoolManager = super().proxy_manager_for(proxy, **kwargs)
        _quiet(manager)
        return manager


def _quiet(manager: PoolManager) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _quieted(pool) for scheme, pool in pools.items()}


@functools.cache
def _quieted(pool_class: Any) -> Any:
    """The class of pools whose connections read answers so; a proxy's connections are others."""
    if getattr(pool_class, "is_quiet", False):
        return pool_class

    class Response(pool_class.ConnectionCls.response_class):  # type: ignore[misc]
        def begin(self) -> None:
            super().begin()
            # What urllib3 would warn of.
            self.msg.defects.clear()
            self.msg.set_payload("")

    class Connection(pool_class.ConnectionCls):  # type: ignore[misc]
        response_class = Response

        def _new_conn(self) -> socket.socket:
            return open_here(self, super()._new_conn)

    class Pool(pool_class):  # type: ignore[misc]
        ConnectionCls = Connection
        is_quiet = True

    return Pool
