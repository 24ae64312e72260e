"""The collector and PageSense: what it serves, takes, refuses and reports."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as examples
from support.documents import settings as vwo_settings
from support.vectors import pagesense

from sortition import pagesense as client_package
from sortition.collector import server
from sortition.collector.pagesense.project import Project
from sortition.collector.settings_file import SettingsFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sortition._engine import Engine

SDK_KEY = "sdk-key-0123456789"
ENVIRONMENT_KEY = "environment-key-01234"


def experiment(key: str, *goals: str, **extra: Any) -> dict[str, Any]:
    """A running A/B test for everybody of two variations, A and B."""
    return {
        "experiment_key": key,
        "experiment_name": f"Experiment {key}",
        "experiment_link_name": f"experiment-{key}",
        "experiment_type": 14,
        "experiment_status": 2,
        "environment_key": ENVIRONMENT_KEY,
        "variations": [
            {"variation_key": f"{key}-a", "variation_name": "A"},
            {"variation_key": f"{key}-b", "variation_name": "B"},
        ],
        "goals": [{"goal_link_name": name, "is_primary_goal": True} for name in goals],
        **extra,
    }


def document(*experiments: dict[str, Any], **extra: Any) -> dict[str, Any]:
    project = {
        "project_key": "project-1",
        "project_name": "Shop & Co",
        "portal_name": "portal-1",
        "sdk_account_id": "account-1",
        "sdk_key": SDK_KEY,
        "goals": [
            {"goal_name": "Sign up", "goal_link_name": "sign-up", "goal_type": 10},
            {"goal_name": "Purchase", "goal_link_name": "purchase", "goal_type": 11},
        ],
        "experiments": list(experiments),
        **extra,
    }
    return {"projectsettings": [project]}


DOCUMENT = document(
    experiment("1", "sign-up", "purchase"),
    experiment("2", "purchase", experiment_status=3, environment_key="another-environment"),
)
ASKED = {"ai": "account", "sk": SDK_KEY, "pn": "Shop & Co", "a": "account", "sgi": "group"}
VISITOR = {
    "a": "portal-1",
    "b": "1",
    "c": "1-a",
    "p": "project-1",
    "ek": ENVIRONMENT_KEY,
    "lk": 5,
    "fsca": [],
}
EXPERIMENT_GOAL = {**VISITOR, "gln": "sign-up", "ipl": True, "lk": "5"}
PROJECT_GOAL = {
    **EXPERIMENT_GOAL,
    "b": "",
    "c": "",
    "ek": SDK_KEY,
    "lk": 5,
    "el": [{"b": "1", "c": "1-a"}],
    "gp": [],
}


@pytest.fixture
def settings_path(tmp_path: Path) -> Path:
    path = tmp_path / "project.json"
    path.write_text(json.dumps(DOCUMENT))
    return path


@pytest.fixture
def collector(settings_path: Path) -> Iterator[str]:
    """A collector that serves the document."""
    with server.running(settings_path) as url:
        yield url


@pytest.fixture
def any_project() -> Iterator[str]:
    """A collector without a settings file, which takes events of every project."""
    with server.running() as url:
        yield url


def get(url: str, endpoint: str, type_: int | str, raw: object) -> requests.Response:
    text = raw if isinstance(raw, str) else json.dumps(raw)
    query = f"type={type_}&raw={quote(text)}"
    return requests.get(f"{url}/psfullstacksdk/{endpoint}?{query}", timeout=30)


def ask(url: str, **changes: str) -> requests.Response:
    return get(url, "updateprojectsettings", 24, {"fpqd": {**ASKED, **changes}})


def visitor(url: str, user_id: object, **changes: object) -> requests.Response:
    raw = {"furd": {"f": user_id}, "fvrd": [{**VISITOR, **changes}]}
    return get(url, "trackvisitor", 22, raw)


def goal(url: str, user_id: object, event: dict[str, Any], **changes: object) -> requests.Response:
    raw = {"furd": {"f": user_id}, "fgrd": [{**event, **changes}]}
    return get(url, "trackgoal", 23, raw)


def revenue(value: object) -> list[dict[str, object]]:
    return [{"ln": "color", "v": "red"}, {"ln": "revenue", "v": value}]


def projects(url: str) -> Any:
    answer = requests.get(f"{url}/report.json", timeout=30)
    assert answer.status_code == 200
    return answer.json()["projects"]


def goals(url: str, key: str = "1") -> dict[str, dict[str, tuple[Any, ...]]]:
    """Conversions, unique converters, revenue and rate of an experiment's goals and variations."""
    (project,) = projects(url)
    (found,) = [one for one in project["experiments"] if one["key"] == key]
    names = ("conversions", "unique_converters", "revenue", "rate")
    return {
        reached["link_name"]: {
            one["name"] or one["key"]: tuple(one[name] for name in names)
            for one in reached["variations"]
        }
        for reached in found["goals"]
    }


