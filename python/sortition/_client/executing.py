"""Executors for the slow steps of a call: on the caller's thread, or elsewhere.

The calls of a client are coroutines. The synchronous client runs each to its end on the caller's
thread, where none of them ever suspends. The async client awaits the same coroutines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

Work = Literal["sending", "waiting", "closing"]
"""The kind of work: send an event, wait for something else, such as a flush, or close."""


class Executor(Protocol):
    """Runs the slow steps of calls."""

    async def run(self, work: Work, function: Callable[[], T]) -> T:
        """Call a function that may take a while.

        Args:
            work: The kind of work.
            function: The function, which keeps its own deadlines.
        """

    async def ask(self, method: Callable[..., object], *arguments: object) -> object:
        """Call a method of the user storage.

        Raises:
            Exception: The method raised it.
        """

    def close(self) -> None:
        """End everything that it started. May be called again."""


class CallerExecutor:
    """Does everything on the thread of the caller, who waits."""

    async def run(self, _work: Work, function: Callable[[], T]) -> T:
        """See `Executor`."""
        return function()

    async def ask(self, method: Callable[..., object], *arguments: object) -> object:
        """See `Executor`."""
        return method(*arguments)

    def close(self) -> None:
        """See `Executor`."""


def result_of(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends.

    Raises:
        Exception: The coroutine raised it.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a call of the synchronous client was suspended")
