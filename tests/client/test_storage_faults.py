"""A client's results and counts while its user storage raises, is slow, or is empty."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.children import in_child
from support.documents import campaign, experiment, project, settings, variation

from sortition import pagesense, vwo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition._engine import Engine

ONE_PAGE = [variation(1, "Control", 0), variation(2, "One page", 100)]
STORED = {"userId": "Ann", "campaignKey": "checkout", "variationName": "Control"}


class Failing:
    """A storage of both platforms that behaves as it is told, and counts how often it is asked."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.profiles: dict[str, str] = {}
        self.fails_to: set[str] = set()
        self.takes_s = 0.0
        self.asked: list[str] = []

    def _note(self, method: str) -> None:
        self.asked.append(method)
        if self.takes_s:
            threading.Event().wait(self.takes_s)
        if method in self.fails_to:
            raise ConnectionError("Ann is in no message")

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        self._note("read")
        return self.records.get((user_id, campaign_key))

    def set(self, record: dict[str, Any]) -> None:
        self._note("write")
        self.records[record["userId"], record["campaignKey"]] = record

    def look_up(self, user_id: str) -> str | None:
        self._note("read")
        return self.profiles.get(user_id)

    def save(self, profile: pagesense.UserProfile) -> None:
        self._note("write")
        self.profiles[profile.get_user_id()] = profile.get_user_profile_json_string()


class Vwo:
    """Asks a VWO client, in the words that both platforms share."""

    given = "One page"

    def __init__(self, engine: str, **options: Any) -> None:
        self.storage = Failing()
        document = settings(campaign(variations=ONE_PAGE))
        self.client: Any = vwo.launch(
            document,
            user_storage=self.storage,
            engine=engine,  # type: ignore[arg-type]  # one of the engines
            is_development_mode=True,
            **options,
        )

    def activate(self, user_id: str) -> object:
        return self.client.activate("checkout", user_id)

    def is_known(self, user_id: str) -> bool:
        return (user_id, "checkout") in self.storage.records


class Pagesense:
    """The same for a PageSense client."""

    def __init__(self, engine: str, **options: Any) -> None:
        self.storage = Failing()
        self.client: Any = pagesense.launch(
            settings=project(experiment()),
            user_storage=self.storage,
            engine=engine,  # type: ignore[arg-type]  # one of the engines
            is_development_mode=True,
            **options,
        )
        self.name = self.client._settings.experiments[0].name
        self.given = self.client.get_variation_name(self.name, "Ann")
        self.storage.profiles.clear()
        self.storage.asked.clear()

    def activate(self, user_id: str) -> object:
        return self.client.activate_experiment(self.name, user_id)

    def is_known(self, user_id: str) -> bool:
        return user_id in self.storage.profiles


@pytest.fixture(params=[Vwo, Pagesense])
def service(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Any]:
    options = getattr(request.function, "options", {})
    one = request.param(engine.name, **options)
    yield one
    one.client.close()


def lets_it_be_asked(client: Any) -> None:
    """Let the pause be over."""
    breaker = client._storage_breaker
    for operations in (breaker.reads, breaker.writes):
        operations._breaker.get()._paused_until = 0.0


