"""Public calls that the compiled engine answers directly, without a Python frame.

A `directly` method looks at its arguments first. If they are plain, the client's ``_direct``
answers. Every other call, and every call of a client without it, goes to the method written in
Python. Both ways give the same results; the tests run each.
"""

from __future__ import annotations

import inspect
import weakref
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from sortition._base.log import Log

Method = TypeVar("Method", bound="Callable[..., Any]")
SnapshotT = TypeVar("SnapshotT")
DirectOf: TypeAlias = "Callable[[SnapshotT, dict[int, bool] | None, Logger | None], object]"
"""Creates the answering object for a snapshot from the levels that the client's logger remembers,
and from that logger; None for both if nobody ever wants debug messages."""


class Client(Protocol):
    """A client whose calls may be answered directly.

    Attributes:
        _direct: The object that answers them; None if only the methods do.
    """

    _direct: Any

    @property
    def _refuses_with(self) -> str | None: ...


class _DirectMethod:
    """Placeholder in a class body that becomes two methods of the class."""

    def __init__(self, platform: str, method: Callable[..., Any]) -> None:
        self._platform = platform
        self._method = method

    def __set_name__(self, owner: type, name: str) -> None:
        """Give the new class the method written in Python and the direct one before it."""
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
    """Decorate a public method of a client: the engine answers plain calls directly.

    Args:
        platform: ``vwo`` or ``pagesense``.
    """

    def decorate(method: Method) -> Method:
        return cast("Method", _DirectMethod(platform, method))

    return decorate


def python_method(method: Callable[..., Any]) -> Callable[..., Any]:
    """The Python method behind a direct one; any other method itself."""
    owner = getattr(method, "__objclass__", None)
    if owner is None:
        return method
    written: Callable[..., Any] = getattr(owner, f"_{method.__name__}_as_written")
    return written


def snapshot_observer(
    client: Client,
    log: Log,
    direct_of: DirectOf[SnapshotT],
) -> Callable[[SnapshotT | None], None]:
    """A callback for new snapshots that lets the newest one answer direct calls.

    Args:
        client: The client; the callback does not keep it alive.
        log: The client's log.
        direct_of: Creates the answering object.
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
            # The caller's own logger receives every decision.
            return
        logger, levels = remembering
        known._direct = direct_of(snapshot, levels, logger)  # noqa: SLF001

    return follow


def _document_of(method: Callable[..., object]) -> str:
    """The source of a compiled method's signature and docstring for `inspect` and `help`."""
    signature = inspect.signature(method)
    bare = [
        one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()
    ]
    shown = str(inspect.Signature(bare)).replace("(self", "($self", 1)
    return f"{method.__name__}{shown}\n--\n\n{inspect.getdoc(method)}"
