"""The compiled and the pure engine agree on PageSense, on documents and users made by chance."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, strategies
from hypothesis import settings as examples
from support.documents import arm, audience, experiment, mangle, project

import sortition
from sortition import _engine
from sortition._engine import EngineChoice

pytestmark = pytest.mark.slow

ENGINES: tuple[EngineChoice, ...] = ("compiled", "pure")
COMPILED, PURE = (_engine.load(name).module for name in ENGINES)

LINK_NAMES = ("test-1", "test-2", "test-3")
AUDIENCES = ("all", "some", "others", "odd")
GOALS = ("Signup", "Order", "Return")
ATTRIBUTES = strategies.sampled_from(["a", "b"])
# The first has bucket 0 in the experiment `exp1`, and half of a surrogate pair has it everywhere.
USERS = strategies.sampled_from(["b-19407", "u1", "u2", "Ж漢🙂"]) | strategies.text(
    min_size=1, max_size=4
)
TEXTS = strategies.sampled_from(["x", "X", "xy", "y", "ΣΑΣ", "σας", "İ", "1", "1.5", "True", " x"])
VALUES = strategies.one_of(
    TEXTS,
    TEXTS,
    strategies.integers(),
    strategies.floats(),
    strategies.booleans(),
    strategies.none(),
    strategies.text(max_size=4),
    strategies.lists(TEXTS, max_size=2),
    strategies.just("\ud800"),
)
JSON_VALUES = strategies.one_of(
    TEXTS,
    TEXTS,
    TEXTS,
    strategies.integers(),
    strategies.floats(allow_nan=False, allow_infinity=False),
    strategies.booleans(),
    strategies.none(),
)


def mostly(usual: Any, *others: Any) -> strategies.SearchStrategy[Any]:
    """One value most of the time, the others now and then."""
    return strategies.sampled_from([usual] * 3 * max(1, len(others)) + list(others))


def optional(**fields: Any) -> strategies.SearchStrategy[dict[str, Any]]:
    return strategies.fixed_dictionaries({}, optional=fields)


def merged(
    *parts: strategies.SearchStrategy[dict[str, Any]],
) -> strategies.SearchStrategy[dict[str, Any]]:
    return strategies.tuples(*parts).map(
        lambda found: {k: v for one in found for k, v in one.items()}
    )


OPERATORS: tuple[object, ...] = (1, 2, 3, 4, 1.0, True, False, 0, 5, 1.5, "1", None)
"""The four operators, and what may stand in their place."""

CONDITION_TYPES: tuple[object, ...] = (1, 2, 3, 1.0, "1", "2", " +1 ", "AND", True, None, [])
"""The two condition types, and what may stand in their place."""

LEAVES = strategies.one_of(
    strategies.fixed_dictionaries(
        {
            "attribute_name": ATTRIBUTES,
            "operator": strategies.sampled_from((1, 2, 3, 4)),
            "values": strategies.lists(TEXTS, max_size=3),
        }
    ),
    strategies.fixed_dictionaries(
        {
            "attribute_name": mostly("a", "b", "", None, 5),
            "operator": strategies.sampled_from(OPERATORS),
        },
        optional={
            "values": strategies.one_of(
                strategies.lists(JSON_VALUES, max_size=3),
                strategies.dictionaries(TEXTS, JSON_VALUES, max_size=2),
                strategies.lists(JSON_VALUES, max_size=2).map(json.dumps),
                TEXTS,
                strategies.sampled_from([None, 5, [[]], [{}], '{"x": 1}', "[[1]]"]),
            ),
            "type": TEXTS,
        },
    ),
)
ODD_NODES: strategies.SearchStrategy[object] = strategies.sampled_from(
    [None, {}, [], "", "[]", "{}", "null", "5", 5, True, [[]]]
)


def nodes(inner: Any, condition_type: Any) -> Any:
    """A tree or a group of what is within."""
    condition = strategies.one_of(inner, inner, inner, inner, inner.map(json.dumps), ODD_NODES)
    return optional(
        condition_type=condition_type,
        conditions=strategies.lists(condition, max_size=3) | mostly([], None, "[]", {}),
    )


REGULAR = strategies.sampled_from((1, 2))
GROUPS = nodes(LEAVES, REGULAR) | nodes(LEAVES, strategies.sampled_from(CONDITION_TYPES))
TREES = nodes(GROUPS, REGULAR) | nodes(GROUPS, strategies.sampled_from(CONDITION_TYPES))
PLAIN_LEAVES = strategies.fixed_dictionaries(
    {
        "attribute_name": ATTRIBUTES,
        "operator": strategies.sampled_from((1, 2, 3, 4)),
        "values": strategies.lists(
            strategies.sampled_from(["x", "XY", "z"]), min_size=1, max_size=2
        ),
    }
)
PLAIN_GROUPS = strategies.fixed_dictionaries(
    {
        "condition_type": strategies.sampled_from([1, 2, "1"]),
        "conditions": strategies.lists(PLAIN_LEAVES, min_size=1, max_size=2),
    }
)
PLAIN_TREES = strategies.fixed_dictionaries(
    {
        "condition_type": REGULAR,
        "conditions": strategies.lists(PLAIN_GROUPS, min_size=1, max_size=2),
    }
)
ANY_TREES = strategies.one_of(
    PLAIN_TREES,
    PLAIN_TREES,
    TREES,
    TREES.map(json.dumps),
    strategies.sampled_from([{}, [], "text", "{}"]),
)

SHARES = strategies.sampled_from([50, 100, 33.33, 12.345, 0, 80, 10.5])
VARIATIONS = strategies.lists(
    strategies.builds(arm, strategies.sampled_from(["v1", "v2", "v10", "ä"]), SHARES),
    min_size=1,
    max_size=3,
)


def references(key: str, *link_names: str) -> Any:
    """Objects that refer to audiences, mostly to ones that are there."""
    objects = strategies.sampled_from(link_names).map(lambda name: {key: name})
    return strategies.lists(objects, min_size=1, max_size=2) | strategies.just([])


MAPPED_GOALS = strategies.lists(
    strategies.fixed_dictionaries(
        {
            "goal_link_name": mostly("signup", "order"),
            "is_primary_goal": mostly(True, False, "true"),
        }
    ),
    min_size=1,
    max_size=3,
)


def experiments(number: int) -> strategies.SearchStrategy[dict[str, Any]]:
    return merged(
        strategies.just(experiment(number, experiment_key="exp1" if number == 1 else f"e{number}")),
        strategies.fixed_dictionaries(
            {
                "experiment_name": mostly(f"Test {number}", "Test 1"),
                "experiment_link_name": mostly(f"test-{number}", "test-1"),
                "experiment_status": mostly(2, 2.0, 3, 0),
                "experiment_type": mostly(14, 14.0, 15),
                "permitted_traffic": mostly(100, 50, 0, 33.3, 12.5, 101),
                "language_key": strategies.sampled_from([5, 5.0, "5", 0.5, -0.0, True, " "]),
                "variations": VARIATIONS,
                "audiences": references("audience_link_name", "some", "others", *AUDIENCES),
                "goals": MAPPED_GOALS,
            }
        ),
    )


EVERY_OPERATOR = audience(
    "every",
    {
        "condition_type": 2,
        "conditions": [
            {"conditions": [{"attribute_name": name, "operator": operator, "values": ["xy"]}]}
            for operator in OPERATORS
            for name in ("a", "b")
        ],
    },
)
"""An audience of which every condition is looked at."""


def documents(*, first_is_broken: bool) -> Any:
    """Documents, the first experiment of which is broken or may be anything."""
    broken = strategies.just({"permitted_traffic": "100", "experiment_name": "Test 1"})
    first = merged(experiments(1), broken) if first_is_broken else experiments(1)
    return strategies.builds(
        lambda trees, ones, goals: project(
            *ones,
            experiment(4, audiences=[{"audience_link_name": "every"}]),
            audiences=[
                *(audience(name, tree) for name, tree in zip(AUDIENCES, trees, strict=True)),
                EVERY_OPERATOR,
            ],
            goals=goals,
        ),
        strategies.tuples(ANY_TREES, PLAIN_TREES, PLAIN_TREES, ANY_TREES),
        strategies.tuples(first, experiments(2), experiments(3)),
        strategies.just(
            [
                {"goal_name": "Signup", "goal_link_name": "signup", "goal_type": 10},
                {"goal_name": "Order", "goal_link_name": "order", "goal_type": 11.0},
                {"goal_name": "Signup", "goal_link_name": "other", "goal_type": 10},
            ]
        ),
    )


ENTRIES = strategies.one_of(
    strategies.fixed_dictionaries(
        {
            "experiment_key": strategies.sampled_from(["exp1", "e2", "e3"]),
            "variation_key": strategies.sampled_from(["v1", "v2", "v10", "gone"]),
        },
        optional={"extra": JSON_VALUES},
    ),
    strategies.fixed_dictionaries({"experiment_key": JSON_VALUES, "variation_key": JSON_VALUES}),
)
VALID_PROFILES = strategies.fixed_dictionaries(
    {
        "user_id": mostly("Ann", "Bob"),
        "experiments": strategies.lists(ENTRIES, max_size=3),
    },
    optional={"extra": JSON_VALUES},
)
ODD_PROFILES = strategies.one_of(
    strategies.fixed_dictionaries(
        {
            "user_id": mostly("Ann", " ", 5, None),
            "experiments": strategies.lists(
                ENTRIES | JSON_VALUES | strategies.just({}), max_size=3
            ),
        }
    ),
    strategies.dictionaries(strategies.sampled_from(["user_id", "experiments"]), JSON_VALUES),
    JSON_VALUES,
)
STORED: strategies.SearchStrategy[object] = strategies.one_of(
    VALID_PROFILES.map(json.dumps),
    VALID_PROFILES.map(json.dumps),
    ODD_PROFILES.map(json.dumps),
    strategies.text(max_size=6),
    strategies.sampled_from([None, "", " \n", 5, {}, '{"user_id": "\ud800", "experiments": []}']),
)
ANY_ATTRIBUTES = strategies.one_of(
    strategies.fixed_dictionaries({"a": TEXTS, "b": TEXTS}),
    strategies.dictionaries(ATTRIBUTES, TEXTS, min_size=1),
    strategies.none() | strategies.dictionaries(ATTRIBUTES | strategies.just(""), VALUES),
)

ALWAYS_ATTRIBUTES = {"a": "x", "b": "xy"}
ALWAYS_STORED = json.dumps(
    {
        "user_id": "Ann",
        "experiments": [
            {"experiment_key": key, "variation_key": variation}
            for key in ("exp1", "e2", "e3")
            for variation in ("v1", "v2", "ä")
        ],
    }
)
"""Inputs to try with every document, so that coverage does not depend on chance."""

CHOICES: tuple[dict[str, Any], ...] = (
    *({"experiment": name} for name in ("Test 1", "Test 2", "Test 3", "Test 4", "none")),
    *({"experiment": name, "named_by": "link_name"} for name in (*LINK_NAMES, "Test 1")),
    *({"experiment": index} for index in (0, 1, 2, 3)),
)
"""How each experiment is named, and some that are not there."""


def compiled(module: Any, document: bytes) -> Any:
    """The settings, or the problems of a document that cannot be used."""
    try:
        return module.PagesenseSettings.compile(document)
    except sortition.SettingsError as error:
        return error.problems


def facts(decision: Any) -> dict[str, Any]:
    names = (
        "reason",
        "experiment",
        "variation",
        "goal",
        "saves_assignment",
        "needs_profile",
        "remark",
        "refusal",
    )
    return {name: getattr(decision, name) for name in names}


class Coverage:
    """How often each reason, operator and call came up; each must at least a hundred times."""

    def __init__(self) -> None:
        self.counts = Counter[tuple[str, object]]()

    def note(self, decision: Any, steps: list[Any]) -> None:
        """Count what a decision came to."""
        seen: set[tuple[str, object]] = {
            ("reason", decision.reason),
            ("saves", decision.saves_assignment),
        }
        for step in steps:
            seen.add(("step", step["step"]))
            if step["step"] == "clause":
                seen.add(("operator", step["operator"]))
                seen.add(("operator and answer", (step["operator"], step["is_true"])))
            elif step["step"] == "audience":
                seen.add(("outcome", step["outcome"]))
            elif step["step"] == "user_storage":
                seen.add(("profile", step["profile"]))
        self.counts.update(seen)

    def ensure(self) -> None:
        """Fail where something came up too rarely: what is never reached proves nothing."""
        operators = ("equal", "not_equal", "contain", "not_contain")
        wanted: dict[str, Any] = {
            "reason": PURE.PAGESENSE_REASONS,
            "saves": (True, False),
            "operator": (*operators, None),
            "operator and answer": [
                (one, is_true) for one in operators for is_true in (True, False)
            ],
            "outcome": ("matched", "not_matched", "let_in"),
            "profile": ("nothing", "invalid", "valid"),
            "step": (
                *("experiment", "goal", "user_storage", "everyone"),
                *("attributes", "clause", "audience", "range"),
            ),
        }
        rare = {
            (what, name): self.counts[what, name]
            for what, names in wanted.items()
            for name in names
            if self.counts[what, name] < 100
        }
        assert not rare, rare


def compare_settings(one: Any, other: Any) -> None:
    """Both say the same of a document."""
    assert one.problems == other.problems
    assert one.experiments == other.experiments
    assert one.goals == other.goals
    for name in ("project_key", "project_name", "portal_name", "sdk_account_id", "sdk_key"):
        assert getattr(one, name) == getattr(other, name)
    for choice in CHOICES:
        if isinstance(choice["experiment"], str):
            names = (choice["experiment"], choice.get("named_by", "name"))
            assert one.experiment(*names) == other.experiment(*names)
    for goal in (*GOALS, "signup", "order", "other"):
        assert one.goal(goal) == other.goal(goal)
        assert one.goal(goal, "link_name") == other.goal(goal, "link_name")
        assert one.experiments_with_goal(goal) == other.experiments_with_goal(goal)


def compare_decision(one: Any, other: Any, arguments: dict[str, Any], stored: object) -> Any:
    """Both decide the same for the same reason, and would save the same."""
    profiles = [module.PagesenseProfile.read(stored) for module in (COMPILED, PURE)]
    decided, twin = one.decide(**arguments), other.decide(**arguments)
    assert facts(decided) == facts(twin)
    if decided.needs_profile:
        decided = one.decide(**arguments, profile=profiles[0])
        twin = other.decide(**arguments, profile=profiles[1])
        assert not decided.needs_profile
        assert facts(decided) == facts(twin)
        arguments = {**arguments, "profile": profiles[0]}
        twin_arguments = {**arguments, "profile": profiles[1]}
    else:
        twin_arguments = arguments
    steps: list[Any] = []
    twin_steps: list[Any] = []
    assert facts(one.decide(**arguments, steps=steps)) == facts(decided)
    assert facts(other.decide(**twin_arguments, steps=twin_steps)) == facts(decided)
    assert steps == twin_steps
    if decided.saves_assignment:
        keys = (arguments["user_id"], decided.experiment.key, decided.variation.key)
        saved, twin_saved = (profile.with_assignment(*keys) for profile in profiles)
        assert saved == twin_saved
        assert json.loads(saved)["experiments"][-1]["variation_key"] == decided.variation.key
    return decided, steps


@pytest.mark.timeout(600)
def test_decisions() -> None:
    """Every experiment, by each of its names, for several users, in every situation drawn."""
    coverage = Coverage()

    @examples(max_examples=400, suppress_health_check=list(HealthCheck))
    @given(
        documents(first_is_broken=False) | documents(first_is_broken=True),
        strategies.lists(ANY_ATTRIBUTES, min_size=2, max_size=2),
        strategies.lists(STORED, min_size=2, max_size=2),
        strategies.lists(USERS, min_size=2, max_size=2),
    )
    def run(document: Any, situations: list[Any], stored: list[Any], users: list[str]) -> None:
        text = json.dumps(document).encode()
        one, other = compiled(COMPILED, text), compiled(PURE, text)
        if isinstance(one, tuple) or isinstance(other, tuple):
            assert one == other
            return
        compare_settings(one, other)
        for attributes in (ALWAYS_ATTRIBUTES, *situations):
            for user_id in ("\ud800", *users):
                for choice in CHOICES:
                    arguments = {**choice, "user_id": user_id, "attributes": attributes}
                    for goal in (None, *GOALS):
                        decided = compare_decision(
                            one, other, {**arguments, "goal_name": goal}, None
                        )
                        coverage.note(*decided)
                    arguments["has_user_storage"] = True
                    assert one.decide(**arguments).reason == other.decide(**arguments).reason
                    coverage.note(one.decide(**arguments), [])
                    for found in (ALWAYS_STORED, *stored):
                        coverage.note(*compare_decision(one, other, arguments, found))

    run()
    coverage.ensure()


def answer_to(tree: object, attributes: Any) -> tuple[str, list[Any]]:
    """Both engines' answers for one audience."""
    only = experiment(variations=[arm("v1")], audiences=[{"audience_link_name": "some"}])
    document = json.dumps(project(only, audiences=[audience("some", tree)])).encode()
    one, other = (module.PagesenseSettings.compile(document) for module in (COMPILED, PURE))
    assert one.problems == other.problems
    arguments = {"experiment": "Test 1", "user_id": "Ann", "attributes": attributes}
    decided, steps = compare_decision(one, other, arguments, None)
    return decided.reason, steps


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators(operator: object) -> None:
    """Each operator with any values and any attribute, a hundred times at the least."""
    answered = 0

    @examples(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(
        strategies.lists(JSON_VALUES | strategies.text(max_size=4), max_size=4),
        strategies.lists(VALUES, min_size=4, max_size=6),
    )
    def run(values: list[object], found: list[object]) -> None:
        nonlocal answered
        leaf = {"attribute_name": "a", "operator": operator, "values": values}
        tree = {"conditions": [{"conditions": [leaf]}]}
        texts = [str(value).swapcase()[:2] for value in values]
        for value in [*found, *texts]:
            answer_to(tree, {"a": value})
            answered += 1

    run()
    assert answered >= 100


@pytest.mark.parametrize("condition_type", [*CONDITION_TYPES, "missing"])
@pytest.mark.parametrize("is_outer", [True, False])
def test_condition_types(condition_type: object, is_outer: bool) -> None:
    """Each condition type at each level, with none to three true and false ones within."""
    answered = 0
    type_ = {} if condition_type == "missing" else {"condition_type": condition_type}
    leaves = {
        is_true: {"attribute_name": "a", "operator": 1, "values": ["x" if is_true else "y"]}
        for is_true in (True, False)
    }
    parts: list[Any] = [leaves[True], leaves[False], None, {}, [], "[]", "{}"]
    combinations = [[], *([one] for one in parts), *([one, two] for one in parts for two in parts)]
    combinations += [[leaves[False], one, leaves[True]] for one in parts]
    for within in combinations:
        if is_outer:
            groups = [{"conditions": [one]} if one in leaves.values() else one for one in within]
            tree = {**type_, "conditions": groups}
        else:
            tree = {"conditions": [{**type_, "conditions": within}]}
        for attributes in ({"a": "x"}, {"a": "y"}):
            reason, _ = answer_to(tree, attributes)
            assert reason in ("only_variation", "audience_not_matched")
            answered += 1
    assert answered >= 100


PROFILE_NAMES = ["user_id", "experiments", "experiment_key", "variation_key", "extra"]
ANY_JSON = strategies.recursive(
    JSON_VALUES | strategies.text(max_size=4),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(strategies.sampled_from(PROFILE_NAMES), inner, max_size=4)
    ),
    max_leaves=10,
)


