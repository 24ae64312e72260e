"""How long the async client holds its event loop, and what its calls cost beside synchronous ones.

    python benches/async_client.py [lag|calls]

The lag is the longest time that the loop did not come to a task that asks for a turn every
millisecond, for each of the things that a service does, with every host silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent / "subjects"))

import experiments
from experiments import GOAL, KEY

import sortition
from sortition import vwo
from sortition.storages import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

DOCUMENT = experiments.text(experiments.document(experiments.campaign()))
BATCH = {"events_per_request": 5000, "request_time_interval": 600}
CALLS = 20_000
ROUNDS = 5


class Slow:
    """A synchronous storage that takes a second."""

    def get(self, *_: object) -> None:
        threading.Event().wait(1.0)

    set = get


class AsyncMemory:
    """A storage of coroutines that are ready at once."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}

    async def get(self, user_id: str, key: str) -> dict[str, Any] | None:
        return self.records.get((user_id, key))

    async def set(self, record: dict[str, Any]) -> None:
        self.records[record["userId"], record["campaignKey"]] = record


class Plain:
    """A synchronous storage in memory, of which the client knows nothing."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, user_id: str, key: str) -> dict[str, Any] | None:
        return self.records.get((user_id, key))

    def set(self, record: dict[str, Any]) -> None:
        self.records[record["userId"], record["campaignKey"]] = record


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """The URL of a server that never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def lag_of(work: Callable[[], Awaitable[Any]]) -> float:
    """The longest time without a turn while this goes on, in milliseconds."""
    longest = 0.0
    task = asyncio.ensure_future(work())
    last = time.perf_counter()
    while not task.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    with contextlib.suppress(sortition.SettingsUnavailableError):
        await task
    return longest * 1000


def large(campaigns: int) -> bytes:
    """A settings document of so many campaigns."""
    document = json.loads(DOCUMENT)
    (campaign,) = document["campaigns"]
    document["campaigns"] = [
        {**campaign, "id": number, "key": f"campaign-{number}"} for number in range(campaigns)
    ]
    return json.dumps(document).encode()


async def lags(url: str) -> dict[str, float]:
    """The lag of each thing, by name."""
    options: dict[str, Any] = {"base_url": url, "request_timeout_s": 0.5}
    found = {"nothing": await lag_of(lambda: asyncio.sleep(0.5))}
    found["launch"] = await lag_of(lambda: vwo.alaunch(DOCUMENT, **options))
    found["launch, fetching in vain"] = await lag_of(
        lambda: vwo.alaunch(account_id=1, sdk_key="key", **options)
    )
    for size in (100, 1000):
        document = large(size)
        name = f"launch, {len(document) // 1024} KiB of settings"
        found[name] = await lag_of(lambda document=document: vwo.alaunch(document, **options))
    client = await vwo.alaunch(DOCUMENT, batch_events=BATCH, **options)

    async def decide() -> None:
        for number in range(2000):
            await client.activate(KEY, f"user-{number}")
            await client.track(KEY, f"user-{number}", GOAL)
            if number % 10 == 0:
                await asyncio.sleep(0)

    found["4,000 calls in batches, during an outage"] = await lag_of(decide)
    found["flush"] = await lag_of(lambda: client.flush(1.0))
    found["close"] = await lag_of(lambda: client.aclose(1.0))
    within = await vwo.alaunch(DOCUMENT, **options)
    found["the first call that waits for an answer"] = await lag_of(
        lambda: within.activate(KEY, "Ann")
    )
    found["100 calls at once that wait for an answer"] = await lag_of(
        lambda: asyncio.gather(*(within.activate(KEY, f"u{number}") for number in range(100)))
    )
    found["another 100 such calls at once"] = await lag_of(
        lambda: asyncio.gather(*(within.activate(KEY, f"v{number}") for number in range(100)))
    )
    found["settings refresh"] = await lag_of(lambda: within.get_and_update_settings_file(1, "key"))
    slow = await vwo.alaunch(DOCUMENT, user_storage=Slow(), storage_timeout_s=3.0, **options)
    found["30 calls at once with a storage that takes 1 s"] = await lag_of(
        lambda: asyncio.gather(
            *(slow.get_variation_name(KEY, f"u{number}") for number in range(30))
        )
    )
    return found


async def timed(call: Callable[[], Awaitable[Any]]) -> float:
    """How long one call takes, in microseconds: the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(CALLS // ROUNDS):
            await call()
        best = min(best, time.perf_counter() - begin)
    return best / (CALLS // ROUNDS) * 1e6


def timed_synchronously(call: Callable[[], Any]) -> float:
    """The same of a synchronous call."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(CALLS // ROUNDS):
            call()
        best = min(best, time.perf_counter() - begin)
    return best / (CALLS // ROUNDS) * 1e6


async def calls() -> Iterator[tuple[str, float, float]]:
    """What calls cost: what, of the synchronous client, of the async one."""
    options: dict[str, Any] = {"batch_events": BATCH, "base_url": "http://127.0.0.1:9"}
    rows = []
    storages: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = [
        ("no storage", lambda: None, lambda: None),
        ("MemoryStorage", MemoryStorage, MemoryStorage),
        ("an async storage", Plain, AsyncMemory),
        ("a synchronous storage", Plain, Plain),
    ]
    for name, plain, awaited in storages:
        client = vwo.launch(DOCUMENT, user_storage=plain(), **options)
        other = await vwo.alaunch(DOCUMENT, user_storage=awaited(), **options)
        client.activate(KEY, "Ann")
        await other.activate(KEY, "Ann")
        rows.append(
            (
                f"get_variation_name, {name}",
                timed_synchronously(lambda client=client: client.get_variation_name(KEY, "Ann")),
                await timed(lambda other=other: other.get_variation_name(KEY, "Ann")),
            )
        )
    return iter(rows)


def run() -> None:
    """Measure, and print."""
    wanted = sys.argv[1:] or ["lag", "calls"]
    if "lag" in wanted:
        with silent() as url:
            for name, milliseconds in asyncio.run(lags(url)).items():
                print(f"{milliseconds:8.1f} ms  {name}")
    if "calls" in wanted:
        print("  synchronous     async")
        for name, one, other in asyncio.run(calls()):
            print(f"{one:10.2f} us {other:8.2f} us  {name}")


if __name__ == "__main__":
    run()