def kept(url: str) -> int:
    """How many visitors and conversions are reported."""
    return sum(
        counted
        for project in projects(url)
        for counted in (
            *(
                variation["visitors"]
                for experiment in project["experiments"]
                for variation in experiment["variations"]
            ),
            *(
                variation["conversions"]
                for experiment in project["experiments"]
                for reached in experiment["goals"]
                for variation in reached["variations"]
            ),
            *(reached["conversions"] for reached in project["unattributed"]),
        )
    )


def complete_document() -> dict[str, Any]:
    """The document with all that a client asks for."""
    whole: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    (project,) = whole["projectsettings"]
    project.update(
        project_link_name="shop",
        sdk_version="1.0.0",
        sdk_language="Python",
        sdk_environment="Production",
        audiences=[
            {"audience_name": "All", "audience_link_name": "all", "audience_condition_json": {}}
        ],
    )
    for one in project["experiments"]:
        one.update(
            experiment_status=2,
            permitted_traffic=80,
            is_development_mode=False,
            environment_name="Production",
            language_key=5,
            language_name="Python",
            audiences=[{"audience_link_name": "all"}],
        )
        for variation in one["variations"]:
            variation.update(
                variation_link_name=variation["variation_key"],
                traffic_distribution=50,
                is_original=variation["variation_name"] == "A",
            )
    return whole


class TestWithClients:
    def test_what_a_client_sends_is_what_is_reported(
        self, settings_path: Path, collector: str, engine: Engine
    ) -> None:
        settings_path.write_text(json.dumps(complete_document()))
        seen: dict[str, dict[str, str | None]] = {"Experiment 1": {}, "Experiment 2": {}}
        with client_package.launch(
            sdk_account_id="account-US",
            sdk_key=SDK_KEY,
            project_name="Shop & Co",
            base_url=collector,
            engine=engine.name,
        ) as client:
            for number in range(40):
                user_id = f"user-{number} /+&目\U0001f600"
                attributes = {"color": "x" * 100 * number, "half": "\ud800"}
                for name, by_user in seen.items():
                    by_user[user_id] = client.activate_experiment(name, user_id, attributes)
                client.track_goal("Experiment 1", user_id, "Sign up", attributes)
                properties = {"revenue": str(number)}
                client.track_project_goal("Purchase", user_id, goal_properties=properties)
            # As the client asks when it knows the settings.
            assert client.get_and_update_project_settings()
            assert client.flush(30)
            assert sum(client.stats().delivered.values()) == sum(client.stats().accepted.values())
        shown = {name: list(by_user.values()) for name, by_user in seen.items()}
        for key, name in (("1", "Experiment 1"), ("2", "Experiment 2")):
            purchases = goals(collector, key)["purchase"]
            for variation in ("A", "B"):
                numbers = [n for n, one in enumerate(shown[name]) if one == variation]
                assert len(numbers) > 5
                wanted = (len(numbers), len(numbers), sum(numbers), 1.0)
                assert purchases[variation] == wanted
        for variation, reached in goals(collector)["sign-up"].items():
            many = shown["Experiment 1"].count(variation)
            assert reached == (many, many, 0.0, 1.0)
        outside = [
            n for n, both in enumerate(zip(*shown.values(), strict=True)) if both == (None, None)
        ]
        assert outside
        (_, purchase) = projects(collector)[0]["unattributed"]
        assert (purchase["conversions"], purchase["revenue"]) == (len(outside), sum(outside))