@examples(max_examples=1500, suppress_health_check=list(HealthCheck))
@given(
    STORED | strategies.tuples(VALID_PROFILES, ANY_JSON).map(lambda both: json.dumps(both[0])),
    strategies.lists(strategies.integers(0, 9), max_size=5),
    ANY_JSON,
    strategies.text(max_size=4),
)
@example(
    '{"user_id": "a", "experiments": [{"experiment_key": -0, "variation_key": 1}]}', [], 0, "a"
)
@example(
    '{"user_id": "a", "experiments": [{"experiment_key": 1e400, "variation_key": 1}]}', [], 0, ""
)
@example(
    '{"user_id": "a", "experiments": [{"experiment_key": 1E5, "variation_key": -0.0}]}', [], 0, ""
)
def test_profiles(stored: object, path: list[int], replacement: object, user_id: str) -> None:
    """Both read a profile alike, and write the same."""
    candidates: list[object] = [stored]
    with contextlib.suppress(ValueError):
        candidates.append(json.dumps(mangle(json.loads(str(stored)), path, replacement)))
    for found in candidates:
        one, other = (module.PagesenseProfile.read(found) for module in (COMPILED, PURE))
        assert one.state == other.state
        saved = one.with_assignment(user_id, "exp1", "v1")
        assert saved == other.with_assignment(user_id, "exp1", "v1")
        assert json.loads(saved)["user_id"] == user_id


