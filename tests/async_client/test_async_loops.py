"""The async client on each kind of event loop: nothing that takes a while holds the loop's thread.

Where a test waits for something slow, another task of the same loop releases it. A loop that is
held up would never come to that.
"""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from support.children import in_child
from support.documents import settings
from support.loops import GENEROUS_S, LOOPS, Gate, beating
from support.sink import Answer, BlackHole, wait_until

import sortition
from sortition import vwo
from sortition._process import workers

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from support.loops import Loop
    from support.sink import Received, Sink

BATCH = {"events_per_request": 100}
KEY = "0123456789abcdef"


@pytest.fixture(params=LOOPS, ids=lambda loop: loop.name)
def loop(request: pytest.FixtureRequest) -> Loop:
    found: Loop = request.param
    return found


def own_threads() -> set[str]:
    return {one.name for one in threading.enumerate() if one.name.startswith("sortition-")}


class SlowStorage:
    """A synchronous storage that waits for a gate."""

    def __init__(self) -> None:
        self.getting, self.setting = Gate(), Gate()
        self.records: dict[str, Any] = {}

    def get(self, user_id: str, _key: str) -> Any:
        self.getting.wait()
        return self.records.get(user_id)

    def set(self, record: dict[str, Any]) -> None:
        self.setting.wait()
        self.records[record["userId"]] = record


def test_a_call_that_waits_for_nothing_does_not_switch_tasks() -> None:
    """It is over at its first step, with no loop at all."""
    client = asyncio.run(vwo.alaunch(settings(), batch_events=BATCH, base_url="http://127.0.0.1:9"))
    calls: list[Coroutine[Any, Any, Any]] = [
        client.activate("checkout", "Ann"),
        client.get_variation_name("checkout", "Ann"),
        client.track("checkout", "Ann", "purchase"),
        client.push("plan", "pro", "Ann"),
        client.is_feature_enabled("checkout", "Ann"),
        client.get_feature_variable_value("checkout", "x", "Ann"),
        client.explain("checkout", "Ann"),
        client.handle_webhook({"x-vwo-auth": "s"}, b"", "s"),
    ]
    answers = []
    for call in calls:
        with pytest.raises(StopIteration) as end:
            call.send(None)
        answers.append(end.value.value)
    assert answers[:4] == ["Control", "Control", {"checkout": True}, True]
    asyncio.run(client.aclose(0.01))


def test_a_slow_synchronous_storage_holds_no_loop(loop: Loop, sink: Sink) -> None:
    storage = SlowStorage()

    async def work() -> None:
        client = await vwo.alaunch(
            settings(),
            user_storage=storage,
            storage_timeout_s=GENEROUS_S,
            base_url=sink.url,
            batch_events=BATCH,
        )
        async with client:
            call = client.activate("checkout", "Ann")
            assert await beating(loop, call, storage.getting, storage.setting) == "Control"
            assert await client.get_variation_name("checkout", "Ann") == "Control"
        assert client.stats().delivered == {"visitor": 1}

    loop.run(work)
    assert storage.records["Ann"]["variationName"] == "Control"


