"""Public calls that the compiled engine answers by itself, without a frame of Python's.

A `directly` method looks at its arguments first. Where they are plain, the client's ``_direct``
answers. Every other call, and every call of a client without it, goes to the method as it is
written. Both give the same: the tests run each way.
"""

from __future__ import annotations

import inspect
import weakref
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from sortition._base.log import Log

Method = TypeVar("Method", bound="Callable[..., Any]")
SnapshotT = TypeVar("SnapshotT")


class Client(Protocol):
    """A client whose calls may be answered directly.

    Attributes:
        _direct: What answers them; None where only the methods do.
    """

    _direct: Any

    @property
    def _refuses_with(self) -> str | None: ...


class _DirectMethod:
    """Stands in a class's body for a method, and gives the class two in its place."""

    def __init__(self, platform: str, method: Callable[..., Any]) -> None:
        self._platform = platform
        self._method = method

    def __set_name__(self, owner: type, name: str) -> None:
        """The class was made: it gets the method as it is written, and what answers before it."""
        try:
            from sortition import _core  # noqa: PLC0415 -- absent where no wheel fits
        except ImportError:
            setattr(owner, name, self._method)
            return
        document = _document_of(self._method)
        descriptor, written = _core.direct_method(owner, self._platform, name, document)
        setattr(owner, written, self._method)
        setattr(owner, name, descriptor)


def directly(platform: str) -> Callable[[Method], Method]:
    """A decorator for a public method of a client: plain calls are answered by the engine itself.

    Args:
        platform: ``vwo`` or ``pagesense``.
    """

    def decorate(method: Method) -> Method:
        return cast("Method", _DirectMethod(platform, method))

    return decorate


def follower_of(
    client: Client,
    log: Log,
    direct_of: Callable[[SnapshotT, dict[int, bool] | None, Logger | None], object],
) -> Callable[[SnapshotT | None], None]:
    """What a client's settings tell of each new snapshot, so that the one in use always answers.

    Args:
        client: The client; it is not kept alive.
        log: The client's log.
        direct_of: Makes what answers with a snapshot, from the levels that the client's logger
            remembers and that logger; None for both where no debug message is ever taken.
    """
    reference = weakref.ref(client)

    def follow(snapshot: SnapshotT | None) -> None:
        known = reference()
        if known is None:
            return
        known._direct = None  # noqa: SLF001 -- the client's own
        if snapshot is None or known._refuses_with is not None:  # noqa: SLF001
            return
        remembering = log.remembering_logger if log.may_take_debug else (None, None)
        if remembering is None:
            # A logger of the caller's, which is told of every decision.
            return
        logger, levels = remembering
        known._direct = direct_of(snapshot, levels, logger)  # noqa: SLF001

    return follow


def _document_of(method: Callable[..., object]) -> str:
    """What `inspect` and `help` take a compiled method's signature and docstring from."""
    signature = inspect.signature(method)
    bare = [
        one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()
    ]
    shown = str(inspect.Signature(bare)).replace("(self", "($self", 1)
    return f"{method.__name__}{shown}\n--\n\n{inspect.getdoc(method)}"
