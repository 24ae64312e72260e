"""A call of the PageSense client never raises, whatever it is given."""

from __future__ import annotations

import enum
import itertools
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from support.vectors import pagesense as vectors

from sortition import pagesense
from sortition.compat.pagesense import PageSenseClient, PageSenseUserContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

    from sortition._engine import Engine

DOCUMENT = vectors("http-capture")["settings"]["Http One"]


class Key(str):
    """Compares as it likes."""

    __slots__ = ()

    def __eq__(self, _other: object) -> bool:
        raise RuntimeError("not comparable")

    __hash__ = str.__hash__


class Named(enum.StrEnum):
    EXPERIMENT = "Exp All"


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("not to be shown")

    __repr__ = __str__


class Raising(dict[Any, Any]):
    def items(self) -> Any:
        raise RuntimeError("not to be read")

    def get(self, *_: object) -> Any:
        raise RuntimeError("not to be read")


TEXTS: list[Any] = [
    "Exp All",
    "exp-all",
    "Exp Chrome",
    "Sign up",
    "Purchase",
    "user1",
    "50%s",
    "",
    " \x1c\u2003",
    "\ud800",
    "x" * 5_000,
    None,
    True,
    42,
    1.5,
    float("nan"),
    b"user1",
    [],
    {},
    Key("Exp All"),
    Named.EXPERIMENT,
    Unprintable(),
]
MAPPINGS: list[Any] = [
    None,
    {},
    {"Browser": "Chrome"},
    {"Browser": Unprintable(), "a": float("inf"), "b": 10**5000, "c": {1, 2}},
    {None: None, 5: "x", "": "", "\ud800": "\ud800", (1,): 1, Unprintable(): 2},
    {Key("Browser"): Key("Chrome"), "d": {"e": [{}]}},
    {"revenue": "1"},
    {pagesense.GoalProperty.REVENUE: "1"},
    Raising(Browser="Chrome"),
    [("Browser", "Chrome")],
    "Browser",
    5,
]


def calls(client: pagesense.Client) -> list[tuple[Callable[..., object], int, int]]:
    """Each call, with how many texts and how many mappings it takes."""
    return [
        (client.activate_experiment, 2, 1),
        (client.get_variation_name, 2, 1),
        (client.activate_experiment_by_identifier, 2, 1),
        (client.get_variation_link_name_by_identifier, 2, 1),
        (client.track_goal, 3, 2),
        (client.track_project_goal, 2, 2),
        (client.track_project_goal_by_identifier, 2, 2),
        (client.explain, 2, 1),
    ]


def test_every_call_with_every_kind_of_argument(engine: Engine, sink: Sink) -> None:
    """Each pair of places with every pair of values, the others being good ones.

    The ledger agrees with what arrived, and every request is one that the platform could read.
    """
    good = {2: ["Exp All", "user1"], 3: ["Exp All", "user1", "Sign up"]}
    made: Counter[str] = Counter()
    with pagesense.launch(
        DOCUMENT, base_url=sink.url, engine=engine.name, queue_events=1_000_000, log_level=50
    ) as client:
        for call, texts, mappings in calls(client):
            places = [TEXTS] * texts + [MAPPINGS] * mappings
            usual = [*good[texts], *[None] * mappings]
            for first, second in itertools.combinations(range(len(places)), 2):
                for one, other in itertools.product(places[first], places[second]):
                    arguments = list(usual)
                    arguments[first], arguments[second] = one, other
                    # Much of it is bad, and a few hundred events are enough.
                    made[call.__name__] += 1
                    answer = call(*arguments)
                    assert isinstance(answer, str | pagesense.Explanation | None)
        assert min(made.values()) > 1000
        for call, *_ in calls(client):
            assert call() is None  # in the wrong form
        assert client.flush(None)
        assert client.flush(-1) is False
        assert client.get_and_update_project_settings(5, b"", "") is False  # type: ignore[arg-type]
        assert client.close(timeout_s="x") is True  # type: ignore[arg-type]
    stats = client.stats()
    assert stats.delivered == stats.accepted
    assert sum(stats.delivered.values()) == len(sink.received) > 500
    for received in sink.received:
        json.loads(received.query["raw"], parse_constant=pytest.fail)


def test_every_call_of_the_vendors_names(engine: Engine, sink: Sink) -> None:
    with pagesense.launch(DOCUMENT, base_url=sink.url, engine=engine.name, log_level=50) as client:
        theirs = PageSenseClient(client)
        contexts = [PageSenseUserContext(text, MAPPINGS[2]) for text in TEXTS]
        contexts += [PageSenseUserContext("user1", mapping) for mapping in MAPPINGS]
        for context in [*contexts, *TEXTS]:
            for name in TEXTS:
                assert isinstance(theirs.activate_experiment(name, context), str | None)
                assert isinstance(theirs.get_variation_name(name, context), str | None)
                assert isinstance(
                    theirs.activate_experiment_by_identifier(name, context), str | None
                )
                theirs.get_variation_link_name_by_identifier(name, context)
                for properties in MAPPINGS[:9]:
                    theirs.track_goal(name, context, properties)
                theirs.track_goal_by_identifier(name, context)
        assert client.flush()
        assert client.stats().delivered == client.stats().accepted
