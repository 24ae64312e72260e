"""How a transport verifies certificates: by what it is told, and never by accident not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from support.documents import settings
from support.pagesense import DOCUMENT

from sortition import OptionError, pagesense, vwo
from sortition._http.transport import NotSentError, Request
from sortition.testing import FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.certificates import Certificates

GENEROUS_S: Final = 30.0
VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(made: Certificates) -> Iterator[FaultServer]:
    with FaultServer(certificate=made.certificate, key=made.key) as found:
        yield found


def request(server: FaultServer) -> Request:
    return Request("GET", f"{server.url}/any")


@pytest.mark.parametrize(
    "verify", ["", 0, 0.0, 1, [], (), {}, b"", b"/etc/ssl", object(), "/nowhere/authorities.pem"]
)
def test_what_is_neither_a_bool_nor_a_bundle_is_an_option_error(verify: Any) -> None:
    """A mistake must not turn verification off, nor wait for the first event."""
    with pytest.raises(OptionError, match="verify: "):
        vwo.RequestsTransport(verify=verify)


@pytest.mark.parametrize("cert", ["/nowhere/client.pem", ("/nowhere/client.pem", "/nowhere/key")])
def test_a_client_certificate_that_does_not_exist(cert: Any) -> None:
    """It is named at construction."""
    with pytest.raises(OptionError, match=r"cert: there is no file at '/nowhere/client\.pem'"):
        vwo.RequestsTransport(cert=cert)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_bundle_of_the_environment_that_does_not_exist(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Launching says so and names the variable, on both platforms."""
    monkeypatch.setenv(name, "/nowhere/authorities.pem")
    for verify in (None, True):
        with pytest.raises(OptionError, match=name):
            vwo.RequestsTransport(verify=verify)
    with pytest.raises(OptionError, match=name):
        vwo.launch(settings())
    with pytest.raises(OptionError, match=name):
        pagesense.launch(DOCUMENT, base_url="https://pagesense.example")


@pytest.mark.parametrize("verify", [None, True])
@pytest.mark.parametrize("name", VARIABLES)
def test_an_empty_variable_does_not_turn_verification_off(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, name: str, verify: Any
) -> None:
    """A server whose authority is unknown gets nothing."""
    monkeypatch.setenv(name, "")
    transport = vwo.RequestsTransport(verify=verify)
    with pytest.raises(NotSentError):
        transport.send(request(server), GENEROUS_S)
    transport.close()
    assert server.requests == []


def test_a_path_object_and_a_folder_are_bundles(
    server: FaultServer, made: Certificates, tmp_path: Path
) -> None:
    """A folder holds authorities by the hash of their names; an empty one knows none."""
    transport = vwo.RequestsTransport(verify=Path(made.authority))
    assert transport.send(request(server), GENEROUS_S).status == 200
    transport.close()
    transport = vwo.RequestsTransport(verify=tmp_path)
    with pytest.raises(NotSentError):
        transport.send(request(server), GENEROUS_S)
    transport.close()


def test_a_bundle_that_goes_away_later_is_not_sent(
    server: FaultServer, made: Certificates, tmp_path: Path
) -> None:
    """Nothing can have arrived, so nothing counts as possibly duplicated."""
    bundle = tmp_path / "authorities.pem"
    bundle.write_bytes(Path(made.authority).read_bytes())
    transport = vwo.RequestsTransport(verify=str(bundle))
    bundle.unlink()
    client = vwo.launch(settings(), base_url=server.url, transport=transport)
    assert not client.track("checkout", "Ann", "purchase")
    assert client.stats().dropped == {"not_sent": {"conversion": 1}}
    client.close()
    transport.close()
    assert server.requests == []
