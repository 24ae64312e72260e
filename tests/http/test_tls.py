"""Private authorities, client certificates and proxies, with real servers on the loopback."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from support.documents import settings
from support.sink import Sink, wait_until

from sortition import vwo
from sortition.testing import FaultServer, Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.certificates import Certificates

    Launch = Callable[..., vwo.Client]


@pytest.fixture
def server(made: Certificates) -> Iterator[FaultServer]:
    with FaultServer(certificate=made.certificate, key=made.key) as found:
        yield found


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(params=[None, {"request_time_interval": 1}], ids=["synchronous", "batched"])
def track(
    request: pytest.FixtureRequest, launch: Launch, caplog: pytest.LogCaptureFixture
) -> Callable[..., bool]:
    """Whether a conversion arrives at the first attempt."""

    def arrives(server: FaultServer, transport: vwo.Transport | None = None) -> bool:
        client = launch(
            settings(),
            base_url=server.url,
            transport=transport,
            batch_events=request.param,
            close_timeout_s=0.5,
        )
        client.track("checkout", "Ann", "purchase")
        wait_until(lambda: bool(client.stats().delivered) or " failed (" in caplog.text)
        client.close()
        return client.stats().delivered == {"conversion": 1}

    return arrives


class TestAuthorities:
    def test_an_unknown_one_is_refused(
        self,
        track: Callable[..., bool],
        server: FaultServer,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        assert not track(server)
        assert server.accepted == 0
        assert "failed (SSLError)" in caplog.text

    def test_by_the_environment(
        self,
        track: Callable[..., bool],
        server: FaultServer,
        made: Certificates,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.authority))
        assert track(server)

    def test_by_an_option(
        self, track: Callable[..., bool], server: FaultServer, made: Certificates
    ) -> None:
        transport = vwo.RequestsTransport(verify=str(made.authority))
        assert track(server, transport)
        transport.close()

    @pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
    def test_none_at_all(
        self,
        track: Callable[..., bool],
        server: FaultServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Off is off, whatever the environment says."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/authorities.pem")
        transport = vwo.RequestsTransport(verify=False)
        assert track(server, transport)
        transport.close()


class TestClientCertificates:
    @pytest.fixture
    def strict(self, sink: Sink, made: Certificates) -> Iterator[str]:
        """A server that talks to nobody whom the authority does not know."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.certificate, made.key)
        context.load_verify_locations(made.authority)
        context.verify_mode = ssl.CERT_REQUIRED
        with Sink(context=context) as server:
            yield server.url.replace("http:", "https:")
        assert sink.received == []

    def test_one_that_is_shown(self, launch: Launch, strict: str, made: Certificates) -> None:
        transport = vwo.RequestsTransport(verify=str(made.authority), cert=str(made.client))
        client = launch(settings(), base_url=strict, transport=transport)
        assert client.track("checkout", "Ann", "purchase")
        client.close()
        transport.close()

    def test_none(self, launch: Launch, strict: str, made: Certificates) -> None:
        transport = vwo.RequestsTransport(verify=str(made.authority))
        client = launch(settings(), base_url=strict, transport=transport)
        assert not client.track("checkout", "Ann", "purchase")
        client.close()
        transport.close()


class TestProxies:
    @pytest.fixture
    def proxy(self) -> Iterator[Proxy]:
        with Proxy(credentials=("ann", "p@ss word")) as found:
            yield found

    @staticmethod
    def with_credentials(proxy: Proxy) -> str:
        return proxy.url.replace("://", "://ann:p%40ss%20word@")

    @pytest.mark.usefixtures("_no_exceptions_for_this_machine")
    def test_by_the_environment(
        self,
        track: Callable[..., bool],
        server: FaultServer,
        proxy: Proxy,
        made: Certificates,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.authority))
        monkeypatch.setenv("HTTPS_PROXY", self.with_credentials(proxy))
        assert track(server)
        assert [passage.method for passage in proxy.passages] == ["CONNECT"]

    @pytest.mark.usefixtures("_no_exceptions_for_this_machine")
    def test_by_an_option(
        self,
        track: Callable[..., bool],
        server: FaultServer,
        proxy: Proxy,
        made: Certificates,
    ) -> None:
        transport = vwo.RequestsTransport(
            verify=str(made.authority),
            proxies={"https": self.with_credentials(proxy)},
        )
        assert track(server, transport)
        transport.close()
        assert len(proxy.passages) == 1

    @pytest.mark.usefixtures("_no_exceptions_for_this_machine")
    def test_without_credentials(
        self,
        track: Callable[..., bool],
        server: FaultServer,
        proxy: Proxy,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert not track(server)
        assert proxy.refused > 0
        assert server.attempts == 0
        assert "failed (ProxyError)" in caplog.text

    def test_exceptions(
        self,
        track: Callable[..., bool],
        server: FaultServer,
        proxy: Proxy,
        made: Certificates,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.authority))
        monkeypatch.setenv("HTTPS_PROXY", self.with_credentials(proxy))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert track(server)
        assert proxy.passages == []

    @pytest.mark.usefixtures("_no_exceptions_for_this_machine")
    def test_one_that_is_down(
        self,
        track: Callable[..., bool],
        server: FaultServer,
        proxy: Proxy,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Nothing has reached the server, so what is sent again is no duplicate."""
        monkeypatch.setenv("HTTPS_PROXY", self.with_credentials(proxy))
        proxy.close()
        assert not track(server)
        assert "p%40ss" not in caplog.text
        assert server.attempts == 0


@pytest.fixture
def _no_exceptions_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
