"""Knows whether the interpreter is exiting, from the moment that `sortition` is imported.

Modules that are imported later may be imported during the exit, when their own hooks would no
longer run.
"""

from __future__ import annotations

import atexit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Exit:
    """The exit of the interpreter."""

    has_come = False
    """Whether the exit has begun. Nothing handles later events."""
    hooks: list[Callable[[], object]] = []  # noqa: RUF012 -- the interpreter's, as the exit is
    """Functions to call at the exit."""


def _come() -> None:
    Exit.has_come = True
    for hook in Exit.hooks:
        hook()


atexit.register(_come)
