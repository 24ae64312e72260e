"""Starting threads, which cannot be done everywhere and always."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from sortition._process.forks import only_here

if TYPE_CHECKING:
    from collections.abc import Callable


def start_thread(work: Callable[[], None], name: str) -> bool:
    """Start a daemon thread, so that one that hangs does not keep the interpreter from exiting.

    Args:
        work: What it does; a fork does not take it along.
        name: Its name.

    Returns:
        Whether it was started. It cannot be for want of memory or of threads, nor at the end of the
        interpreter: while that is finalized, Python 3.11 would wait for ever for a new thread.
    """
    if sys.is_finalizing():
        return False
    thread = threading.Thread(target=only_here(work), name=name, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError):
        return False
    except KeyError as error:
        # A signal handler raised, and Python's own bookkeeping of the thread fails in its place.
        raise error.__context__ or error from None
    return True