class TestSettings:
    @pytest.mark.parametrize(
        "changes",
        [
            # As the first request has it, which knows the caller's account id only; and later ones.
            {},
            {"ai": "account-1", "a": "portal-1"},
            {"sgi": "another SDK"},
        ],
    )
    def test_they_are_served_to_who_asks_rightly(
        self, collector: str, settings_path: Path, changes: dict[str, str]
    ) -> None:
        answer = ask(collector, **changes)
        assert answer.status_code == 200
        assert answer.content == settings_path.read_bytes()

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"ai": "another"}, "the account is not the one of the settings file"),
            ({"a": "another"}, "the portal is not the one of the settings file"),
            ({"sk": "another"}, "the key is not the one of the settings file"),
            ({"pn": "another"}, "the project is not the one of the settings file"),
        ],
    )
    def test_they_are_served_to_nobody_else(
        self, collector: str, changes: dict[str, str], reason: str
    ) -> None:
        answer = ask(collector, **changes)
        assert (answer.status_code, answer.json()) == (403, {"error": reason})

    def test_there_are_none_without_a_file(self, any_project: str) -> None:
        assert ask(any_project).status_code == 404

    def test_an_edit_takes_effect(self, collector: str, settings_path: Path) -> None:
        settings_path.write_text(json.dumps(document(project_name="Another name")))
        assert ask(collector).status_code == 403
        assert ask(collector, pn="Another name").ok
        settings_path.write_text("{")
        assert ask(collector).status_code == 503
        assert visitor(collector, "Ann").status_code == 503

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"[]", "it is not an object"),
            (b"{}", "projectsettings must be a list with an object"),
            (b'{"projectsettings": {}}', "projectsettings must be a list with an object"),
            (b'{"projectsettings": []}', "projectsettings must be a list with an object"),
            (b'{"projectsettings": [5]}', "projectsettings must be a list with an object"),
            (b"[" * 100_000, "nested too deeply"),
            (b"\xef\xbb\xbf" + json.dumps(DOCUMENT).encode(), "byte-order mark"),
            (
                json.dumps(document(sdk_key=" ")).encode(),
                r"projectsettings\[0\].sdk_key must be a string",
            ),
            (
                json.dumps(document(portal_name=5)).encode(),
                r"projectsettings\[0\].portal_name must be a string",
            ),
        ],
    )
    def test_a_file_that_holds_none(self, tmp_path: Path, content: bytes, reason: str) -> None:
        path = tmp_path / "settings.json"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=reason):
            SettingsFile(path, Project.read).content()

    @pytest.mark.parametrize("wrong", [5, [5], [{}], [{"experiment_key": 5}], "text"])
    def test_parts_that_are_none(self, tmp_path: Path, wrong: object) -> None:
        path = tmp_path / "settings.json"
        path.write_text(json.dumps(document(experiments=wrong, goals=wrong)))
        with server.running(path) as url:
            (project,) = projects(url)
            assert (project["experiments"], project["unattributed"]) == ([], [])
            assert visitor(url, "Ann").status_code == 403
            assert goal(url, "Ann", PROJECT_GOAL, gp=revenue("5")).ok

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), 99, True, "14", None, [14]])
    def test_a_type_that_means_nothing(self, tmp_path: Path, number: object) -> None:
        path = tmp_path / "settings.json"
        path.write_text(json.dumps(document(experiment("1", experiment_type=number))))
        with server.running(path) as url:
            shown = projects(url)[0]["experiments"][0]["type"]
        is_number = isinstance(number, float | int) and number is not True
        assert shown == (str(number) if is_number else None)


