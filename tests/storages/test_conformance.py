"""The check of a user storage: good ones pass, and every kind of a bad one is found."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sortition import OptionError, storages
from sortition.storages.conformance import asking

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition.storages.profile import UserProfile


class Good:
    """A storage for both platforms, as a user would write it."""

    def __init__(self) -> None:
        self.records: dict[Any, Any] = {}
        self.profiles: dict[str, str] = {}

    def get(self, user_id: str, campaign_key: str) -> Any:
        return self.records.get(self.key(user_id, campaign_key))

    def get_many(self, user_id: str, campaign_keys: list[str]) -> Any:
        return {key: self.get(user_id, key) for key in campaign_keys}

    def set(self, record: dict[str, Any]) -> Any:
        self.records[self.key(record["userId"], record["campaignKey"])] = dict(record)

    def look_up(self, user_id: str) -> Any:
        return self.profiles.get(self.id(user_id))

    def save(self, profile: UserProfile) -> Any:
        text = profile.get_user_profile_json_string()
        self.profiles[self.id(profile.get_user_id())] = text

    def key(self, user_id: str, campaign_key: str) -> Any:
        return (user_id, campaign_key)

    def id(self, user_id: str) -> str:
        return user_id


class NoSuchUser(Good):
    def get(self, user_id: str, campaign_key: str) -> Any:
        return self.records[user_id, campaign_key]

    def look_up(self, user_id: str) -> Any:
        return self.profiles[user_id]


class Forgetful(Good):
    def set(self, record: dict[str, Any]) -> Any: ...

    def save(self, profile: UserProfile) -> Any: ...


class OnlyOnce(Good):
    def set(self, record: dict[str, Any]) -> Any:
        self.records.setdefault((record["userId"], record["campaignKey"]), dict(record))

    def save(self, profile: UserProfile) -> Any:
        self.profiles.setdefault(profile.get_user_id(), profile.get_user_profile_json_string())


class Columns(Good):
    """Keeps the fields that the author knew of."""

    def set(self, record: dict[str, Any]) -> Any:
        names = ("userId", "campaignKey", "variationName")
        super().set({name: record[name] for name in names})


class Snake(Good):
    def get(self, user_id: str, campaign_key: str) -> Any:
        found = super().get(user_id, campaign_key)
        return found and {"user_id": user_id, "campaign_key": campaign_key, "variation_name": "x"}


class Bytes(Good):
    def get(self, user_id: str, campaign_key: str) -> Any:
        found = super().get(user_id, campaign_key)
        return found and json.dumps(found).encode()

    def look_up(self, user_id: str) -> Any:
        found = super().look_up(user_id)
        return found and found.encode()


class Text(Good):
    def get(self, user_id: str, campaign_key: str) -> Any:
        found = super().get(user_id, campaign_key)
        return found and json.dumps(found)

    def look_up(self, user_id: str) -> Any:
        found = super().look_up(user_id)
        return found and "no profile"


class Deep(Good):
    """Returns text that is nested too deeply to be parsed."""

    def get(self, user_id: str, campaign_key: str) -> Any:
        found = super().get(user_id, campaign_key)
        return found and "[" * 200_000

    def look_up(self, user_id: str) -> Any:
        found = super().look_up(user_id)
        return found and "[" * 200_000


class OtherUser(Good):
    """Returns what it holds under the name of another user."""

    def get(self, user_id: str, campaign_key: str) -> Any:
        found = super().get(user_id, campaign_key)
        return found and {**found, "userId": "Bob"}

    def look_up(self, user_id: str) -> Any:
        found = super().look_up(user_id)
        return found and json.dumps({**json.loads(found), "user_id": "Bob"})


class Rows(Good):
    def get(self, user_id: str, campaign_key: str) -> Any:
        found = super().get(user_id, campaign_key)
        return found and list(found.values())

    def look_up(self, user_id: str) -> Any:
        found = super().look_up(user_id)
        return found and json.loads(found)


class Everyone(Good):
    """Knows everybody."""

    def get(self, user_id: str, campaign_key: str) -> Any:
        known = {"userId": user_id, "campaignKey": campaign_key, "variationName": "Control"}
        return super().get(user_id, campaign_key) or known

    def look_up(self, user_id: str) -> Any:
        return super().look_up(user_id) or json.dumps({"user_id": user_id, "experiments": []})


class Ascii(Good):
    def key(self, user_id: str, campaign_key: str) -> Any:
        return (user_id.encode("ascii"), campaign_key)

    def id(self, user_id: str) -> str:
        return user_id.encode("ascii").decode()


class CaseBlind(Good):
    """As a column of MySQL is by default."""

    def key(self, user_id: str, campaign_key: str) -> Any:
        return (user_id.lower().rstrip(), campaign_key)

    def id(self, user_id: str) -> str:
        return user_id.lower().rstrip()


class Short(Good):
    """As a column of limited length that cuts silently."""

    def key(self, user_id: str, campaign_key: str) -> Any:
        if len(user_id) > 150:
            raise ValueError("too long")
        return (user_id, campaign_key)

    def id(self, user_id: str) -> str:
        if len(user_id) > 150:
            raise ValueError("too long")
        return user_id


class Joined(Good):
    def key(self, user_id: str, campaign_key: str) -> Any:
        return f"{user_id}_{campaign_key}"


class JoinedTheOtherWay(Good):
    def key(self, user_id: str, campaign_key: str) -> Any:
        return f"{campaign_key}:{user_id}"


class OnePerUser(Good):
    def key(self, user_id: str, _campaign_key: str) -> Any:
        return user_id


class ManyIsAList(Good):
    def get_many(self, user_id: str, campaign_keys: list[str]) -> Any:
        return list(super().get_many(user_id, campaign_keys).values())


class ManyForgets(Good):
    def get_many(self, _user_id: str, campaign_keys: list[str]) -> Any:
        return dict.fromkeys(campaign_keys)


class ManyRaises(Good):
    def get_many(self, user_id: str, campaign_keys: list[str]) -> Any:
        return {key: self.records[user_id, key] for key in campaign_keys}


class ManyKnowsAll(Good):
    def get_many(self, user_id: str, campaign_keys: list[str]) -> Any:
        known = {"userId": user_id, "variationName": "Control"}
        found = super().get_many(user_id, campaign_keys)
        return {key: found[key] or {**known, "campaignKey": key} for key in campaign_keys}


class OneThread(Good):
    """As a connection of sqlite3 is."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.get_ident()

    def key(self, user_id: str, campaign_key: str) -> Any:
        if threading.get_ident() != self.thread:
            raise RuntimeError("made in another thread")
        return super().key(user_id, campaign_key)


