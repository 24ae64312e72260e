"""The client beside an event loop, called from the loop's threads."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import settings
from support.sink import Answer, BlackHole, Sink

from sortition import _engine, vwo

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sortition._engine import Engine

    Launch = Callable[..., vwo.Client]

BATCH = {"events_per_request": 10}
KEY = "0123456789abcdef"


@pytest.fixture
def engine() -> Engine:
    """One will do: what decides knows nothing of loops."""
    return _engine.load()


async def ticking(work: Coroutine[Any, Any, None]) -> int:
    """How often the loop came to something else while this went on."""
    ticks = 0
    done = asyncio.ensure_future(work)
    while not done.done():
        await asyncio.sleep(0.01)
        ticks += 1
    await done
    return ticks


class SlowStorage:
    """A storage that takes its time."""

    def __init__(self) -> None:
        self.never = threading.Event()

    def get(self, *_: object) -> None:
        self.never.wait(0.2)

    def set(self, *_: object) -> None:
        self.never.wait(0.2)


def test_the_loop_goes_on_whatever_hangs() -> None:
    """Launch, decide, store, flush, refresh and close against a server that never answers."""

    async def work(url: str) -> None:
        client = await asyncio.to_thread(
            vwo.launch,
            account_id=604812,
            sdk_key=KEY,
            base_url=url,
            init_timeout_s=0.3,
            request_timeout_s=0.3,
            fallback_settings_file=settings(),
            poll_interval_s=1,
            user_storage=SlowStorage(),
            batch_events=BATCH,
        )
        assert await asyncio.to_thread(client.activate, "checkout", "Ann")
        # What neither stores nor sends needs no thread.
        assert client.get_variation_name("checkout", "Ann", user_storage_data={}) is None
        await asyncio.to_thread(client.flush_events, timeout_s=0.3)
        await asyncio.to_thread(client.get_and_update_settings_file, 604812, KEY)
        assert await asyncio.to_thread(client.close, 0.3) is False

    with BlackHole() as hole:
        ticks = asyncio.run(ticking(work(hole.url)))
    # It waited for the network for a second and a half at least: a loop that is held up ticks once
    # for each call.
    assert ticks > 25


def test_one_client_for_two_loops_and_a_thread(launch: Launch, sink: Sink) -> None:
    """Made before any loop."""
    client = launch(settings(), batch_events=BATCH, poll_interval_s=1)
    # What is polled is the same settings, and none is needed here.
    sink.answer = lambda received: Answer(503 if received.method == "GET" else 200)

    async def use(name: str) -> None:
        tracking = [
            asyncio.to_thread(client.track, "checkout", f"{name}-{number}", "purchase")
            for number in range(20)
        ]
        assert all(await asyncio.gather(*tracking))
        # On the loop itself a call in batch mode holds up nothing.
        assert client.track("checkout", f"{name}-last", "purchase")

    asyncio.run(use("first"))
    asyncio.run(use("second"))
    thread = threading.Thread(target=lambda: asyncio.run(use("third")))
    thread.start()
    thread.join()
    assert client.flush_events()
    assert client.stats().delivered == {"conversion": 63}


def test_a_waiter_that_is_cancelled_loses_no_event(launch: Launch) -> None:
    """Cancelling the task that waits for a call loses no event."""
    with BlackHole() as hole:
        client = launch(settings(), base_url=hole.url, batch_events=BATCH, request_timeout_s=0.3)

        async def work() -> None:
            for number in range(20):
                assert client.track("checkout", f"u{number}", "purchase")
            flushing = asyncio.ensure_future(asyncio.to_thread(client.flush_events, timeout_s=0.5))
            await asyncio.sleep(0)
            flushing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await flushing
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert left == set()

        asyncio.run(work())
        stats = client.stats()
        waiting = stats.queued.get("conversion", 0) + stats.in_flight.get("conversion", 0)
        assert waiting == 20
        client.close(0.1)
        # What a request is under way with may have reached the server.
        dropped = client.stats().dropped
        assert dropped.keys() <= {"closed", "unknown_outcome"}
        assert sum(kinds["conversion"] for kinds in dropped.values()) == 20
