"""What a crash reporter shows of local variables holds no key and nothing of a user."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.documents import experiment, project, settings

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