class WholeFile(Good):
    """Reads all that it holds, takes a moment, and writes all of it."""

    def set(self, record: dict[str, Any]) -> Any:
        before = dict(self.records)
        threading.Event().wait(0.003)
        self.records = {**before, (record["userId"], record["campaignKey"]): record}

    def save(self, profile: UserProfile) -> Any:
        before = dict(self.profiles)
        threading.Event().wait(0.003)
        mine = {profile.get_user_id(): profile.get_user_profile_json_string()}
        self.profiles = {**before, **mine}


class Hanging(Good):
    def get(self, *_: Any) -> Any:
        threading.Event().wait(60)

    def look_up(self, *_: Any) -> Any:
        threading.Event().wait(60)


class Later(Good):
    """Its methods return coroutines, and are not async themselves."""

    def get(self, *_: Any) -> Any:
        async def later() -> Any:
            return None

        return later()

    def look_up(self, user_id: str) -> Any:
        return self.get(user_id, "")


class HalfAsync(Good):
    async def set(self, record: dict[str, Any]) -> Any:
        return super().set(record)


class Async(Good):
    """The same with async methods."""

    async def get(self, user_id: str, campaign_key: str) -> Any:
        await asyncio.sleep(0)
        return super().get(user_id, campaign_key)

    async def get_many(self, user_id: str, campaign_keys: list[str]) -> Any:
        return {key: await self.get(user_id, key) for key in campaign_keys}

    async def set(self, record: dict[str, Any]) -> Any:
        await asyncio.sleep(0)
        super().set(record)

    async def look_up(self, user_id: str) -> Any:
        return super().look_up(user_id)

    async def save(self, profile: UserProfile) -> Any:
        super().save(profile)


class AsyncHanging(Async):
    async def get(self, *_: Any) -> Any:
        await asyncio.sleep(60)


class AsyncWhole(Async):
    """Awaits between reading what it holds and writing it."""

    async def set(self, record: dict[str, Any]) -> Any:
        before = dict(self.records)
        await asyncio.sleep(0)
        self.records = {**before, (record["userId"], record["campaignKey"]): record}


