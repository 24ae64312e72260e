"""The outer edge, where a bug of sortition becomes a logged error and an empty result."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition._base.log import Log

propagates = False
"""Whether to raise a bug instead; the test suite sets this, so that the guard hides nothing."""


def report(log: Log, call: str, error: Exception) -> None:
    """Report a bug in a public call, which then returns its empty result.

    The message leaves out the exception's text, which may contain secrets.

    Raises:
        Exception: The bug itself, if `propagates` is set.
    """
    if propagates:
        raise error
    name = type(error).__name__
    if isinstance(error, RecursionError):
        # The program has used up the stack, such as a signal handler that interrupts itself.
        log.recurring_error(
            name,
            lambda: f"{call} failed with {name}: the program's calls are nested too deeply",
            kind=("depth", call),
            error=error,
        )
        return
    log.recurring_error(
        name,
        lambda: f"{call} failed with {name}, which is a bug of sortition; please report this",
        kind=("bug", call),
        error=error,
    )