class TestReport:
    def test_a_project(self, collector: str) -> None:
        for user_id, seen in (("Ann", "1-a"), ("Ben", "1-a"), ("Ben", "1-a"), ("Cleo", "1-b")):
            assert visitor(collector, user_id, c=seen).json() == {"status": "success"}
        for _ in range(2):
            assert goal(collector, "Ann", EXPERIMENT_GOAL).json() == {"status": "success"}
        variations = [("1-a", "A", 2), ("1-b", "B", 1)]
        shown = [{"key": key, "name": name, "visitors": n} for key, name, n in variations]
        nothing = {
            "conversions": 0,
            "unique_converters": 0,
            "revenue": 0.0,
            "unreadable_revenues": 0,
        }
        none = {**nothing, "rate": 0.0}
        twice = {
            "conversions": 2,
            "unique_converters": 1,
            "revenue": 0.0,
            "unreadable_revenues": 0,
            "rate": 0.5,
        }
        nobody = [{"key": f"2-{name}", "name": name.upper(), "visitors": 0} for name in "ab"]
        sign_up = {"link_name": "sign-up", "name": "Sign up", "type": "custom event"}
        purchase = {"link_name": "purchase", "name": "Purchase", "type": "revenue"}
        assert projects(collector) == [
            {
                "portal_name": "portal-1",
                "project_key": "project-1",
                "project_name": "Shop & Co",
                "experiments": [
                    {
                        "key": "1",
                        "name": "Experiment 1",
                        "type": "A/B test",
                        "status": "running",
                        "variations": shown,
                        "goals": [
                            {
                                **sign_up,
                                "variations": [{**shown[0], **twice}, {**shown[1], **none}],
                            },
                            {**purchase, "variations": [{**one, **none} for one in shown]},
                        ],
                    },
                    {
                        "key": "2",
                        "name": "Experiment 2",
                        "type": "A/B test",
                        "status": "paused",
                        "variations": nobody,
                        "goals": [
                            {
                                **purchase,
                                "variations": [{**one, **nothing, "rate": None} for one in nobody],
                            }
                        ],
                    },
                ],
                "unattributed": [{**sign_up, **nothing}, {**purchase, **nothing}],
            }
        ]

    def test_a_goal_of_the_project_counts_for_each_of_its_experiments(self, collector: str) -> None:
        everywhere = [{"b": "1", "c": "1-b"}, {"b": "2", "c": "2-a"}]
        purchase = {**PROJECT_GOAL, "gln": "purchase", "el": everywhere}
        assert goal(collector, "Ann", purchase, gp=revenue("1999")).ok
        assert goal(collector, "Ann", purchase, gp=revenue(" 1_0 ")).ok
        nothing = (0, 0, 0.0, None)
        both = (2, 1, 2009.0, None)
        assert goals(collector, "1")["purchase"] == {"A": nothing, "B": both}
        assert goals(collector, "2")["purchase"] == {"A": both, "B": nothing}
        assert all(one["conversions"] == 0 for one in projects(collector)[0]["unattributed"])

    def test_goals_of_who_is_in_no_experiment(self, collector: str) -> None:
        for user_id in ("Ann", "Ann", "Ben"):
            assert goal(collector, user_id, PROJECT_GOAL, el=[], gln="purchase", gp=revenue("5")).ok
        assert goal(collector, "Ann", PROJECT_GOAL, el=[], gln="unknown").ok
        (project,) = projects(collector)
        reached = {
            one["link_name"]: (one["conversions"], one["unique_converters"], one["revenue"])
            for one in project["unattributed"]
        }
        assert reached == {"sign-up": (0, 0, 0.0), "purchase": (3, 2, 15.0), "unknown": (1, 1, 0.0)}
        assert goals(collector)["purchase"] == {"A": (0, 0, 0.0, None), "B": (0, 0, 0.0, None)}

    def test_revenue_belongs_to_goals_of_revenue(self, collector: str) -> None:
        """A property of that name is anything where the goal is another."""
        assert goal(collector, "Ann", EXPERIMENT_GOAL, gp=revenue("5")).ok
        assert goal(collector, "Ann", EXPERIMENT_GOAL, gp=revenue("a lot")).ok
        assert goals(collector)["sign-up"]["A"] == (2, 1, 0.0, None)
        assert goal(collector, "Ann", EXPERIMENT_GOAL, gln="purchase").ok
        assert goal(collector, "Ann", EXPERIMENT_GOAL, gln="purchase", gp=revenue("007")).ok
        assert goals(collector)["purchase"]["A"] == (2, 1, 7.0, None)

    def test_without_settings_keys_are_all_there_is(self, any_project: str) -> None:
        assert visitor(any_project, "Ann", ek="any").ok
        assert visitor(any_project, "Ann", p="another").ok
        assert goal(any_project, "Ann", EXPERIMENT_GOAL, gp=revenue("5")).ok
        assert goal(any_project, "Ann", EXPERIMENT_GOAL, gp=revenue("a lot")).ok
        found = {one["project_key"]: one for one in projects(any_project)}
        assert list(found) == ["another", "project-1"]
        (shown,) = found["project-1"]["experiments"]
        assert (shown["key"], shown["name"], shown["type"]) == ("1", None, None)
        ((reached,),) = [one["variations"] for one in shown["goals"]]
        assert (reached["key"], reached["visitors"]) == ("1-a", 1)
        assert (reached["conversions"], reached["revenue"]) == (2, 5.0)

    def test_experiments_that_the_settings_no_longer_have(self, collector: str) -> None:
        assert visitor(collector, "Ann", b="gone", c="gone-a").ok
        assert visitor(collector, "Ann", b="gone", c="gone-a", ek="another-environment").ok
        assert visitor(collector, "Ann", b="gone", c="gone-a", ek="unknown").status_code == 403
        shown = projects(collector)[0]["experiments"][2]
        assert shown["variations"] == [{"key": "gone-a", "name": None, "visitors": 1}]

    def test_both_platforms_at_once(self, settings_path: Path, tmp_path: Path) -> None:
        vwo_path = tmp_path / "vwo.json"
        vwo_path.write_text(json.dumps(vwo_settings()))
        database = tmp_path / "events.db"
        query = {
            "account_id": "604812",
            "env": vwo_settings()["sdkKey"],
            "u": "Ann",
            "sId": "1790000000",
            "experiment_id": "1",
            "combination": "1",
        }
        with server.running(vwo_path, settings_path, database=str(database)) as url:
            assert visitor(url, "Ann").ok
            assert requests.get(f"{url}/server-side/track-user", params=query, timeout=30).ok
        # Of each platform without settings of its own everything is taken.
        with server.running(settings_path, database=str(database)) as url:
            report = requests.get(f"{url}/report.json", timeout=30).json()
            other = {**query, "account_id": "7"}
            assert requests.get(f"{url}/server-side/track-user", params=other, timeout=30).ok
            assert visitor(url, "Ann", p="another").status_code == 403
        ((account,), (project,)) = report["accounts"], report["projects"]
        assert account["account_id"] == "604812"
        assert [one["visitors"] for one in account["campaigns"][0]["variations"]] == [1]
        assert [one["visitors"] for one in project["experiments"][0]["variations"]] == [1, 0]


