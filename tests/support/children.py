"""Work that is done in a forked child."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GENEROUS_S = 60.0


def in_child(work: Callable[[], bool]) -> bool:
    """Whether the work was done well in a forked child; a child that hangs has not done it."""
    child = os.fork()
    if child == 0:
        done = False
        signal.alarm(int(GENEROUS_S))
        try:
            done = work()
        finally:
            os._exit(0 if done else 1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0
