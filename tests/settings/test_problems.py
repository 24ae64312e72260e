"""What is found wrong in a settings document: where, in which words, and what it costs.

Each test runs once for each engine, and the words are the same.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from support import commands
from support.documents import (
    audience,
    campaign,
    experiment,
    goal,
    mangle,
    project,
    settings,
    variation,
)

from sortition import OptionError, SettingsError, _engine, vwo
from sortition._commands.checking.document import verdict_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.sink import Sink

    from sortition._commands.checking.document import Platform
    from sortition._engine import Engine

ENGINES = (_engine.load("compiled"), _engine.load("pure"))


def found(engine: Engine, document: object, platform: Platform = "vwo") -> list[str]:
    """Every problem of a document, with what it costs."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    verdict = verdict_on(text, platform, engine)
    return [f"{problem} ({problem.consequence})" for problem in verdict.problems]


def with_operand(operand: str) -> dict[str, Any]:
    return settings(campaign(segments={"not": {"custom_variable": {"plan": operand}}}))


# What is wrong, where, and what it costs; good ones cost nothing.
OPERANDS = {
    "gt(abc)": "never_matches",
    "lte()": "never_matches",
    "gte(inf)": "never_matches",
    "lessthan(nan)": "never_matches",
    "wildcard()": "never_matches",
    "Infinity": "never_matches",
    "lower(NaN)": "never_matches",
    "": "clause_false",
    "lower()": "clause_false",
    "equals()": "clause_false",
    "regex(()": "clause_false",
    "LOWER(a)": "used_as_it_is",
    "less_than(2)": "used_as_it_is",
    " gt(2)": "used_as_it_is",
}
GOOD_OPERANDS = (
    "gt(1)",
    "gte( 1e3 )",
    "wildcard(*)",
    "contains()",
    "contains(nan)",
    "regex()",
    "a",
)


@pytest.mark.parametrize("operand", OPERANDS)
def test_an_operand_that_can_never_work_is_found_with_its_place(
    engine: Engine, operand: str
) -> None:
    """Each is named by its place, and says that its expression or its clause is false."""
    [problem] = found(engine, with_operand(operand))
    assert problem.startswith("campaigns[0].segments.not.custom_variable.plan: expected ")
    assert problem.endswith(f"({OPERANDS[operand]})")


@pytest.mark.parametrize("operand", GOOD_OPERANDS)
def test_an_operand_that_can_work_is_no_problem(engine: Engine, operand: str) -> None:
    """Nothing is found in an operand that is true of some value."""
    assert found(engine, with_operand(operand)) == []


def test_an_operand_of_which_nothing_is_said_can_be_true(engine: Engine) -> None:
    """A clause of which no problem is found matches one of these values; any other never does."""
    inner = ("", "a", "1", "-5", "inf", "nan", "*", "**", "*a*", "(", "abc")
    values = ["", "b", "-1", "-6", "1e3", "A", "x*", "xinf", "infx", "xnan", "nanx", *inner]
    names = ("lower", "wildcard", "contains", "equals", "startswith", "endswith", "regex")
    numeric = ("gt", "lt", "gte", "lte", "greaterthan", "lessthanequalto")
    for operand in [f"{name}({text})" for name in (*names, *numeric) for text in inner]:
        document = settings(campaign(segments={"custom_variable": {"plan": operand}}))
        consequences = [line.rsplit("(", 1)[1] for line in found(engine, document)]
        compiled = engine.module.VwoSettings.compile(json.dumps(document).encode())
        can_match = any(
            compiled.decide("get_variation_name", "checkout", "ann", {"plan": value}).variation
            for value in values
        )
        is_dead = consequences in (["never_matches)"], ["clause_false)"])
        assert can_match is not is_dead, operand


