"""Events in a request each: several at once, in order per user, within one queue's limits."""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import weakref
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal

import pytest
from support.events import without_senders
from support.paths import TESTS
from support.sink import BlackHole, wait_until

from sortition._base.log import Log
from sortition._http import retrying
from sortition._http.transport import Request, RequestsTransport
from sortition._sending import senders
from sortition._sending.dispatch import Dispatch
from sortition._sending.options import Batching
from sortition._sending.queues import queues_of
from sortition.testing import FaultServer, faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sortition._sending.outbox import Outbox
    from sortition.testing.faults import RequestFault
    from sortition.testing.request import Received

    Start = Callable[..., Dispatch]

GENEROUS_S = 60.0
KIND = "visitor"


def event(user: str, number: int = 0) -> bytes:
    return json.dumps({"user": user, "number": number}).encode()


def sent(received: Received) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(received.query["raw"])
    return found


def start_at(url: str, requests_at_once: int = 16, **options: Any) -> Dispatch:
    def request_of(contents: Sequence[bytes]) -> Request:
        (content,) = contents
        return Request("GET", f"{url}/track", {"raw": content.decode()})

    batching = Batching(
        **{"request_timeout_s": GENEROUS_S, **options, "events_per_request": 1, "interval_s": 0.0}
    )
    return Dispatch(
        "compiled",
        RequestsTransport(),
        Log("per user"),
        batching,
        request_of,
        requests_at_once=requests_at_once,
        is_per_user=True,
    )


def outbox_of(dispatch: Dispatch) -> Outbox:
    return dispatch._processes.get().outbox


def flush_with(dispatch: Dispatch, *users: str) -> bool:
    """Flush events of these users, of which none has its end before the flush begins."""
    with without_senders(outbox_of(dispatch)):
        for number, user in enumerate(users):
            assert dispatch.accept(KIND, event(user, number), user)
    return dispatch.flush(GENEROUS_S)


