"""Many threads, one client: the same answers, and nothing lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.documents import campaign, goal, settings

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]

DOCUMENT = settings(
    campaign(1, "a", segments={"custom_variable": {"n": "gte(0)"}}),
    campaign(2, "b", goals=[goal(21, "purchase")], percentTraffic=50),
    groups={"7": {"name": "both", "campaigns": [1, 2]}},
    campaignGroups={"1": 7, "2": 7},
)


@pytest.mark.parametrize("threads", [1, 8, 64])
def test_decisions_are_those_of_one_thread(launch: Launch, threads: int) -> None:
    client = launch(DOCUMENT, is_development_mode=True)

    def ask(number: int) -> tuple[object, ...]:
        user_id = f"user-{number % 50}"
        custom: dict[str, object] = {"n": number}
        return (
            client.get_variation_name("a", user_id, custom_variables=custom),
            client.activate("b", user_id, custom_variables=custom),
            client.track(None, user_id, "purchase", custom_variables=custom),
        )

    alone = [ask(number) for number in range(400)]
    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(ask, range(400))) == alone


def test_every_event_arrives_once(launch: Launch, sink: Sink) -> None:
    client = launch(DOCUMENT, request_timeout_s=60)
    visitors = client._snapshot.settings.visitor_id
    custom: dict[str, object] = {"n": 1}

    def ask(number: int) -> bool:
        user_id = f"user-{number}"
        return bool(client.track("a", user_id, "purchase", custom_variables=custom)) or bool(
            client.track("b", user_id, "purchase", custom_variables=custom)
        )

    with ThreadPoolExecutor(32) as pool:
        tracked = list(pool.map(ask, range(300)))
    sent = [received.query["u"] for received in sink.received]
    assert len(sent) == len(set(sent)) == tracked.count(True)
    assert set(sent) == {visitors(f"user-{n}") for n, was in enumerate(tracked) if was}