def targets(requests_of: list[dict[str, Any]]) -> list[str]:
    """The paths and queries of requests that carry an event."""
    return [one["url_without_host"] for one in requests_of if "/track" in one["url_without_host"]]


def test_what_the_published_sdks_send_is_taken(tmp_path: Path, any_project: str) -> None:
    capture = pagesense("http-capture")
    python = targets([one for call in capture["calls"] for one in call["requests"]])
    java = targets(pagesense("goal-experiment-level")["http"])
    assert (len(python), len(java)) == (35, 5)
    for target in [*python, *java]:
        assert requests.get(any_project + target, timeout=30).status_code == 200, target
    path = tmp_path / "project.json"
    path.write_text(json.dumps(capture["settings"]["Http One"]))
    with server.running(path) as url:
        for target in python:
            assert requests.get(url + target, timeout=30).status_code == 200, target
        # Three visitors, and 24 conversions: one for each experiment that a goal names.
        assert kept(url) == 27
        (project,) = projects(url)
    known = capture["settings"]["Http One"]["projectsettings"][0]
    assert len(project["experiments"]) == len(known["experiments"])
    assert len(project["unattributed"]) == len(known["goals"])
    assert sum(one["conversions"] for one in project["unattributed"]) == 3
    revenues = [
        variation["revenue"]
        for experiment in project["experiments"]
        for reached in experiment["goals"]
        for variation in reached["variations"]
    ]
    assert sum(revenues) > 1e22


