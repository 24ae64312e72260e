"""The one outer edge, where a bug of ours becomes a logged error and the documented nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortition._base.log import Log

propagates = False
"""Whether a bug is raised instead; the test suite sets it, so that the guard hides nothing."""


def report(log: Log, call: str, error: Exception) -> None:
    """Report a bug in a public call, which returns its nothing then.

    The exception's text is left out: it may hold what belongs in no log.

    Raises:
        Exception: The bug itself, where `propagates` is set.
    """
    if propagates:
        raise error
    name = type(error).__name__
    log.recurring_error(
        name,
        lambda: f"{call} failed with {name}, which is a bug of sortition; please report this",
        kind=("bug", call),
        error=error,
    )
