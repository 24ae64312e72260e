"""The one outer edge, where a bug of ours becomes a logged error and the documented nothing."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from sortition._log import Log

T = TypeVar("T")

propagates = False
"""Whether a bug is raised instead; the test suite sets it, so that the guard hides nothing."""


def nothing(log: Log, call: str, error: Exception, value: T) -> T:
    """Report a bug in a public call, and give what the call returns then.

    The exception's text is left out: it may hold what belongs in no log.
    """
    if propagates:
        raise error
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error(
        "%s failed with %s, which is a bug of sortition, and returns %r; please report this:\n%s",
        call,
        type(error).__name__,
        value,
        frames,
    )
    return value
