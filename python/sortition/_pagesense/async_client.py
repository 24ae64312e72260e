"""The async PageSense client, and launching one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sortition._client.async_base import AsyncLivingClient
from sortition._client.awaiting import awaited, passed_on
from sortition._pagesense.client import Client
from sortition._pagesense.launching import configure

if TYPE_CHECKING:
    from collections.abc import Mapping


class AsyncClient(AsyncLivingClient[Client]):
    """Decides for one project, and reports what users see and do, in programs that use asyncio.

    Made by `sortition.pagesense.alaunch`. It has the calls of `Client`, with the same arguments,
    results and rules, and they are awaited. Nothing that may take a while is done on the thread of
    the event loop. Any number of loops and threads may use one client.

    As an asynchronous context manager, it is closed at the end of the block.
    """

    activate_experiment = awaited(Client.activate_experiment)
    get_variation_name = awaited(Client.get_variation_name)
    activate_experiment_by_identifier = awaited(Client.activate_experiment_by_identifier)
    get_variation_link_name_by_identifier = awaited(Client.get_variation_link_name_by_identifier)
    track_goal = awaited(Client.track_goal)
    track_project_goal = awaited(Client.track_project_goal)
    track_project_goal_by_identifier = awaited(Client.track_project_goal_by_identifier)
    get_and_update_project_settings = awaited(
        Client.get_and_update_project_settings, always_waits=True
    )
    handle_webhook = awaited(Client.handle_webhook)
    flush = awaited(Client.flush, always_waits=True)
    explain = awaited(Client.explain)
    status = passed_on(Client.status)


def launch_in_thread(given: Mapping[str, object]) -> AsyncClient:
    """Launch a client on this thread; see `sortition.pagesense.alaunch`."""
    return AsyncClient(Client(*configure(given, is_async=True)))