def waiting(dispatch: Dispatch) -> tuple[int, int]:
    """How many events wait, and their bytes."""
    queue = outbox_of(dispatch).queue
    return queue.events, queue.size


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts that a test can wait for."""
    monkeypatch.setattr(retrying, "_FIRST_PAUSE_S", 0.002)
    monkeypatch.setattr(retrying, "_LONGEST_PAUSE_S", 0.01)


@pytest.fixture
def start(server: FaultServer) -> Iterator[Start]:
    """Start lanes to the server of the test, and close them."""
    started: list[Dispatch] = []

    def start_one(requests_at_once: int = 16, url: str = server.url, **options: Any) -> Any:
        started.append(start_at(url, requests_at_once, **options))
        return started[-1]

    yield start_one
    for each in started:
        each.close(0.1)


def of_visitors(kinds: Any) -> int:
    found: int = kinds.get(KIND, 0)
    return found


class TestAtOnce:
    def test_as_many_as_may_be(self, start: Start, server: FaultServer) -> None:
        """The server holds its answers until all are there; so they were on their way at once."""
        server.fault = faults.Hang()
        dispatch = start()
        for number in range(20):
            assert dispatch.accept(KIND, event(f"u{number}"), f"u{number}")
        wait_until(lambda: len(server.requests) == 16)
        stats = dispatch.ledger.stats()
        assert (of_visitors(stats.in_flight), of_visitors(stats.queued)) == (16, 4)
        server.fault = faults.Healthy()
        assert dispatch.flush(GENEROUS_S)
        assert (server.distinct, server.repeated) == (20, 0)
        assert waiting(dispatch) == (0, 0)

    def test_one_of_a_user(self, start: Start, server: FaultServer) -> None:
        server.fault = faults.Hang()
        dispatch = start()
        for number in range(5):
            assert dispatch.accept(KIND, event("Ann", number), "Ann")
        assert dispatch.accept(KIND, event("Bob"), "Bob")
        wait_until(lambda: len(server.requests) == 2)
        assert dispatch.ledger.stats().queued == {KIND: 4}
        assert sorted(sent(one)["user"] for one in server.requests) == ["Ann", "Bob"]
        server.fault = faults.Healthy()
        assert dispatch.flush(GENEROUS_S)
        numbers = [sent(one)["number"] for one in server.requests if sent(one)["user"] == "Ann"]
        assert numbers == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize("engine", ["compiled", "pure"])
    def test_any_string_is_a_user(self, engine: Literal["compiled", "pure"]) -> None:
        """Each string has an order of its own, even one that UTF-8 cannot encode."""
        users = ["Ann", "\u00e9\U0001f600", "\ud800", "\udfff", "\ud83d\ude00", "?", "\ufffd"]
        queues = queues_of(engine)
        queue = queues.Queue(
            queues.Counts(),
            SimpleQueue(),
            events=100,
            size=10_000,
            largest=1_000,
            batch_events=1,
            threads=1,
            is_per_user=True,
            is_plain=False,
        )
        for user in users * 2:
            assert queue.put(KIND, b"{}", user) is None
        taken = list(queue.take(100, 10_000))
        assert [event.user for event in taken] == users
        assert all(queue.is_held(user) for user in users)
        queue.end(taken, None)
        queue.settle(taken)
        followers = list(queue.take(100, 10_000))
        assert [event.user for event in followers] == users
        queue.end(followers, None)
        queue.settle(followers)
        assert not any(queue.is_held(user) for user in users)

    def test_a_quiet_service_has_one_thread(self, start: Start, server: FaultServer) -> None:
        dispatch = start()
        before = set(threading.enumerate())
        for number in range(20):
            assert dispatch.accept(KIND, event(f"u{number}"), f"u{number}")
            assert dispatch.flush(GENEROUS_S)
        assert outbox_of(dispatch).queue.threads == 1
        assert server.connections == 1
        # The one that keeps the order and the one that sends.
        begun = [thread.name for thread in set(threading.enumerate()) - before]
        assert begun.count("sortition-worker") <= 1
        assert begun.count("sortition-sender") <= 1

    def test_nothing_is_started_before_the_first_event(self, start: Start) -> None:
        before = threading.active_count()
        dispatch = start()
        assert dispatch.flush(1)
        dispatch.flush_soon()
        assert outbox_of(dispatch).flush(1)
        assert threading.active_count() == before


@pytest.mark.usefixtures("hurried")
class TestOrder:
    def test_of_each_user_under_faults(self, start: Start, server: FaultServer) -> None:
        chance = random.Random(5)  # noqa: S311 -- the same faults every time
        kinds: list[RequestFault] = [
            *[faults.Healthy()] * 4,
            *map(faults.Status, (500, 503, 408, 429)),
            faults.ResetBeforeReading(),
            faults.ResetAfterReading(),
            faults.AnswerLost(),
            faults.AnswerLost(with_reset=True),
            faults.HalfAnswer(503),
            faults.TruncatedStatusLine(),
        ]
        server.script(chance.choices(kinds, k=1200))
        dispatch = start()
        users, each = 40, 20

        def work(caller: int) -> None:
            for number in range(each):
                for user in range(caller, users, 4):
                    assert dispatch.accept(KIND, event(f"u{user}", number), f"u{user}")

        with ThreadPoolExecutor(4) as callers:
            list(callers.map(work, range(4)))
        assert dispatch.flush(GENEROUS_S)
        by_user: dict[str, list[int]] = defaultdict(list)
        for accepted in server.events:
            found = sent(accepted.raw)
            by_user[found["user"]].append(found["number"])
        assert len(by_user) == users
        for numbers in by_user.values():
            # An answer that was lost lets an event come again, but never behind a later one.
            assert numbers == sorted(numbers)
            assert set(numbers) == set(range(each))
        assert server.repeated > 0
        stats = dispatch.ledger.stats()
        assert stats.delivered == {KIND: users * each}
        assert of_visitors(stats.possibly_duplicated) >= server.repeated
        assert outbox_of(dispatch).queue.threads > 1
        assert waiting(dispatch) == (0, 0)

    def test_one_that_is_sent_again_holds_up_no_other_user(
        self, start: Start, server: FaultServer
    ) -> None:
        """Not even where all lanes are busy and events wait for one."""

        def choose(received: Received) -> RequestFault:
            return faults.Status(503) if sent(received)["user"] == "Ann" else faults.Healthy()

        server.fault = faults.ByRequest(choose)
        dispatch = start(requests_at_once=2)
        for number in range(3):
            assert dispatch.accept(KIND, event("Ann", number), "Ann")
        for number in range(300):
            user = f"u{number % 100}"
            assert dispatch.accept(KIND, event(user, number), user)
        wait_until(lambda: of_visitors(dispatch.ledger.stats().delivered) == 300)
        stats = dispatch.ledger.stats()
        assert (stats.in_flight, stats.queued) == ({KIND: 1}, {KIND: 2})
        assert dispatch.flush(0) is False
        server.fault = faults.Healthy()
        assert dispatch.flush(GENEROUS_S)


class TestAnswers:
    @pytest.mark.parametrize("status", [200, 204, 299])
    def test_any_2xx_is_success(self, start: Start, server: FaultServer, status: int) -> None:
        server.fault = faults.Status(status)
        dispatch = start()
        assert dispatch.accept(KIND, event("Ann"), "Ann")
        assert dispatch.flush(GENEROUS_S) is True

    @pytest.mark.parametrize(
        ("status", "reason"), [(413, "too_large"), (410, "rejected"), (400, "rejected")]
    )
    def test_what_is_final(
        self, start: Start, server: FaultServer, status: int, reason: str
    ) -> None:
        server.script([faults.Status(status, headers={"Location": server.url})])
        dispatch = start()
        assert flush_with(dispatch, "Ann", "Ann") is False
        # The user's next one is sent nevertheless.
        stats = dispatch.ledger.stats()
        assert (stats.dropped, stats.delivered) == ({reason: {KIND: 1}}, {KIND: 1})
        assert len(server.requests) == 2

    @pytest.mark.usefixtures("hurried")
    @pytest.mark.parametrize("choice", ["resend", "drop"])
    def test_what_may_have_arrived(self, start: Start, server: FaultServer, choice: str) -> None:
        server.script([faults.AnswerLost()])
        dispatch = start(on_unknown_outcome=choice)
        assert flush_with(dispatch, "Ann") is (choice == "resend")
        stats = dispatch.ledger.stats()
        if choice == "resend":
            assert (stats.delivered, stats.possibly_duplicated) == ({KIND: 1}, {KIND: 1})
        else:
            assert stats.dropped == {"unknown_outcome": {KIND: 1}}
        assert server.accepted == 1 + (choice == "resend")

    def test_a_request_that_cannot_be_made(
        self, server: FaultServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(senders, "_FAULT_PAUSE_S", 0.001)

        def request_of(contents: Sequence[bytes]) -> Request:
            if b"Ann" in contents[0]:
                raise ZeroDivisionError
            return Request("GET", server.url)

        dispatch = Dispatch(
            "compiled",
            RequestsTransport(),
            Log("per user"),
            Batching(events_per_request=1),
            request_of,
            is_per_user=True,
        )
        assert flush_with(dispatch, "Ann", "Bob") is False
        stats = dispatch.ledger.stats()
        assert (stats.dropped, stats.delivered) == ({"fault": {KIND: 1}}, {KIND: 1})
        assert dispatch.close(GENEROUS_S)


class TestBounds:
    @pytest.mark.parametrize(
        "limit", [{"queue_events": 10}, {"queue_bytes": 10 * len(event("u10"))}]
    )
    def test_they_hold_over_all_lanes(
        self, start: Start, server: FaultServer, limit: dict[str, int]
    ) -> None:
        told: list[tuple[str, int]] = []
        server.fault = faults.Hang()
        dispatch = start(
            requests_at_once=4, **limit, on_drop=lambda reason, count: told.append((reason, count))
        )
        for number in range(10, 14):
            assert dispatch.accept(KIND, event(f"u{number}"), f"u{number}")
        wait_until(lambda: dispatch.ledger.stats().in_flight == {KIND: 4})
        taken = [dispatch.accept(KIND, event(f"u{n}"), f"u{n}") for n in range(20, 35)]
        assert taken == [True] * 10 + [False] * 5
        assert dispatch.ledger.stats().refused == {"queue_full": {KIND: 5}}
        server.fault = faults.Healthy()
        assert dispatch.flush(GENEROUS_S)
        wait_until(lambda: sum(count for _, count in told) == 5)
        assert {reason for reason, _ in told} == {"queue_full"}
        assert waiting(dispatch) == (0, 0)

    def test_an_event_that_is_too_large(self, start: Start) -> None:
        told: list[tuple[str, int]] = []
        dispatch = start(request_bytes=50, on_drop=lambda *about: told.append(about))
        assert not dispatch.accept(KIND, bytes(51), "Ann")
        wait_until(lambda: told == [("too_large", 1)])
        assert dispatch.ledger.stats().refused == {"too_large": {KIND: 1}}
        assert dispatch.accept(KIND, event("Ann"), "Ann")
        assert dispatch.flush(GENEROUS_S)
        assert waiting(dispatch) == (0, 0)


class TestDeadlines:
    @pytest.mark.timeout(30)
    def test_one_for_all_threads(self, start: Start) -> None:
        """One after the other, sixteen would take longer than the test may."""
        with BlackHole() as hole:
            dispatch = start(url=hole.url)
            for number in range(40):
                assert dispatch.accept(KIND, event(f"u{number % 30}"), f"u{number % 30}")
            wait_until(lambda: dispatch.ledger.stats().in_flight == {KIND: 16})
            assert dispatch.flush(2.5) is False
            assert dispatch.close(2.5) is False
            stats = dispatch.ledger.stats()
            assert stats.dropped == {"closed": {KIND: 24}, "unknown_outcome": {KIND: 16}}
            assert dispatch.accept(KIND, event("late"), "late") is False
        # Its port is closed, which resets what it never took.
        wait_until(lambda: dispatch.ledger.stats().in_flight == {})
        assert waiting(dispatch) == (0, 0)

    def test_an_event_beside_a_flush_is_no_part_of_it(
        self, start: Start, server: FaultServer
    ) -> None:
        def choose(received: Received) -> RequestFault:
            return faults.Hang() if sent(received)["user"] == "Bob" else faults.Healthy()

        dispatch = start()
        server.script([faults.Hang()])
        assert dispatch.accept(KIND, event("Ann"), "Ann")
        wait_until(lambda: len(server.requests) == 1)
        with ThreadPoolExecutor(1) as threads:
            flushed = threads.submit(dispatch.flush, GENEROUS_S)
            wait_until(lambda: outbox_of(dispatch).queue.flush_count == 1)
            # What hangs is lifted by it: Ann's is answered, Bob's is not.
            server.fault = faults.ByRequest(choose)
            assert dispatch.accept(KIND, event("Bob"), "Bob")
            assert flushed.result(GENEROUS_S) is True
        assert dispatch.ledger.stats().delivered == {KIND: 1}
        server.fault = faults.Healthy()
        assert dispatch.flush(GENEROUS_S)

    def test_a_loss_in_any_lane_is_told(self, start: Start, server: FaultServer) -> None:
        def choose(received: Received) -> RequestFault:
            return faults.Status(400 if sent(received)["user"] == "u3" else 200)

        server.fault = faults.ByRequest(choose)
        dispatch = start()
        assert flush_with(dispatch, *(f"u{number}" for number in range(10))) is False
        assert dispatch.ledger.stats().delivered == {KIND: 9}
        # What was lost before a flush is no part of it.
        assert dispatch.flush(GENEROUS_S) is True

    def test_ctrl_c_ends_it(self, start: Start) -> None:
        with BlackHole() as hole:
            dispatch = start(url=hole.url)
            assert dispatch.accept(KIND, event("Ann"), "Ann")
            main = threading.main_thread().ident
            timer = threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGINT])
            with pytest.raises(KeyboardInterrupt):  # noqa: PT012 -- it may come at once
                timer.start()
                dispatch.flush(GENEROUS_S)
            timer.join()
            dispatch.close(0)

    def test_one_that_nobody_closes(self, server: FaultServer) -> None:
        """It sends what waits, ends its threads and is forgotten."""
        before = set(threading.enumerate())
        dispatch = start_at(server.url)
        for number in range(100):
            assert dispatch.accept(KIND, event(f"u{number}"), f"u{number % 30}")
        gone = weakref.ref(outbox_of(dispatch))
        dispatch.release()
        del dispatch
        wait_until(lambda: server.distinct == 100)

        def is_forgotten() -> bool:
            gc.collect()
            started = set(threading.enumerate()) - before
            return gone() is None and not any(
                one.name in ("sortition-worker", "sortition-sender") for one in started
            )

        wait_until(is_forgotten)


class TestCallbacks:
    def test_they_may_flush_and_close(self, start: Start, server: FaultServer) -> None:
        """In several lanes at once, without a deadlock, and nothing is lost."""
        dispatches: list[Dispatch] = []
        meeting = threading.Barrier(8, timeout=GENEROUS_S)
        answers: list[bool] = []

        def call_back(_error: object, _events: object) -> None:
            if len(answers) < 8:
                answers.append(dispatches[0].flush(GENEROUS_S))
                meeting.wait()
                answers.append(dispatches[0].close(GENEROUS_S))

        server.fault = faults.Hang()
        dispatches.append(start(requests_at_once=8, flush_callback=call_back))
        for number in range(100):
            assert dispatches[0].accept(KIND, event(f"u{number}"), f"u{number % 40}")
        wait_until(lambda: len(server.requests) == 8)
        server.fault = faults.Healthy()
        wait_until(lambda: dispatches[0].ledger.stats().delivered == {KIND: 100})
        assert answers == [False] * 16
        assert (server.distinct, server.repeated) == (100, 0)

    def test_a_flush_waits_for_them(self, start: Start) -> None:
        done: Counter[str] = Counter()
        may_end = threading.Event()

        def call_back(_error: object, events: list[Any]) -> None:
            may_end.wait(GENEROUS_S)
            done.update(each["user"] for each in events)

        dispatch = start(flush_callback=call_back)
        for number in range(10):
            assert dispatch.accept(KIND, event(f"u{number}"), f"u{number}")
        threading.Timer(0.1, may_end.set).start()
        assert dispatch.flush(GENEROUS_S)
        assert done == Counter(f"u{number}" for number in range(10))

    def test_drops_of_all_lanes_are_told_together(self, start: Start, server: FaultServer) -> None:
        told: list[int] = []
        server.fault = faults.Status(400)
        dispatch = start(on_drop=lambda _reason, count: told.append(count))
        before = threading.active_count()
        for number in range(300):
            assert dispatch.accept(KIND, event(f"u{number}"), f"u{number}")
        dispatch.flush(GENEROUS_S)
        wait_until(lambda: sum(told) == 300)
        # Were each told when it is dropped, there would be 300.
        assert len(told) < 100
        assert threading.active_count() > before


class TestThreads:
    def test_one_that_cannot_be_started_is_started_later(
        self, start: Start, server: FaultServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dispatch = start()

        def fail(_: object) -> None:
            raise RuntimeError

        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", fail)
            for number in range(3):
                assert dispatch.accept(KIND, event(f"u{number}"), f"u{number}")
        assert dispatch.ledger.stats().queued == {KIND: 3}
        for number in range(3):
            assert dispatch.accept(KIND, event("Ann", number), "Ann")
        wait_until(lambda: server.distinct == 6)
        assert dispatch.flush(GENEROUS_S)


PROGRAM = textwrap.dedent(
    """
    import os, sys
    sys.path[:0] = [{tests!r}, {here!r}]
    url, way = sys.argv[1:]
    def late():
        dispatch = start_at(url)
        for number in range(3):
            assert dispatch.accept("visitor", event("late", number), "late")
            assert dispatch.ledger.stats().delivered == {{"visitor": number + 1}}
    if way == "atexit":
        import atexit
        atexit.register(late)
    from test_per_user import event, start_at
    dispatch = start_at(url, close_timeout_s=2 if way == "hang" else 60)
    def work(name):
        for number in range(100):
            assert dispatch.accept("visitor", event(name, number), f"{{name}} {{number % 30}}")
    work("parent")
    if way == "raise":
        raise SystemExit(3)
    if way == "fork":
        if os.fork() == 0:
            work("child")
            sys.exit(0)
        os.wait()
    if way == "multiprocessing":
        import multiprocessing
        process = multiprocessing.get_context("fork").Process(target=work, args=("child",))
        process.start()
        process.join()
        assert process.exitcode == 0
    """
)


class TestExit:
    @pytest.mark.parametrize(
        ("way", "events", "code"),
        [
            ("end", 100, 0),
            ("raise", 100, 3),
            ("atexit", 103, 0),
            ("fork", 200, 0),
            ("multiprocessing", 200, 0),
        ],
    )
    def test_everything_is_delivered(
        self, server: FaultServer, tmp_path: Path, way: str, events: int, code: int
    ) -> None:
        done = self.run(server.url, way, tmp_path)
        assert (done.returncode, done.stderr) == (code, "")
        assert (server.distinct, server.repeated) == (events, 0)

    @pytest.mark.timeout(30)
    def test_it_is_bounded(self, tmp_path: Path) -> None:
        """Two seconds for all lanes, not for each."""
        with BlackHole() as hole:
            done = self.run(hole.url, "hang", tmp_path)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr

    @staticmethod
    def run(url: str, way: str, folder: Path) -> subprocess.CompletedProcess[str]:
        program = PROGRAM.format(tests=str(TESTS), here=str(Path(__file__).parent))
        return subprocess.run(
            [
                sys.executable,
                "-c",
                program,
                url,
                way,
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=GENEROUS_S,
            env={**os.environ, "PYTHONWARNINGS": "ignore::DeprecationWarning"},
        )


def test_a_fork_while_events_are_on_their_way(start: Start, server: FaultServer) -> None:
    """The child has a queue and threads of its own, and the parent's go on."""
    server.fault = faults.Hang()
    dispatch = start()
    for number in range(50):
        assert dispatch.accept(KIND, event("parent", number), f"u{number % 30}")
    wait_until(lambda: len(server.requests) == 16)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(int(GENEROUS_S))
            for number in range(8):
                assert dispatch.accept(KIND, event("child", number), f"u{number}")
            assert dispatch.ledger.stats().accepted == {KIND: 8}
            status = 0 if dispatch.close(GENEROUS_S) else 2
        finally:
            os._exit(status)
    wait_until(lambda: len(server.requests) == 24)
    server.fault = faults.Healthy()
    assert os.waitpid(child, 0)[1] == 0
    assert dispatch.flush(GENEROUS_S)
    assert (server.distinct, server.repeated) == (58, 0)
    assert dispatch.ledger.stats().delivered == {KIND: 50}


def test_what_the_log_and_the_callback_are_told_adds_up(caplog: pytest.LogCaptureFixture) -> None:
    """Every lost event is in a line of the log, however many threads lose them."""
    told: Counter[str] = Counter()
    lost = 50
    with BlackHole() as hole:
        dispatch = start_at(
            hole.url,
            close_timeout_s=0.3,
            request_timeout_s=0.2,
            on_drop=lambda reason, count: told.update({reason: count}),
        )
        for number in range(lost):
            assert dispatch.accept(KIND, event(f"u{number}"), f"u{number}")
        assert dispatch.close(0.3) is False

    def logged() -> int:
        lines = [one.getMessage() for one in caplog.records]
        return sum(int(line.split()[0]) for line in lines if " lost: " in line)

    def dropped() -> int:
        # What was on its way at the end may have arrived.
        by_reason = dispatch.ledger.stats().dropped
        assert by_reason.keys() <= {"closed", "unknown_outcome"}
        return sum(of_visitors(kinds) for kinds in by_reason.values())

    wait_until(lambda: dropped() == lost)
    wait_until(lambda: sum(told.values()) == lost)
    wait_until(lambda: logged() == lost)
