"""Records in a real Redis, for the launch option ``redis_creds``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import redis
from support.backends import redis_server
from support.documents import campaign, settings, variation
from support.sink import BlackHole

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Launch = Callable[..., vwo.Client]

PASSWORD = "only for this test"  # noqa: S105
ONE_PAGE_ONLY = [variation(1, "Control", 0), variation(2, "One page", 100)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A Redis of its own, with a password, on a socket that nobody else uses."""
    with redis_server(tmp_path, PASSWORD) as url:
        yield url


@pytest.mark.system
def test_records_are_those_of_the_platform_s_sdk(launch: Launch, server: str) -> None:
    credentials = {"url": server, "password": PASSWORD}
    document = settings(campaign(variations=ONE_PAGE_ONLY))
    client = launch(document, redis_creds=credentials)
    assert client.activate("checkout", "Ann") == "One page"
    with redis.Redis.from_url(server, password=PASSWORD) as connection:
        stored = connection.get("checkout:Ann")
        assert isinstance(stored, bytes)
        record = {"userId": "Ann", "campaignKey": "checkout", "variationName": "One page"}
        assert json.loads(stored) == record
        connection.set(
            "checkout:Bob", json.dumps({**record, "userId": "Bob", "variationName": "Control"})
        )
    assert client.get_variation_name("checkout", "Bob") == "Control"


@pytest.mark.system
def test_a_group_is_read_at_once(launch: Launch, server: str) -> None:
    groups = {
        "groups": {"7": {"name": "Group", "campaigns": [1, 2, 3]}},
        "campaignGroups": {"1": 7, "2": 7, "3": 7},
    }
    document = settings(campaign(), campaign(2, "search"), campaign(3, "banner"), **groups)
    client = launch(document, redis_creds={"url": server, "password": PASSWORD})
    with redis.Redis.from_url(server, password=PASSWORD) as connection:
        connection.config_resetstat()
        client.activate("checkout", "Ann")
        calls = {name: int(told["calls"]) for name, told in connection.info("commandstats").items()}
    assert calls["cmdstat_get"] == 1
    assert calls["cmdstat_mget"] == 1


@pytest.mark.system
def test_a_wrong_password_loses_no_decision(
    launch: Launch, server: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = launch(settings(), redis_creds={"url": server, "password": "wrong secret"})
    assert client.activate("checkout", "Ann")
    assert "user_storage.get raised" in caplog.text
    assert "wrong secret" not in caplog.text


def test_a_redis_that_is_not_there_loses_no_decision(launch: Launch, tmp_path: Path) -> None:
    client = launch(settings(), redis_creds={"url": f"unix://{tmp_path}/none.sock"})
    assert client.activate("checkout", "Ann")


def test_one_that_hangs_is_left_alone_for_a_while(launch: Launch) -> None:
    with BlackHole() as hole:
        client = launch(
            settings(),
            redis_creds={"url": hole.url.removeprefix("http://")},
            is_development_mode=True,
        )
        # Each of them would take two seconds; the test may take two minutes.
        for number in range(500):
            assert client.activate("checkout", f"u{number}")


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        ("localhost", "redis_creds: must be a dict, got str"),
        ({"url": ""}, "redis_creds.url: is missing"),
        ({"url": 5}, "redis_creds.url: must be a string, got int"),
        ({"url": "ftp://nowhere"}, "redis_creds.url: is not the URL of a Redis"),
        ({"url": "localhost", "pasword": "x"}, "did you mean redis_creds.password"),
    ],
)
def test_wrong_credentials(credentials: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vwo.launch(settings(), redis_creds=credentials)  # type: ignore[arg-type]
