"""Programs that share an application between processes and threads, and come to an end.

``python programs.py NAME`` runs one of them. `cells.py` starts them, and says what became of what
they accepted.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import gc
import os
import re
import signal
import sys
import threading
import time
import weakref
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from subprocess import DEVNULL
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

from support import application
from support.application import BATCH, BATCHES, PAGESENSE, WITHIN, Application
from support.sink import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GENEROUS_S = 1000 if os.environ.get("SORTITION_SOAK") == "1" else 60


@functools.cache
def shared() -> Application:
    """The application of this program: forked children inherit it, others make their own."""
    return application.application()


def accept() -> None:
    shared().accept()


def accept_some(_: int) -> None:
    shared().accept()


def forked(work: Callable[[], object]) -> int:
    """Do this in a forked child, which then leaves as a program does."""
    child = os.fork()
    if child == 0:
        # A child that hangs has failed.
        signal.alarm(GENEROUS_S)
        work()
        sys.exit(0)
    return child


def wait_for(children: list[int]) -> None:
    for child in children:
        # Not within the call: gevent's would wait for ever for a child that has ended already.
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
            time.sleep(0.01)
        assert os.waitstatus_to_exitcode(ended[1]) == 0


# -- Processes ---------------------------------------------------------------------------------


def os_fork(app: Application) -> None:
    accept()
    children = []
    for _ in range(app.plan.size):
        children.append(forked(accept))
        accept()
    wait_for(children)
    accept()


def fork_before_the_first_event(app: Application) -> None:
    wait_for([forked(accept) for _ in range(app.plan.size)])
    accept()


def fork_of_a_fork(app: Application) -> None:
    def child() -> None:
        accept()
        grandchild = forked(accept)
        accept()
        wait_for([grandchild])

    accept()
    wait_for([forked(child) for _ in range(app.plan.size)])
    accept()


def daemon_of_two_forks(app: Application) -> None:
    """As a program makes a daemon: the child in the middle is gone at once."""
    accept()
    for _ in range(app.plan.size):
        alive, held = os.pipe()
        child = os.fork()
        if child == 0:
            if os.fork():
                os._exit(0)
            os.setsid()
            signal.alarm(GENEROUS_S)
            accept()
            sys.exit(0)
        os.close(held)
        wait_for([child])
        accept()
        # It ends when nobody holds the other end any more.
        with os.fdopen(alive, "rb") as pipe:
            assert pipe.read() == b""


def fork_in_flight(app: Application) -> None:
    """Children are forked while requests are on their way and every lock is held."""
    callers = []
    for way, client in app.clients.items():
        for _ in range(app.plan.events):
            caller = threading.Thread(target=app.accept_one, args=(way,))
            caller.start()
            callers.append(caller)
        wait_until(lambda of=client: bool(of.stats().in_flight))  # type: ignore[misc]

    def child() -> None:
        accept()
        assert app.flush(20)
        app.close(20)
        assert not app.accept_one(app.plan.ways[0])

    with holding(locks_of(*app.clients.values())) as held:
        assert held >= 4 * len(app.clients)
        wait_for([forked(child) for _ in range(app.plan.size)])
    for caller in callers:
        caller.join()
    accept()


def locks_of(*roots: object) -> list[Any]:
    """Every lock that is reached from these objects through what is the library's."""
    kinds = (type(threading.Lock()), type(threading.RLock()))
    found: list[Any] = []
    seen: set[int] = set()
    left: list[object] = list(roots)
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, type | type(sys)):
            continue
        seen.add(id(one))
        if isinstance(one, kinds):
            found.append(one)
            continue
        if isinstance(one, FunctionType):
            # Not its globals, which lead to everything.
            left.extend(one.__closure__ or ())
            continue
        package = type(one).__module__.partition(".")[0]
        if package in {"sortition", "application", "builtins", "collections", "threading"}:
            left.extend(gc.get_referents(one))
    return found


@contextlib.contextmanager
def holding(locks: list[Any]) -> Iterator[int]:
    """Another thread holds all these locks; how many they are."""
    held, release = threading.Event(), threading.Event()
    taken: list[Any] = []

    def hold() -> None:
        # One that is held already is as good.
        taken.extend(lock for lock in locks if lock.acquire(blocking=False))
        held.set()
        release.wait(GENEROUS_S)
        for lock in reversed(taken):
            lock.release()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(GENEROUS_S)
    try:
        yield len(locks)
    finally:
        release.set()
        holder.join()


