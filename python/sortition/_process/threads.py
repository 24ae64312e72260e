"""Starts threads, which is not always possible."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from sortition._process.forks import stops_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable


def start_thread(work: Callable[[], None], name: str) -> bool:
    """Start a thread, as a daemon, so that it cannot keep the interpreter from exiting.

    Args:
        work: What it does; it stops if a fork copies it.
        name: Its name.

    Returns:
        Whether it was started. That fails for lack of memory or of threads, and at the end of the
        interpreter: during finalization, Python 3.11 would wait forever for a new thread.
    """
    if sys.is_finalizing():
        return False
    thread = threading.Thread(target=stops_after_fork(work), name=name, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError):
        return False
    except KeyError as error:
        # A signal handler raised, and then Python's own bookkeeping of the thread failed.
        raise error.__context__ or error from None
    return True
