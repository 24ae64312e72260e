"""Whether the interpreter exits, known from the moment that `sortition` is imported.

What is only loaded later may be loaded during the exit, when no hook of its own would run any more.
"""

from __future__ import annotations

import atexit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Exit:
    """The exit of the interpreter."""

    has_come = False
    """Whether the exit has begun. Nothing handles what comes later."""
    hooks: list[Callable[[], object]] = []  # noqa: RUF012 -- the interpreter's, as the exit is
    """What is to be done then."""


def _come() -> None:
    Exit.has_come = True
    for hook in Exit.hooks:
        hook()


atexit.register(_come)
