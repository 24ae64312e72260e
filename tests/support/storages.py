"""The storages that are ready to use, each over a backend of its own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from sortition import storages
from sortition.storages.profile import UserProfile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[[Path], Any]

SOAK: Final = bool(os.environ.get("SORTITION_SOAK"))
RACES: Final = 10_000 if SOAK else 200
"""How often two writers meet at one record."""

READY: Final[dict[str, Make]] = {
    "memory": lambda _folder: storages.MemoryStorage(),
    "sqlite": lambda folder: storages.SQLiteStorage(folder / "records.db"),
}
"""How each is made that needs nothing but a folder."""
SHARED: Final = {name: make for name, make in READY.items() if name != "memory"}
"""Those that processes share, in the same folder."""


def record(
    user_id: str = "Ann",
    campaign_key: str = "checkout",
    variation: str = "Control",
    goals: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A record as a VWO client gives it to ``set``."""
    found: dict[str, Any] = {
        "userId": user_id,
        "campaignKey": campaign_key,
        "variationName": variation,
    }
    return {**found, **({} if goals is None else {"goalIdentifiers": goals}), **more}


def profile(user_id: str, *keys: str) -> UserProfile:
    """A profile as a PageSense client gives it to ``save``."""
    experiments = [{"experiment_key": key, "variation_key": "v"} for key in keys]
    return UserProfile(user_id, json.dumps({"user_id": user_id, "experiments": experiments}))


def keys_of(text: str | None) -> list[str]:
    """The keys of the experiments of a profile."""
    assert text is not None
    return [one["experiment_key"] for one in json.loads(text)["experiments"]]
