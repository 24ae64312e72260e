"""What the async clients of all platforms share: each is a facade over a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Never, Self, TypeVar

from sortition._client.awaiting import awaited, passed_on
from sortition._client.base import LivingClient
from sortition._process.event_loops import in_thread
from sortition._process.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

ClientT = TypeVar("ClientT", bound="LivingClient[Any, Any]")


class AsyncLivingClient(Generic[ClientT]):
    """What the async clients of all platforms have in common."""

    def __init__(self, client: ClientT) -> None:
        self._client = client

    def __repr__(self) -> str:
        return repr(self._client).replace(".Client ", ".AsyncClient ", 1)

    def __reduce__(self) -> Never:
        """Refuse to be copied or sent to another process.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a client cannot be pickled or copied: launch one in each process")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    aclose = awaited(LivingClient.close, always_waits=True)
    healthz = passed_on(LivingClient.healthz)
    stats = passed_on(LivingClient.stats)


async def launched(make: Callable[[], ClientT]) -> ClientT:
    """Make a client in a thread, which may fetch settings, compile them, and import modules.

    A client that is ready only after the task was cancelled is closed again.

    Raises:
        Exception: Whatever making it raises.
    """
    workers = Workers("sortition-launch", 1)
    try:
        return await in_thread(workers, make, discard=LivingClient._discard)  # noqa: SLF001 -- see above
    finally:
        workers.close()
