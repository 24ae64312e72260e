"""The fixed script of `instructions.py`: the five hottest paths, one of them more often.

    python benches/hot_path.py PATH CALLS

Every path is taken a few times first, so that Python has settled on how it runs them; then PATH is
taken so many times more.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent / "subjects"))

import experiments
from experiments import ATTRIBUTES, CONDITIONS, GOAL, KEY

from sortition import _engine, vwo

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP = 50


def launch(campaign: dict[str, object]) -> vwo.Client:
    return vwo.launch(
        experiments.text(experiments.document(campaign)),
        engine="compiled",
        base_url="http://127.0.0.1:9",
        # Nothing is sent while it counts.
        batch_events={"events_per_request": 5000, "request_time_interval": 600},
    )


def paths() -> dict[str, Callable[[], object]]:
    """The paths; each has given the right answer before it is measured."""
    plain, targeted = launch(experiments.campaign()), launch(experiments.campaign(CONDITIONS))
    batch = _engine.load("compiled").module.vwo_batch
    events = [b"x" * 150] * 100
    found: dict[str, Callable[[], object]] = {
        "get_variation_name": lambda: plain.get_variation_name(KEY, "Ann"),
        "get_variation_name, five conditions": lambda: targeted.get_variation_name(
            KEY, "Ann", custom_variables=ATTRIBUTES
        ),
        "activate, batched": lambda: plain.activate(KEY, "Ann"),
        "track, batched": lambda: plain.track(KEY, "Ann", GOAL),
        "encode a batch of 100": lambda: batch(events),
    }
    wanted: tuple[object, ...] = ("Control", "Control", "Control", {KEY: True})
    for path, answer in zip(found.values(), wanted, strict=False):
        if path() != answer:
            raise AssertionError(answer)
    return found


def run() -> None:
    """Take the paths, and leave without what an exit would do."""
    found = paths()
    for path in found.values():
        for _ in range(WARM_UP):
            path()
    chosen = found[sys.argv[1]]
    for _ in range(int(sys.argv[2])):
        chosen()
    os._exit(0)


if __name__ == "__main__":
    run()
