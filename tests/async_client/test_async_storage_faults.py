"""The async client's results and counts while its user storage fails, hangs or recovers."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, project, settings, variation
from support.loops import GENEROUS_S, LOOPS
from support.sink import wait_until

from sortition import pagesense, storages, vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.loops import Loop

ONE_PAGE = [variation(1, "Control", 0), variation(2, "One page", 100)]
STORED = {"userId": "Ann", "campaignKey": "checkout", "variationName": "Control"}
DOCUMENT = settings(campaign(variations=ONE_PAGE))


class Failing:
    """A synchronous storage that behaves as it is told."""

    def __init__(self) -> None:
        self.records: dict[str, Any] = {}
        self.fails = self.hangs = False
        self.gives: Any = None
        self.ends = threading.Event()
        self.reads = self.inside = self.most_inside = 0
        self._lock = threading.Lock()

    def get(self, user_id: str, _key: str) -> Any:
        with self._lock:
            self.reads += 1
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        try:
            if self.hangs:
                self.ends.wait(GENEROUS_S)
            if self.fails:
                raise ConnectionError("Ann is in no message")
            return self.gives or self.records.get(user_id)
        finally:
            with self._lock:
                self.inside -= 1

    def set(self, record: dict[str, Any]) -> None:
        if self.fails:
            raise ConnectionError("Ann is in no message")
        self.records[record["userId"]] = record


class AsyncFailing(Failing):
    """The same, to be awaited."""

    def __init__(self) -> None:
        super().__init__()
        self.cancelled = 0

    async def get(self, user_id: str, key: str) -> Any:
        if self.hangs:
            self.reads += 1
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled += 1
        await asyncio.sleep(0)
        return super().get(user_id, key)

    async def set(self, record: dict[str, Any]) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        super().set(record)


class Returning(Failing):
    """Methods that are not async, and return something to await."""

    def get(self, user_id: str, key: str) -> Any:
        async def get() -> Any:
            if self.hangs:
                await asyncio.Event().wait()
            return Failing.get(self, user_id, key)

        return get()

    def set(self, record: dict[str, Any]) -> Any:
        async def keep() -> None:
            Failing.set(self, record)

        return keep()


KINDS: list[Callable[[], Failing]] = [Failing, AsyncFailing, Returning]


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest) -> Failing:
    found: Failing = request.param()
    return found


def launch(storage: Any, **options: Any) -> vwo.AsyncClient:
    options = {"is_development_mode": True, "storage_timeout_s": GENEROUS_S, **options}
    return asyncio.run(vwo.alaunch(DOCUMENT, user_storage=storage, **options))


def activate(client: vwo.AsyncClient, *users: str) -> list[str | None]:
    """The variations of these users, from simultaneous calls."""

    async def work() -> list[str | None]:
        return list(await asyncio.gather(*(client.activate("checkout", user) for user in users)))

    return asyncio.run(work())


def test_a_stored_record_is_used_and_a_new_one_kept(storage: Failing) -> None:
    storage.records["Ann"] = STORED
    client = launch(storage)
    assert activate(client, "Ann", "Bob") == ["Control", "One page"]
    assert storage.records["Bob"]["variationName"] == "One page"
    assert client.stats().storage_findings == {}


def test_one_that_raises_counts_as_empty_and_is_skipped(
    storage: Failing, caplog: pytest.LogCaptureFixture
) -> None:
    storage.fails = True
    client = launch(storage)
    for number in range(20):
        assert activate(client, f"u{number}") == ["One page"]
    assert storage.reads == 3
    found = client.stats().storage_findings
    assert found["raised"] >= 3
    assert found["skipped"] >= 17
    assert "u1" not in caplog.text
    assert client.status().reasons == ("the user storage is skipped: ConnectionError",)


def test_one_that_hangs_is_left_at_the_deadline(storage: Failing) -> None:
    """The call goes on without a record; after three such calls the storage is skipped."""
    storage.hangs = True
    client = launch(storage, storage_timeout_s=0.1)
    for number in range(6):
        assert activate(client, f"u{number}") == ["One page"]
    found = client.stats().storage_findings
    assert found["slow"] >= 3
    assert found["skipped"] >= 3
    assert set(found) == {"slow", "skipped"}
    assert "Control" not in str(storage.records)
    if isinstance(storage, AsyncFailing):
        assert storage.cancelled == 3
    storage.ends.set()


def test_one_that_comes_back_is_asked_again(storage: Failing) -> None:
    storage.fails = True
    storage.records["Ann"] = STORED
    client = launch(storage)
    assert activate(client, "Ann", "Ann", "Ann", "Ann") == ["One page"] * 4
    storage.fails = False
    for operations in (
        client._client._storage_breaker.reads,
        client._client._storage_breaker.writes,
    ):
        operations._breaker.get()._paused_until = 0.0
    assert activate(client, "Ann") == ["Control"]
    assert client.status().state == "ready"


@pytest.mark.parametrize(
    ("given", "name"),
    [(b"{}", "bytes"), ("{}", "json_text"), ([STORED], "wrong_type"), ({"a": 1}, "no_campaign")],
)
def test_junk_counts_as_no_record(storage: Failing, given: object, name: str) -> None:
    storage.gives = given
    client = launch(storage)
    assert activate(client, "Ann") == ["One page"]
    assert client.stats().storage_findings == {name: 1}


def test_the_threads_of_a_synchronous_storage_are_limited() -> None:
    """More calls wait for their turn; none is refused."""
    storage = Failing()
    storage.hangs = True
    client = launch(storage)

    async def work() -> list[str | None]:
        calls = [
            asyncio.ensure_future(client.activate("checkout", f"u{number}"))
            for number in range(100)
        ]
        await asyncio.to_thread(wait_until, lambda: storage.inside == 32)
        storage.ends.set()
        return list(await asyncio.gather(*calls))

    assert asyncio.run(work()) == ["One page"] * 100
    assert storage.most_inside == 32
    assert storage.reads == 100
    assert client.stats().storage_findings == {}


def test_a_storage_that_keeps_every_thread_holds_up_nothing_else() -> None:
    """The calls end at their deadline, and the client closes."""
    storage = Failing()
    storage.hangs = True
    client = launch(storage, storage_timeout_s=0.05)
    assert activate(client, *(f"u{number}" for number in range(100))) == ["One page"] * 100
    assert client.stats().storage_findings["slow"] >= 100
    assert asyncio.run(client.aclose()) is True
    storage.ends.set()
    wait_until(lambda: "sortition-storage" not in {one.name for one in threading.enumerate()})
    # What nobody waited for any more was not asked.
    assert storage.reads == 32


def test_a_synchronous_storage_sees_the_context_of_the_call() -> None:
    """Such as the span of a tracer, or the session of a request."""
    request = contextvars.ContextVar("request", default="none")
    seen = []

    class Storage(Failing):
        def get(self, user_id: str, key: str) -> Any:
            seen.append(request.get())
            return super().get(user_id, key)

    client = launch(Storage())

    async def work() -> None:
        request.set("this one")
        await client.activate("checkout", "Ann")

    asyncio.run(work())
    assert seen == ["this one"]


def test_a_storage_in_memory_is_asked_on_the_loop_itself() -> None:
    """A storage that never blocks needs no thread, and the call does not switch tasks."""
    memory = storages.MemoryStorage()
    client = launch(memory)
    with pytest.raises(StopIteration) as end:
        client.activate("checkout", "Ann").send(None)
    assert end.value.value == "One page"
    found: Any = memory.get("Ann", "checkout")
    assert found["variationName"] == "One page"


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.name)
def test_several_records_are_asked_for_at_once(loop: Loop) -> None:
    """With ``get_many``, for a group of campaigns, on every kind of loop."""

    class Storage:
        def __init__(self) -> None:
            self.asked: list[Any] = []

        async def get(self, *asked: Any) -> None:
            await loop.sleep(0)
            self.asked.append(asked)

        async def get_many(self, user_id: str, keys: list[str]) -> dict[str, Any]:
            await loop.sleep(0)
            self.asked.append((user_id, sorted(keys)))
            return {}

        async def set(self, _: Any) -> None:
            await loop.sleep(0)

    storage = Storage()
    grouped = settings(
        campaign(1, "one", isMutuallyExclusive=True),
        campaign(2, "two"),
        groups={"7": {"name": "group", "campaigns": [1, 2]}},
        campaignGroups={"1": 7, "2": 7},
    )

    async def work() -> None:
        async with await vwo.alaunch(
            grouped, user_storage=storage, is_development_mode=True
        ) as client:
            await client.activate("one", "Ann")

    loop.run(work)
    assert ("Ann", ["one", "two"]) in storage.asked or len(storage.asked) >= 2


class Profiles:
    """A PageSense storage of async methods that behaves as it is told."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.fails = self.hangs = False
        self.gives: Any = None

    async def look_up(self, user_id: str) -> Any:
        await asyncio.sleep(0)
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise ConnectionError("Ann is in no message")
        return self.gives or self.texts.get(user_id)

    async def save(self, profile: pagesense.UserProfile) -> None:
        await asyncio.sleep(0)
        self.texts[profile.get_user_id()] = profile.get_user_profile_json_string()


