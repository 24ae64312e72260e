"""What the published SDK put on the wire, call by call, from a real server's view.

Every request of ``pagesense/http-capture.json`` byte for byte, through the vendor's names; and the
experiment-level goals of ``pagesense/goal-experiment-level.json`` as decoded JSON.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.sink import Answer, Received, wait_until
from support.vectors import pagesense as vectors

from sortition import pagesense
from sortition.compat.pagesense import (
    GoalProperty,
    GoalPropertyDataType,
    PageSenseClient,
    PageSenseClientBuilder,
    PageSenseUserContext,
    UserProfile,
    UserStorageService,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.sink import Sink

    from sortition._engine import Engine

CAPTURE = vectors("http-capture")
DOCUMENT = CAPTURE["settings"]["Http One"]
CALLS = {case["id"]: case for case in CAPTURE["calls"]}
FETCHES = ["r01", "r02"]
CLOSED = ["r60", "r61", "r62"]
FAILING = ["r55", "r56", "r57", "r58"]
"""The server answers with an error, or nothing: the SDK gave up where sortition tries again."""
BY_IDENTIFIER = ["r31", "r32", "r33"]
"""D7: the SDK never sent these."""
REFRESH = "r59"
"""D8: the SDK always answered False and sent nothing."""
PLAIN = [one for one in CALLS if one not in [*FETCHES, *CLOSED, *FAILING, *BY_IDENTIFIER, REFRESH]]

ASSIGNED = json.dumps(
    {
        "user_id": "fresh",
        "experiments": [
            {"experiment_key": "key-all", "variation_key": "var-b"},
            {"experiment_key": "key-chrome", "variation_key": "var-a"},
        ],
    }
)
STORED = {"empty": None, "both experiments assigned": ASSIGNED}


class Storage(UserStorageService):
    def __init__(self, found: str | None) -> None:
        self.found = found

    def look_up(self, user_id: str) -> str | None:
        assert user_id
        return self.found

    def save(self, user_profile: UserProfile) -> None:
        self.found = user_profile.get_user_profile_json_string()


def answer(received: Received) -> Answer:
    """The platform: settings by project name, and success for every event."""
    if not received.path.endswith("updateprojectsettings"):
        return Answer(body=b"ok")
    name = json.loads(received.query["raw"])["fpqd"]["pn"]
    return Answer(body=json.dumps(CAPTURE["settings"].get(name, DOCUMENT)).encode())


@pytest.fixture
def build(engine: Engine, sink: Sink) -> Iterator[Callable[..., PageSenseClient]]:
    """Build clients by the vendor's names, that talk to the sink."""
    sink.answer = answer
    clients: list[PageSenseClient] = []

    def build_one(
        account_id: str = "acct1-US", sdk_key: str = "sdkkey1", name: str = "Http One", **more: Any
    ) -> PageSenseClient:
        options = {"base_url": sink.url, "engine": engine.name, "poll_interval_s": 0, **more}
        client = PageSenseClientBuilder.create_new_pagesense_client(
            account_id, sdk_key, name, **options
        )
        assert client is not None
        clients.append(client)
        return client

    yield build_one
    for client in clients:
        client.close()


def events(sink: Sink) -> list[Received]:
    return [one for one in sink.received if not one.path.endswith("updateprojectsettings")]


def context_of(given: dict[str, Any]) -> Any:
    if "context" in given:
        return given["context"]
    return PageSenseUserContext(given["user_id"], given.get("attributes"))


def properties_of(given: dict[str, Any]) -> Any:
    if "goal_properties" not in given:
        return None
    found: dict[Any, Any] = {}
    for key, value in given["goal_properties"].items():
        if key.startswith("(not a GoalProperty) "):
            found[key] = value
        else:
            known = GoalProperty(key, key, "", GoalPropertyDataType.STRING)
            found[known] = value
    return found


def perform(client: PageSenseClient, call: dict[str, Any]) -> Any:
    """The call as the capture has it."""
    ((name, given),) = [(name, given) for name, given in call.items() if name != "repeat"]
    if name in ("track_goal", "track_goal_by_identifier"):
        what = given.get("goal", given.get("identifier"))
        return getattr(client, name)(what, context_of(given), properties_of(given))
    what = given.get("experiment", given.get("identifier"))
    return getattr(client, name)(what, context_of(given))


