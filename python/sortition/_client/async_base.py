"""The common parts of all platforms' async clients: each is a facade over a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Never, Self, TypeVar

from sortition._client.awaiting import awaited, passed_on
from sortition._client.base import LivingClient

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

ClientT = TypeVar("ClientT", bound="LivingClient[Any, Any]")


class AsyncLivingClient(Generic[ClientT]):
    """The base class of all platforms' async clients."""

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

    def _discard(self) -> None:
        """Close a client that nobody has used."""
        self._client._discard()  # noqa: SLF001 -- the client of this facade

    aclose = awaited(LivingClient.close, always_waits=True)
    healthz = passed_on(LivingClient.healthz)
    stats = passed_on(LivingClient.stats)