def multiprocessing_process(app: Application, method: str) -> None:
    context: Any = get_context(method)
    accept()
    children = []
    for _ in range(app.plan.size):
        child = context.Process(target=accept)
        child.start()
        children.append(child)
        accept()
    for child in children:
        child.join()
        assert child.exitcode == 0


def multiprocessing_pool(app: Application, method: str) -> None:
    accept()
    with get_context(method).Pool(app.plan.size) as pool:
        pool.map(accept_some, range(app.plan.size), chunksize=1)
        accept()
        pool.close()
        pool.join()


def process_pool_executor(app: Application, method: str) -> None:
    accept()
    with ProcessPoolExecutor(app.plan.size, mp_context=get_context(method)) as pool:
        list(pool.map(accept_some, range(app.plan.size)))
        accept()


def subprocesses_of_uvloop(app: Application) -> None:
    """Programs are run while threads call, and find no socket of this process."""
    import uvloop  # noqa: PLC0415 -- only where it is installed

    async def run_and_accept() -> None:
        for _ in range(app.plan.size):
            run = await asyncio.create_subprocess_exec(
                "ls", "-l", "/proc/self/fd", stdout=asyncio.subprocess.PIPE, stdin=DEVNULL
            )
            reading = asyncio.create_task(run.communicate())
            accepting = [asyncio.to_thread(app.accept_one, way) for way in app.clients]
            assert all(await asyncio.gather(*accepting))
            found, _ = await reading
            assert run.returncode == 0
            # uvloop's own, into which the program writes.
            assert len(set(re.findall(rb"socket:\S+", found))) == 1

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_and_accept())


# -- Threads -----------------------------------------------------------------------------------


def callers(app: Application) -> None:
    """Threads that call at once; the program ends with them."""
    started = [threading.Thread(target=accept) for _ in range(app.plan.size)]
    for thread in started:
        thread.start()
    # Eventlet's exit does not wait for them.
    for thread in started:
        thread.join()


def daemon_threads(app: Application) -> None:
    """Threads that go on calling while the program ends under them."""

    def go_on() -> None:
        while True:
            for way in app.clients:
                # At the very end the answer may be that it was not sent.
                app.accept_one(way)

    for _ in range(app.plan.size):
        threading.Thread(target=go_on, daemon=True).start()
    batched = app.clients[BATCHES]
    wait_until(lambda: batched.stats().accepted.get("conversion", 0) > BATCH)


def many_clients(app: Application) -> None:
    """Clients come and go by the thousand, and leave nothing behind."""
    dropped: list[weakref.ref[object]] = []

    def come_and_go(number: int) -> None:
        # Its transport is its own, so that nobody else closes it.
        one = Application(app.plan, signs=False)
        one.accept(1)
        dropped.extend(weakref.ref(client) for client in one.clients.values())
        if number % 2:
            one.close()

    def left() -> tuple[int, int, int]:
        gc.collect()
        assert not [alive for reference in dropped if (alive := reference())]
        wait_until(lambda: not list(application.threads()))
        return (atexit._ncallbacks(), threading.active_count(), application.sockets())

    come_and_go(0)
    # What the first one imported has hooks, too.
    of_the_first = left()
    for number in range(1, app.plan.size):
        come_and_go(number)
    assert left() == of_the_first
    wait_for([forked(lambda: None)])


def closed_clients_leave_nothing(app: Application) -> None:
    """In parent and child: no thread and no socket."""
    before = (threading.active_count(), application.sockets())
    one = Application(app.plan)
    assert not list(application.threads())

    def child() -> None:
        inherited = application.sockets()
        one.accept()
        assert list(application.threads())
        one.close()
        wait_until(lambda: not list(application.threads()))
        assert application.sockets() == inherited

    one.accept()
    wait_for([forked(child) for _ in range(app.plan.size)])
    one.accept()
    one.close()
    wait_until(lambda: (threading.active_count(), application.sockets()) == before)


def fork_of_greenlets(app: Application) -> None:
    """Parent and child go on for as long as what the parent has may be sent."""
    accept()
    for _ in range(app.plan.size):
        app.accept(3)

        def child() -> None:
            accept()
            # For longer than events wait: nothing that the parent has is to be sent here.
            time.sleep(2 * app.plan.interval_s)

        children = [forked(child)]
        accept()
        wait_for(children)
    app.flush()


