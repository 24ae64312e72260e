"""Chooses between the queue of the compiled engine and the one in plain Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sortition._sending.queue import QueueModule


def queues_of(engine: Literal["compiled", "pure"]) -> QueueModule:
    """The module with an engine's queue."""
    if engine == "compiled":
        from sortition import _core  # noqa: PLC0415 -- absent where no wheel fits

        return _core  # type: ignore[return-value]  # its own classes are asked for, not any
    from sortition._sending import pure  # noqa: PLC0415 -- only where it is used

    return pure  # type: ignore[return-value]  # as above
