"""Where the async client has done what may take a while: never on the thread of its event loop."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final, TypeVar, cast

from sortition._http.pool import MOST_SENDERS, Deadline
from sortition._process.event_loops import BusyError, DeadlineError, in_thread, within
from sortition._process.forks import PerProcess
from sortition._process.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sortition._client.executing import Work

T = TypeVar("T")

_MOST_WAITING_THREADS: Final = 8
_MOST_STORAGE_THREADS: Final = 32


class AsyncExecutor:
    """Has threads do what may take a while, and awaits what is async.

    Nothing is started before the first work. Each kind of work has threads of its own, so that none
    waits for another: a storage that hangs does not keep a client from closing.

    Args:
        storage_timeout_s: How long one call of the user storage may take, in seconds.
    """

    def __init__(self, storage_timeout_s: float) -> None:
        self._storage_timeout_s = storage_timeout_s
        self._threads = PerProcess(_Threads)

    async def run(self, work: Work, function: Callable[[], T]) -> T:
        """See `Executor`.

        Raises:
            BusyError: Too much waits to be done already.
        """
        try:
            return await in_thread(self._threads.get().of(work), function)
        except BusyError:
            if work != "closing":
                raise
        # No thread can be started; what is left is to be closed all the same.
        return function()

    async def ask(self, method: Callable[..., object], *arguments: object) -> object:
        """See `Executor`. A method that is not async is called in a thread, if it may block.

        Raises:
            DeadlineError: It took too long, or others did that keep every thread.
        """
        deadline = Deadline(self._storage_timeout_s)
        answer: object
        if inspect.iscoroutinefunction(method):
            answer = method(*arguments)
        elif getattr(getattr(method, "__self__", None), "never_blocks", False) is True:
            return method(*arguments)
        else:
            answer = await self._in_thread(lambda: method(*arguments))
            if not inspect.isawaitable(answer):
                return answer
        return await within(deadline.remaining_s(), cast("Awaitable[object]", answer))

    def close(self) -> None:
        """See `Executor`."""
        threads = self._threads.existing()
        if threads is not None:
            threads.close()

    async def _in_thread(self, function: Callable[[], object]) -> object:
        workers = self._threads.get().storage
        answer = in_thread(workers, function, is_for_waiter_only=True)
        try:
            return await within(self._storage_timeout_s, answer)
        except BusyError:
            raise DeadlineError from None


class _Threads:
    """The threads of one process."""

    def __init__(self) -> None:
        self.storage = Workers("sortition-storage", _MOST_STORAGE_THREADS)
        self._by_work: dict[Work, Workers] = {
            "sending": Workers("sortition-call", MOST_SENDERS),
            "waiting": Workers("sortition-waiting", _MOST_WAITING_THREADS),
            "closing": Workers("sortition-closing", 1),
        }

    def of(self, work: Work) -> Workers:
        """The threads for work of this kind."""
        return self._by_work[work]

    def close(self) -> None:
        """End them, each as soon as it has nothing to do."""
        for workers in (self.storage, *self._by_work.values()):
            workers.close()
