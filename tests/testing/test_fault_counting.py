"""The fault server: what it reads, and what it counts."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from support.clients import (
    BATCH,
    GENEROUS_S,
    connect,
    items,
    post,
    read_to_the_end,
    request_of,
    threads,
    user,
)
from support.documents import settings
from support.sink import wait_until

from sortition import vwo
from sortition.testing import Event, FaultServer, faults
from sortition.testing import connection as connection_module

if TYPE_CHECKING:
    pass


class TestCounting:
    """Which events a request carries, in every format."""

    def test_classic(self, server: FaultServer, session: requests.Session) -> None:
        query = {"u": "A", "sId": "1700000000", "experiment_id": "12", "combination": "2"}
        requests_of: list[tuple[str, dict[str, str]]] = [
            ("/server-side/track-user", {}),
            ("/server-side/track-goal", {"goal_id": "34"}),
            ("/server-side/track-goal", {"goal_id": "34", "r": "9.50"}),
            ("/server-side/push", {"tags": '{"u": {"browser": "Firefox"}}'}),
        ]
        for path, extra in requests_of:
            answer = session.get(server.url + path, params={**query, **extra}, timeout=GENEROUS_S)
            assert answer.status_code == 200
        at = 1_700_000_000
        assert server.events == [
            Event("visitor", "A", "12", happened_at=at),
            Event("conversion", "A", "12", "34", happened_at=at),
            Event("conversion", "A", "12", "34", revenue="9.50", happened_at=at),
            Event("push", "A", tag="browser", happened_at=at),
        ]
        assert server.events[0].raw["combination"] == "2"
        assert (server.accepted, server.distinct, server.repeated) == (4, 3, 1)
        assert server.counts == {
            ("visitor", "A", "12", None): 1,
            ("conversion", "A", "12", "34"): 2,
            ("push", "A", None, "browser"): 1,
        }

    def test_event_architecture(self, server: FaultServer, session: requests.Session) -> None:
        def send(name: str, properties: dict[str, Any], of_visitor: dict[str, Any]) -> None:
            event = {"props": properties, "name": name, "time": 1_700_000_000_123}
            visitor = {"props": {"vwo_fs_environment": "key", **of_visitor}}
            data: Any = {"visId": "A", "sessionId": 7, "event": event, "visitor": visitor}
            url = f"{server.url}/events/t?en={name}"
            assert session.post(url, json={"d": data}, timeout=GENEROUS_S).status_code == 200

        metric = {"id_12": ["g_34"], "id_56": ["g_78"]}
        send("vwo_variationShown", {"id": 12, "variation": 2, "isFirst": 1}, {})
        send("purchase", {"vwoMeta": {"metric": metric, "price": 9.5}}, {})
        send("purchase", {"vwoMeta": {"metric": {"id_12": ["g_34"]}}, "color": "red"}, {})
        # Which of them is the revenue, only the settings could say.
        send("purchase", {"vwoMeta": {"metric": {"id_9": ["g_8"]}, "price": 1, "tax": 2}}, {})
        send("vwo_syncVisitorProp", {"isCustomEvent": True}, {"browser": "Firefox", "plan": 1})
        assert server.events == [
            Event("visitor", "A", "12", happened_at=7),
            Event("conversion", "A", "12", "34", revenue="9.5", happened_at=7),
            Event("conversion", "A", "56", "78", revenue="9.5", happened_at=7),
            Event("conversion", "A", "12", "34", happened_at=7),
            Event("conversion", "A", "9", "8", happened_at=7),
            Event("push", "A", tag="browser", happened_at=7),
            Event("push", "A", tag="plan", happened_at=7),
        ]
        assert (server.distinct, server.repeated) == (6, 1)
        assert server.events[0].raw["d"]["event"]["time"] == 1_700_000_000_123

    @pytest.mark.parametrize("prefix", ["", "/eu", "/asia"])
    def test_batch(self, server: FaultServer, session: requests.Session, prefix: str) -> None:
        common = {"u": "A", "sId": 7, "visitor_ua": "", "visitor_ip": ""}
        body: Any = {
            "ev": [
                {**common, "eT": 1, "c": 2, "e": 12},
                {**common, "eT": 2, "c": 2, "e": 12, "g": 34, "r": 10.5},
                {**common, "eT": 2, "c": 2, "e": 12, "g": 34},
                {**common, "eT": 3, "t": '{"u": {"browser": "Firefox"}}'},
            ]
        }
        answer = session.post(f"{server.url}{prefix}{BATCH}", json=body, timeout=GENEROUS_S)
        assert answer.json() == {"status": "success"}
        assert server.events == [
            Event("visitor", "A", "12", happened_at=7),
            Event("conversion", "A", "12", "34", revenue="10.5", happened_at=7),
            Event("conversion", "A", "12", "34", happened_at=7),
            Event("push", "A", tag="browser", happened_at=7),
        ]
        assert [event.raw for event in server.events] == body["ev"]
        assert (server.distinct, server.repeated) == (3, 1)

    def test_pagesense(self, server: FaultServer, session: requests.Session) -> None:
        def send(endpoint: str, name: str, event: dict[str, Any]) -> None:
            raw = json.dumps({"furd": {"f": "Ann"}, name: [event]})
            url = f"{server.url}/psfullstacksdk/{endpoint}"
            answer = session.get(url, params={"raw": raw}, timeout=GENEROUS_S)
            assert answer.status_code == 200

        both = [{"b": "12", "c": "1"}, {"b": "56", "c": "2"}]
        amount = [{"ln": "color", "v": "red"}, {"ln": "revenue", "v": "1999"}]
        send("trackvisitor", "fvrd", {"b": "12", "c": "1"})
        send("trackgoal", "fgrd", {"b": "12", "c": "1", "gln": "buy"})
        send("trackgoal", "fgrd", {"b": "", "c": "", "gln": "buy", "el": both, "gp": amount})
        send("trackgoal", "fgrd", {"b": "", "c": "", "gln": "buy", "el": [], "gp": []})
        assert server.events == [
            Event("visitor", "Ann", "12"),
            Event("conversion", "Ann", "12", "buy"),
            Event("conversion", "Ann", None, "buy", revenue="1999"),
            Event("conversion", "Ann", None, "buy"),
        ]
        assert server.events[2].raw["fgrd"][0]["el"] == both
        assert (server.accepted, server.distinct, server.repeated) == (4, 3, 1)

    def test_other_platforms(self, server: FaultServer, session: requests.Session) -> None:
        """Each request is one event, and the same one where it is the same in everything."""
        for method, path, body in [
            ("GET", "/other/track?raw=1", b""),
            ("GET", "/other/track?raw=1", b""),
            ("GET", "/other/track?raw=2", b""),
            ("POST", "/other/track?raw=1", b""),
            ("POST", "/other/track?raw=1", b"1"),
            # None of VWO's endpoints: a method and a path that it does not have.
            ("POST", "/server-side/track-user", b""),
            ("POST", f"/eu/west{BATCH}", b""),
        ]:
            answer = session.request(method, server.url + path, data=body, timeout=GENEROUS_S)
            assert answer.status_code == 200
        assert {event.kind for event in server.events} == {"other"}
        assert (server.accepted, server.distinct, server.repeated) == (7, 6, 1)
        assert server.events[2].raw.query == {"raw": "2"}
        assert server.events[4].raw.body == b"1"

    @pytest.mark.parametrize(
        "path",
        ["/server-side/settings", "/server-side/pull", "/psfullstacksdk/updateprojectsettings"],
    )
    def test_settings_are_no_event(
        self, server: FaultServer, session: requests.Session, path: str
    ) -> None:
        assert session.get(server.url + path, timeout=GENEROUS_S).status_code == 200
        assert len(server.requests) == 1
        assert server.accepted == 0

    @pytest.mark.parametrize(
        ("method", "path", "body", "reason"),
        [
            ("GET", "/server-side/track-user?u=A", "", "experiment_id must be an id"),
            ("GET", "/server-side/track-goal?u=A&experiment_id=1", "", "goal_id must be an id"),
            ("GET", "/server-side/push?u=A", "", "tags must be text"),
            ("GET", "/psfullstacksdk/trackgoal?raw=1", "", "raw must be an object"),
            ("GET", "/psfullstacksdk/trackgoal", "", "raw is no JSON"),
            ("GET", "/psfullstacksdk/trackvisitor?raw={}", "", "furd must be an object"),
            (
                "GET",
                '/psfullstacksdk/trackvisitor?raw={"furd":{"f":"A"},"fvrd":[]}',
                "",
                "fvrd must have one element",
            ),
            (
                "GET",
                '/psfullstacksdk/trackgoal?raw={"furd":{"f":"A"},"fgrd":[{"b":"1"}]}',
                "",
                "gln must be an id",
            ),
            ("POST", "/events/t", "[]", "the body must be an object"),
            ("POST", "/events/t", '{"d": {"event": 1}}', "d.event must be an object"),
            ("POST", BATCH, "{", "the body is no JSON"),
            ("POST", BATCH, "[" * 100_000, "the body is no JSON"),
            ("POST", BATCH, '{"ev": {}}', "ev must be a list"),
            ("POST", BATCH, '{"ev": [{"u": "A", "eT": true}]}', "ev[0].eT must be 1, 2 or 3"),
            ("POST", BATCH, '{"ev": [{"u": "A", "eT": 4}]}', "ev[0].eT must be 1, 2 or 3"),
            ("POST", BATCH, '{"ev": [{"u": true, "eT": 1}]}', "ev[0].u must be an id"),
            ("POST", BATCH, '{"ev": [{"u": "A", "eT": 3, "t": "{"}]}', "ev[0].t is no JSON"),
        ],
    )
    @pytest.mark.parametrize("fault", [faults.Healthy(), faults.TooManyEvents(1)])
    def test_what_cannot_be_counted_is_refused(
        self,
        server: FaultServer,
        session: requests.Session,
        fault: faults.Fault,
        method: str,
        path: str,
        body: str,
        reason: str,
    ) -> None:
        server.fault = fault
        answer = session.request(method, server.url + path, data=body, timeout=GENEROUS_S)
        assert (answer.status_code, answer.text) == (400, reason)
        assert (server.accepted, server.distinct) == (0, 0)

    def test_what_is_kept_can_be_bounded(self, session: requests.Session) -> None:
        with FaultServer(most_kept=3) as server:
            for start in range(0, 20, 5):
                post(session, server.url, range(start, start + 5))
            post(session, server.url, range(5))
            assert [event.visitor for event in server.events] == [user(n) for n in (2, 3, 4)]
            assert len(server.requests) == 3
            assert (server.accepted, server.distinct, server.repeated) == (25, 20, 5)
            assert server.counts.total() == 25

    def test_everything_can_be_forgotten(
        self, server: FaultServer, session: requests.Session
    ) -> None:
        post(session, server.url, range(5))
        server.clear()
        assert (server.accepted, server.distinct, server.repeated) == (0, 0, 0)
        assert (server.events, server.requests, server.counts) == ([], [], Counter())
        assert (server.attempts, server.connections) == (0, 0)
        post(session, server.url, range(3))
        assert (server.distinct, server.attempts, server.connections) == (3, 1, 0)

    def test_many_clients_at_once(self, server: FaultServer) -> None:
        def send(number: int) -> None:
            with requests.Session() as session:
                for start in range(number * 100, number * 100 + 100, 10):
                    post(session, server.url, range(start, start + 10))

        with ThreadPoolExecutor(8) as clients:
            list(clients.map(send, [0, 1, 2, 3, 4, 5, 6, 7, 0, 1]))
        assert (server.accepted, server.distinct, server.repeated) == (1000, 800, 200)
        assert max(server.counts.values()) == 2

    def test_a_client_of_ours(self, server: FaultServer) -> None:
        with vwo.launch(settings(), base_url=server.url) as client:
            server.fault = faults.Status(503)
            assert client.track("checkout", "Ann", "purchase") == {"checkout": False}
            server.fault = faults.Healthy()
            assert client.activate("checkout", "Ann")
            assert client.track("checkout", "Ann", "purchase") == {"checkout": True}
            server.fault = faults.AnswerLost()
            # Once more on a new connection, as the first one had been used before.
            assert client.track("checkout", "Ann", "purchase") == {"checkout": False}
        assert [event.kind for event in server.events] == ["visitor", *["conversion"] * 3]
        assert (server.distinct, server.repeated, len(server.requests)) == (2, 2, 5)

    def test_a_client_of_ours_in_batches(self, server: FaultServer) -> None:
        """Once where it is told that a batch was too large, twice where it could not know."""
        cases: list[tuple[faults.RequestFault, int]] = [
            (faults.TooManyEvents(5), 0),
            (faults.AnswerLost(), 10),
        ]
        for fault, repeated in cases:
            server.clear()
            server.script([fault])
            client = vwo.launch(
                settings(), base_url=server.url, batch_events={"events_per_request": 10}
            )
            assert all(client.track("checkout", f"user-{n}", "purchase") for n in range(10))
            assert client.close(GENEROUS_S)
            assert (server.distinct, server.repeated) == (10, repeated)
            assert client.stats().delivered == {"conversion": 10}


class TestRequests:
    """The recorded parts of a request, and the supported forms."""

    def test_as_they_came(self, server: FaultServer, session: requests.Session) -> None:
        server.script([faults.Status(503)])
        session.post(
            f"{server.url}/a%20b?x=%C3%A4&y=&x=%26",
            json={"z": 1},
            headers={"X-Thing": "some thing"},
            timeout=GENEROUS_S,
        )
        (received,) = server.requests
        assert (received.method, received.path) == ("POST", "/a%20b")
        assert received.query == {"x": "&", "y": ""}
        assert received.headers["x-thing"] == "some thing"
        assert received.body == b'{"z": 1}'
        assert received.json == {"z": 1}
        assert received.fault == faults.Status(503)

    def test_no_secret_is_shown(self, server: FaultServer, session: requests.Session) -> None:
        """A failed assertion prints what it compares."""
        headers = {"Authorization": "secret"}
        for method, path in [
            ("GET", "/server-side/track-user?env=secret&u=A&experiment_id=1"),
            ("GET", "/trackgoal?user=secret"),
            ("POST", "/trackgoal"),
        ]:
            url = server.url + path
            session.request(method, url, data="secret", headers=headers, timeout=GENEROUS_S)
        assert server.accepted == 3
        assert "secret" not in repr((server.requests, server.events, server.counts))
        assert "track-user" in repr(server.requests)

    def test_a_connection_is_kept(self, server: FaultServer, session: requests.Session) -> None:
        server.script([faults.Status(status) for status in (200, 204, 304, 413, 503)])
        statuses = [post(session, server.url, range(1)).status_code for _ in range(10)]
        assert statuses == [200, 204, 304, 413, 503, 200, 200, 200, 200, 200]
        assert (server.connections, server.attempts, server.accepted) == (1, 10, 7)

    @pytest.mark.parametrize(
        "head",
        ["GET /any HTTP/1.1\r\nConnection: close", "GET /any HTTP/1.0\r\nHost: x"],
    )
    def test_a_connection_is_closed_where_the_client_wants_it(
        self, server: FaultServer, head: str
    ) -> None:
        with connect(server.url) as connection:
            connection.sendall(f"{head}\r\n\r\n".encode())
            answer = read_to_the_end(connection)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Connection: close\r\n" in answer

    def test_several_requests_at_once(self, server: FaultServer) -> None:
        with connect(server.url) as connection:
            connection.sendall(request_of(b"1") + request_of(b"2"))
            connection.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert read_to_the_end(connection).count(b"HTTP/1.1 200 OK\r\n") == 3
        assert [received.body for received in server.requests] == [b"1", b"2", b""]

    def test_headers_that_are_repeated(self, server: FaultServer) -> None:
        with connect(server.url) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nX: a\r\nx:b\r\nConnection: close\r\n\r\n")
            assert read_to_the_end(connection).startswith(b"HTTP/1.1 200 OK\r\n")
        assert server.requests[0].headers == {"x": "a, b", "connection": "close"}

    def test_a_request_in_pieces(
        self, server: FaultServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection_module, "_CHUNK_BYTES", 1)
        with connect(server.url) as connection:
            connection.sendall(b"POST /any HTTP/1.1\r\nConnection: close\r\n")
            connection.sendall(b"Content-Length: 3\r\n\r\nabc")
            assert read_to_the_end(connection).startswith(b"HTTP/1.1 200 OK\r\n")
        assert server.requests[0].body == b"abc"

    def test_content_in_chunks(self, server: FaultServer, session: requests.Session) -> None:
        text = json.dumps({"ev": items(range(10))}).encode()
        parts = (text[start : start + 99] for start in range(0, len(text), 99))
        assert session.post(server.url + BATCH, parts, timeout=GENEROUS_S).status_code == 200
        assert post(session, server.url, range(10)).status_code == 200
        assert (server.connections, server.distinct, server.repeated) == (1, 10, 10)

    def test_what_may_follow_chunks(self, server: FaultServer) -> None:
        with connect(server.url) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.sendall(b"3;a=b\r\nabc\r\n0\r\nTrailer: x\r\n\r\n")
            connection.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert read_to_the_end(connection).count(b"HTTP/1.1 200 OK\r\n") == 2
        assert [received.body for received in server.requests] == [b"abc", b""]

    def test_a_client_that_asks_before_it_sends(self, server: FaultServer) -> None:
        with connect(server.url) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\n")
            connection.sendall(b"Connection: close\r\nContent-Length: 3\r\n\r\n")
            assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"abc")
            assert read_to_the_end(connection).startswith(b"HTTP/1.1 200 OK\r\n")
        assert server.requests[0].body == b"abc"

    @pytest.mark.parametrize(
        "text",
        [
            b"nonsense\r\n\r\n",
            b"GET / HTTP/2\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        ],
    )
    def test_what_is_no_request(self, server: FaultServer, text: bytes) -> None:
        with connect(server.url) as connection:
            connection.sendall(text)
            assert read_to_the_end(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert server.requests == []

    def test_a_client_that_leaves_in_the_middle(
        self, server: FaultServer, session: requests.Session
    ) -> None:
        before = threads()
        for part in (b"GET / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"):
            with connect(server.url) as connection:
                connection.sendall(part)
        wait_until(lambda: server.attempts == 2 and threads() <= before)
        assert server.requests == []
        assert post(session, server.url, range(1)).status_code == 200