DEAD = [
    (
        campaign(segments={"or": []}),
        (
            "campaigns[0].segments.or: expected a list with something in it, found an empty list "
            "(clause_false)"
        ),
    ),
    (
        campaign(segments={"user": " , "}),
        "campaigns[0].segments.user: expected users, found none (clause_false)",
    ),
    (
        campaign(segments={"and": [], "or": []}),
        (
            "campaigns[0].segments: expected an object with one key, found one with "
            "several, of which "
            "the first counts (used_as_it_is)"
        ),
    ),
    (
        campaign(status="running"),
        "campaigns[0].status: expected RUNNING, found the same in other letters (campaign_stopped)",
    ),
    (
        campaign(type="SPLIT"),
        (
            "campaigns[0].type: expected VISUAL_AB, FEATURE_TEST or FEATURE_ROLLOUT, found "
            "another type "
            "(used_as_it_is)"
        ),
    ),
    (
        campaign(type=None),
        (
            "campaigns[0].type: expected VISUAL_AB, FEATURE_TEST or FEATURE_ROLLOUT, found nothing "
            "(used_as_it_is)"
        ),
    ),
    (
        campaign(percentTraffic=150),
        (
            "campaigns[0].percentTraffic: expected a number from 0 to 100, found a greater one "
            "(used_as_it_is)"
        ),
    ),
    (
        campaign(percentTraffic=-1),
        (
            "campaigns[0].percentTraffic: expected a number from 0 to 100, found a negative number "
            "(used_as_it_is)"
        ),
    ),
    (
        campaign(variations=[variation(1, "a", 0), variation(2, "b", 0)]),
        (
            "campaigns[0].variations: expected weights that add up to 100, found weights of 0 "
            "(used_as_it_is)"
        ),
    ),
    (
        campaign(variations=[variation(1, "a", 0), variation(2, "b", 50)]),
        (
            "campaigns[0].variations: expected weights that add up to 100, found weights "
            "that add up to "
            "less (used_as_it_is)"
        ),
    ),
    (
        campaign(variations=[]),
        "campaigns[0].variations: expected a variation, found none (used_as_it_is)",
    ),
    (
        campaign(variations=[variation(1, "a"), variation(2, "a")]),
        (
            "campaigns[0].variations[1].name: expected a name of its own, found that of another "
            "variation (ambiguous)"
        ),
    ),
    (
        campaign(variations=[variation(1, "a"), variation("1", "b")]),  # type: ignore[arg-type]
        (
            "campaigns[0].variations[1].id: expected an id of its own, found that of "
            "another variation "
            "(ambiguous)"
        ),
    ),
    (
        campaign(goals=[goal(1, "a"), goal(2, "a")]),
        (
            "campaigns[0].goals[1].identifier: expected an identifier of its own, found "
            "that of another "
            "goal (ambiguous)"
        ),
    ),
    (
        campaign(goals=[goal(1, "a"), goal(1, "b")]),
        (
            "campaigns[0].goals[1].id: expected an id of its own, found that of another goal "
            "(ambiguous)"
        ),
    ),
    (
        campaign(
            type="FEATURE_ROLLOUT",
            variables=[{"id": 1, "key": "a", "type": "color", "value": "blue"}],
        ),
        (
            "campaigns[0].variables[0].type: expected string, integer, double, boolean or "
            "json, found "
            "another type (used_as_it_is)"
        ),
    ),
]


@pytest.mark.parametrize(("one", "problem"), DEAD, ids=[problem[:60] for _, problem in DEAD])
def test_what_can_never_work_is_found_with_its_place(
    engine: Engine, one: dict[str, Any], problem: str
) -> None:
    """A campaign that is used, but hardly as it was meant, has a problem that says where "
    "and why."""
    assert found(engine, settings(one)) == [problem]


def test_each_weight_above_a_hundred_is_named(engine: Engine) -> None:
    """So is their sum."""
    weights = [variation(1, "a", 150), variation(2, "b", 20)]
    places = [line.split(":")[0] for line in found(engine, settings(campaign(variations=weights)))]
    assert places == ["campaigns[0].variations[0].weight", "campaigns[0].variations"]


