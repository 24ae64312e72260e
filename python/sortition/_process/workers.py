"""A bounded number of threads that do what may take a while, so that nobody else has to wait."""

from __future__ import annotations

import queue
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from sortition._process.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    Step: TypeAlias = Callable[[], None]

_IDLE_S: Final = 30.0
_MOST_WAITING: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Job:
    """Something to do.

    Attributes:
        do: Does it.
        refuse: Called instead if no thread will ever do it.
    """

    do: Step
    refuse: Step | None


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
        self._waiting: deque[_Job] = deque()
        self._idle: list[_Worker] = []
        # The jobs of threads that the one that is being started now will start.
        self._unstarted: deque[_Job] = deque()
        self._is_starting = False
        self._count = 0
        self._is_closed = False

    def submit(self, do: Step, refuse: Step | None = None) -> bool:
        """Have a job done by one of the threads, never by the calling one.

        Args:
            do: The job; it must not raise.
            refuse: Called if the job was taken, and then no thread could be started to do it. Any
                thread may call it, so it must neither raise nor wait.

        Returns:
            False if the job is not taken: too many wait, or no thread can be started.
        """
        job = _Job(do, refuse)
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
            if self._is_starting:
                # Whoever submits waits for one thread to start, not for all of a burst.
                self._unstarted.append(job)
                return True
            self._is_starting = True
        worker = _Worker(self, job)
        if start_thread(lambda: self._begin(worker), self._name):
            return True
        with self._lock:
            self._count -= 1
            refused = self._give_up_starting()
        for one in refused:
            if one.refuse is not None:
                one.refuse()
        return False

    def _begin(self, worker: _Worker) -> None:
        """The work of a thread that starts others before its own."""
        self._start_others()
        worker.work()

    def _start_others(self) -> None:
        while True:
            with self._lock:
                if not self._unstarted:
                    self._is_starting = False
                    return
                job = self._unstarted.popleft()
            if not start_thread(_Worker(self, job).work, self._name):
                with self._lock:
                    self._unstarted.appendleft(job)
                    # This thread is there, so none is refused.
                    self._give_up_starting()
                return

    def _give_up_starting(self) -> list[_Job]:
        """Leave the jobs of unstarted threads to the others; return the jobs that nobody can do."""
        self._is_starting = False
        jobs = list(self._unstarted)
        self._unstarted.clear()
        self._count -= len(jobs)
        if not self._count:
            jobs += self._waiting
            self._waiting.clear()
            return jobs
        for job in jobs:
            if self._idle:
                self._idle.pop().jobs.put(job)
            else:
                self._waiting.append(job)
        return []

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

    def __init__(self, workers: Workers, first: _Job) -> None:
        self.jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self.jobs.put(first)
        self._workers = workers

    def work(self) -> None:
        """Do the jobs that are given, until there are none for long."""
        while True:
            try:
                is_done = self.do()
            except queue.Empty:
                if self._workers.retire(self):
                    return
                continue
            if not is_done or not self._workers.next_for(self):
                return

    def do(self) -> bool:
        """Do the next job; False where there is none to come.

        Raises:
            queue.Empty: None came in time.
        """
        job = self.jobs.get(timeout=_IDLE_S)
        if job is not None:
            job.do()
        return job is not None
