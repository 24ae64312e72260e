"""The async VWO client, and launching one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast, overload

from sortition._client.async_base import AsyncLivingClient
from sortition._client.awaiting import awaited, passed_on
from sortition._vwo.client import Client
from sortition._vwo.launching import configure

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping


class _Push(Protocol):
    """The forms of `Client.push`, for type checkers."""

    @overload
    def __call__(
        self, tag_key: str, tag_value: str, /, user_id: str
    ) -> Coroutine[Any, Any, bool]: ...

    @overload
    def __call__(
        self, *, tag_key: str, tag_value: str, user_id: str
    ) -> Coroutine[Any, Any, bool]: ...

    @overload
    def __call__(
        self, custom_dimension_map: Mapping[str, object], user_id: str, /
    ) -> Coroutine[Any, Any, bool]: ...

    @overload
    def __call__(
        self, custom_dimension_map: Mapping[str, object], /, *, user_id: str
    ) -> Coroutine[Any, Any, bool]: ...

    @overload
    def __call__(
        self, *, custom_dimension_map: Mapping[str, object], user_id: str
    ) -> Coroutine[Any, Any, bool]: ...


class AsyncClient(AsyncLivingClient[Client]):
    """Decides for one account, and reports what users see and do, in programs that use asyncio.

    Made by `sortition.vwo.alaunch`. It has the calls of `Client`, with the same arguments, results
    and rules, and they are awaited. Nothing that may take a while is done on the thread of the
    event loop. Any number of loops and threads may use one client.

    As an asynchronous context manager, it is closed at the end of the block.
    """

    activate = awaited(Client.activate)
    get_variation_name = awaited(Client.get_variation_name)
    is_feature_enabled = awaited(Client.is_feature_enabled)
    get_feature_variable_value = awaited(Client.get_feature_variable_value)
    track = awaited(Client.track)
    push: ClassVar[_Push] = cast("_Push", awaited(Client.push))
    flush_events = awaited(Client.flush_events, always_waits=True)
    flush = awaited(Client.flush, always_waits=True)
    set_opt_out = awaited(Client.set_opt_out, always_waits=True)
    get_and_update_settings_file = awaited(Client.get_and_update_settings_file, always_waits=True)
    handle_webhook = awaited(Client.handle_webhook)
    explain = awaited(Client.explain)
    status = passed_on(Client.status)


def launch_in_thread(given: Mapping[str, object]) -> AsyncClient:
    """Launch a client on this thread; see `sortition.vwo.alaunch`."""
    return AsyncClient(Client(*configure(given, is_async=True)))
