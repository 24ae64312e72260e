"""The threads that do for the async client what may take a while."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest
from support.sink import wait_until

from sortition._process import workers as module
from sortition._process.event_loops import BusyError, in_thread
from sortition._process.workers import Workers

NAME = "workers-of-a-test"


def running() -> int:
    return sum(one.name == NAME for one in threading.enumerate())


def test_every_job_is_done_by_a_limited_number_of_threads() -> None:
    workers = Workers(NAME, 4)
    done: list[int] = []
    gate = threading.Event()

    def job(number: int) -> None:
        assert gate.wait(30)
        done.append(number)

    assert all(workers.submit(lambda number=number: job(number)) for number in range(100))  # type: ignore[misc]
    wait_until(lambda: running() == 4)
    gate.set()
    wait_until(lambda: len(done) == 100)
    assert sorted(done) == list(range(100))
    workers.close()
    wait_until(lambda: running() == 0)


def test_one_thread_does_the_jobs_in_their_order() -> None:
    workers = Workers(NAME, 1)
    done: list[int] = []
    for number in range(50):
        assert workers.submit(lambda number=number: done.append(number))  # type: ignore[misc]
    wait_until(lambda: len(done) == 50)
    assert done == list(range(50))
    workers.close()


def test_no_more_wait_than_may() -> None:
    workers = Workers(NAME, 1, most_waiting=2)
    gate = threading.Event()
    assert workers.submit(lambda: assert_opened(gate))
    wait_until(lambda: running() == 1)
    assert [workers.submit(lambda: None) for _ in range(4)] == [True, True, False, False]
    gate.set()
    workers.close()
    wait_until(lambda: running() == 0)


def test_a_job_that_comes_while_the_threads_end_is_done() -> None:
    """Whichever of them is first, a hundred times."""
    for _ in range(100):
        workers = Workers(NAME, 1)
        done: list[str] = []
        assert workers.submit(lambda done=done: done.append("before"))  # type: ignore[misc]
        closing = threading.Thread(target=workers.close)
        closing.start()
        assert workers.submit(lambda done=done: done.append("after"))  # type: ignore[misc]
        wait_until(lambda done=done: done == ["before", "after"])  # type: ignore[misc]
        closing.join()
    wait_until(lambda: running() == 0)


def test_a_thread_ends_that_has_had_nothing_to_do_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_IDLE_S", 0.01)
    workers = Workers(NAME, 2)
    done: list[int] = []
    for number in range(5):
        assert workers.submit(lambda number=number: done.append(number))  # type: ignore[misc]
        wait_until(lambda: running() == 0)
    assert done == [0, 1, 2, 3, 4]


def test_without_threads_no_job_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as they can be started again, the next job is."""
    workers = Workers(NAME, 2)
    done: list[str] = []
    monkeypatch.setattr(module, "start_thread", lambda *_: False)
    assert not workers.submit(lambda: done.append("not done"))
    monkeypatch.undo()
    assert workers.submit(lambda: done.append("done"))
    wait_until(lambda: done == ["done"])
    workers.close()


@pytest.mark.parametrize("most", [1, 2])
def test_a_job_that_waits_for_a_thread_that_cannot_be_started_is_refused(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it waited for that thread or for one of its own. No job runs on the calling one."""
    workers = Workers(NAME, most)
    done: list[str] = []
    refused: list[str] = []

    def take(name: str) -> bool:
        return workers.submit(partial(done.append, name), partial(refused.append, name))

    def fail(*_: object) -> bool:
        assert take("second")
        assert take("third")
        return False

    monkeypatch.setattr(module, "start_thread", fail)
    assert not take("first")
    monkeypatch.undo()
    assert (done, refused) == ([], ["second", "third"])
    assert take("fourth")
    wait_until(lambda: done == ["fourth"])
    workers.close()


def test_jobs_of_threads_that_cannot_be_started_are_left_to_those_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No job that was taken is refused, or done by the thread that submits another."""
    workers = Workers(NAME, 3)
    done_by: dict[str, str] = {}
    gate = threading.Event()
    assert workers.submit(lambda: assert_opened(gate))

    def do(name: str) -> None:
        done_by[name] = threading.current_thread().name

    def fail(*_: object) -> bool:
        assert workers.submit(lambda: do("third"), lambda: do("refused"))
        return False

    monkeypatch.setattr(module, "start_thread", fail)
    assert not workers.submit(lambda: do("second"))
    monkeypatch.undo()
    assert done_by == {}
    gate.set()
    wait_until(lambda: done_by == {"third": NAME})
    workers.close()


@pytest.mark.parametrize("most", [1, 2])
def test_a_task_whose_job_is_refused_later_is_told(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = Workers(NAME, most)
    answers: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.wait_for(in_thread(workers, lambda: answers.append("called")), 30)
        except BusyError:
            answers.append("busy")

    waiting = threading.Thread(target=lambda: asyncio.run(wait()))

    def fail(*_: object) -> bool:
        waiting.start()
        wait_until(lambda: bool(workers._waiting or workers._unstarted))
        return False

    monkeypatch.setattr(module, "start_thread", fail)
    assert not workers.submit(lambda: None)
    waiting.join(60)
    assert answers == ["busy"]


def assert_opened(gate: threading.Event) -> None:
    assert gate.wait(30)