def assert_as_captured(received: Received, wanted: dict[str, Any]) -> None:
    assert received.method == wanted["method"] == "GET"
    assert received.target == wanted["url_without_host"]
    assert received.body == wanted["body"].encode() == b""
    set_by_the_sdk = {"content-type", "accept"}
    for name, value in wanted["headers"]:
        if name.lower() in set_by_the_sdk:
            assert received.headers[name.lower()] == value
    assert not received.headers.keys() & {"cookie", "authorization"}


def test_every_call_is_there() -> None:
    assert len(CALLS) == CAPTURE["call_count"] == 62
    assert sum(case["request_count"] for case in CALLS.values()) == CAPTURE["request_count"] == 37
    assert len(PLAIN) == 49


@pytest.mark.parametrize("name", FETCHES)
def test_the_first_fetch(build: Callable[..., PageSenseClient], sink: Sink, name: str) -> None:
    given = CALLS[name]["call"]["build"]
    build(given["sdk_account_id"], given["sdk_key"], given["project_name"])
    (received,) = sink.received
    assert_as_captured(received, CALLS[name]["requests"][0])


@pytest.mark.parametrize("name", PLAIN)
def test_calls(build: Callable[..., PageSenseClient], sink: Sink, name: str) -> None:
    case = CALLS[name]
    (given,) = [one for one in case["call"].values() if not isinstance(one, int)]
    stored = isinstance(given, dict) and "storage" in given
    client = build(user_storage=Storage(STORED[given["storage"]])) if stored else build()
    for _ in range(case["call"].get("repeat", 1)):
        assert perform(client, case["call"]) == case["returns"]
    assert client.client.flush()
    found = events(sink)
    assert len(found) == case["request_count"] == len(case["requests"])
    for received, wanted in zip(found, case["requests"], strict=True):
        assert_as_captured(received, wanted)


@pytest.mark.parametrize("name", BY_IDENTIFIER)
def test_d7_goals_by_identifier_are_sent(
    build: Callable[..., PageSenseClient], sink: Sink, name: str
) -> None:
    """D7: as the same goal by its name."""
    case = CALLS[name]
    client = build()
    assert perform(client, case["call"]) is None
    assert client.client.flush()
    by_name = {"r31": ["r17"], "r32": [], "r33": []}[name]
    wanted = [CALLS[one]["requests"][0] for one in by_name]
    assert [one.target for one in events(sink)] == [one["url_without_host"] for one in wanted]


def test_a_revenue_goal_by_identifier(build: Callable[..., PageSenseClient], sink: Sink) -> None:
    client = build()
    client.track_goal_by_identifier(
        "purchase", PageSenseUserContext("user1"), {GoalProperty.REVENUE: "1000"}
    )
    assert client.client.flush()
    (received,) = events(sink)
    assert received.target == CALLS["r35"]["requests"][0]["url_without_host"]


def test_d8_a_manual_refresh(build: Callable[..., PageSenseClient], sink: Sink) -> None:
    """D8: it asks as the first fetch does, and says whether the answer was usable."""
    client = build()
    arguments = CALLS[REFRESH]["call"]["get_and_update_project_settings"]
    assert client.get_and_update_project_settings(*arguments) is True
    assert client.get_and_update_project_settings() is True
    first, *others = [one.target for one in sink.received]
    assert others == [first, first]
    sink.answer = lambda _: Answer(status=500, body=json.dumps(DOCUMENT).encode())
    assert client.get_and_update_project_settings(*arguments) is False
    sink.answer = lambda _: Answer(body=b"{}")
    assert client.get_and_update_project_settings(*arguments) is False
    context = PageSenseUserContext("user1")
    assert client.get_variation_name("Exp All", context) == "Original"


@pytest.mark.parametrize("name", FAILING)
def test_what_the_server_does_not_take_is_sent_again(
    build: Callable[..., PageSenseClient], sink: Sink, name: str
) -> None:
    """The SDK gave up after one request; ours has a queue, and the same bytes."""
    case = CALLS[name]
    failures = 1 if case["server_replied"]["status"] >= 500 else 0
    answers = [Answer(status=case["server_replied"]["status"])] * failures
    client = build()
    sink.answer = lambda _: answers.pop() if answers else Answer(status=200)
    assert perform(client, case["call"]) == case["returns"]
    wait_until(lambda: client.client.stats().delivered == {"visitor": 1})
    found = [one.target for one in events(sink)]
    assert found == [case["requests"][0]["url_without_host"]] * (1 + failures)