@pytest.mark.parametrize("event", [EXPERIMENT_GOAL, PROJECT_GOAL])
@pytest.mark.parametrize(
    "amount", ["", "9.5", "-5", "1,000", 1000, 9.5, True, [], {}, "1" * 31, "1" * 5000]
)
def test_a_revenue_that_is_no_amount(collector: str, event: dict[str, Any], amount: object) -> None:
    """Its conversion is kept without an amount, and counted apart."""
    answer = goal(collector, "Ann", event, gln="purchase", gp=revenue(amount))
    assert answer.status_code == 200
    assert kept(collector) == 1
    report = requests.get(f"{collector}/report.json", timeout=30).text
    assert '"unreadable_revenues":1' in report.replace(" ", "")


class TestRefusals:
    @pytest.fixture(scope="class")
    @staticmethod
    def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        """One for all of these tests, of which none leaves anything behind."""
        path = tmp_path_factory.mktemp("refusals") / "project.json"
        path.write_text(json.dumps(DOCUMENT))
        with server.running(path) as url:
            yield url

    @pytest.mark.parametrize(
        ("endpoint", "type_", "raw", "reason"),
        [
            ("trackvisitor", "", {}, "type must be 22"),
            ("trackvisitor", 23, {}, "type must be 22"),
            ("trackgoal", 22, {}, "type must be 23"),
            ("updateprojectsettings", 25, {}, "type must be 24"),
            ("trackvisitor", 22, "", "raw is no JSON"),
            ("trackvisitor", 22, "{", "raw is no JSON"),
            ("trackvisitor", 22, "[" * 50_000, "raw is no JSON"),
            ("trackvisitor", 22, "NaN", "raw is no JSON"),
            ("trackvisitor", 22, "9" * 5000, "raw is no JSON"),
            ("trackvisitor", 22, [], "raw must be an object"),
            ("trackvisitor", 22, {}, "raw.furd must be an object"),
            ("trackvisitor", 22, {"furd": {}}, "raw.furd.f must be a string"),
            ("trackvisitor", 22, {"furd": {"f": 5}}, "raw.furd.f must be a string"),
            ("trackvisitor", 22, {"furd": {"f": ""}}, "raw.furd.f must be a string"),
            (
                "trackvisitor",
                22,
                {"furd": {"f": "\ud800"}},
                "raw.furd.f has half of a surrogate pair",
            ),
            ("trackvisitor", 22, {"furd": {"f": "A"}}, "raw.fvrd must be a list of one element"),
            (
                "trackvisitor",
                22,
                {"furd": {"f": "A"}, "fvrd": []},
                "raw.fvrd must be a list of one element",
            ),
            (
                "trackvisitor",
                22,
                {"furd": {"f": "A"}, "fvrd": [VISITOR, VISITOR]},
                "raw.fvrd must be a list of one element",
            ),
            (
                "trackvisitor",
                22,
                {"furd": {"f": "A"}, "fgrd": [VISITOR]},
                "raw.fvrd must be a list of one element",
            ),
            (
                "trackgoal",
                23,
                {"furd": {"f": "A"}, "fgrd": [5]},
                "raw.fgrd[0] must be an object",
            ),
            ("updateprojectsettings", 24, {}, "raw.fpqd must be an object"),
            ("updateprojectsettings", 24, {"fpqd": {}}, "raw.fpqd.ai must be a string"),
            (
                "updateprojectsettings",
                24,
                {"fpqd": {**ASKED, "sk": {}}},
                "raw.fpqd.sk must be a string",
            ),
        ],
    )
    def test_malformed_requests(
        self, collector: str, endpoint: str, type_: int | str, raw: object, reason: str
    ) -> None:
        answer = get(collector, endpoint, type_, raw)
        assert (answer.status_code, answer.json()) == (400, {"error": reason})

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"a": None}, "a must be a string"),
            ({"b": ""}, "b must be a string"),
            ({"c": 1}, "c must be a string"),
            ({"c": "\udfff"}, "c has half of a surrogate pair"),
            ({"p": []}, "p must be a string"),
            ({"ek": None}, "ek must be a string"),
            ({"lk": None}, "lk must be a number or a string"),
            ({"lk": True}, "lk must be a number or a string"),
            ({"fsca": None}, "fsca must be a list"),
            ({"fsca": {}}, "fsca must be a list"),
            ({"fsca": [5]}, "fsca[0] must be an object"),
            ({"fsca": [{"ln": "a"}]}, "fsca[0] must have ln and v"),
            ({"fsca": [{"ln": 5, "v": 5}]}, "fsca[0] must have ln and v"),
        ],
    )
    def test_malformed_visitors(
        self, collector: str, changes: dict[str, object], reason: str
    ) -> None:
        answer = visitor(collector, "Ann", **changes)
        assert (answer.status_code, answer.json()) == (400, {"error": f"raw.fvrd[0].{reason}"})
        assert kept(collector) == 0

    @pytest.mark.parametrize(
        ("event", "changes", "reason"),
        [
            (EXPERIMENT_GOAL, {"gln": ""}, "gln must be a string"),
            (EXPERIMENT_GOAL, {"ipl": "true"}, "ipl must be true or false"),
            (EXPERIMENT_GOAL, {"b": ""}, "b must be a string"),
            (EXPERIMENT_GOAL, {"c": ""}, "c must be a string"),
            (EXPERIMENT_GOAL, {"gp": {}}, "gp must be a list"),
            (EXPERIMENT_GOAL, {"el": []}, None),
            (PROJECT_GOAL, {"c": "1-a"}, None),
            (PROJECT_GOAL, {"b": None}, None),
            (PROJECT_GOAL, {"el": {}}, "el must be a list"),
            (PROJECT_GOAL, {"el": [5]}, "el[0] must be an object"),
            (PROJECT_GOAL, {"el": [{"b": "1"}]}, "el[0].c must be a string"),
            (PROJECT_GOAL, {"el": [{"b": "1", "c": "1-a"}] * 2}, "el has an experiment twice"),
        ],
    )
    def test_malformed_goals(
        self, collector: str, event: dict[str, Any], changes: dict[str, object], reason: str | None
    ) -> None:
        answer = goal(collector, "Ann", event, **changes)
        place = "raw.fgrd[0]"
        text = f"{place}.{reason}" if reason else f"{place} must have either el, or b and c"
        assert (answer.status_code, answer.json()) == (400, {"error": text})
        assert kept(collector) == 0

    @pytest.mark.parametrize("event", [VISITOR, EXPERIMENT_GOAL, PROJECT_GOAL])
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"a": "another"}, "the portal is not the one of the settings file"),
            ({"p": "another"}, "the project is not the one of the settings file"),
            ({"ek": "another"}, "the key is not the one of the settings file"),
            # The key of another experiment's environment.
            ({"ek": "another-environment"}, "the key is not the one of the settings file"),
        ],
    )
    def test_another_project_or_key(
        self, collector: str, event: dict[str, Any], changes: dict[str, str], reason: str
    ) -> None:
        if event is VISITOR:
            answer = visitor(collector, "Ann", **changes)
        else:
            answer = goal(collector, "Ann", event, **changes)
        assert (answer.status_code, answer.json()) == (403, {"error": reason})
        assert kept(collector) == 0

    def test_each_dialect_has_a_key_of_its_own(self, collector: str) -> None:
        assert goal(collector, "Ann", EXPERIMENT_GOAL, ek=SDK_KEY).status_code == 403
        assert goal(collector, "Ann", PROJECT_GOAL, ek=ENVIRONMENT_KEY).status_code == 403

    def test_other_methods(self, collector: str) -> None:
        for endpoint in ("updateprojectsettings", "trackvisitor", "trackgoal"):
            answer = requests.post(f"{collector}/psfullstacksdk/{endpoint}", timeout=30)
            assert answer.status_code == 405


