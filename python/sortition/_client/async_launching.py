"""Launching an async client without holding the event loop: the imports, too, are a thread's."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sortition._process.event_loops import in_thread
from sortition._process.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Mapping


async def launched(home: str, given: Mapping[str, object]) -> Any:
    """An async client, made in a thread that fetches and compiles settings and imports modules.

    A client that is ready only after the task was cancelled is closed again.

    Args:
        home: The module with the function ``launch_in_thread`` of the platform.
        given: The options, by name.

    Raises:
        Exception: Whatever making it raises.
    """

    def launch() -> Any:
        return import_module(home).launch_in_thread(given)

    def discard(client: Any) -> None:
        client._discard()  # noqa: SLF001 -- nobody else has it

    workers = Workers("sortition-launch", 1)
    try:
        return await in_thread(workers, launch, discard=discard)
    finally:
        workers.close()
