"""Events in files that a dead process has left."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from sortition import vwo
from support.documents import settings
from support.events import MANY
from support.sink import free_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def killed_after(work: Callable[[], object]) -> None:
    """A process that does this work and is killed."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def killed(folder: Path, count: int, url: str | None = None, **options: Any) -> None:
    """A process that takes so many events and is killed."""

    def work() -> None:
        launched = {"batch_events": MANY, "base_url": url or free_url(), **options}
        client = vwo.launch(settings(), spool=folder, **launched)
        for number in range(count):
            assert client.track("checkout", f"u{number}", "purchase")

    killed_after(work)


def left_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.spool"))