class TestUrls:
    @pytest.mark.parametrize("character", ["x", "目", "\U0001f600"])
    def test_long_ones(self, collector: str, character: str) -> None:
        attributes = [{"ln": f"attribute-{n}", "v": character * 4000} for n in range(4)]
        assert visitor(collector, character * 4000, fsca=attributes).ok
        assert goal(collector, character * 4000, EXPERIMENT_GOAL, fsca=attributes).ok
        assert kept(collector) == 2

    def test_what_is_not_kept_may_be_any_text(self, collector: str) -> None:
        assert visitor(collector, "\x00 / ?&=+%", fsca=[{"ln": "\ud800", "v": "\udfff"}]).ok
        assert kept(collector) == 1

    def test_the_longest(self, collector: str) -> None:
        target = "/psfullstacksdk/trackvisitor"
        raw = json.dumps({"furd": {"f": "Ann"}, "fvrd": [VISITOR]})
        query = f"type=22&raw={quote(raw)}&other="
        query += "x" * (server.MOST_URL_BYTES - len(target) - len(query))
        assert requests.get(f"{collector}{target}?{query}", timeout=30).ok
        answer = requests.get(f"{collector}{target}?{query}x", timeout=30)
        assert answer.status_code == 414
        assert answer.json() == {"error": f"the URL has more than {server.MOST_URL_BYTES} bytes"}
        assert kept(collector) == 1

    def test_one_without_end(self, collector: str) -> None:
        """It is refused before it ends, so that it costs no more memory."""
        host, port = collector.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            sent = 0
            try:
                connection.sendall(b"GET /psfullstacksdk/trackvisitor?raw=")
                while sent < 64 * server.MOST_URL_BYTES:
                    connection.sendall(b"x" * 65536)
                    sent += 65536
            except OSError:
                pass
        assert sent < 64 * server.MOST_URL_BYTES
        assert requests.get(f"{collector}/healthz", timeout=30).ok


