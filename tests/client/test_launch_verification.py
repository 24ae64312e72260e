"""A client that does not verify certificates says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.documents import project, settings

from sortition import pagesense, vwo

if TYPE_CHECKING:
    from collections.abc import Callable

LAUNCHES: dict[str, Callable[..., Any]] = {
    "vwo": lambda **options: vwo.launch(settings(), is_development_mode=True, **options),
    "pagesense": lambda **options: pagesense.launch(
        project(), data_center="EU", is_development_mode=True, **options
    ),
}


@pytest.mark.parametrize("platform", LAUNCHES)
def test_it_is_warned_of_once_and_stands_in_the_status(
    platform: str, caplog: pytest.LogCaptureFixture
) -> None:
    with LAUNCHES[platform](transport=vwo.RequestsTransport(verify=False)) as client:
        assert client.status().reasons == ("certificates are not verified",)
        assert client.status().state == "degraded"
        assert client.healthz()
    assert caplog.messages == ["certificates of servers are not verified (verify=False)"]
    assert client.status().reasons == ("the client is closed",)


@pytest.mark.parametrize(
    "transport", [None, vwo.RequestsTransport(), vwo.RequestsTransport(verify=True)]
)
@pytest.mark.parametrize("platform", LAUNCHES)
def test_nothing_is_said_where_they_are(
    platform: str, transport: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with LAUNCHES[platform](transport=transport) as client:
        assert client.status().state == "ready"
    assert caplog.messages == []


@pytest.mark.parametrize("platform", LAUNCHES)
def test_a_transport_of_the_caller_s_says_nothing_of_it(platform: str) -> None:
    class Transport:
        def send(self, request: vwo.Request, timeout_s: float) -> vwo.Response:
            raise NotImplementedError

    with LAUNCHES[platform](transport=Transport()) as client:
        assert client.status().state == "ready"
