"""Calls that need nothing but the settings and the user, answered by the compiled engine at once.

Such a call comes without a frame of Python's; `VwoDirect` answers it where its arguments are plain.
Every other call, and every one of a client that has a user storage or integrations, goes to the
method as it is written. Both give the same: the tests run each way.
"""

from __future__ import annotations

import inspect
import weakref
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from sortition._vwo.constants import GOAL_TYPES
from sortition._vwo.result import TrackResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._core import Inbox, VwoDirect, VwoSettings
    from sortition._vwo.launching import Configuration
    from sortition._vwo.snapshot import Snapshot

_METHODS: Final = ("activate", "get_variation_name", "is_feature_enabled", "track")

ClassT = TypeVar("ClassT", bound=type[Any])


class Client(Protocol):
    """A client whose calls may be answered directly.

    Attributes:
        _direct: What answers them; None where only the methods do.
    """

    _direct: VwoDirect | None

    @property
    def _refuses_with(self) -> str | None: ...


def answered_directly(client: ClassT) -> ClassT:
    """A class decorator: its instances' calls are answered directly where they can be."""
    try:
        from sortition import _core  # noqa: PLC0415 -- absent where no wheel fits
    except ImportError:
        return client
    for name in _METHODS:
        method = getattr(client, name)
        _core.answer_directly(client, name, _document_of(method))
    return client


def follower_of(
    client: Client, configuration: Configuration, inbox: Inbox | None
) -> Callable[[Snapshot | None], None]:
    """What a client's settings are to be told to, so that they are always those that answer.

    Args:
        client: The client; it is not kept alive.
        configuration: How it was launched.
        inbox: What takes the events of this process; None where they go another way.
    """
    reference = weakref.ref(client)
    log = configuration.log

    def follow(snapshot: Snapshot | None) -> None:
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
        from sortition import _core  # noqa: PLC0415 -- the engine in use

        known._direct = _core.VwoDirect(  # noqa: SLF001
            cast("VwoSettings", snapshot.settings),
            levels,
            logger,
            configuration.goal_type_to_track or GOAL_TYPES.ALL,
            inbox,
            TrackResult,
        )

    return follow


def _document_of(method: Callable[..., object]) -> str:
    """What `inspect` and `help` take a compiled method's signature and docstring from."""
    signature = inspect.signature(method)
    bare = [
        one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()
    ]
    shown = str(inspect.Signature(bare)).replace("(self", "($self", 1)
    return f"{method.__name__}{shown}\n--\n\n{inspect.getdoc(method)}"