@pytest.mark.parametrize("weights", [(33.33, 33.33, 33.33), (14, 14, 14, 14, 14, 15, 15), (0, 100)])
def test_rounded_weights_are_no_problem(engine: Engine, weights: tuple[float, ...]) -> None:
    """Weights may be rounded, and a variation may have none of the users."""
    variations = [variation(number, f"v{number}", weight) for number, weight in enumerate(weights)]
    assert found(engine, settings(campaign(variations=variations))) == []


def test_two_campaigns_of_one_key_or_id_are_ambiguous(engine: Engine) -> None:
    """Both serve, and the later one is named."""
    document = settings(campaign(1, "a"), campaign(1, "b"), campaign(2, "a"))
    assert found(engine, document) == [
        "campaigns[1].id: expected an id of its own, found that of another campaign (ambiguous)",
        "campaigns[2].key: expected a key of its own, found that of another campaign (ambiguous)",
    ]


def test_a_running_campaign_that_its_group_does_not_list_is_found(engine: Engine) -> None:
    """It can win nobody, except where no other campaign of the group has the user."""
    groups = {"7": {"name": "g", "campaigns": [2]}}
    document = settings(
        campaign(1, "a"), campaign(2, "b"), groups=groups, campaignGroups={"1": "7", "2": "7"}
    )
    assert found(engine, document) == [
        (
            'campaignGroups["1"]: expected a group that lists the campaign, found another one '
            "(used_as_it_is)"
        )
    ]


PAGESENSE = [
    (
        project(experiment(1), experiment(2, experiment_name="Test 1")),
        (
            "experiments[1].experiment_name: expected a name of its own, found that of another "
            "experiment (ambiguous)"
        ),
    ),
    (
        project(
            goals=[
                {"goal_name": "Signup", "goal_link_name": "signup", "goal_type": 10},
                {"goal_name": "Signup", "goal_link_name": "signup-2", "goal_type": 10},
            ]
        ),
        "goals[1].goal_name: expected a name of its own, found that of another goal (ambiguous)",
    ),
    (
        project(
            audiences=[
                audience("all", {}),
                audience(
                    "nobody",
                    {
                        "conditions": [
                            {"conditions": [{"attribute_name": "a", "operator": 1, "values": []}]}
                        ]
                    },
                ),
            ]
        ),
        (
            "audiences[1].audience_condition_json.conditions[0].conditions[0].values: "
            "expected values "
            "to compare with, found none (clause_false)"
        ),
    ),
    (
        project(experiment(goals=[{"goal_link_name": "signup"}])),
        (
            "experiments[0].goals[0].is_primary_goal: expected a boolean, found nothing "
            "(goal_unmapped)"
        ),
    ),
    (
        project(experiment(goals=[{"goal_link_name": "nope", "is_primary_goal": True}])),
        (
            "experiments[0].goals[0].goal_link_name: expected the link name of one usable "
            "goal, found "
            "another one (goal_unmapped)"
        ),
    ),
    (
        project(experiment(goals=None)),
        "experiments[0].goals: expected a list, found null (goal_unmapped)",
    ),
]


@pytest.mark.parametrize(("document", "problem"), PAGESENSE, ids=[one[1][:50] for one in PAGESENSE])
def test_what_can_never_work_in_pagesense(
    engine: Engine, document: dict[str, Any], problem: str
) -> None:
    """The same for documents of PageSense; none of these costs an experiment."""
    text = json.dumps(document).encode()
    assert found(engine, document, "pagesense") == [f"projectsettings[0].{problem}"]
    project_settings = engine.module.PagesenseSettings.compile(text)
    assert len(project_settings.experiments) == len(document["projectsettings"][0]["experiments"])


