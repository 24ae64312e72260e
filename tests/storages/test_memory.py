"""The storage in memory: how many users it remembers."""

from __future__ import annotations

import pytest
from support.storages import record

from sortition import OptionError
from sortition.storages import MemoryStorage


def test_it_forgets_whom_nobody_asked_for_longest() -> None:
    storage = MemoryStorage(max_users=2)
    storage.set(record("Ann"))
    storage.set(record("Bob"))
    assert storage.get("Ann", "checkout")
    storage.set(record("Eve"))
    assert len(storage) == 2
    assert storage.get("Bob", "checkout") is None
    assert storage.get("Ann", "checkout")
    assert storage.get("Eve", "checkout")


def test_asking_for_strangers_forgets_nobody() -> None:
    storage = MemoryStorage(max_users=1)
    storage.set(record("Ann"))
    for number in range(100):
        assert storage.get(f"u{number}", "checkout") is None
        assert storage.look_up(f"u{number}") is None
    assert storage.get("Ann", "checkout")


def test_clear_forgets_everyone() -> None:
    storage = MemoryStorage()
    storage.set(record("Ann"))
    storage.clear()
    assert len(storage) == 0
    assert storage.get("Ann", "checkout") is None


def test_an_empty_one_counts_as_given() -> None:
    """A launch takes an object that is false for no storage."""
    assert MemoryStorage()


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "5", None])
def test_wrong_numbers(number: object) -> None:
    with pytest.raises(OptionError, match="max_users: must be"):
        MemoryStorage(number)  # type: ignore[arg-type]
