"""The event loops that the async client works on, each with the few things that the tests need."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Protocol

import trio
import uvloop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    Work = Callable[[], Coroutine[Any, Any, Any]]


GENEROUS_S = 30.0


class Loop(Protocol):
    """One kind of event loop."""

    name: str

    def run(self, work: Work) -> Any:
        """Run this to its end on a new loop."""

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run."""

    async def together(self, *works: Work) -> list[Any]:
        """Run these at the same time; what each returned."""


class Asyncio:
    """The loop of the standard library."""

    name = "asyncio"

    def run(self, work: Work) -> Any:
        return asyncio.run(work())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def together(self, *works: Work) -> list[Any]:
        return list(await asyncio.gather(*(work() for work in works)))


class Uvloop(Asyncio):
    """The same by uvloop."""

    name = "uvloop"

    def run(self, work: Work) -> Any:
        return uvloop.run(work())


class Trio:
    """The loop of trio."""

    name = "trio"

    def run(self, work: Work) -> Any:
        return trio.run(work)

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def together(self, *works: Work) -> list[Any]:
        found: dict[int, Any] = {}

        async def keep(number: int, work: Work) -> None:
            found[number] = await work()

        async with trio.open_nursery() as nursery:
            for number, work in enumerate(works):
                nursery.start_soon(keep, number, work)
        return [found[number] for number in range(len(works))]


LOOPS: tuple[Loop, ...] = (Asyncio(), Uvloop(), Trio())


class Gate:
    """Holds each thread that comes, until it is opened."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.reached = threading.Event()

    def wait(self) -> None:
        self.reached.set()
        assert self._open.wait(GENEROUS_S)

    def open(self) -> None:
        self._open.set()


async def beating(loop: Loop, work: Awaitable[Any], *gates: Gate) -> Any:
    """Await something that passes these gates, which another task of the loop opens.

    Whatever holds the loop's thread keeps the other task from opening them, and nothing ends.
    """

    async def wait() -> Any:
        return await work

    async def beat() -> None:
        for gate in gates:
            while not gate.reached.is_set():
                await loop.sleep(0.001)
            for _ in range(20):
                await loop.sleep(0.001)
            gate.open()

    answer, _ = await loop.together(wait, beat)
    return answer