@pytest.mark.parametrize(
    ("behaves", "finding"),
    [
        ({}, None),
        ({"fails": True}, "raised"),
        ({"hangs": True}, "slow"),
        ({"gives": b"{}"}, "bytes"),
        ({"gives": "junk"}, "no_profile"),
    ],
)
def test_a_pagesense_storage_that_fails(behaves: dict[str, Any], finding: str | None) -> None:
    """The call answers, and nothing is saved where the profile is not known."""
    storage = Profiles()
    vars(storage).update(behaves)

    async def work() -> pagesense.AsyncClient:
        async with await pagesense.alaunch(
            project(),
            data_center="EU",
            user_storage=storage,
            is_development_mode=True,
            storage_timeout_s=0.05,
        ) as client:
            given = await client.activate_experiment("Test 1", "Ann")
            assert given is not None
            assert await client.get_variation_name("Test 1", "Ann") == given
        return client

    found = asyncio.run(work()).stats().storage_findings
    # After three failures it is skipped.
    assert set(found) - {"skipped"} == ({finding} if finding else set())
    is_read = not (storage.fails or storage.hangs)
    assert ("Ann" in storage.texts) is is_read


def test_the_synchronous_client_names_what_can_await(caplog: pytest.LogCaptureFixture) -> None:
    """At launch where the methods are async, and once where they return something to await."""
    with pytest.raises(Exception, match=r"user_storage: get is async.*alaunch"):
        vwo.launch(DOCUMENT, user_storage=AsyncFailing())
    with pytest.raises(Exception, match=r"user_storage: look_up is async.*alaunch"):
        pagesense.launch(project(), data_center="EU", user_storage=Profiles())
    with vwo.launch(DOCUMENT, user_storage=Returning(), is_development_mode=True) as client:
        assert client.activate("checkout", "Ann") == "One page"
    assert "alaunch" in caplog.text