WIRE_NAMES = """projectsettings project_key audiences goals experiments condition_type conditions
attribute_name operator values audience_link_name goal_link_name is_primary_goal variations"""
MANGLED = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(max_size=4)
    | strategies.sampled_from(["all", "some", "signup", " "]),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(strategies.sampled_from(WIRE_NAMES.split()), inner, max_size=5)
    ),
    max_leaves=15,
)


@examples(max_examples=1000, suppress_health_check=list(HealthCheck))
@given(
    documents(first_is_broken=False),
    strategies.lists(strategies.integers(0, 19), max_size=8),
    MANGLED,
)
def test_broken_documents(document: Any, path: list[int], replacement: Any) -> None:
    """Both find the same problems in the same places, in the same words."""
    # The document is a list of one project: a path that begins there breaks more of it.
    text = json.dumps(mangle(document, [0, 0, *path], replacement)).encode()
    one, other = compiled(COMPILED, text), compiled(PURE, text)
    assert isinstance(one, tuple) is isinstance(other, tuple)
    if not isinstance(one, tuple):
        compare_settings(one, other)
    elif one[0].wanted == "JSON":
        # Each says in its own way where the text goes wrong.
        assert other[0].wanted == "JSON"
    else:
        assert one == other


@examples(max_examples=300, suppress_health_check=list(HealthCheck))
@given(documents(first_is_broken=False), strategies.data())
def test_a_link_name_that_several_have(document: Any, data: strategies.DataObject) -> None:
    """Both set aside what refers to it."""
    (only,) = document["projectsettings"]
    for key in ("audiences", "goals", "experiments"):
        only[key] = [*only[key], data.draw(strategies.sampled_from(only[key]))]
    text = json.dumps(document).encode()
    one, other = compiled(COMPILED, text), compiled(PURE, text)
    if isinstance(one, tuple) or isinstance(other, tuple):
        assert one == other
    else:
        compare_settings(one, other)


@examples(max_examples=500)
@given(strategies.binary(max_size=40) | strategies.text(max_size=40).map(str.encode))
@example(b'{"projectsettings": [null]}')
@example(b'{"projectsettings": [{"project_key": 1e400}]}')
@example(b'\xef\xbb\xbf{"projectsettings": []}')
@example(b"[" * 127 + b"]" * 127)
@example(b"[" * 128 + b"]" * 128)
def test_any_bytes(document: bytes) -> None:
    """Both refuse what is no document, for the same reason."""
    one, other = compiled(COMPILED, document), compiled(PURE, document)
    assert [(each.path, each.wanted) for each in one] == [
        (each.path, each.wanted) for each in other
    ]
