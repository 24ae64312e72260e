"""Calls the methods of a storage that is checked, and notes what is wrong."""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sortition.storages import findings
from sortition.storages.findings import Finding, is_awaitable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

METHODS: Final = "methods"
"""It lacks a method, or only some of its methods are async."""
HANGS: Final = "hangs"
"""A method did not return in time. Nothing else was checked then."""
UNKNOWN_USER: Final = "unknown_user"
"""It returned something for a user whom nobody stored."""
LOST: Final = "lost"
"""A stored record is missing."""
CHANGED: Final = "changed"
"""A stored record came back changed."""
MIXED_UP: Final = "mixed_up"
"""Two users, or two campaigns, share what is stored."""
GET_MANY: Final = "get_many"
"""``get_many`` does not return what ``get`` does."""
THREADS: Final = "threads"
"""Several calls at once lose something, or raise."""
RACES_LOST: Final = "races"
"""Two processes that write the record of one user lose a mark."""

WRITERS: Final = 8
RACES: Final = 20
IDS: Final = {
    "letters that are not ASCII": "Zoë 李雷",
    "an emoji": "🎲",
    "spaces": "Ann Lee",
    "quotes and backslashes": 'o\'Hara "x" \\y',
    "percent signs and underscores": "100%_x",
    "colons and slashes": "a:b/c?d=e",
    "200 characters": "x" * 200,
}
ALIKE: Final = {
    "upper and lower case": ("ann", "ANN"),
    "a space at the end": ("ann", "ann "),
    "zeros in front": ("7", "007"),
    "an accent": ("Zoe", "Zoë"),
}


_MOST_SHOWN: Final = 200


class HangsError(Exception):
    """A method did not return in time."""


@dataclass(frozen=True, slots=True)
class Raised:
    """The exception that a method raised."""

    error: BaseException

    def __str__(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"[:_MOST_SHOWN]


class Asking:
    """Calls the methods of one storage, synchronous or not.

    Attributes:
        found: What is wrong, in the order in which it was found, each once.
        prefix: What the ids of this check contain, so that no other check has stored them.
    """

    def __init__(self, storage: object, prefix: str, timeout_s: float) -> None:
        self._storage = storage
        self._timeout_s = timeout_s
        self.prefix = prefix
        self.found: dict[Finding, None] = {}

    def note(self, name: str, sentence: str) -> None:
        """Something is wrong."""
        self.found[Finding(name, sentence)] = None

    def has(self, name: str) -> bool:
        """Whether it has this method."""
        return callable(getattr(self._storage, name, None))

    def is_async(self, name: str) -> bool:
        """Whether this method of it is async."""
        return inspect.iscoroutinefunction(getattr(self._storage, name))

    async def ask(self, name: str, *given: object) -> Any:
        """A method's result, or its exception."""
        (answer,) = await self._ask_at_once([(name, given)])
        return answer

    async def _ask_at_once(self, calls: Sequence[tuple[str, tuple[object, ...]]]) -> list[Any]:
        """The same for several calls that are made at once."""
        name = calls[0][0]
        method = getattr(self._storage, name)
        if self.is_async(name):
            return list(
                await asyncio.gather(*(self._awaited(name, method(*given)) for _, given in calls))
            )
        pending = [started(lambda given=given: method(*given)) for _, given in calls]  # type: ignore[misc]
        answers = []
        for wait in pending:
            try:
                answer = wait(self._timeout_s)
            except queue.Empty:
                raise HangsError(name) from None
            if is_awaitable(answer):
                self.note(findings.ASYNC, f"{name} returned something to await, and is not async")
                answer = None
            answers.append(answer)
        return answers

    async def _awaited(self, name: str, coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await asyncio.wait_for(coroutine, self._timeout_s)
        except TimeoutError:
            raise HangsError(name) from None
        except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
            return Raised(error)

    async def at_once(
        self, name: str, given: Iterable[tuple[object, ...]], about: str
    ) -> list[Any]:
        """What a method returns for each of these arguments, given at once; None if it raises.

        Args:
            name: The method.
            given: The arguments of each call.
            about: What they are about, for what is noted.
        """
        answers = await self._ask_at_once([(name, one) for one in given])
        for answer in answers:
            if isinstance(answer, Raised):
                words = f"several calls at once, for {about}"
                self.note(THREADS, f"{name} raised in {words}: {answer}")
        return [None if isinstance(answer, Raised) else answer for answer in answers]


def started(function: Callable[[], Any]) -> Callable[..., Any]:
    """Begin to call a function in a thread; what waits for what it returns, or for what it raised.

    A function that hangs does not keep the program from ending.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(function())
        except BaseException as error:  # noqa: BLE001 -- the caller's code may raise anything
            answers.put(Raised(error))

    threading.Thread(target=run, name="sortition-check", daemon=True).start()
    return lambda timeout_s=None: answers.get(timeout=timeout_s)