def test_one_that_raises_is_skipped_after_three_failures(
    service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Every call answers; what was skipped is counted, logged once, and told by the status."""
    service.storage.fails_to = {"read", "write"}
    for number in range(20):
        assert service.activate(f"u{number}") is not None
    assert service.storage.asked.count("read") == 3
    found = service.client.stats().storage_findings
    assert found["raised"] >= 3
    assert found["skipped"] >= 17
    assert len([line for line in caplog.messages if "three times in a row" in line]) == 1
    assert "u1" not in caplog.text
    status = service.client.status()
    assert status.state == "degraded"
    assert status.reasons == ("the user storage is skipped: ConnectionError",)
    assert status.endpoints["storage"].is_failing


def test_what_is_skipped_is_not_written_either(service: Any) -> None:
    """The record that the storage may hold is not known, and nothing takes its place."""
    service.storage.fails_to = {"read"}
    for _ in range(3):
        service.activate("Ann")
    before = list(service.storage.asked)
    service.storage.fails_to = set()
    assert service.activate("Bob") is not None
    assert service.storage.asked == before
    assert not service.is_known("Bob")


def test_one_that_only_fails_to_write_is_read(service: Any) -> None:
    """Records that are there keep their users where they are."""
    service.storage.fails_to = {"write"}
    for number in range(10):
        service.activate(f"u{number}")
    assert service.storage.asked.count("write") == 3
    assert service.storage.asked.count("read") >= 10
    assert service.client.status().reasons == ("the user storage is skipped: ConnectionError",)


def test_one_that_comes_back_is_asked_again(service: Any) -> None:
    """The first success after the pause ends it, and the status is ready again."""
    service.storage.fails_to = {"read", "write"}
    for _ in range(5):
        service.activate("Ann")
    service.storage.fails_to = set()
    lets_it_be_asked(service.client)
    for number in range(10):
        assert service.activate(f"u{number}") is not None
        assert service.is_known(f"u{number}")
    assert service.client.status().state == "ready"
    assert not service.client.status().endpoints["storage"].is_failing


def test_one_that_fails_again_after_the_pause_is_asked_once(service: Any) -> None:
    service.storage.fails_to = {"read", "write"}
    for _ in range(5):
        service.activate("Ann")
    before = len(service.storage.asked)
    lets_it_be_asked(service.client)
    for _ in range(5):
        service.activate("Ann")
    assert len(service.storage.asked) == before + 1


def test_one_that_comes_back_empty_has_everyone_assigned_anew(service: Any) -> None:
    """As with a cache that was restarted: nobody is known, and everybody is stored again."""
    assert service.activate("Ann") == service.given
    service.storage.records.clear()
    service.storage.profiles.clear()
    assert service.activate("Ann") == service.given
    assert service.is_known("Ann")
    assert service.client.stats().storage_findings == {}


def test_a_slow_one_is_counted_and_its_record_used(
    service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Three slow calls in a row make the client skip it, as failures do."""
    service.client._storage_breaker.reads.timeout_s = 0.001
    service.storage.takes_s = 0.002
    if isinstance(service, Vwo):
        service.storage.records["Ann", "checkout"] = STORED
        assert service.activate("Ann") == "Control"
    for number in range(10):
        assert service.activate(f"u{number}") is not None
    assert service.storage.asked.count("read") == 3
    assert service.client.stats().storage_findings["slow"] == 3
    assert "took longer than 0.001 seconds" in caplog.text
    assert service.client.status().reasons == ("the user storage is skipped: slow",)


def test_a_success_between_failures_keeps_it_in_use(service: Any) -> None:
    for number in range(12):
        # PageSense's profile is looked up twice in a call.
        service.storage.fails_to = set() if number % 2 else {"read"}
        service.activate(f"u{number}")
    assert "skipped" not in service.client.stats().storage_findings


def test_explain_shows_that_it_is_skipped(service: Any) -> None:
    service.storage.fails_to = {"read", "write"}
    for _ in range(3):
        service.activate("Ann")
    key = "checkout" if isinstance(service, Vwo) else service.name
    explained = service.client.explain(key, "Ann")
    assert [one.name for one in explained.storage_findings] == ["skipped"]


def test_a_goal_of_a_user_who_cannot_be_looked_up_is_refused(engine: Engine) -> None:
    """As with a storage that has no record of them."""
    service = Vwo(engine.name)
    assert service.activate("Ann") == "One page"
    service.storage.fails_to = {"read"}
    for _ in range(6):
        assert not service.client.track("checkout", "Ann", "purchase")
    assert service.client.stats().refused["not_activated"]["conversion"] == 6
    service.client.close()


def test_a_forked_child_asks_for_itself(service: Any) -> None:
    """A child that begins during its parent's pause finds out by itself whether the storage works.

    No lock of the parent's holds it up.
    """
    service.storage.fails_to = {"read", "write"}
    for _ in range(5):
        service.activate("Ann")
    assert service.client.status().state == "degraded"
    service.storage.fails_to = set()

    def in_the_child() -> bool:
        answer, is_known = service.activate("Ann"), service.is_known("Ann")
        return answer is not None and is_known and service.client.status().state == "ready"

    assert in_child(in_the_child)


def test_the_status_names_no_storage_where_there_is_none(engine: Engine) -> None:
    with vwo.launch(settings(), engine=engine.name, is_development_mode=True) as client:
        assert "storage" not in client.status().endpoints


def test_one_that_raises_does_not_keep_a_client_from_stopping(
    service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything else stops, and the error was reported once."""
    service.storage.fails_to = {"read", "write"}
    threads = threading.active_count()
    service.activate("Ann")
    service.activate("Bob")
    assert service.client.close()
    assert service.client.status().state == "closed"
    assert threading.active_count() <= threads
    about_reads = [line for line in caplog.messages if "get raised" in line or "look_up" in line]
    assert len(about_reads) == 1