def test_an_event_that_no_thread_can_send_is_reported(
    loop: Loop, sink: Sink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is told to on_drop; the log has one line at once, and one for the others at the end."""
    told: list[tuple[str, int]] = []

    def lines() -> list[str]:
        return [message for message in caplog.messages if "queue full" in message]

    async def work() -> None:
        client = await vwo.alaunch(
            settings(), base_url=sink.url, on_drop=lambda *what: told.append(what)
        )
        monkeypatch.setattr(workers, "start_thread", lambda *_: False)
        for user in ("Ann", "Bob", "Cleo"):
            await client.track("checkout", user, "purchase")
        monkeypatch.undo()
        assert client.stats().refused == {"queue_full": {"conversion": 3}}
        assert told == [("queue_full", 1)] * 3
        assert lines() == ["1 event was refused: queue full"]
        await client.aclose()
        await client.track("checkout", "Ann", "purchase")
        assert client.stats().refused["closed"] == {"conversion": 1}

    loop.run(work)
    assert told == [("queue_full", 1)] * 3
    assert lines() == ["1 event was refused: queue full", "2 events were refused: queue full"]
    assert sink.received == []


def test_an_async_storage_is_awaited(loop: Loop, sink: Sink) -> None:
    class Storage:
        def __init__(self) -> None:
            self.records: dict[str, Any] = {}

        async def get(self, user_id: str, _key: str) -> Any:
            await loop.sleep(0.001)
            return self.records.get(user_id)

        async def set(self, record: dict[str, Any]) -> None:
            await loop.sleep(0.001)
            self.records[record["userId"]] = record

    async def work() -> None:
        client = await vwo.alaunch(
            settings(), user_storage=Storage(), base_url=sink.url, batch_events=BATCH
        )
        async with client:
            assert await client.activate("checkout", "Ann") == "Control"
            assert await client.track("checkout", "Ann", "purchase") == {"checkout": True}
            assert await client.track("checkout", "Bob", "purchase") == {"checkout": False}
            assert client.stats().storage_findings == {}

    loop.run(work)


def test_launch_send_flush_refresh_and_close_hold_no_loop(loop: Loop, sink: Sink) -> None:
    """Each waits for an answer that only comes once another task has had its turns."""
    document = json.dumps(settings()).encode()
    gates: list[Gate] = []

    def answer(received: Received) -> Answer:
        gates[-1].wait()
        return Answer(body=document if received.method == "GET" else b"")

    sink.answer = answer

    async def held(call: Coroutine[Any, Any, Any]) -> Any:
        gates.append(Gate())
        return await beating(loop, call, gates[-1])

    async def work() -> None:
        # The server takes events as GET requests, too.
        client = await held(vwo.alaunch(account_id=604812, sdk_key=KEY, base_url=sink.url))
        assert await held(client.activate("checkout", "Ann")) == "Control"
        assert await held(client.track("checkout", "Ann", "purchase")) == {"checkout": True}
        assert await held(client.push("plan", "pro", "Ann")) is True
        fetched = await held(client.get_and_update_settings_file(604812, KEY))
        assert json.loads(fetched) == settings()
        assert await client.flush_events() is None
        assert await client.aclose() is True
        batched = await vwo.alaunch(settings(), batch_events=BATCH, base_url=sink.url)
        await batched.activate("checkout", "Ann")
        assert await held(batched.flush_events()) is True
        await batched.activate("checkout", "Bob")
        assert await held(batched.aclose()) is True
        assert batched.stats().delivered == {"visitor": 2}

    loop.run(work)
    wait_until(lambda: not own_threads())


def test_with_every_host_silent_each_call_ends_at_its_deadline(loop: Loop) -> None:
    """Meanwhile other tasks go on, and nothing is left running."""

    async def beat(client_has_ended: threading.Event, beats: list[int]) -> None:
        while not client_has_ended.is_set():
            await loop.sleep(0.005)
            beats.append(1)

    async def work() -> None:
        has_ended = threading.Event()
        beats: list[int] = []

        async def use() -> None:
            with BlackHole() as hole:
                options: dict[str, Any] = {"base_url": hole.url, "request_timeout_s": 0.1}
                with pytest.raises(sortition.SettingsUnavailableError):
                    await vwo.alaunch(account_id=604812, sdk_key=KEY, **options)
                client = await vwo.alaunch(settings(), **options)
                assert await client.activate("checkout", "Ann") == "Control"
                assert await client.track("checkout", "Ann", "purchase") == {"checkout": False}
                assert (
                    json.loads(str(await client.get_and_update_settings_file(604812, KEY)))
                    == settings()
                )
                assert client.stats().dropped["unknown_outcome"] == {"visitor": 1, "conversion": 1}
                assert await client.aclose() is True
                batched = await vwo.alaunch(settings(), batch_events=BATCH, **options)
                await batched.activate("checkout", "Ann")
                assert await batched.flush_events(timeout_s=0.1) is False
                assert await batched.aclose(0.1) is False
            has_ended.set()

        await loop.together(use, lambda: beat(has_ended, beats))
        # At least three hundredths of a second passed for each of the four waits.
        assert len(beats) > 20

    loop.run(work)


def test_one_client_for_two_loops_one_after_the_other_and_threads(loop: Loop, sink: Sink) -> None:
    """A client belongs to no loop: made in one, it is used in others, also at the same time."""
    storage = AsyncMemory(loop)
    client = loop.run(
        lambda: vwo.alaunch(
            settings(), user_storage=storage, base_url=sink.url, request_timeout_s=GENEROUS_S
        )
    )

    async def use(name: str) -> None:
        async def one(number: int) -> None:
            user = f"{name}-{number}"
            assert await client.activate("checkout", user)
            assert await client.track("checkout", user, "purchase") == {"checkout": True}

        await loop.together(*(lambda number=number: one(number) for number in range(10)))

    loop.run(lambda: use("first"))
    loop.run(lambda: use("second"))
    threads = [
        threading.Thread(target=lambda name=name: loop.run(lambda: use(name)))
        for name in ("third", "fourth")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.stats().delivered == {"visitor": 40, "conversion": 40}
    loop.run(client.aclose)
    wait_until(lambda: not own_threads())


class AsyncMemory:
    """A storage that lets other tasks run in between."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.records: dict[str, Any] = {}

    async def get(self, user_id: str, _key: str) -> Any:
        await self._loop.sleep(0)
        return self.records.get(user_id)

    async def set(self, record: dict[str, Any]) -> None:
        await self._loop.sleep(0)
        self.records[record["userId"]] = record


class TestCancelling:
    def test_a_call_that_waits_for_an_answer_loses_no_event(self, sink: Sink) -> None:
        """The event is sent and counted, and no task is left."""
        gate = Gate()

        def answer(_: object) -> Answer:
            gate.wait()
            return Answer()

        sink.answer = answer

        async def work() -> vwo.AsyncClient:
            client = await vwo.alaunch(settings(), base_url=sink.url)
            call = asyncio.ensure_future(client.track("checkout", "Ann", "purchase"))
            await asyncio.to_thread(gate.reached.wait, GENEROUS_S)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return client

        client = asyncio.run(work())
        assert client.stats().in_flight == {"conversion": 1}
        gate.open()
        wait_until(lambda: client.stats().delivered == {"conversion": 1})
        asyncio.run(client.aclose())

    def test_a_call_that_waits_for_the_storage_sends_nothing(self, sink: Sink) -> None:
        storage = SlowStorage()

        async def work() -> None:
            async with await vwo.alaunch(
                settings(), user_storage=storage, base_url=sink.url, storage_timeout_s=GENEROUS_S
            ) as client:
                call = asyncio.ensure_future(client.activate("checkout", "Ann"))
                await asyncio.to_thread(storage.getting.reached.wait, GENEROUS_S)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                assert client.stats().accepted == {}
                assert client.stats().storage_findings == {}
                storage.getting.open()

        asyncio.run(work())
        assert sink.received == []

    def test_a_launch_leaves_nothing(self, sink: Sink) -> None:
        """A client that comes after all is closed."""
        gate = Gate()

        def answer(_: object) -> Answer:
            gate.wait()
            return Answer(body=json.dumps(settings()).encode())

        sink.answer = answer

        async def work() -> None:
            launch = asyncio.ensure_future(
                vwo.alaunch(account_id=604812, sdk_key=KEY, base_url=sink.url, poll_interval_s=1)
            )
            await asyncio.to_thread(gate.reached.wait, GENEROUS_S)
            launch.cancel()
            with pytest.raises(asyncio.CancelledError):
                await launch

        asyncio.run(work())
        gate.open()
        wait_until(lambda: not own_threads())

    def test_a_flush_goes_on_without_its_waiter(self, sink: Sink) -> None:
        gate = Gate()

        def answer(_: object) -> Answer:
            gate.wait()
            return Answer()

        sink.answer = answer

        async def work() -> vwo.AsyncClient:
            client = await vwo.alaunch(settings(), base_url=sink.url, batch_events=BATCH)
            for number in range(20):
                await client.track("checkout", f"u{number}", "purchase")
            flush = asyncio.ensure_future(client.flush())
            await asyncio.to_thread(gate.reached.wait, GENEROUS_S)
            flush.cancel()
            with pytest.raises(asyncio.CancelledError):
                await flush
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return client

        client = asyncio.run(work())
        gate.open()
        wait_until(lambda: client.stats().delivered == {"conversion": 20})
        asyncio.run(client.aclose())


def test_a_launch_that_is_refused_raises_and_leaves_nothing() -> None:
    with pytest.raises(sortition.OptionError, match="engine"):
        asyncio.run(vwo.alaunch(settings(), engine="rust"))  # type: ignore[arg-type]
    with pytest.raises(sortition.OptionError, match="did you mean batch_events"):
        asyncio.run(vwo.alaunch(settings(), batch_event=BATCH))  # type: ignore[call-arg]
    wait_until(lambda: not own_threads())


def test_a_client_that_nobody_closes_is_freed(sink: Sink) -> None:
    async def work() -> weakref.ref[vwo.AsyncClient]:
        client = await vwo.alaunch(settings(), base_url=sink.url, user_storage=SlowStorage())
        await client.explain("checkout", "Ann", user_storage_data={})
        await client.push("plan", "pro", "Ann")
        return weakref.ref(client)

    reference = asyncio.run(work())
    gc.collect()
    assert reference() is None
    wait_until(lambda: not own_threads())


def test_a_synchronous_call_that_waits_on_a_running_loop_warns_once(sink: Sink) -> None:
    """Through `warnings`, at the line of the caller, and through the log; it names `alaunch`."""

    async def work() -> None:
        with vwo.launch(settings(), base_url=sink.url) as client:
            with pytest.warns(RuntimeWarning, match="alaunch") as warned:
                assert client.activate("checkout", "Ann") == "Control"
            assert [one.filename for one in warned] == [__file__]
            # Pytest makes an error of another warning; the call goes on all the same.
            assert client.activate("checkout", "Bob")
        with vwo.launch(settings(), base_url=sink.url, batch_events=BATCH) as client:
            assert client.activate("checkout", "Ann") == "Control"

    asyncio.run(work())
    assert len(sink.received) == 3


@pytest.mark.parametrize("options", [{}, {"batch_events": BATCH}])
def test_a_forked_child_has_threads_of_its_own(sink: Sink, options: dict[str, Any]) -> None:
    """A client that its parent has used works there as well."""
    storage = SlowStorage()
    storage.getting.open()
    storage.setting.open()
    client = asyncio.run(
        vwo.alaunch(settings(), user_storage=storage, base_url=sink.url, **options)
    )

    async def use(user: str) -> bool:
        assert await client.activate("checkout", user)
        assert await client.track("checkout", user, "purchase")
        return await client.aclose()

    async def begin() -> None:
        assert await client.activate("checkout", "Ann")

    asyncio.run(begin())
    assert in_child(lambda: bool(asyncio.run(use("Bob"))))
    assert asyncio.run(use("Cid")) is True
    assert client.stats().accepted == {"visitor": 2, "conversion": 1}
    wait_until(lambda: len(sink.received) == (5 if not options else 2))
