"""Tests for all storages that processes share."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

from support.storages import RACES, keys_of, profile, record

if TYPE_CHECKING:
    from collections.abc import Callable

_FORK = multiprocessing.get_context("fork")


def test_two_processes_track_two_goals_of_one_user(make_shared: Callable[[], Any]) -> None:
    """Both marks stand, and both assignments, however often they meet."""

    def track(goal: str, ready: Any) -> None:
        storage = make_shared()
        for number in range(RACES):
            ready.wait(60)
            storage.set(record(f"u{number}", goals=goal))
            storage.save(profile(f"u{number}", goal))

    storage = make_shared()
    ready = _FORK.Barrier(2)
    processes = [_FORK.Process(target=track, args=(goal, ready)) for goal in "ab"]
    for one in processes:
        one.start()
    for one in processes:
        one.join()
        assert one.exitcode == 0
    for number in range(RACES):
        found = storage.get(f"u{number}", "checkout")
        assert set(found["goalIdentifiers"].split("_vwo_")) == {"a", "b"}
        assert set(keys_of(storage.look_up(f"u{number}"))) == {"a", "b"}
    getattr(storage, "close", lambda: None)()
