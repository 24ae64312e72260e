"""The reprs that a crash reporter shows hold no SDK key and no data about users."""

from __future__ import annotations

import json
import queue
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import experiment, project, settings

from sortition import _core
from sortition._sending import pure
from sortition._sending.spool.record import StoredEvent
from sortition._vwo.deciding import Asked, AskedGoal

if TYPE_CHECKING:
    from sortition._engine import Engine

KEY = "0123456789abcdef"


def test_settings_and_what_they_hold(engine: Engine) -> None:
    """The key of an environment stands in no repr, in either engine and on either platform."""
    module = engine.module
    account = module.VwoSettings.compile(json.dumps(settings(sdkKey=KEY)).encode())
    document = project(experiment(environment_key=KEY))
    tests = module.PagesenseSettings.compile(json.dumps(document).encode())
    assert (account.sdk_key, tests.sdk_key) == (KEY, KEY)
    assert tests.experiments[0].environment_key == KEY
    shown = [account, tests, account.campaigns, tests.experiments, tests.goals]
    # The pure engine's own objects behind them, too.
    shown += [getattr(one, "_settings", None) for one in (account, tests)]
    assert all(KEY not in repr(one) for one in shown)


def test_what_a_call_was_asked_with() -> None:
    """Neither the user nor what is known of them stands in its repr."""
    user = "Ann-73"
    known: dict[str, object] = {"name": user}
    asked = Asked("track", user, known, known, known, known, False, user, user)
    goal = AskedGoal("purchase", "ALL", user, user, known, {"name": user})
    assert user not in repr(asked)
    assert user not in repr(goal)


@pytest.mark.parametrize("module", [_core, pure])
def test_events_that_wait(module: Any) -> None:
    """Nothing that holds an event shows what is in it, nor whose it is."""
    counts = module.Counts()
    events = module.Queue(
        counts,
        queue.SimpleQueue(),
        events=50,
        size=2000,
        largest=100,
        batch_events=10,
        threads=1,
        is_per_user=False,
        is_plain=False,
    )
    events.put("visitor", b'{"user":"Ann-73"}', "Ann-73", None)
    (taken,) = events.take(1, 1000)
    assert taken.event == b'{"user":"Ann-73"}'
    for one in (events, taken, [taken], counts):
        assert "Ann-73" not in repr(one)


def test_events_of_a_spool() -> None:
    """Objects read from the spool do not show events either."""
    stored = StoredEvent(1, 2, "visitor", b"Ann-73", False)
    assert "Ann-73" not in repr(stored)