class TestValidate:
    """The command."""

    def code(self, tmp_path: Path, document: dict[str, Any]) -> tuple[int, str]:
        path = tmp_path / "settings.json"
        path.write_text(json.dumps(document))
        done = commands.run("validate", str(path))
        return done.returncode, done.stdout

    def test_it_fails_for_errors_and_not_for_warnings(self, tmp_path: Path) -> None:
        """An operand that is an error and a duplicate give 1; what may be meant gives 0."""
        for document in (with_operand("gt(abc)"), settings(campaign(1, "a"), campaign(2, "a"))):
            assert self.code(tmp_path, document)[0] == 1
        code, shown = self.code(tmp_path, settings(campaign(percentTraffic=150)))
        assert code == 0
        assert "  warning: campaigns[0].percentTraffic: expected" in shown

    def test_a_flood_of_problems_is_counted(self, tmp_path: Path) -> None:
        """A thousand are printed, and the number of the others."""
        document = settings(campaign(segments={"or": [{"xor": 1}] * 1234}))
        code, shown = self.code(tmp_path, document)
        assert code == 1
        assert shown.count("an unknown operator") == 1000
        assert shown.endswith("  and 234 more problems\n")


def test_problems_are_bounded(engine: Engine) -> None:
    """The first thousand are kept; all of them are counted."""
    document = settings(campaign(), *[5] * 3000)  # type: ignore[arg-type]
    compiled = engine.module.VwoSettings.compile(json.dumps(document).encode())
    assert len(compiled.problems) == 1000
    assert compiled.problem_count == 3000
    assert compiled.problems[-1].path == "campaigns[1000]"
    with pytest.raises(SettingsError) as raised:
        engine.module.VwoSettings.compile(json.dumps(settings(*[5] * 3000)).encode())  # type: ignore[arg-type]
    assert (len(raised.value.problems), raised.value.problem_count) == (1000, 3000)
    assert str(raised.value).endswith("; and 2990 more")


class TestBrokenGoals:
    """A goal that cannot be used costs that goal alone."""

    @pytest.mark.parametrize(
        "broken",
        [
            {},
            5,
            {"id": None, "identifier": "h", "type": "CUSTOM_GOAL"},
            {"id": 2, "identifier": "h"},
            {"id": 2, "type": "CUSTOM_GOAL"},
            {"id": 2, "identifier": "h", "type": "CUSTOM_GOAL", "mca": "-1"},
        ],
    )
    def test_the_campaign_and_its_other_goals_serve(
        self, launch: Callable[..., vwo.Client], broken: object
    ) -> None:
        """A rollout is on, a test has its variations, and the good goal is credited."""
        variable = {"id": 1, "key": "v", "type": "integer", "value": 7}
        rollout = campaign(
            1,
            "rollout",
            type="FEATURE_ROLLOUT",
            goals=[broken],
            variations=[variation(1, "website", 100)],
            variables=[variable],
        )
        test = campaign(
            2, "ab", goals=[goal(1, "g"), broken], variations=[variation(1, "Control", 100)]
        )
        client = launch(settings(rollout, test))
        assert client.is_feature_enabled("rollout", "ann") is True
        assert client.get_feature_variable_value("rollout", "v", "ann") == 7
        assert client.activate("ab", "ann") == "Control"
        assert client.track("ab", "ann", "g") == {"ab": True}
        assert client.track("ab", "ann", "h") is None
        consequences = [problem.consequence for problem in client.status().problems]
        assert consequences == ["goal_set_aside"] * 2

    @pytest.mark.parametrize("goals", [None, 5, "text", {"a": 1}])
    def test_goals_that_are_no_list(self, launch: Callable[..., vwo.Client], goals: object) -> None:
        """The campaign serves without goals."""
        client = launch(settings(campaign(goals=goals)))
        assert client.activate("checkout", "ann") is not None
        [problem] = client.status().problems
        assert (problem.path, problem.consequence) == ("campaigns[0].goals", "goal_set_aside")


