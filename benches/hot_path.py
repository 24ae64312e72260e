"""The fixed script of `instructions.py`: the hottest paths, one of them more often.

    python benches/hot_path.py PATH CALLS

Every path is taken a few times first, so that Python has settled on how it runs them; then PATH is
taken so many times more.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent / "subjects"))

import experiments
from experiments import ATTRIBUTES, CONDITIONS, GOAL, KEY, TEXTS

from sortition import _engine, pagesense, vwo

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP = 50
ARMS = experiments.NAMES


def launch(campaign: dict[str, object]) -> vwo.Client:
    return vwo.launch(
        experiments.text(experiments.document(campaign)),
        engine="compiled",
        base_url="http://127.0.0.1:9",
        # Nothing is sent while it counts.
        batch_events={"events_per_request": 5000, "request_time_interval": 600},
    )


class Held:
    """A transport that never answers: the thread that sends waits for the first event."""

    def send(self, _request: object, _timeout_s: float) -> pagesense.Response:
        threading.Event().wait()
        return pagesense.Response(200, {}, b"")


def launch_pagesense(*, is_targeted: bool) -> pagesense.Client:
    return pagesense.launch(
        experiments.text(experiments.project(is_targeted=is_targeted)),
        engine="compiled",
        transport=Held(),
        requests_at_once=1,
    )


def paths() -> dict[str, Callable[[], object]]:
    """The paths; each has given the right answer before it is measured."""
    plain, targeted = launch(experiments.campaign()), launch(experiments.campaign(CONDITIONS))
    batch = _engine.load("compiled").module.vwo_batch
    events = [b"x" * 150] * 100
    single, narrow = launch_pagesense(is_targeted=False), launch_pagesense(is_targeted=True)
    found: dict[str, Callable[[], object]] = {
        "get_variation_name": lambda: plain.get_variation_name(KEY, "Ann"),
        "get_variation_name, five conditions": lambda: targeted.get_variation_name(
            KEY, "Ann", custom_variables=ATTRIBUTES
        ),
        "activate, batched": lambda: plain.activate(KEY, "Ann"),
        "track, batched": lambda: plain.track(KEY, "Ann", GOAL),
        "encode a batch of 100": lambda: batch(events),
        "PageSense, get_variation_name": lambda: single.get_variation_name(KEY, "Ann"),
        "PageSense, get_variation_name, five conditions": lambda: narrow.get_variation_name(
            KEY, "Ann", TEXTS
        ),
        "PageSense, activate_experiment": lambda: single.activate_experiment(KEY, "Ann"),
        "PageSense, track_goal": lambda: single.track_goal(KEY, "Ann", GOAL),
    }
    for name, path in found.items():
        answer = path()
        is_right = answer == {KEY: True} if name == "track, batched" else answer in ARMS
        if not is_right and name not in ("encode a batch of 100", "PageSense, track_goal"):
            raise AssertionError(name, answer)
    if not single.stats().accepted.get("conversion"):
        raise AssertionError("nothing was tracked")
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
