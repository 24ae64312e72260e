"""Event loops: which one runs here, and how a task waits for a thread, or until a deadline.

A task of asyncio, on whichever loop, or of trio. Neither is imported here unless it runs: what the
service did not import it does not use.
"""

from __future__ import annotations

import contextlib
import contextvars
import sys
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sortition._process.workers import Workers

T = TypeVar("T")


class DeadlineError(Exception):
    """The awaited operation took too long."""


class BusyError(Exception):
    """No thread does it: too much waits for one, or none can be started."""


def running_loop() -> Literal["asyncio", "trio"] | None:
    """The library whose event loop runs on this thread; None without one."""
    trio = sys.modules.get("trio")
    if trio is not None:
        try:
            trio.lowlevel.current_trio_token()
        except RuntimeError:
            pass
        else:
            return "trio"
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None
    return "asyncio"


async def in_thread(
    workers: Workers,
    function: Callable[[], T],
    *,
    discard: Callable[[T], object] | None = None,
    is_for_waiter_only: bool = False,
) -> T:
    """Call a function in another thread, and wait for it without holding the loop.

    The function goes on where the task that waits is cancelled.

    Args:
        workers: The threads.
        function: The function.
        discard: What to do in such a thread with a result that nobody waits for any more.
        is_for_waiter_only: Whether the function need not begin once nobody waits for it.

    Raises:
        BusyError: No thread will do it.
        Exception: Whatever the function raises.
    """
    waiter: _Waiter = _TrioWaiter() if running_loop() == "trio" else _AsyncioWaiter()
    outcome = _Outcome(contextvars.copy_context(), function, discard)

    def job() -> None:
        if not (is_for_waiter_only and outcome.is_decided):
            outcome.find()
            if outcome.is_first("done"):
                waiter.wake()
            else:
                outcome.drop()

    def refuse() -> None:
        outcome.fail(BusyError())
        if outcome.is_first("done"):
            waiter.wake()

    if not workers.submit(job, refuse):
        raise BusyError
    try:
        await waiter.wait()
    except BaseException:
        if not outcome.is_first("cancelled"):
            workers.submit(outcome.drop)
        raise
    return outcome.get()


async def within(seconds: float, work: Awaitable[T]) -> T:
    """Await something for so long at most; it is cancelled then.

    Raises:
        DeadlineError: It took too long.
        Exception: Whatever it raises.
    """
    if running_loop() == "trio":
        with sys.modules["trio"].move_on_after(seconds):
            return await work
        raise DeadlineError
    import asyncio  # noqa: PLC0415 -- see above

    try:
        async with asyncio.timeout(seconds) as timeout:
            return await work
    except TimeoutError:
        if timeout.expired():
            raise DeadlineError from None
        raise


class _Outcome(Generic[T]):
    """What came of a function, and whether its end or its waiter's was first."""

    def __init__(
        self,
        context: contextvars.Context,
        function: Callable[[], T],
        discard: Callable[[T], object] | None,
    ) -> None:
        self._context = context
        self._function = function
        self._discard = discard
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._ends: list[str] = []

    def find(self) -> None:
        """Call the function."""
        try:
            self._results.append(self._context.run(self._function))
        except BaseException as error:  # noqa: BLE001 -- whoever waits gets it
            self._error = error

    def fail(self, error: BaseException) -> None:
        """The function is not called, and whoever waits gets this error."""
        self._error = error

    def get(self) -> T:
        """What came of it.

        Raises:
            BaseException: What the function raised.
        """
        if self._error is not None:
            raise self._error
        return self._results[0]

    def drop(self) -> None:
        """Nobody waits for the result any more."""
        if self._discard is not None:
            for result in self._results:
                self._discard(result)

    @property
    def is_decided(self) -> bool:
        """Whether either has ended."""
        return bool(self._ends)

    def is_first(self, end: str) -> bool:
        """Note an end; whether it is the first one."""
        # Two threads that come at once append one after the other.
        self._ends.append(end)
        return self._ends[0] == end


class _Waiter(Protocol):
    """A task that waits until a thread wakes it."""

    async def wait(self) -> None:
        """Wait."""

    def wake(self) -> None:
        """End the wait, from any thread; nothing where its loop has ended."""


class _AsyncioWaiter:
    """A task of asyncio."""

    def __init__(self) -> None:
        import asyncio  # noqa: PLC0415 -- see above

        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()

    async def wait(self) -> None:
        """See `_Waiter`."""
        await self._future

    def wake(self) -> None:
        """See `_Waiter`."""
        # It is closed otherwise.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if not self._future.done():
            self._future.set_result(None)


class _TrioWaiter:
    """A task of trio."""

    def __init__(self) -> None:
        trio: Any = sys.modules["trio"]
        self._has_ended = trio.RunFinishedError
        self._token = trio.lowlevel.current_trio_token()
        self._event = trio.Event()

    async def wait(self) -> None:
        """See `_Waiter`."""
        await self._event.wait()

    def wake(self) -> None:
        """See `_Waiter`."""
        with contextlib.suppress(self._has_ended):
            self._token.run_sync_soon(self._event.set)
