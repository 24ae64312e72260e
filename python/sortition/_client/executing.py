"""Where the work of a call is done that may take a while: on the thread of the call, or elsewhere.

The calls of a client are coroutines. The synchronous client runs each to its end on the thread of
the caller, and none of them ever suspends there. The async client awaits the same coroutines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

Work = Literal["sending", "waiting", "closing"]
"""What is to be done: send an event, wait for something else, such as a flush, or close."""


class Executor(Protocol):
    """Does for a call what may take a while."""

    async def run(self, work: Work, function: Callable[[], T]) -> T:
        """Call a function that may take a while.

        Args:
            work: What it does.
            function: The function. It keeps deadlines of its own.
        """

    async def ask(self, method: Callable[..., object], *arguments: object) -> object:
        """Call a method of the user storage.

        Raises:
            Exception: Whatever the method raises.
        """

    def close(self) -> None:
        """End what was started. May be repeated."""


class CallerExecutor:
    """Does everything on the thread of the caller, who waits for it."""

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
        Exception: Whatever it raises.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a call of the synchronous client was suspended")
