"""Tests for all built-in storages."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from support.children import in_child
from support.documents import campaign, experiment, project, settings, variation
from support.storages import RACES, keys_of, profile, record

from sortition import pagesense, vwo

if TYPE_CHECKING:
    from collections.abc import Callable

IDS = [
    "Ann",
    "ann",
    "Ann ",
    "Zoë",
    "李雷",
    "🎲",
    "a:b",
    "a%b_c",
    "o'Hara",
    'x"y\\z',
    "x" * 500,
    "\0",
]
ONE_PAGE = [variation(1, "Control", 0), variation(2, "One page", 100)]


def test_nobody_is_known_at_first(storage: Any) -> None:
    assert storage.get("Ann", "checkout") is None
    assert storage.get_many("Ann", ["checkout", "search"]) == {"checkout": None, "search": None}
    assert storage.get_many("Ann", []) == {}
    assert storage.look_up("Ann") is None


def test_a_record_comes_back_as_it_was_set(storage: Any) -> None:
    kept = record(goals="a_vwo_b", metaData={"city": "Łódź", "deep": {"x": [1, None, 2.5]}})
    storage.set(kept)
    assert storage.get("Ann", "checkout") == kept
    assert storage.get("Ann", "search") is None
    assert storage.get("Bob", "checkout") is None


def test_every_id_has_a_record_of_its_own(storage: Any) -> None:
    """Ids that look alike, that hold quotes, or that are long."""
    for number, user_id in enumerate(IDS):
        storage.set(record(user_id, variation=str(number)))
        storage.save(profile(user_id, str(number)))
    for number, user_id in enumerate(IDS):
        assert storage.get(user_id, "checkout") == record(user_id, variation=str(number))
        assert keys_of(storage.look_up(user_id)) == [str(number)]


def test_campaigns_of_one_user_do_not_replace_each_other(storage: Any) -> None:
    """Also where a key and an id can be cut apart in two ways."""
    storage.set(record("b:c", "a"))
    storage.set(record("c", "a:b", "One page"))
    assert storage.get("b:c", "a") == record("b:c", "a")
    assert storage.get("c", "a:b") == record("c", "a:b", "One page")
    keys = [f"campaign {number}" for number in range(20)]
    for key in keys:
        storage.set(record(campaign_key=key))
    found = storage.get_many("Ann", [*keys, "missing"])
    assert found == {**{key: record(campaign_key=key) for key in keys}, "missing": None}


def test_marks_of_two_writers_stand(storage: Any) -> None:
    storage.set(record(goals="a"))
    storage.set(record(goals="b"))
    assert storage.get("Ann", "checkout") == record(goals="a_vwo_b")
    storage.save(profile("Ann", "1"))
    storage.save(profile("Ann", "2"))
    assert keys_of(storage.look_up("Ann")) == ["1", "2"]


def test_another_variation_replaces_the_record(storage: Any) -> None:
    storage.set(record(goals="a"))
    storage.set(record(variation="One page"))
    assert storage.get("Ann", "checkout") == record(variation="One page")


def test_what_a_caller_does_to_a_record_changes_nothing_that_is_kept(storage: Any) -> None:
    given = record(metaData={"a": 1})
    storage.set(given)
    given["variationName"] = given["metaData"]["a"] = "changed"
    assert storage.get("Ann", "checkout") == record(metaData={"a": 1})
    found = storage.get("Ann", "checkout")
    found["variationName"] = found["metaData"]["a"] = "changed"
    assert storage.get("Ann", "checkout") == record(metaData={"a": 1})


def test_two_threads_track_two_goals_of_one_user(storage: Any) -> None:
    """Both marks stand, every time."""

    def track(name: str, ready: threading.Barrier) -> None:
        for number in range(RACES):
            user_id = f"u{number}"
            ready.wait()
            storage.set(record(user_id, goals=name))
            storage.save(profile(user_id, name))

    ready = threading.Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(track, name, ready) for name in "ab"]:
            done.result()
    for number in range(RACES):
        found = storage.get(f"u{number}", "checkout")
        assert set(found["goalIdentifiers"].split("_vwo_")) == {"a", "b"}
        assert set(keys_of(storage.look_up(f"u{number}"))) == {"a", "b"}


def test_many_threads_at_once(storage: Any) -> None:
    """Nothing that was stored is missing afterwards, and nothing raises."""

    def work(number: int) -> None:
        user_id = f"u{number % 7}"
        storage.set(record(user_id, f"c{number}"))
        assert storage.get(user_id, f"c{number}") == record(user_id, f"c{number}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(200)))
    for number in range(200):
        assert storage.get(f"u{number % 7}", f"c{number}") is not None


def test_a_forked_child_and_its_parent_go_on(storage: Any) -> None:
    storage.set(record())

    def in_the_child() -> bool:
        storage.set(record("Eve"))
        return bool(storage.get("Ann", "checkout") == record() and storage.get("Eve", "checkout"))

    assert in_child(in_the_child)
    storage.set(record("Bob"))
    assert storage.get("Ann", "checkout") == record()
    assert storage.get("Bob", "checkout") == record("Bob")


def test_a_fork_in_the_middle_of_operations(forkable: Any) -> None:
    """The child works, whatever other threads of its parent were doing, and so does the parent."""
    storage = forkable
    storage.set(record())
    is_over = threading.Event()

    def disturb() -> None:
        while not is_over.is_set():
            storage.set(record("Bob", goals="a"))
            storage.get("Bob", "checkout")

    def in_the_child() -> bool:
        storage.set(record("Eve"))
        return bool(storage.get("Ann", "checkout") == record() and storage.get("Eve", "checkout"))

    others = [threading.Thread(target=disturb) for _ in range(3)]
    for one in others:
        one.start()
    try:
        assert all(in_child(in_the_child) for _ in range(3))
    finally:
        is_over.set()
        for one in others:
            one.join()
    assert storage.get("Ann", "checkout") == record()


def test_a_user_keeps_their_variation_when_weights_and_traffic_change(
    storage: Any, launch: Callable[..., vwo.Client]
) -> None:
    with launch(settings(campaign(variations=ONE_PAGE)), user_storage=storage) as client:
        assert client.activate("checkout", "Ann") == "One page"
        assert client.track("checkout", "Ann", "purchase")
        assert not client.track("checkout", "Ann", "purchase")
    changed = [variation(1, "Control", 100), variation(2, "One page", 0)]
    document = settings(campaign(variations=changed, percentTraffic=0))
    with launch(document, user_storage=storage) as client:
        assert client.activate("checkout", "Ann") == "One page"
        assert client.activate("checkout", "Bob") is None
        assert not client.track("checkout", "Ann", "purchase")
        assert client.stats().storage_findings == {}


def test_two_experiments_of_one_user_both_persist(
    storage: Any, launch: Callable[..., vwo.Client]
) -> None:
    document = settings(campaign(), campaign(2, "search"))
    with launch(document, user_storage=storage) as client:
        assert client.activate("checkout", "Ann")
        assert client.activate("search", "Ann")
    for key in ("checkout", "search"):
        assert storage.get("Ann", key)["campaignKey"] == key


def test_a_pagesense_client_keeps_its_profiles_in_it(storage: Any, engine: Any) -> None:
    both = project(experiment(1), experiment(2))
    with pagesense.launch(
        settings=both, user_storage=storage, engine=engine.name, is_development_mode=True
    ) as client:
        names = [one.name for one in client._settings.experiments]
        given = [client.activate_experiment(name, "Ann") for name in names]
        assert all(given)
        explained = [client.explain(name, "Ann") for name in names]
        assert [one.reason for one in explained if one] == ["stored", "stored"]
        assert client.stats().storage_findings == {}
    assert len(keys_of(storage.look_up("Ann"))) == 2