class TestUserLists:
    """If a campaign has lists of visitor ids, a listed visitor id or raw id matches."""

    ANN = "72E69A09AE1858F8B23113D01D435505"

    def document(self, users: str, **extra: Any) -> dict[str, Any]:
        listed = variation(2, "Variation-1", segments={"and": [{"user": users}]})
        return settings(
            campaign(
                23,
                "K",
                percentTraffic=0,
                isForcedVariationEnabled=True,
                variations=[variation(1, "Control"), listed],
                **extra,
            )
        )

    @pytest.mark.parametrize("users", [ANN, "ann", f"bob, {ANN}"])
    def test_a_listed_user_gets_the_variation(
        self, launch: Callable[..., vwo.Client], users: str
    ) -> None:
        """By the visitor id that the user has on the wire, or by the raw id; others do not."""
        client = launch(self.document(users, isUserListEnabled=True))
        assert client.activate("K", "ann") == "Variation-1"
        assert client.activate("K", "eve") is None

    def test_without_the_flag_only_raw_ids_count(self, launch: Callable[..., vwo.Client]) -> None:
        """A visitor id is a text like any other then."""
        assert launch(self.document(self.ANN)).activate("K", "ann") is None
        assert launch(self.document("ann")).activate("K", "ann") == "Variation-1"

    def test_segments_ask_for_listed_users_too(self, launch: Callable[..., vwo.Client]) -> None:
        """A segment may be a list of users; `explain` shows the id that is listed."""
        document = settings(campaign(isUserListEnabled=True, segments={"user": self.ANN}))
        client = launch(document)
        assert client.activate("checkout", "ann") is not None
        assert client.activate("checkout", "eve") is None
        assert self.ANN in str(client.explain("checkout", "ann"))
        without = settings(campaign(segments={"user": self.ANN}))
        assert launch(without).activate("checkout", "ann") is None

    def test_a_variable_of_that_name_is_left_alone(self, launch: Callable[..., vwo.Client]) -> None:
        """A clause about `_vwo_user_id` compares the raw id."""
        clause = {"custom_variable": {"_vwo_user_id": self.ANN}}
        listed = variation(2, "Variation-1", segments=clause)
        document = settings(
            campaign(
                isForcedVariationEnabled=True,
                isUserListEnabled=True,
                percentTraffic=0,
                variations=[variation(1, "Control"), listed],
            )
        )
        assert launch(document).activate("checkout", "ann") is None


