"""The compiled and the pure engine agree, on documents and users made by chance."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, strategies
from hypothesis import settings as examples
from support.documents import mangle

import sortition
from sortition import _engine
from sortition._engine import EngineChoice

pytestmark = pytest.mark.slow

ENGINES: tuple[EngineChoice, ...] = ("compiled", "pure")
COMPILED, PURE = (_engine.load(name).module.VwoSettings for name in ENGINES)

KEYS = ("a", "b", "c")
NAMES = strategies.sampled_from(KEYS)
USERS = strategies.sampled_from(["u1", "u2", "u3", "u4", "Ж漢🙂"]) | strategies.text(
    min_size=1, max_size=4
)
IDS = strategies.sampled_from([1, 2, 3, "1", "x", 2.5])
OPERATORS = (
    *("equals", "lower", "wildcard", "contains", "regex", "startswith", "endswith"),
    *("gt", "gte", "lt", "lte"),
    *("greaterthan", "greaterthanequalto", "lessthan", "lessthanequalto"),
)
OPERAND_EXAMPLES = """
1
1.0
lower(A)
lower(ΣΑΣ)
wildcard(*a*)
wildcard()
wildcard(**)
gt(1)
lte(1e0)
lt(x)
gte(nan)
equals(inf)
contains(1)
startswith(a)
endswith(a)
lessthan( 2)
LOWER(a)
a(b)c)d
(x)
regex(^[a-c]+$)
regex(\\w\\b)
regex(1)
regex(()
regex(\\N{DASH})
true"""
NAMED_OPERANDS = strategies.builds(
    "{}({})".format,
    strategies.sampled_from(OPERATORS),
    strategies.just("1") | strategies.text(alphabet="*01.e-_aÄΣ ()\n", max_size=6),
)
OPERANDS = strategies.one_of(
    NAMED_OPERANDS,
    NAMED_OPERANDS,
    strategies.sampled_from(OPERAND_EXAMPLES.splitlines()),
    strategies.text(max_size=6),
)
VALUES = strategies.one_of(
    strategies.sampled_from(["1", "a", "A", "true", " 1_0 ", "x*y", "ΣΑΣ", "\ud800", "１"]),
    strategies.none(),
    strategies.booleans(),
    strategies.integers(),
    strategies.floats(),
    strategies.text(max_size=6),
    strategies.lists(strategies.integers(), max_size=2),
)
VARIABLES = strategies.none() | strategies.dictionaries(
    NAMES | strategies.just("_vwo_user_id"), VALUES, max_size=4
)
COMPARISONS = strategies.builds(
    lambda name, operand: {"custom_variable": {name: operand}}, NAMES, OPERANDS
)
SEGMENTS = strategies.recursive(
    strategies.one_of(
        COMPARISONS,
        COMPARISONS,
        strategies.builds(
            lambda users: {"user": ", ".join(users)}, strategies.lists(USERS, max_size=3)
        ),
    ),
    lambda inner: strategies.one_of(
        strategies.builds(lambda parts: {"and": parts}, strategies.lists(inner, max_size=3)),
        strategies.builds(lambda parts: {"or": parts}, strategies.lists(inner, max_size=3)),
        strategies.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=6,
)
WEIGHTS = strategies.sampled_from([50, 100, 33.33, 25, 0.01, 99.99, 150, 0, None])
FLAGS = strategies.sampled_from([True, False, None, 1, "", "no"])


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


VARIATIONS = strategies.lists(
    merged(
        strategies.fixed_dictionaries({"id": IDS, "name": NAMES, "weight": WEIGHTS}),
        optional(isFeatureEnabled=strategies.booleans(), segments=SEGMENTS | strategies.just({})),
    ),
    min_size=1,
    max_size=3,
)
GOALS = strategies.lists(
    merged(
        strategies.fixed_dictionaries(
            {
                "id": IDS,
                "identifier": mostly("a", "b"),
                "type": mostly("REVENUE_TRACKING", "CUSTOM_GOAL", "CUSTOM_GOAL", "OTHER"),
            }
        ),
        optional(revenueProp=NAMES, mca=strategies.sampled_from([1, -1, -1.0]), hasProps=FLAGS),
    ),
    min_size=1,
    max_size=2,
)


def campaign(number: int) -> strategies.SearchStrategy[dict[str, Any]]:
    return merged(
        strategies.fixed_dictionaries(
            {
                "id": mostly(number, str(number), number + 0.5),
                "key": mostly(KEYS[number - 1], "a"),
                "type": mostly("VISUAL_AB", "FEATURE_TEST", "FEATURE_ROLLOUT", "OTHER"),
                "status": mostly("RUNNING", "PAUSED"),
                "percentTraffic": mostly(100, 0, 50, 99.5, 250),
                "variations": VARIATIONS,
                "goals": GOALS,
            }
        ),
        optional(
            segments=SEGMENTS | strategies.just({}),
            isForcedVariationEnabled=mostly(True, False, None, 1),
            isBucketingSeedEnabled=FLAGS,
            isOB=FLAGS,
            isOBv2=FLAGS,
        ),
        strategies.one_of(
            strategies.just({}),
            strategies.just({}),
            strategies.fixed_dictionaries({"isMAB": FLAGS}),
        ),
    )


GROUP = merged(
    strategies.fixed_dictionaries({"campaigns": mostly([1, 2, 3], [1, 2], ["3", 1], [])}),
    optional(
        name=NAMES,
        et=strategies.sampled_from([1, 2, 2.0, None, 2, 3]),
        p=strategies.lists(IDS, max_size=2),
        wt=strategies.dictionaries(strategies.sampled_from(["1", "2", "3"]), WEIGHTS),
    ),
)
DOCUMENTS = merged(
    strategies.fixed_dictionaries(
        {
            "version": IDS,
            "accountId": IDS,
            "campaigns": strategies.tuples(campaign(1), campaign(2), campaign(3)).map(list),
        }
    ),
    optional(
        sdkKey=NAMES, isNB=FLAGS, isNBv2=FLAGS, isEventArchEnabled=FLAGS, collectionPrefix=NAMES
    ),
    strategies.one_of(
        strategies.just({}),
        strategies.builds(
            lambda group, members: {
                "groups": {"7": group},
                "campaignGroups": dict.fromkeys(members, 7),
            },
            GROUP,
            mostly(["1", "2", "3"], ["1"], ["2", "3"]),
        ),
        optional(
            groups=strategies.dictionaries(strategies.sampled_from(["7", "8"]), GROUP),
            campaignGroups=strategies.dictionaries(
                strategies.sampled_from(["1", "2", "x"]), strategies.sampled_from([7, 8, "7", None])
            ),
        ),
    ),
)


def record_of(key: str, name: object, goals: str | None) -> dict[str, object]:
    return {"campaignKey": key, "variationName": name, "goalIdentifiers": goals}


def stored(key: str) -> strategies.SearchStrategy[object]:
    """A value stored under a campaign's key: often a record of that campaign."""
    goals = strategies.sampled_from(["a", "", "a_vwo_b", "ab", "b_vwo_c", None])
    record = strategies.builds(record_of, strategies.just(key), NAMES, goals)
    odd = strategies.builds(record_of, NAMES, NAMES | strategies.integers(), goals)
    nothing: strategies.SearchStrategy[object] = strategies.sampled_from(
        [None, None, None, {}, "junk", 5]
    )
    return record | nothing | nothing | odd


SITUATIONS = merged(
    strategies.fixed_dictionaries(
        {"custom_variables": VARIABLES, "variation_targeting_variables": VARIABLES}
    ),
    optional(should_track_returning_user=strategies.booleans()),
    strategies.one_of(
        strategies.just({}),
        strategies.fixed_dictionaries(
            {
                "has_user_storage": mostly(True, False),
                "records": strategies.fixed_dictionaries({key: stored(key) for key in KEYS})
                | optional(**{key: stored(key) for key in KEYS}),
            }
        ),
    ),
)
"""The arguments of a call, for any call and user."""

CONVERSIONS = strategies.fixed_dictionaries(
    {
        "goal_identifier": mostly("a", "b", "c"),
        "goal_type_to_track": mostly("ALL", "CUSTOM_GOAL", "REVENUE_TRACKING"),
        "has_revenue": strategies.booleans(),
        "event_properties": VARIABLES,
    }
)
"""The other arguments of ``track``."""

CALLS = (
    "activate",
    "get_variation_name",
    "is_feature_enabled",
    "get_feature_variable_value",
    "track",
)
TARGETS = (*KEYS, "none", 0, 1, 2, 3)


def compiled(engine: Any, document: bytes) -> Any:
    """The settings, or the problems of a document that cannot be used."""
    try:
        return engine.compile(document)
    except sortition.SettingsError as error:
        return error.problems


def facts(decision: Any) -> dict[str, Any]:
    names = ("reason", "campaign", "variation", "goal", "has_record", "stores_new_record")
    return {
        name: getattr(decision, name)
        for name in (*names, "stores_goal_identifiers", "records_needed", "gave_up_on_pattern")
    }


class Coverage:
    """How often each reason, operator and call came up; each must at least a hundred times."""

    def __init__(self) -> None:
        self.counts = Counter[tuple[str, object]]()

    def note(self, call: str, document: Any, decision: Any, steps: list[Any]) -> None:
        """Count what a decision came to."""
        seen: set[tuple[str, object]] = {("call", call), ("reason", decision.reason)}
        if decision.campaign is not None:
            seen.add(("campaign type", decision.campaign.type))
        for step in steps:
            seen.add(("step", step["step"]))
            if step["step"] == "segments":
                seen.update(
                    ("segment", name)
                    for campaign in document["campaigns"]
                    if campaign["id"] == decision.campaign.id
                    for name in operators_of(campaign.get("segments"))
                )
            if step["step"] == "group" and step["winner"] is not None:
                seen.add(("group algorithm", decision.campaign.group.algorithm))
        self.counts.update(seen)

    def ensure(self) -> None:
        """Fail where something came up too rarely: what is never reached proves nothing."""
        wanted = {
            "call": CALLS,
            "reason": _engine.load("pure").module.REASONS,
            "campaign type": ("VISUAL_AB", "FEATURE_TEST", "FEATURE_ROLLOUT", "OTHER"),
            "segment": ("and", "or", "not", "user", "custom_variable"),
            "group algorithm": (1, 2),
        }
        rare = {
            (what, name): self.counts[what, name]
            for what, names in wanted.items()
            for name in names
            if self.counts[what, name] < 100
        }
        assert not rare


def operators_of(segments: Any) -> set[str]:
    """The operators of an expression, at any depth."""
    if isinstance(segments, list):
        return {name for inner in segments for name in operators_of(inner)}
    if not isinstance(segments, dict):
        return set()
    return set(segments) & {"and", "or", "not", "user", "custom_variable"} | {
        name for operator in ("and", "or", "not") for name in operators_of(segments.get(operator))
    }


def outcome_of(settings: Any, arguments: dict[str, Any]) -> tuple[object, ...]:
    """The outcome of the call, with everything that follows from the decision."""
    given = dict(arguments)
    call, campaign, user_id = given["call"], given["campaign"], given["user_id"]
    variables = (given.get("custom_variables"), given.get("variation_targeting_variables"))
    has_storage, records = given.get("has_user_storage", False), given.get("records")
    again = given.get("should_track_returning_user", False)
    event = (1_800_000_000, "Firefox é", None)
    if call == "track":
        properties = given.get("event_properties")
        outcome = settings.convert(
            campaign,
            user_id,
            given.get("goal_identifier") or "purchase",
            given.get("goal_type_to_track", "ALL"),
            *variables,
            has_storage,
            again,
            "1e+16" if given.get("has_revenue") else None,
            properties and {name: json.dumps(str(value)) for name, value in properties.items()},
            *event,
            records,
        )
    elif call in ("activate", "is_feature_enabled"):
        outcome = settings.show(
            call, campaign, user_id, *variables, has_storage, again, *event, records
        )
    else:
        key = "color" if call == "get_feature_variable_value" else None
        outcome = settings.assign(call, campaign, user_id, *variables, has_storage, key, records)
    return (
        facts(outcome.decision),
        *(outcome.answer, outcome.sends_event, outcome.event, outcome.revenue, outcome.record),
        *(outcome.remark, outcome.refusal, outcome.is_settled, outcome.records_needed),
    )


def compare(document: dict[str, Any], requests: list[dict[str, Any]], coverage: Coverage) -> None:
    text = json.dumps(document).encode()
    one, other = compiled(COMPILED, text), compiled(PURE, text)
    if isinstance(one, tuple) or isinstance(other, tuple):
        assert one == other
        return
    assert one.problems == other.problems
    assert one.campaigns == other.campaigns
    for name in ("version", "account_id", "sdk_key", "is_event_arch_enabled", "collection_prefix"):
        assert getattr(one, name) == getattr(other, name)
        assert type(getattr(one, name)) is type(getattr(other, name))
    for arguments in requests:
        decided, twin = one.decide(**arguments), other.decide(**arguments)
        assert facts(decided) == facts(twin)
        steps: list[Any] = []
        twin_steps: list[Any] = []
        assert facts(one.decide(**arguments, steps=steps)) == facts(decided)
        assert facts(other.decide(**arguments, steps=twin_steps)) == facts(decided)
        assert steps == twin_steps
        assert outcome_of(one, arguments) == outcome_of(other, arguments)
        coverage.note(arguments["call"], document, decided, steps)
    for user_id in {arguments["user_id"] for arguments in requests}:
        assert one.visitor_id(user_id) == other.visitor_id(user_id)
    for goal in KEYS:
        assert one.campaigns_with_goal(goal) == other.campaigns_with_goal(goal)
        for specifier in (goal, KEYS, None):
            assert one.targets(specifier, goal) == other.targets(specifier, goal)


@pytest.mark.timeout(600)
def test_decisions() -> None:
    """Every call for every campaign and several users, in every situation that was drawn."""
    coverage = Coverage()

    @examples(max_examples=1500, suppress_health_check=list(HealthCheck))
    @given(
        DOCUMENTS,
        strategies.lists(SITUATIONS, min_size=2, max_size=4),
        strategies.lists(CONVERSIONS, min_size=2, max_size=2),
        strategies.lists(USERS, min_size=2, max_size=4, unique=True),
    )
    def run(
        document: dict[str, Any],
        situations: list[dict[str, Any]],
        conversions: list[dict[str, Any]],
        users: list[str],
    ) -> None:
        requests = [
            {"call": call, "campaign": campaign, "user_id": user_id, **situation, **conversion}
            for situation in situations
            for user_id in users
            for campaign in TARGETS
            for call in CALLS
            for conversion in (conversions if call == "track" else [{}])
        ]
        compare(document, requests, coverage)

    run()
    coverage.ensure()


@pytest.mark.parametrize("operator", ["", *OPERATORS])
def test_operators(operator: str) -> None:
    """Each operator with any inner text and any values, a hundred times at the least."""
    answered = 0

    @examples(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(
        strategies.text(alphabet="*01.e-_aÄΣ ()\n", max_size=6) | strategies.text(max_size=8),
        strategies.lists(VALUES, min_size=4, max_size=8),
    )
    def run(inner: str, values: list[object]) -> None:
        nonlocal answered
        operand = f"{operator}({inner})" if operator else inner
        segments = {"custom_variable": {"a": operand}}
        shown = {"id": 1, "name": "a", "weight": 100, "segments": segments}
        campaign = {
            "id": 1,
            "key": "a",
            "type": "VISUAL_AB",
            "status": "RUNNING",
            "goals": [],
            "percentTraffic": 100,
            "segments": segments,
            "variations": [shown],
            "isForcedVariationEnabled": True,
        }
        document = json.dumps({"version": 1, "accountId": 1, "campaigns": [campaign]}).encode()
        one, other = COMPILED.compile(document), PURE.compile(document)
        assert one.problems == other.problems
        for value in [*values, inner]:
            for variables in ((None, {"a": value}), ({"a": value}, None)):
                steps: list[Any] = []
                twin_steps: list[Any] = []
                decided = one.decide("activate", "a", "Ann", *variables, steps=steps)
                twin = other.decide("activate", "a", "Ann", *variables, steps=twin_steps)
                assert facts(decided) == facts(twin)
                assert steps == twin_steps
                answered += 1

    run()
    assert answered >= 100


ANY_TEXT = strategies.text(max_size=20)


@examples(max_examples=500)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT, strategies.integers(0, 2**40))
def test_events_hold_any_text(user: str, agent: str, key: str, value: str, at_s: int) -> None:
    """Both engines write the bytes that ``json.dumps`` writes."""
    arm = {"id": user or "x", "name": "a", "weight": 100}
    campaign = {
        "id": agent or "x",
        "key": "a",
        "type": "VISUAL_AB",
        "status": "RUNNING",
        "percentTraffic": 100,
        "goals": [],
        "variations": [arm],
    }
    document = {"version": 1, "accountId": 1, "campaigns": [campaign]}
    one, other = (each.compile(json.dumps(document).encode()) for each in (COMPILED, PURE))
    pushed = one.push_event(user, at_s, key, value)
    assert pushed == other.push_event(user, at_s, key, value)
    assert json.loads(json.loads(pushed)["t"]) == {"u": {key: value}}
    if not user:
        return
    shown: Any = ("activate", "a", user, None, None, False, False, at_s, agent, value)
    event = one.show(*shown).event
    assert event is not None
    assert event == other.show(*shown).event
    batches = [_engine.load(name).module.vwo_batch([event, pushed]) for name in ENGINES]
    assert batches[0] == batches[1]
    assert json.loads(batches[0])["ev"] == [json.loads(event), json.loads(pushed)]


WIRE_NAMES = """version accountId campaigns id key status percentTraffic weight variations goals
segments groups campaignGroups and not custom_variable et p wt"""
MANGLED = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(max_size=4),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(
            strategies.sampled_from(WIRE_NAMES.split()),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@examples(
    max_examples=800,
    suppress_health_check=list(HealthCheck),
)
@given(DOCUMENTS, strategies.lists(strategies.integers(0, 9), max_size=6), MANGLED)
def test_broken_documents(document: Any, path: list[int], replacement: Any) -> None:
    """Both find the same problems in the same places, in the same words."""
    text = json.dumps(mangle(document, path, replacement)).encode()
    one, other = compiled(COMPILED, text), compiled(PURE, text)
    ones = one if isinstance(one, tuple) else one.problems
    others = other if isinstance(other, tuple) else other.problems
    assert isinstance(one, tuple) is isinstance(other, tuple)
    assert ones == others


@examples(max_examples=1000)
@given(strategies.binary(max_size=40) | strategies.text(max_size=40).map(str.encode))
@example(b"[" * 127 + b"]" * 127)
@example(b"[" * 128 + b"]" * 128)
@example(b'{"a":' * 127 + b"1" + b"}" * 127)
@example(b'{"a":' * 128 + b"1" + b"}" * 128)
@example(b'{"version": 1e400, "accountId": 1, "campaigns": []}')
@example(b'{"version": %s, "accountId": 1, "campaigns": []}' % (b"9" * 400))
@example(b'{"version": 1, "a": %s, "accountId": 1, "campaigns": []}' % (b"9" * 5000))
@example(b'{"version": 1, "version": 2, "accountId": -0, "campaigns": []}')
@example(b'{"version": -0.0, "accountId": 1E2, "campaigns": [], "x": "\\u0000"}')
@example(b'{"version": 1, "accountId": 1, "campaigns": [], "x": "\\ud83d\\ude00"}')
@example(b'{"version": 1, "accountId": 1, "campaigns": [], "x": "\\ud83d"}')
@example(b'{"version": 1, "accountId": 1, "campaigns": [], "x": "\x01"}')
@example(b'{"version": 1, "accountId": 1, "campaigns": [], "x": Infinity}')
@example(b'\xef\xbb\xbf{"version": 1, "accountId": 1, "campaigns": []}')
@example(b'{"version": 1, "accountId": 1, "campaigns": []} x')
@example(b' \t\r\n{"version": 1, "accountId": 1, "campaigns": []}\n')
def test_any_bytes(document: bytes) -> None:
    """Both take the same documents, and refuse the others for the same reason."""
    one, other = compiled(COMPILED, document), compiled(PURE, document)
    assert isinstance(one, tuple) is isinstance(other, tuple)
    if isinstance(one, tuple):
        assert [(each.path, each.wanted) for each in one] == [
            (each.path, each.wanted) for each in other
        ]
    else:
        assert (one.version, one.account_id) == (other.version, other.account_id)
