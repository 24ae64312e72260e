"""A bounded number of threads that do what may take a while, so that nobody else has to wait."""

from __future__ import annotations

import queue
import threading
from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

from sortition._process.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    Job: TypeAlias = Callable[[], None]

_IDLE_S: Final = 30.0
_MOST_WAITING: Final = 10_000


class Workers:
    """Threads that do one job at a time, in the order in which the jobs came.

    Nothing is started before the first job; a thread that has had nothing to do for half a minute
    ends. One that hangs keeps its place. Safe to use from any number of threads.
    """

    def __init__(self, name: str, most: int, most_waiting: int = _MOST_WAITING) -> None:
        """Make one.

        Args:
            name: The name of the threads.
            most: How many threads there may be.
            most_waiting: How many jobs may wait for a thread.
        """
        self._name = name
        self._most = most
        self._most_waiting = most_waiting
        # Entered again where a signal handler makes a call within one.
        self._lock = threading.RLock()
        self._waiting: deque[Job] = deque()
        self._idle: list[_Worker] = []
        self._count = 0
        self._is_closed = False

    def submit(self, job: Job) -> bool:
        """Have a job done; it must not raise.

        Returns:
            False where it will not be done: too many wait, or no thread can be started.
        """
        with self._lock:
            if self._idle:
                self._idle.pop().jobs.put(job)
                return True
            if self._count >= self._most:
                is_taken = len(self._waiting) < self._most_waiting
                if is_taken:
                    self._waiting.append(job)
                return is_taken
            self._count += 1
        worker = _Worker(self)
        worker.jobs.put(job)
        if start_thread(worker.work, self._name):
            return True
        with self._lock:
            self._count -= 1
        return False

    def close(self) -> None:
        """End the threads: those with nothing to do now, the others after their last job.

        A job that comes later is still done.
        """
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
            # A job that comes before they have ended gets a thread of its own.
            self._count -= len(idle)
        for worker in idle:
            worker.jobs.put(None)

    def next_for(self, worker: _Worker) -> bool:
        """A worker has done its job; whether it is to go on."""
        with self._lock:
            if self._waiting:
                worker.jobs.put(self._waiting.popleft())
                return True
            if self._is_closed:
                self._count -= 1
                return False
            self._idle.append(worker)
            return True

    def retire(self, worker: _Worker) -> bool:
        """A worker has had nothing to do for long; False where it was just given a job."""
        with self._lock:
            if worker not in self._idle:
                return False
            self._idle.remove(worker)
            self._count -= 1
            return True


class _Worker:
    """The work of one thread."""

    def __init__(self, workers: Workers) -> None:
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._workers = workers

    def work(self) -> None:
        """Do the jobs that are given."""
        while True:
            try:
                job = self.jobs.get(timeout=_IDLE_S)
            except queue.Empty:
                if self._workers.retire(self):
                    return
                continue
            if job is None:
                return
            job()
            # What it refers to is not to live until the next one.
            del job
            if not self._workers.next_for(self):
                return