class TestKeys:
    """A key that cannot be used counts as missing, and is no fault where it is not needed."""

    @pytest.mark.parametrize(
        "key", ["", "my sdk key", 123, "line\nbreak", "schlüssel", ["k"], False]
    )
    def test_a_client_starts_without_it(
        self, launch: Callable[..., vwo.Client], key: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The document is good; the key stands in no message."""
        client = launch(settings(sdkKey=key), is_development_mode=True)
        assert client.activate("checkout", "ann") is not None
        [problem] = client.status().problems
        assert (problem.path, problem.consequence) == ("sdkKey", "ignored")
        assert problem.is_warning
        if isinstance(key, str) and key:
            assert key not in caplog.text

    def test_where_it_is_needed_the_launch_says_so(self, launch: Callable[..., vwo.Client]) -> None:
        """Polling asks by the key of the settings where no other is given."""
        with pytest.raises(OptionError, match="poll_interval_s: requires an sdkKey"):
            launch(settings(sdkKey=""), poll_interval_s=60)


class TestOtherProducts:
    """A document of another product is recognised, and named."""

    @pytest.mark.parametrize(
        "document",
        [
            settings(campaign(type="FLAG_ROLLOUT"), features=[{"id": 1}]),
            {"version": 1, "accountId": 1, "sdkKey": "k", "features": [], "campaigns": []},
            {"version": 1, "accountId": 1, "campaigns": [{"id": 1, "type": "FLAG_TESTING"}]},
        ],
    )
    def test_the_newer_product_of_vwo(self, engine: Engine, document: object) -> None:
        """One line says what the document is, whatever else is wrong in it."""
        assert found(engine, document) == [
            (
                "settings: expected a settings file of VWO FullStack, found one of VWO Feature "
                "Management and Experimentation (FME) (document_refused)"
            )
        ]

    def test_a_field_of_that_name_is_ignored_beside_campaigns(self, engine: Engine) -> None:
        """As any field that is not known."""
        assert found(engine, settings(features=[])) == []

    def test_the_other_platform(self, engine: Engine) -> None:
        """Each platform's document is named by the other one."""
        [problem] = found(engine, project())
        assert "found one of Zoho PageSense" in problem
        [problem] = found(engine, settings(), "pagesense")
        assert "found one of VWO" in problem


@pytest.mark.parametrize("prefix", ["..", ".", "../x", "a/../b", "/a", "a//b", "a/"])
def test_a_path_that_leads_elsewhere_counts_as_missing(engine: Engine, prefix: str) -> None:
    """`collectionPrefix` is a part of each event's path, and must stay one."""
    compiled = engine.module.VwoSettings.compile(
        json.dumps(settings(collectionPrefix=prefix)).encode()
    )
    assert compiled.collection_prefix is None
    [problem] = compiled.problems
    assert (problem.path, problem.consequence) == ("collectionPrefix", "ignored")


def test_a_path_is_sent_as_one(launch: Callable[..., vwo.Client], sink: Sink) -> None:
    """Signs that would end the path are escaped, and a plain path stays as it is."""
    launch(settings(collectionPrefix="a?b#c d")).activate("checkout", "ann")
    assert sink.paths == ["/a%3Fb%23c%20d/server-side/track-user"]
    launch(settings(collectionPrefix="eu/v2")).activate("checkout", "ann")
    assert sink.paths[1] == "/eu/v2/server-side/track-user"


def test_the_depth_is_asked_before_the_document_is_read() -> None:
    """On a thread with a small stack a document of thousands of levels is refused, not read."""
    program = textwrap.dedent(
        """
        import threading
        from sortition import SettingsError, vwo

        def deep(levels):
            return '{"a": ' * levels + "1" + "}" * levels

        found = []

        def launch():
            for text in (deep(2000), "[" * 5000, deep(100_000)):
                try:
                    vwo.launch(text, engine="pure")
                except SettingsError as error:
                    found.append(str(error))

        vwo.launch
        threading.stack_size(128 * 1024)
        thread = threading.Thread(target=launch)
        thread.start()
        thread.join()
        assert found == ["settings: expected at most 127 levels, found more"] * 3, found
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


MIB = 1024 * 1024
GOOD = json.dumps(campaign()).encode()
LARGE = {
    "numbers in the place of campaigns": (b'"campaigns": [%s' % GOOD, b",0", b"]"),
    "objects in the place of campaigns": (b'"campaigns": [%s' % GOOD, b",{}", b"]"),
    "an ignored field": (b'"campaigns": [%s], "more": [0' % GOOD, b",0", b"]"),
    "unknown operators": (
        b'"campaigns": [{"segments": {"or": [0',
        b',{"x":1}',
        b"]}, %s]" % GOOD[1:],
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_hostile_document_costs_no_more_than_eight_times_its_size(
    name: str, tmp_path: Path
) -> None:
    """The compiled engine reads 32 MiB within 256 MiB, and keeps nearly nothing of it."""
    begin, middle, end = LARGE[name]
    head = b'{"version": 1, "accountId": 1, ' + begin
    small, large = tmp_path / "small.json", tmp_path / "large.json"
    small.write_bytes(head + middle + end + b"}")
    large.write_bytes(head + middle * ((32 * MIB - len(head)) // len(middle)) + end + b"}")
    program = textwrap.dedent(
        """
        import pathlib, resource, sys
        from sortition import _engine

        def peak():
            # In KiB, and on macOS in bytes.
            unit = 1 if sys.platform == "darwin" else 1024
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

        compile = _engine.load("compiled").module.VwoSettings.compile
        small, large = map(pathlib.Path, sys.argv[1:])
        compile(small.read_bytes())
        document = large.read_bytes()
        peaks = [peak()]
        kept = []
        for _ in range(2):
            kept.append(compile(document))
            peaks.append(peak())
        print([(after - before) / len(document) for before, after in zip(peaks, peaks[1:])])
        assert [len(settings.campaigns) for settings in kept] == [1, 1]
        # The peak before it has the document itself.
        assert peaks[1] - peaks[0] <= 7 * len(document), peaks
        # What the first one keeps adds to the second one's peak.
        assert peaks[2] - peaks[1] <= len(document), peaks
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(small), str(large)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)


NOT_JSON = [
    b"",
    b"  \n ",
    b"\xef\xbb\xbf{}",
    b'{"a": NaN}',
    b'{"a": -Infinity}',
    '{"\u00e9": "\u20ac", "b": NaN}'.encode(),
    b'{"a": "\\ud800"}',
    b'{"a": "\\udc00"}',
    b'{"a": "\\ud800\\u0041"}',
    b'{"a": 01}',
    b'{"a": 1.}',
    b'{"a": .5}',
    b'{"a": 1e}',
    b"[1, 2,]",
    b'{"a": 1,}',
    b'{"a" 1}',
    b"{'a': 1}",
    b'{"a": "\n"}',
    b'{"a": "\\x"}',
    b'{"a": tru}',
    b'{"a": 1} x',
    b'{"a": "b',
    b'{"a": [',
    b"[" * 128,
    b"[" * 5000,
    b'["]' + b"[" * 5000,
    b"\xff",
]


@pytest.mark.parametrize("text", NOT_JSON)
def test_both_engines_say_the_same_of_what_is_no_json(text: bytes) -> None:
    """In the same words, with the same place, which counts characters."""
    compiled, pure = (found(engine, text) for engine in ENGINES)
    assert compiled == pure
    assert len(compiled) == 1


def test_both_engines_say_the_same_of_any_text() -> None:
    """A document of which a few characters are changed is read alike by both."""
    chosen = random.Random(7)  # noqa: S311 -- the same ones each time
    good = json.dumps(settings(campaign(segments={"or": [{"user": "a\u00e9\\"}]})))
    signs = '{}[],:"\\u dD8cC0129-+.eE\n\tntfé\x00'
    refused = 0
    for _ in range(1500):
        text = list(good)
        for _ in range(chosen.randrange(1, 4)):
            at = chosen.randrange(len(text))
            text[at : at + chosen.randrange(3)] = chosen.choice(signs)
        compiled, pure = (found(engine, "".join(text).encode()) for engine in ENGINES)
        assert compiled == pure, "".join(text)
        refused += "text that is not" in "".join(compiled)
    assert refused > 500


@pytest.mark.parametrize("number", ["1" * 4000, "9" * 5000, "1e400", "-1e999"])
def test_a_number_that_is_too_large_is_named_as_such(engine: Engine, number: str) -> None:
    """An id may be a number or a string, but no infinite one."""
    text = json.dumps(settings()).replace('"version": 1', f'"version": {number}')
    assert found(engine, text.encode()) == [
        (
            "version: expected a number or a string, found a number that is too large "
            "(document_refused)"
        )
    ]


def test_both_engines_find_the_same_in_any_document() -> None:
    """Every kind of value in every place: the same problems in the same order."""
    chosen = random.Random(11)  # noqa: S311 -- the same ones each time
    groups = {"7": {"name": "g", "campaigns": [1, 2], "et": 2, "p": [1], "wt": {"2": 100}}}
    document = settings(
        campaign(1, "a", segments={"or": [{"custom_variable": {"plan": "gt(1)"}}]}),
        campaign(2, "b", goals=[goal(1, "g"), goal(2, "h")]),
        groups=groups,
        campaignGroups={"1": "7", "2": "7"},
        collectionPrefix="eu",
    )
    other = project(experiment(1), experiment(2))
    replacements: list[Any] = [
        None,
        True,
        0,
        -1,
        150,
        "",
        " ",
        "running",
        "a",
        [],
        [1],
        {},
        {"a": 1},
    ]
    for whole, platform in ((document, "vwo"), (other, "pagesense")):
        for _ in range(1500):
            path = [chosen.randrange(40) for _ in range(chosen.randrange(1, 8))]
            changed = mangle(whole, path, chosen.choice(replacements))
            compiled, pure = (found(one, changed, platform) for one in ENGINES)  # type: ignore[arg-type]
            assert compiled == pure, changed
