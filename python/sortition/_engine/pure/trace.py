"""What explain listens to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._engine.vwo import Step


class Trace(Protocol):
    """A listener to the steps of a decision, in their order."""

    def __call__(self, step: Callable[[], Step], /) -> None:
        """Take note of a step, which is made only for a listener that wants it."""


def silent(_step: Callable[[], Step]) -> None:
    """Nobody listens."""
