"""The steps of a decision, for `explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._engine.vwo import Step


class Trace(Protocol):
    """A listener that receives the steps of a decision in order."""

    def __call__(self, step: Callable[[], Step], /) -> None:
        """Receive a step. Call `step` to get it; a listener that ignores steps does not."""


def recording(steps: list[Step]) -> Trace:
    """A listener that adds every step to a list."""

    def note(step: Callable[[], Step], /) -> None:
        steps.append(step())

    return note


def silent(_step: Callable[[], Step]) -> None:
    """The listener that ignores all steps."""
