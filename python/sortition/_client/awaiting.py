"""The methods of an async client, made of those of the synchronous one."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sortition._client.calling import AWAITED, SENDS
from sortition._client.direct import python_method

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")
T = TypeVar("T")


def awaited(
    method: Callable[Concatenate[Any, P], T], *, always_waits: bool = False
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """A method to be awaited, with the name, arguments and documentation of a synchronous one.

    Where the call has nothing to wait for, the synchronous method itself answers, without a frame
    of Python's where it can.

    Args:
        method: A public call of the synchronous client.
        always_waits: Whether the call waits whatever the client is like, as a flush does.
    """
    written: Any = python_method(method)
    answer_later = getattr(written, AWAITED)
    sends = getattr(written, SENDS, None) is not None
    waits = "_waits_to_send" if sends else "_waits_to_decide"

    @functools.wraps(written)
    async def answer(self: Any, /, *args: Any, **kwargs: Any) -> T:
        client = self._client
        if always_waits or getattr(client, waits):
            result: T = await answer_later(client, *args, **kwargs)
            return result
        return method(client, *args, **kwargs)

    return answer


def passed_on(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """The same method of an async client, which waits for nothing and need not be awaited."""

    @functools.wraps(method)
    def answer(self: Any, /, *args: Any, **kwargs: Any) -> T:
        return method(self._client, *args, **kwargs)

    return answer
