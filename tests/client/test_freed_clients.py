"""A client that nobody refers to any more."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.sink import wait_until
from support.vectors import pagesense as pagesense_vectors

from sortition import demo, pagesense, vwo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.sink import Sink

    from sortition._engine import Engine

DOCUMENT = pagesense_vectors("http-capture")["settings"]["Http One"]
SETTINGS = json.loads((Path(demo.__file__).parent / "settings.json").read_text())


class Storage:
    """Keeps nothing."""

    def get(self, *_: object) -> None:
        """Know nobody."""

    def set(self, *_: object) -> None:
        """Forget them."""


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def vwo_client(**options: Any) -> vwo.Client:
    client = vwo.launch(settings_file=SETTINGS, user_storage=Storage(), **options)
    assert client is not None
    key = SETTINGS["campaigns"][0]["key"]
    client.activate(key, "user1")
    client.track(key, "user1", "no such goal")
    client.activate("no such campaign", "user1")
    client.explain(key, "user1")
    return client


def pagesense_client(**options: Any) -> pagesense.Client:
    client = pagesense.launch(
        sdk_account_id="acct1-US",
        sdk_key="sdkkey1",
        project_name="Http One",
        settings=DOCUMENT,
        **options,
    )
    assert client is not None
    client.activate_experiment("Exp All", "user1")
    client.track_goal("Exp All", "user1", "no such goal")
    client.activate_experiment("no such experiment", "user1")
    return client


def names_since(before: set[threading.Thread]) -> list[str]:
    return [thread.name for thread in set(threading.enumerate()) - before]


@pytest.mark.parametrize("launched", [vwo_client, pagesense_client])
def test_it_is_freed_without_the_garbage_collector(
    engine: Engine,
    sink: Sink,
    launched: Callable[..., vwo.Client | pagesense.Client],
) -> None:
    """Nothing that a client keeps refers to it, so it is freed at once, and its threads end."""
    before = set(threading.enumerate())
    client = launched(base_url=sink.url, engine=engine.name)
    client.stats()
    client.status()
    freed = weakref.ref(client)
    del client
    assert freed() is None
    wait_until(lambda: not any(name.startswith("sortition") for name in names_since(before)))
