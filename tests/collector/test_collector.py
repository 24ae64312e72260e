"""The collector: it takes what clients send, refuses what is malformed, and counts right."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as examples
from support.documents import campaign, goal, revenue_goal, settings, variation

from sortition import vwo
from sortition.collector import server
from sortition.collector.event import Event, Owner
from sortition.collector.settings_file import SettingsFile
from sortition.collector.store import Store
from sortition.collector.vwo.account import Account
from sortition.collector.vwo.endpoints import MOST_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sortition._engine import Engine

KEY = "0123456789abcdef"
DOCUMENT = settings(
    campaign(
        1,
        "checkout",
        variations=[variation(1, "Control"), variation(2, "One page")],
        goals=[goal(11, "signup"), revenue_goal(12, "purchase", revenueProp="amount")],
    ),
    campaign(2, "banner", goals=[goal(21, "signup")]),
)
VISITOR = {
    "account_id": "604812",
    "env": KEY,
    "u": "A" * 32,
    "sId": "1790000000",
    "experiment_id": "1",
    "combination": "2",
}
BATCH = {"a": "604812", "env": KEY}
EVENT = {"a": "604812", "env": KEY, "en": "vwo_variationShown"}
HEADERS = {"Authorization": KEY}


@pytest.fixture
def settings_path(tmp_path: Path) -> Path:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(DOCUMENT))
    return path


@pytest.fixture
def collector(settings_path: Path) -> Iterator[str]:
    """A collector that serves the document."""
    with server.running(settings_path) as url:
        yield url


@pytest.fixture
def any_account() -> Iterator[str]:
    """A collector without a settings file, which takes events of every account."""
    with server.running() as url:
        yield url


def report(url: str) -> Any:
    answer = requests.get(f"{url}/report.json", timeout=30)
    assert answer.status_code == 200
    return answer.json()


def counts(url: str, campaign_id: str = "1", goal_id: str = "12") -> dict[str, Any]:
    """Visitors, conversions, unique converters and revenue of a goal, by variation name."""
    (account,) = report(url)["accounts"]
    (found,) = [one for one in account["campaigns"] if one["id"] == campaign_id]
    (goal,) = [one for one in found["goals"] if one["id"] == goal_id]
    return {
        one["name"] or one["id"]: (
            one["visitors"],
            one["conversions"],
            one["unique_converters"],
            one["revenue"],
        )
        for one in goal["variations"]
    }


UNREADABLE_REVENUES: list[object] = [
    *("abc", "NaN", "Infinity", "9e999999", "1e15", "1,000", "12 EUR", "12,50", "0x10", "1_000"),
    *(True, False, [], {}, "1" * 5000, 10**15, 10**30, 1e300),
]


def unreadable(url: str) -> int:
    """How many conversions came with a revenue that cannot be read."""
    return sum(
        one["unreadable_revenues"]
        for account in report(url)["accounts"]
        for found in account["campaigns"]
        for goal in found["goals"]
        for one in goal["variations"]
    )


def event_body(name: str, properties: dict[str, Any], visitor: str = "A" * 32) -> dict[str, Any]:
    return {
        "d": {
            "msgId": f"{visitor}-1790000000000",
            "visId": visitor,
            "sessionId": 1790000000,
            "event": {"props": properties, "name": name, "time": 1790000000000},
            "visitor": {"props": {"vwo_fs_environment": KEY}},
        }
    }


class TestWithClients:
    @pytest.mark.parametrize("is_event_arch", [False, True])
    @pytest.mark.parametrize("prefix", [None, "eu"])
    def test_what_clients_send_is_what_is_reported(
        self,
        settings_path: Path,
        collector: str,
        engine: Engine,
        is_event_arch: bool,
        prefix: str | None,
    ) -> None:
        document = {**DOCUMENT, "isEventArchEnabled": is_event_arch, "collectionPrefix": prefix}
        settings_path.write_text(json.dumps(document))
        fetched = vwo.get_settings_file(604812, KEY, base_url=collector)
        assert json.loads(fetched) == document
        expected: dict[str, list[Any]] = {"Control": [0, 0, 0, 0.0], "One page": [0, 0, 0, 0.0]}
        with vwo.launch(fetched, base_url=collector, engine=engine.name) as client:
            for number in range(40):
                user_id = f"user-{number}"
                name = client.activate("checkout", user_id)
                assert name is not None
                assert client.activate("checkout", user_id) == name
                expected[name][0] += 1
                for again in range(number % 3):
                    result = client.track(None, user_id, "purchase", revenue_value=0.1)
                    assert result == {"checkout": True}
                    expected[name][1] += 1
                    expected[name][2] += again == 0
                    expected[name][3] = round(expected[name][3] + 0.1, 1)
        assert counts(collector) == {name: tuple(found) for name, found in expected.items()}

    def test_many_at_once_are_all_counted(self, collector: str) -> None:
        with (
            vwo.launch(DOCUMENT, base_url=collector) as client,
            ThreadPoolExecutor(8) as callers,
        ):
            names = list(callers.map(lambda n: client.activate("checkout", f"u-{n}"), range(200)))
        found = counts(collector)
        assert found["Control"][0] == names.count("Control")
        assert found["One page"][0] == names.count("One page")


class TestFormats:
    def test_batches(self, collector: str) -> None:
        visitors: Any = [
            {"u": f"{n:032X}", "sId": 1790000000, "eT": 1, "e": 1, "c": 1 + n % 2}
            for n in range(10)
        ]
        conversions: Any = [
            {"u": f"{n:032X}", "sId": 1790000000, "eT": 2, "e": 1, "c": 1, "g": 12, "r": r}
            for n, r in ((0, 1.5), (0, "2.5"), (2, None))
        ]
        push: Any = {"u": "A" * 32, "sId": 1790000000, "eT": 3, "t": '{"u": {"plan": "pro"}}'}
        answer = requests.post(
            f"{collector}/server-side/batch-events",
            params=BATCH,
            headers=HEADERS,
            json={"ev": [*visitors, *conversions, push]},
            timeout=30,
        )
        assert answer.status_code == 200
        assert counts(collector) == {"Control": (5, 3, 2, 4.0), "One page": (5, 0, 0, 0.0)}
        assert report(collector)["accounts"][0]["pushes"] == 1

    def test_a_push_in_each_format(self, collector: str) -> None:
        query = {**VISITOR, "tags": '{"u": {"plan": "pro", "a": "b"}}'}
        assert requests.get(f"{collector}/server-side/push", params=query, timeout=30).ok
        body = event_body("vwo_syncVisitorProp", {})
        body["d"]["visitor"]["props"]["plan"] = "pro"
        query = {**EVENT, "en": "vwo_syncVisitorProp"}
        assert requests.post(f"{collector}/events/t", params=query, json=body, timeout=30).ok
        assert report(collector)["accounts"][0]["pushes"] == 3

    def test_an_event_counts_for_the_variation_that_was_shown_last(self, collector: str) -> None:
        url = f"{collector}/events/t"
        for shown in (1, 2):
            body = event_body("vwo_variationShown", {"id": 1, "variation": shown})
            assert requests.post(url, params=EVENT, json=body, timeout=30).ok
        meta = {"metric": {"id_1": ["g_12"], "id_2": ["g_21"]}, "amount": 7}
        for visitor in ("A" * 32, "B" * 32):
            body = event_body("purchase", {"vwoMeta": meta}, visitor)
            query = {**EVENT, "en": "purchase"}
            assert requests.post(url, params=query, json=body, timeout=30).ok
        assert counts(collector) == {"Control": (1, 0, 0, 0.0), "One page": (1, 1, 1, 7.0)}
        (account,) = report(collector)["accounts"]
        goals = {one["id"]: one for found in account["campaigns"] for one in found["goals"]}
        # The second visitor was never shown anything, and nobody a variation of the other test.
        assert goals["12"]["unattributed"] == 1
        assert goals["21"]["unattributed"] == 2

    def test_without_settings_ids_are_all_there_is(self, any_account: str) -> None:
        url = f"{any_account}/server-side"
        assert requests.get(f"{url}/track-user", params=VISITOR, timeout=30).ok
        query = {**VISITOR, "goal_id": "12", "r": "9.99"}
        assert requests.get(f"{url}/track-goal", params=query, timeout=30).ok
        assert counts(any_account) == {"2": (1, 1, 1, 9.99)}
        other = {**VISITOR, "account_id": "7"}
        assert requests.get(f"{url}/track-user", params=other, timeout=30).ok
        ids = [account["account_id"] for account in report(any_account)["accounts"]]
        assert ids == ["604812", "7"]
        assert requests.get(f"{url}/settings", timeout=30).status_code == 404


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "query", "reason"),
        [
            ("track-user", {**VISITOR, "u": ""}, "the query has no u"),
            ("track-user", {}, "the query has no account_id"),
            ("track-user", {**VISITOR, "sId": "now"}, "sId must be a number of seconds"),
            ("track-user", {**VISITOR, "sId": "9" * 30}, "sId must be a whole number of seconds"),
            ("track-goal", VISITOR, "the query has no goal_id"),
            ("push", VISITOR, "the query has no tags"),
            ("push", {**VISITOR, "tags": "{"}, "tags is no JSON"),
            ("push", {**VISITOR, "tags": "[]"}, "tags must be an object"),
            ("push", {**VISITOR, "tags": '{"u": 5}'}, "tags.u must be an object"),
            ("push", {**VISITOR, "tags": '{"u": {"a": "\\ud800"}}'}, "tags is no JSON"),
        ],
    )
    def test_malformed_queries(
        self, collector: str, path: str, query: dict[str, str], reason: str
    ) -> None:
        answer = requests.get(f"{collector}/server-side/{path}", params=query, timeout=30)
        assert (answer.status_code, answer.json()) == (400, {"error": reason})

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "the body is no JSON"),
            (b"[]", "the body must be an object"),
            (b'{"ev": 5}', "ev must be a list"),
            (b'{"ev": [5]}', "ev[0] must be an object"),
            (b'{"ev": [{}]}', "ev[0].u must be a string"),
            (b'{"ev": [{"u": "A"}]}', "ev[0].sId must be a whole number of seconds"),
            (b'{"ev": [{"u": "A", "sId": 1}]}', "ev[0].eT must be 1, 2 or 3"),
            (b'{"ev": [{"u": "A", "sId": 1, "eT": 1}]}', "ev[0].e must be an id"),
            (b'{"ev": [{"u": "A", "sId": 1, "eT": 2, "e": 1, "c": 1}]}', "ev[0].g must be an id"),
            (b'{"ev": [{"u": "A", "sId": 1, "eT": 3}]}', "ev[0].t must be a string"),
            (b'{"ev": [{"u": "\\ud800", "sId": 1}]}', "the body is no JSON"),
            (b"[" * 100_000, "the body is no JSON"),
            (b'{"ev": [{"u": "\xed\xa0\x80", "sId": 1}]}', "the body is no JSON"),
            ('{"ev": []}'.encode("utf-16"), "the body is no JSON"),
            (b'{"ev": [], "other": NaN}', "the body is no JSON"),
            (b'{"ev": [], "other": %s}' % (b"9" * 5000), "the body is no JSON"),
            (b'{"ev": [{"u": "A", "sId": 1, "eT": true}]}', "ev[0].eT must be 1, 2 or 3"),
        ],
    )
    def test_malformed_batches(self, collector: str, body: bytes, reason: str) -> None:
        url = f"{collector}/server-side/batch-events"
        answer = requests.post(url, params=BATCH, headers=HEADERS, data=body, timeout=30)
        assert (answer.status_code, answer.json()) == (400, {"error": reason})
        assert counts(collector)["Control"] == (0, 0, 0, 0.0)

    @pytest.mark.parametrize("revenue", UNREADABLE_REVENUES)
    def test_a_revenue_that_is_no_amount(self, collector: str, revenue: object) -> None:
        """Its conversion is kept without an amount and counted apart, and costs no other event."""
        item: Any = {"u": "A", "sId": 1, "eT": 2, "e": 1, "c": 1, "g": 12}
        url = f"{collector}/server-side/batch-events"
        body = {"ev": [{**item, "r": 9.5}, {**item, "r": revenue}, {**item, "r": 1}]}
        answer = requests.post(url, params=BATCH, headers=HEADERS, json=body, timeout=30)
        assert answer.status_code == 200
        assert counts(collector)["Control"] == (0, 3, 1, 10.5)
        assert unreadable(collector) == 1

    @pytest.mark.parametrize("revenue", ["abc", "1,000", "1e9999999", "nan"])
    def test_a_revenue_that_is_no_amount_in_every_format(
        self, collector: str, revenue: str
    ) -> None:
        seen = requests.get(f"{collector}/server-side/track-user", params=VISITOR, timeout=30)
        assert seen.status_code == 200
        classic = {**VISITOR, "goal_id": "12", "r": revenue}
        url = f"{collector}/server-side/track-goal"
        assert requests.get(url, params=classic, timeout=30).status_code == 200
        properties = {"vwoMeta": {"metric": {"id_1": ["g_12"]}, "amount": revenue}}
        answer = requests.post(
            f"{collector}/events/t",
            params={"a": "604812", "env": VISITOR["env"], "en": "purchase"},
            json=event_body("purchase", properties),
            timeout=30,
        )
        assert answer.status_code == 200
        assert unreadable(collector) == 2

    @pytest.mark.parametrize("revenue", ["", " "])
    def test_blank_text_is_no_revenue(self, collector: str, revenue: str) -> None:
        item: Any = {"u": "A", "sId": 1, "eT": 2, "e": 1, "c": 1, "g": 12, "r": revenue}
        url = f"{collector}/server-side/batch-events"
        answer = requests.post(url, params=BATCH, headers=HEADERS, json={"ev": [item]}, timeout=30)
        assert answer.status_code == 200
        assert counts(collector)["Control"] == (0, 1, 1, 0.0)
        assert unreadable(collector) == 0

    def test_a_batch_is_taken_whole_or_not_at_all(self, collector: str) -> None:
        good: Any = {"u": "A", "sId": 1, "eT": 1, "e": 1, "c": 1}
        url = f"{collector}/server-side/batch-events"
        for wrong in ({"ev": [good, {}]}, {"ev": [good] * 5001}):
            answer = requests.post(url, params=BATCH, headers=HEADERS, json=wrong, timeout=30)
            assert answer.status_code in (400, 413)
        assert counts(collector)["Control"] == (0, 0, 0, 0.0)
        body: Any = {"ev": [good] * 5000}
        assert requests.post(url, params=BATCH, headers=HEADERS, json=body, timeout=30).ok

    @pytest.mark.parametrize(
        ("name", "properties", "reason"),
        [
            ("vwo_variationShown", {}, "d.event.props.id must be an id"),
            ("vwo_variationShown", {"id": 1}, "d.event.props.variation must be an id"),
            ("purchase", {}, "d.event.props.vwoMeta must be an object"),
            ("purchase", {"vwoMeta": {}}, "d.event.props.vwoMeta.metric must be an object"),
            (
                "purchase",
                {"vwoMeta": {"metric": {"1": []}}},
                "d.event.props.vwoMeta.metric must map id_CAMPAIGN to goals",
            ),
            (
                "purchase",
                {"vwoMeta": {"metric": {"id_1": ["11"]}}},
                "a goal of d.event.props.vwoMeta.metric must be g_GOAL",
            ),
            ("", {}, "d.event.name must be a string"),
        ],
    )
    def test_malformed_events(
        self, collector: str, name: str, properties: dict[str, Any], reason: str
    ) -> None:
        query = {**EVENT, "en": name}
        body = event_body(name, properties)
        answer = requests.post(f"{collector}/events/t", params=query, json=body, timeout=30)
        assert (answer.status_code, answer.json()) == (400, {"error": reason})

    def test_an_event_that_is_not_what_the_query_says(self, collector: str) -> None:
        body = event_body("purchase", {})
        answer = requests.post(f"{collector}/events/t", params=EVENT, json=body, timeout=30)
        assert answer.status_code == 400

    @pytest.mark.parametrize("change", [{"account_id": "7"}, {"env": "another"}])
    def test_another_account_or_key(self, collector: str, change: dict[str, str]) -> None:
        url = f"{collector}/server-side/track-user"
        answer = requests.get(url, params={**VISITOR, **change}, timeout=30)
        assert answer.status_code == 403
        assert KEY not in answer.text
        query = {"a": change.get("account_id", "604812"), "i": change.get("env", KEY)}
        url = f"{collector}/server-side/settings"
        assert requests.get(url, params=query, timeout=30).status_code == 403

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "another"}])
    def test_a_batch_without_the_key(self, collector: str, headers: dict[str, str]) -> None:
        url = f"{collector}/server-side/batch-events"
        answer = requests.post(url, params=BATCH, headers=headers, json={"ev": []}, timeout=30)
        assert answer.status_code == 401

    @pytest.mark.parametrize("is_chunked", [False, True])
    def test_a_body_that_is_too_large(self, collector: str, is_chunked: bool) -> None:
        size = MOST_BODY_BYTES + 1
        chunks = (b"x" * 65536 for _ in range(size // 65536 + 1))
        url = f"{collector}/events/t"
        try:
            data: Any = chunks if is_chunked else b"x" * size
            status = requests.post(url, params=EVENT, data=data, timeout=30).status_code
        except requests.ConnectionError:
            # The server may hang up while the rest is still being sent.
            status = 413
        assert status == 413
        assert requests.get(f"{collector}/healthz", timeout=30).ok

    def test_other_paths_and_methods(self, collector: str) -> None:
        assert requests.get(f"{collector}/nowhere", timeout=30).status_code == 404
        assert requests.post(f"{collector}/server-side/track-user", timeout=30).status_code == 405
        assert requests.get(f"{collector}/events/t", timeout=30).status_code == 405

    def test_what_is_no_http_at_all(self, collector: str) -> None:
        host, port = collector.removeprefix("http://").split(":")
        for garbage in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\x00" * 1000, b""):
            with socket.create_connection((host, int(port)), timeout=30) as connection:
                connection.sendall(garbage)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(65536)
        assert requests.get(f"{collector}/healthz", timeout=30).json() == {"status": "ok"}


JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(
            strategies.sampled_from(["d", "ev", "u", "sId", "eT", "e", "c", "g", "r", "t", "event"])
            | strategies.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@examples(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=JSON, name=strategies.sampled_from(["vwo_variationShown", "purchase", "x"]))
def test_any_json_is_taken_or_refused(any_account: str, content: object, name: str) -> None:
    """Every answer is a 2xx or a 4xx with a reason: the server has no fault of its own."""
    body = json.dumps(content)
    for path, query in (
        ("events/t", {**EVENT, "en": name}),
        ("server-side/batch-events", BATCH),
    ):
        url = f"{any_account}/{path}"
        answer = requests.post(url, params=query, headers=HEADERS, data=body, timeout=30)
        assert answer.status_code in (200, 400, 413)
        assert answer.status_code == 200 or answer.json()["error"]


def test_an_edit_of_the_settings_takes_effect(settings_path: Path, collector: str) -> None:
    settings_path.write_text(json.dumps({**DOCUMENT, "version": 22}))
    text = vwo.get_settings_file(604812, KEY, base_url=collector)
    assert json.loads(text)["version"] == 22
    settings_path.write_text("{")
    query = {"a": "604812", "i": KEY}
    answer = requests.get(f"{collector}/server-side/settings", params=query, timeout=30)
    assert answer.status_code == 503
    settings_path.write_text(json.dumps(DOCUMENT))
    assert vwo.get_settings_file(604812, KEY, base_url=collector)


def test_events_are_kept_in_a_file(settings_path: Path, tmp_path: Path) -> None:
    database = str(tmp_path / "events.db")
    for visitors in (1, 2):
        with server.running(settings_path, database=database) as url:
            query = {**VISITOR, "u": f"{visitors:032X}"}
            assert requests.get(f"{url}/server-side/track-user", params=query, timeout=30).ok
            assert counts(url)["One page"][0] == visitors


def test_revenue_is_added_without_rounding(tmp_path: Path) -> None:
    amounts = ["999999999999999", "0.000000001", "-0.1", "0.3", "1e-9"]
    store = Store(str(tmp_path / "events.db"))
    store.add(
        Event(
            "conversion",
            Owner("vwo", "1"),
            "A",
            1,
            campaign="1",
            variation="1",
            goal="1",
            revenue=amount,
        )
        for amount in amounts
    )
    (counted,) = store.counts().values()
    (conversions,) = counted.conversions.values()
    store.close()
    assert conversions.revenue == Decimal("999999999999999.200000002")


def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with contextlib.closing(sqlite3.connect(path)) as theirs, theirs:
        theirs.execute("create table event (id integer)")
    content = path.read_bytes()
    with pytest.raises(sqlite3.DatabaseError, match="does not belong to a collector"):
        Store(str(path))
    assert path.read_bytes() == content


# As the first version made it, which kept VWO's events only.
OLDER_SCHEMA = """
create table event (
    id integer primary key,
    kind text not null check (kind in ('visitor', 'conversion', 'push')),
    account text not null,
    visitor text not null,
    happened_at integer not null,
    campaign text,
    variation text,
    goal text,
    revenue text,
    tag text,
    value text,
    received_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
create index event_of_visitor on event (account, campaign, visitor, kind);
pragma application_id = 1936683636;
insert into event (kind, account, visitor, happened_at, campaign, variation)
values ('visitor', '604812', 'A', 1, '1', '2');
insert into event (kind, account, visitor, happened_at, campaign, goal, revenue)
values ('conversion', '604812', 'A', 2, '1', '12', '9.5');
"""


def test_events_of_an_earlier_version_are_taken_over(settings_path: Path, tmp_path: Path) -> None:
    database = str(tmp_path / "events.db")
    with contextlib.closing(sqlite3.connect(database)) as older:
        older.executescript(OLDER_SCHEMA)
    for visitors in (1, 2):
        with server.running(settings_path, database=database) as url:
            assert counts(url)["One page"] == (visitors, 1, 1, 9.5)
            assert requests.get(f"{url}/server-side/track-user", params=VISITOR, timeout=30).ok
    with contextlib.closing(sqlite3.connect(database)) as taken_over:
        happened = taken_over.execute("select id, happened_at from event order by id").fetchall()
        assert happened[:2] == [(1, 1), (2, 2)]
        (tables,) = taken_over.execute(
            "select count(*) from sqlite_schema where type = 'table'"
        ).fetchone()
        assert tables == 1


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    Store(str(path)).close()
    with contextlib.closing(sqlite3.connect(path)) as later:
        later.execute("pragma user_version = 99")
    with pytest.raises(sqlite3.DatabaseError, match="later version"):
        Store(str(path))


def test_one_database_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    """The schema is created once, whichever process comes first."""
    path = str(tmp_path / "events.db")
    owner = Owner("vwo", "1")
    event = Event("conversion", owner, "A", 1, campaign="1", variation="1", goal="1")

    def keep(_: int) -> None:
        with contextlib.closing(Store(path)) as store:
            store.add([event])
            assert store.counts()[owner].conversions

    with ThreadPoolExecutor(4) as openers:
        list(openers.map(keep, range(12)))
    with contextlib.closing(Store(path)) as store:
        (conversions,) = store.counts()[owner].conversions.values()
    assert conversions.conversions == 12


@pytest.mark.parametrize("document", [b"{}", b"[]", b"[" * 100_000, b"\xff", b"no JSON"])
def test_a_file_that_holds_no_settings(tmp_path: Path, document: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(document)
    with pytest.raises(ValueError, match=r".+"):
        SettingsFile(path, Account.read).content()


@pytest.mark.parametrize("key", [None, "", "my sdk key", 123])
@pytest.mark.parametrize("is_batched", [False, True])
def test_settings_without_a_key(tmp_path: Path, key: object, *, is_batched: bool) -> None:
    """The server takes any key then, as a client can use such a file without one."""
    document = {**DOCUMENT, "sdkKey": key}
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(document))
    batches = {"events_per_request": 1} if is_batched else None
    with (
        server.running(path) as url,
        vwo.launch(document, base_url=url, batch_events=batches, close_timeout_s=1) as client,
    ):
        assert client.activate("checkout", "Ann") is not None
        client.flush_events()
        assert client.stats().delivered == {"visitor": 1}
        query = {"a": "604812", "i": KEY}
        assert requests.get(f"{url}/server-side/settings", params=query, timeout=30).ok


def test_settings_whose_campaigns_are_none(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(b'\xef\xbb\xbf{"accountId": 1, "campaigns": 5}')
    assert not SettingsFile(path, Account.read).content().campaigns


def test_nothing_is_left_running(settings_path: Path) -> None:
    before = threading.active_count()
    with server.running(settings_path) as url:
        assert requests.get(f"{url}/healthz", timeout=30).ok
    assert not [one for one in threading.enumerate() if one.name == "sortition-collector"]
    assert threading.active_count() <= before + 1
