"""Sends waiting events before the interpreter exits, within bounds.

There is one hook for all clients, however many come and go.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import TYPE_CHECKING, Final, Protocol

from sortition._base.clock import now_s
from sortition._process.exit import Exit
from sortition._process.forks import PerProcess

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_INTERRUPTIONS: Final = 10


class Closable(Protocol):
    """A part of a client that may have events left."""

    def release(self, timeout_s: float) -> None:
        """Start to send waiting events, for at most this time."""

    def close(self, timeout_s: float) -> bool:
        """Send waiting events, and give up the rest after this time."""


class _Open:
    """The workers of this process that may have events left."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._workers: dict[weakref.ref[Closable], float] = {}
        # A child of `multiprocessing` leaves without running what `atexit` holds.
        multiprocessing = sys.modules.get("multiprocessing.process")
        if multiprocessing is not None and multiprocessing.parent_process() is not None:
            from multiprocessing import util  # noqa: PLC0415 -- only where it is in use

            util.Finalize(None, _close_all, exitpriority=0)
        # So does a child of Celery's, after a signal of Celery's own.
        celery_signals = sys.modules.get("celery.signals")
        if celery_signals is not None:
            celery_signals.worker_process_shutdown.connect(
                _close_all, weak=False, dispatch_uid="sortition"
            )

    def add(self, worker: Closable, timeout_s: float) -> None:
        def forget(reference: weakref.ref[Closable]) -> None:
            self._workers.pop(reference, None)

        with self._lock:
            self._workers[weakref.ref(worker, forget)] = timeout_s

    def close(self) -> None:
        with self._lock:
            known = list(self._workers.items())
        left = [(reference(), timeout_s) for reference, timeout_s in known]
        workers = [(worker, timeout_s) for worker, timeout_s in left if worker is not None]
        started = now_s()
        try:
            for worker, timeout_s in workers:
                worker.release(timeout_s)
            # They send at the same time, so the exit waits for the slowest, not for the sum.
            for worker, timeout_s in workers:
                worker.close(max(0.0, started + timeout_s - now_s()))
        except (KeyboardInterrupt, SystemExit):
            # A second signal: its sender does not want to wait.
            _give_up(worker for worker, _ in workers)
        except BaseException:
            _give_up(worker for worker, _ in workers)
            raise


def _give_up(workers: Iterable[Closable]) -> None:
    """Stop sending; count and log the rest, however many signals arrive."""
    for worker in workers:
        for _ in range(_MOST_INTERRUPTIONS):
            try:
                worker.close(0.0)
            except BaseException:  # noqa: BLE001, S112 -- nobody else would tell of the loss
                continue
            break


_OPEN = PerProcess(_Open)


def close_at_exit(worker: Closable, timeout_s: float) -> bool:
    """Close a worker before the interpreter exits.

    Args:
        worker: The worker.
        timeout_s: How long that may take, in seconds.

    Returns:
        Whether there is still time: False during the exit, when events must be sent at once.
    """
    _OPEN.get().add(worker, timeout_s)
    return not Exit.has_come


def _close_all(**_of_a_signal: object) -> None:
    # A child of `multiprocessing` or Celery comes here on its own.
    Exit.has_come = True
    registered = _OPEN.existing()
    if registered is not None:
        registered.close()


Exit.hooks.append(_close_all)