def ticks_in_a_flush(app: Application) -> None:
    ticks: list[None] = []

    def tick() -> None:
        while len(ticks) < 20:
            ticks.append(None)
            time.sleep(0.01)
        Path("ticked").touch()

    for way in (BATCHES, PAGESENSE):
        for _ in range(app.plan.events):
            assert app.accept_one(way)
    ticker = threading.Thread(target=tick)
    ticker.start()
    assert application.flush(app.clients[BATCHES], GENEROUS_S)
    assert application.flush(app.clients[PAGESENSE], GENEROUS_S)
    ticker.join()


# -- Ends --------------------------------------------------------------------------------------


def rest(app: Application) -> None:
    """Some events were sent, and the last ones wait."""
    accept()
    for way, waiting in {BATCHES: app.plan.events % BATCH, PAGESENSE: 0}.items():
        wait_until(lambda way=way, waiting=waiting: on_the_way(app, way) == (waiting, 0))  # type: ignore[misc]


def on_the_way(app: Application, way: str) -> tuple[int, int]:
    """How many events wait, and how many were sent without an answer so far."""
    stats = app.clients[way].stats()
    return (sum(stats.queued.values()), sum(stats.in_flight.values()))


def end(_: Application) -> None:
    accept()


def sys_exit(_: Application) -> NoReturn:
    accept()
    sys.exit(3)


def exception(_: Application) -> NoReturn:
    accept()
    raise LookupError("nobody catches it")


def exception_in_a_thread(_: Application) -> None:
    threading.excepthook = lambda _: None

    def fail() -> NoReturn:
        accept()
        raise LookupError

    threading.Thread(target=fail).start()


def nobody_closes(app: Application) -> None:
    """A client that is forgotten while the program goes on."""
    one = Application(app.plan)
    one.accept()
    del one
    gc.collect()
    wait_until(lambda: not list(application.threads()))


def closed(app: Application) -> None:
    accept()
    assert app.close()
    assert not app.accept_one(app.plan.ways[0])


def ctrl_c(_: Application) -> None:
    accept()
    signal.raise_signal(signal.SIGINT)
    wait_for_ever()


def ctrl_c_in_a_flush(app: Application) -> None:
    """The flush ends at once, and the events are sent at the end."""
    batched = app.clients[BATCHES]
    for _ in range(app.plan.events):
        assert app.accept_one(BATCHES)
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        wait_until(lambda: bool(batched.stats().in_flight))
        signal.pthread_kill(main, signal.SIGINT)

    try:
        # It may come before the flush has begun, and the outcome is the same.
        threading.Thread(target=interrupt).start()
        application.flush(batched, GENEROUS_S)
    except KeyboardInterrupt:
        # The server gets well when it sees this one.
        app.accept_one(WITHIN)
        return
    raise AssertionError("nobody interrupted it")


def sigterm_handled(_: Application) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    accept()
    signal.raise_signal(signal.SIGTERM)
    wait_for_ever()


def sigterm(app: Application) -> None:
    rest(app)
    signal.raise_signal(signal.SIGTERM)


def sigkill(app: Application) -> None:
    rest(app)
    signal.raise_signal(signal.SIGKILL)


def os_exit(app: Application) -> None:
    rest(app)
    os._exit(0)


def wait_for_ever() -> NoReturn:
    time.sleep(GENEROUS_S)
    raise AssertionError("nothing has ended it")


PROGRAMS: dict[str, Callable[[Application], None]] = {
    "os.fork": os_fork,
    "os.fork before the first event": fork_before_the_first_event,
    "fork of a fork": fork_of_a_fork,
    "daemon of two forks": daemon_of_two_forks,
    "fork in flight, locks held": fork_in_flight,
    **{
        f"{name}, {method}": functools.partial(work, method=method)
        for name, work in {
            "multiprocessing.Process": multiprocessing_process,
            "multiprocessing.Pool": multiprocessing_pool,
            "ProcessPoolExecutor": process_pool_executor,
        }.items()
        for method in ("fork", "forkserver", "spawn")
    },
    "subprocesses of uvloop": subprocesses_of_uvloop,
    "threads": callers,
    "daemon threads": daemon_threads,
    "many clients": many_clients,
    "closed clients": closed_clients_leave_nothing,
    "fork of greenlets": fork_of_greenlets,
    "ticks in a flush": ticks_in_a_flush,
    "end": end,
    "sys.exit": sys_exit,
    "exception": exception,
    "exception in a thread": exception_in_a_thread,
    "nobody closes": nobody_closes,
    "close": closed,
    "Ctrl-C": ctrl_c,
    "Ctrl-C in a flush": ctrl_c_in_a_flush,
    "SIGTERM, handled": sigterm_handled,
    "SIGTERM": sigterm,
    "SIGKILL": sigkill,
    "os._exit": os_exit,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](shared())