def test_after_a_close(build: Callable[..., PageSenseClient], sink: Sink) -> None:
    client = build()
    client.close()
    client.close()
    for name in CLOSED[1:]:
        assert perform(client, CALLS[name]["call"]) is CALLS[name]["returns"] is None
    assert not events(sink)
    assert client.client.stats().refused == {"closed": {"visitor": 1, "conversion": 1}}


def test_a_context_of_none_and_of_another_type(
    build: Callable[..., PageSenseClient], sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """D14: the SDK raised for another type."""
    client = build()
    for context in (None, 5, "user1", {"user_id": "user1"}):
        wrong: Any = context
        assert client.activate_experiment("Exp All", wrong) is None
        assert client.get_variation_name("Exp All", wrong) is None
        assert client.activate_experiment_by_identifier("exp-all", wrong) is None
        assert client.get_variation_link_name_by_identifier("exp-all", wrong) is None
        client.track_goal("Sign up", wrong)
        client.track_goal_by_identifier("sign-up", wrong)
    forgotten: Any = client.activate_experiment
    assert forgotten("Exp All") is None
    assert client.client.flush()
    assert not events(sink)
    assert "track_goal: user_context must be a PageSenseUserContext, got None" in caplog.text
    assert client.client.stats().refused == {"argument": {"visitor": 9, "conversion": 8}}


def test_properties_under_a_plain_text_are_left_out(
    build: Callable[..., PageSenseClient], sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    client = build()
    properties: Any = {GoalProperty.REVENUE: "1000", "coupon": "SAVE"}
    client.track_goal("Purchase", PageSenseUserContext("user1"), properties)
    assert client.client.flush()
    (received,) = events(sink)
    assert received.target == CALLS["r35"]["requests"][0]["url_without_host"]
    assert client.client.stats().left_out == {"conversion": 1}
    assert "goal_properties: what has no GoalProperty as its key is left out" in caplog.text


EXPERIMENT_LEVEL = [
    case for case in vectors("goal-experiment-level")["http"] if case["call"].startswith("trackG")
]


def java_document() -> dict[str, Any]:
    """Settings from which the calls of the Java build follow."""
    project = json.loads(json.dumps(DOCUMENT["projectsettings"][0]))
    experiment = project["experiments"][0]
    experiment.update(
        experiment_key="exp1",
        experiment_name="Exp A",
        environment_key="env-key-1",
        language_key=5.0,
        goals=[{"goal_link_name": "signup", "is_primary_goal": True}],
    )
    # Its hash is another one than ours: both users get the variation that it gave them.
    experiment["variations"] = [{**experiment["variations"][0], "variation_key": "v2"}]
    goals = [{"goal_name": "Signup", "goal_link_name": "signup", "goal_type": 10}]
    project.update(
        portal_name="portal1", project_key="projkey1", goals=goals, experiments=[experiment]
    )
    return {"projectsettings": [project]}


def raw_of(target: str) -> Any:
    (raw,) = parse_qs(urlsplit(target).query, strict_parsing=True)["raw"]
    return json.loads(raw)


def test_every_experiment_level_goal_is_there() -> None:
    assert len(EXPERIMENT_LEVEL) >= 3


@pytest.mark.parametrize("case", EXPERIMENT_LEVEL, ids=lambda case: case["call"])
def test_experiment_level_goals(engine: Engine, sink: Sink, case: dict[str, Any]) -> None:
    wanted = raw_of(case["url_without_host"])
    attributes = {"Browser": "Chrome"} if "{Browser:Chrome}" in case["call"] else None
    with pagesense.launch(java_document(), base_url=sink.url, engine=engine.name) as client:
        assert client.track_goal("Exp A", wanted["furd"]["f"], "Signup", attributes) is None
        assert client.flush()
    (received,) = sink.received
    assert received.path == urlsplit(case["url_without_host"]).path
    assert received.query["type"] == "23"
    assert raw_of(received.target) == wanted
    keys = ["a", "b", "c", "p", "gln", "ipl", "ek", "lk", *(["fsca"] if attributes else [])]
    assert list(raw_of(received.target)["fgrd"][0]) == list(wanted["fgrd"][0]) == keys