PLAIN = (
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text()
    | strategies.sampled_from(["", "1", "\ud800", "9" * 30])
)
JSON = strategies.recursive(
    PLAIN,
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(
            strategies.sampled_from(
                ["furd", "f", "fvrd", "fgrd", "fpqd", "a", "b", "c", "el", "gp", "ln", "v", "fsca"]
            )
            | strategies.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)
CHANGES = strategies.dictionaries(
    strategies.sampled_from([*PROJECT_GOAL]), JSON | strategies.lists(JSON, max_size=2), max_size=3
)
EVENTS = strategies.builds(
    lambda event, changes, left_out, user_id, name: {
        "furd": {"f": user_id},
        name: [{key: one for key, one in {**event, **changes}.items() if key not in left_out}],
    },
    strategies.sampled_from([VISITOR, EXPERIMENT_GOAL, PROJECT_GOAL]),
    CHANGES,
    strategies.sets(strategies.sampled_from([*PROJECT_GOAL]), max_size=1),
    strategies.text() | JSON,
    strategies.sampled_from(["fvrd", "fgrd"]),
)


@examples(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=EVENTS | JSON | strategies.text(alphabet=strategies.characters(codec="utf-8")),
    endpoint=strategies.sampled_from(
        [("trackvisitor", 22), ("trackgoal", 23), ("updateprojectsettings", 24)]
    ),
)
def test_any_request_is_taken_or_refused(
    collector: str, any_project: str, raw: object, endpoint: tuple[str, int]
) -> None:
    """Every answer is a 2xx or a 4xx with a reason: the server has no fault of its own."""
    for url in (collector, any_project):
        answer = get(url, *endpoint, raw)
        assert answer.status_code in (200, 400, 403, 404)
        assert answer.status_code == 200 or answer.json()["error"]


@examples(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=strategies.binary(max_size=60))
def test_any_query_is_taken_or_refused(any_project: str, query: bytes) -> None:
    for text in (quote(query), "type=22&raw=" + quote(query), "type=22&raw=%7B%" + quote(query)):
        answer = requests.get(f"{any_project}/psfullstacksdk/trackvisitor?{text}", timeout=30)
        assert answer.status_code == 400
        assert answer.json()["error"]


def test_after_all_that_the_report_is_there(collector: str) -> None:
    """The report works with any text that the fuzzing may have stored."""
    for user_id in ("\x00", "a\x00b", "﻿", "e" * 10_000):
        assert visitor(collector, user_id, b="\x00", c="\n", ek=ENVIRONMENT_KEY).ok
    shown = projects(collector)[0]["experiments"][2]
    assert shown["variations"] == [{"key": "\n", "name": None, "visitors": 4}]