BROKEN: list[tuple[type[Good], str, str]] = [
    (NoSuchUser, "raised", "get raised for a user without a record: KeyError"),
    (NoSuchUser, "raised", "look_up raised for a user without a profile: KeyError"),
    (Forgetful, "lost", "get returned None for a record that was stored before"),
    (Forgetful, "lost", "look_up returned None for a profile that was saved before"),
    (OnlyOnce, "changed", "get returned a record without goalIdentifiers"),
    (OnlyOnce, "changed", "look_up returned another profile than was saved last"),
    (Columns, "changed", "get returned a record without goalIdentifiers"),
    (Columns, "changed", "get returned a record without metaData"),
    (Snake, "snake_case", "get returned a record with names in snake_case"),
    (Bytes, "bytes", "get returned bytes"),
    (Bytes, "bytes", "look_up must return text or None; bytes counts as no profile"),
    (Text, "json_text", "get returned text"),
    (Text, "no_profile", "look_up returned text that is not a profile"),
    (Deep, "json_text", "get returned text"),
    (Deep, "no_profile", "look_up returned text that is not a profile"),
    (OtherUser, "other_user", "get returned a record of another user"),
    (OtherUser, "other_user", "look_up returned the profile of another user"),
    (Rows, "wrong_type", "get returned list"),
    (Rows, "wrong_type", "look_up must return text or None; dict counts as no profile"),
    (Everyone, "unknown_user", "get returned a record for a user without a record"),
    (Everyone, "unknown_user", "look_up returned str for a user without a profile, not None"),
    (Ascii, "raised", "set raised for a user id with letters that are not ASCII: UnicodeEnc"),
    (Ascii, "raised", "save raised for a user id with an emoji: UnicodeEncodeError"),
    (CaseBlind, "mixed_up", "two user ids that differ by upper and lower case share a record"),
    (CaseBlind, "mixed_up", "two user ids that differ by a space at the end share a profile"),
    (Short, "raised", "set raised for a user id with 200 characters: ValueError: too long"),
    (Joined, "mixed_up", "a user id and a campaign key that are joined by '_' can be cut"),
    (JoinedTheOtherWay, "mixed_up", "a campaign key that are joined by ':' can be cut in two"),
    (OnePerUser, "mixed_up", "a record replaces that of the user's other campaign"),
    (ManyIsAList, "get_many", "get_many returned list; it must return a dictionary"),
    (ManyForgets, "get_many", "get_many does not return the record that get returns"),
    (ManyRaises, "raised", "get_many raised: KeyError: "),
    (ManyKnowsAll, "get_many", "get_many returned a record for a campaign without one"),
    (ManyKnowsAll, "unknown_user", "get_many returned a record for a user without a record"),
    (OneThread, "raised", "RuntimeError: made in another thread"),
    (WholeFile, "threads", "records are lost if records of"),
    (WholeFile, "threads", "profiles are lost if profiles of different users are saved at once"),
    (Hanging, "hangs", "get did not return within 0.05 seconds"),
    (Later, "async", "get returned something to await, and is not async"),
    (HalfAsync, "methods", "set is async, and get, get_many, look_up, save is not"),
    (AsyncHanging, "hangs", "get did not return within 0.05 seconds"),
    (AsyncWhole, "threads", "records are lost if records of"),
]


def checked(storage: object, **options: Any) -> list[storages.Finding]:
    if isinstance(storage, Hanging | AsyncHanging):
        options["timeout_s"] = 0.05
    return storages.check(storage, **options)


@pytest.mark.parametrize(
    ("make", "name", "words"), BROKEN, ids=[f"{one.__name__} {name}" for one, name, _ in BROKEN]
)
def test_what_is_wrong_is_found(make: Callable[[], Good], name: str, words: str) -> None:
    found = checked(make())
    assert any(words in str(one) and one.name == name for one in found), "\n".join(map(str, found))


@pytest.mark.parametrize("make", [Good, Async])
def test_a_good_one_passes(make: Callable[[], Good]) -> None:
    assert storages.check(make()) == []


@pytest.mark.parametrize("make", [Good, Async])
def test_one_that_replaces_what_it_holds_loses_marks(make: Callable[[], Good]) -> None:
    """With `races` the check finds it."""
    found = storages.check(make(), races=True)
    assert [one.name for one in found] == [asking.RACES_LOST] * 2
    assert "a goal was lost in 20 of 20 cases" in str(found[0])
    assert "an assignment was lost in 20 of 20 cases" in str(found[1])


def test_each_that_is_ready_to_use_passes(storage: Any) -> None:
    """With every mark of two writers."""
    assert storages.check(storage, races=True) == []


def test_each_finding_of_the_check_is_found_in_these_tests() -> None:
    own = {one for name, one in vars(asking).items() if name.isupper() and isinstance(one, str)}
    assert own == {name for _, name, _ in BROKEN} & own | {asking.RACES_LOST}


def test_a_check_may_run_again_over_the_same_records() -> None:
    storage = Good()
    assert storages.check(storage) == storages.check(storage) == []


def test_within_an_event_loop() -> None:
    """`check` has a loop of its own, and `acheck` awaits on the running one."""

    class OfThisLoop(Async):
        def __init__(self) -> None:
            super().__init__()
            self.loop = asyncio.get_running_loop()

        async def get(self, user_id: str, campaign_key: str) -> Any:
            assert asyncio.get_running_loop() is self.loop
            return await super().get(user_id, campaign_key)

    async def run() -> None:
        assert storages.check(Async()) == []
        assert await storages.acheck(OfThisLoop()) == []
        assert "raised" in {one.name for one in storages.check(OfThisLoop())}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("get",), "it has a method get, and no method set"),
        (("save",), "it has a method save, and no method look_up"),
        ((), "Partial has no methods: get and set for VWO, look_up and save for PageSense"),
    ],
)
def test_methods_that_are_missing(names: tuple[str, ...], words: str) -> None:
    partial = type("Partial", (), {name: getattr(Good, name) for name in names})()
    (finding,) = storages.check(partial)
    assert (finding.name, str(finding)) == ("methods", words)


def test_one_platform_is_enough() -> None:
    for pair in (("get", "set", "key", "__init__"), ("look_up", "save", "id", "__init__")):
        half = type("Half", (), {name: vars(Good)[name] for name in pair})
        assert storages.check(half()) == []


def test_a_wrong_timeout() -> None:
    with pytest.raises(OptionError, match="timeout_s: must be more than 0 seconds"):
        storages.check(Good(), timeout_s=0)
