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


def recording(steps: list[Step]) -> Trace:
    """A listener that adds every step to a list."""

    def note(step: Callable[[], Step], /) -> None:
        steps.append(step())

    return note


def silent(_step: Callable[[], Step]) -> None:
    """Nobody listens."""
