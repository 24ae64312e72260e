"""The plain objects of settings: every caller gets the same one each time."""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from support.documents import campaign, experiment, goal, project, settings, variation

from sortition import _engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sortition._engine import EngineChoice
    from sortition._engine.pagesense import Settings as PagesenseSettings
    from sortition._engine.vwo import Settings

CAMPAIGNS = 50
THREADS = 4


@pytest.fixture(params=["compiled", "pure"])
def engine(request: pytest.FixtureRequest) -> EngineChoice:
    choice: EngineChoice = request.param
    return choice


@pytest.fixture
def compiled(engine: EngineChoice) -> Settings:
    document = settings(
        *(campaign(number, f"campaign-{number}") for number in range(1, CAMPAIGNS + 1)),
        campaign(
            99,
            "stopped",
            status="PAUSED",
            variations=[variation(1, "Only", 100)],
            goals=[goal(12, "visit")],
        ),
        campaignGroups={"1": 5, "2": 5},
        groups={"5": {"name": "one of two", "campaigns": [1, 2]}},
    )
    return _engine.load(engine).module.VwoSettings.compile(json.dumps(document).encode())


def by_decision(compiled: Settings) -> list[object]:
    decisions = (
        compiled.decide("track", number, "Ann", goal_identifier="purchase")
        for number in range(CAMPAIGNS)
    )
    return [decision.campaign for decision in decisions]


def by_key(compiled: Settings) -> list[object]:
    keys = (f"campaign-{number}" for number in range(1, CAMPAIGNS + 1))
    return [compiled.running_campaign(key) for key in keys]


def by_goal(compiled: Settings) -> list[object]:
    return [*compiled.campaigns_with_goal("purchase")]


def all_at_once(compiled: Settings) -> list[object]:
    return [*compiled.campaigns[:CAMPAIGNS]]


WAYS = (by_decision, by_key, by_goal, all_at_once)


@pytest.mark.parametrize("first", WAYS)
def test_a_campaign_is_one_object(
    compiled: Settings, first: Callable[[Settings], list[object]]
) -> None:
    wanted = first(compiled)
    assert len(wanted) == CAMPAIGNS
    for way in (*WAYS, *WAYS):
        found = way(compiled)
        assert [id(one) for one in found] == [id(one) for one in wanted]


def test_a_decision_has_its_campaigns_own_objects(compiled: Settings) -> None:
    seen = set()
    for number in range(200):
        decision = compiled.decide("track", 2, f"user-{number}", goal_identifier="purchase")
        assert decision.campaign is compiled.campaigns[2]
        assert decision.goal is compiled.campaigns[2].goals[0]
        seen.add(id(decision.variation))
    assert seen == {id(one) for one in compiled.campaigns[2].variations}


def test_campaigns_share_their_group(compiled: Settings) -> None:
    first, second, third = compiled.campaigns[:3]
    assert first.group is not None
    assert first.group is second.group
    assert third.group is None


def test_a_campaign_that_is_not_there_has_no_object(compiled: Settings) -> None:
    assert compiled.running_campaign("stopped") is None
    assert compiled.running_campaign("unknown") is None
    assert compiled.decide("activate", "unknown", "Ann").campaign is None
    assert compiled.campaigns[-1].key == "stopped"
    assert compiled.decide("activate", "stopped", "Ann").campaign is compiled.campaigns[-1]


@pytest.fixture
def in_turns() -> Iterator[None]:
    """Threads that change places as often as the interpreter lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("in_turns")
def test_threads_that_come_together_get_the_same_object(compiled: Settings) -> None:
    start = threading.Barrier(THREADS)
    found: dict[int, list[object]] = {}

    def ask(number: int) -> None:
        start.wait(30)
        found[number] = WAYS[number % len(WAYS)](compiled)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == THREADS
    assert len({tuple(id(one) for one in each) for each in found.values()}) == 1


@pytest.fixture
def of_pagesense(engine: EngineChoice) -> PagesenseSettings:
    document = project(*(experiment(number) for number in range(CAMPAIGNS)))
    return _engine.load(engine).module.PagesenseSettings.compile(json.dumps(document).encode())


def by_experiment_decision(compiled: PagesenseSettings) -> list[object]:
    decisions = (compiled.decide(number, "Ann") for number in range(CAMPAIGNS))
    return [decision.experiment for decision in decisions]


def by_name(compiled: PagesenseSettings) -> list[object]:
    return [compiled.experiment(f"Test {number}") for number in range(CAMPAIGNS)]


def by_link_name(compiled: PagesenseSettings) -> list[object]:
    return [compiled.experiment(f"test-{number}", "link_name") for number in range(CAMPAIGNS)]


def by_mapped_goal(compiled: PagesenseSettings) -> list[object]:
    return [*compiled.experiments_with_goal("Signup")]


def all_experiments(compiled: PagesenseSettings) -> list[object]:
    return [*compiled.experiments]


PAGESENSE_WAYS = (
    by_experiment_decision,
    by_name,
    by_link_name,
    by_mapped_goal,
    all_experiments,
)


@pytest.mark.parametrize("first", PAGESENSE_WAYS)
def test_an_experiment_is_one_object(
    of_pagesense: PagesenseSettings, first: Callable[[PagesenseSettings], list[object]]
) -> None:
    wanted = first(of_pagesense)
    assert len(wanted) == CAMPAIGNS
    for way in (*PAGESENSE_WAYS, *PAGESENSE_WAYS):
        found = way(of_pagesense)
        assert [id(one) for one in found] == [id(one) for one in wanted]


def test_experiments_share_the_goals_of_their_project(of_pagesense: PagesenseSettings) -> None:
    goal = of_pagesense.goal("Signup")
    decision = of_pagesense.decide(3, "Ann", goal_name="Signup")
    assert decision.experiment is of_pagesense.experiments[3]
    assert any(decision.variation is one for one in of_pagesense.experiments[3].variations)
    assert decision.goal is of_pagesense.experiments[3].goals[0]
    assert all(one.goals[0].goal is goal for one in of_pagesense.experiments)
    assert of_pagesense.decide("unknown", "Ann").experiment is None
