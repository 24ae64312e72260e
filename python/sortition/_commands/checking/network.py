"""Checks the way to a server: its name, a proxy, a connection, TLS."""

from __future__ import annotations

import os
import queue
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

import requests.adapters
import requests.utils

from sortition._base.clock import now_s
from sortition._base.handshakes import closing_after_failure
from sortition._commands.checking.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_PORTS: Final = {"http": 80, "https": 443}
_SOON_S: Final = 14 * 86_400.0
_CONNECTED: Final = b"200"
_CREDENTIALS: Final = b"407"
_MOST_HEAD_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """The address of a server.

    Attributes:
        host: A name or an address.
        port: The port.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def of(cls, url: str) -> Place:
        """The address in a URL."""
        parts = urlsplit(url)
        return cls(parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80))


def network_findings(base_url: str, timeout_s: float) -> Iterator[Finding]:
    """Check each step on the way to a server; stop at the first failure."""
    server = Place.of(base_url)
    proxy_url = _proxy_of(base_url)
    if proxy_url is None:
        yield Finding("proxy", "ok", f"none is used for {server.host}")
        first, role = server, "server"
    else:
        first, role = Place.of(proxy_url), "proxy"
        yield Finding("proxy", "ok", f"{first} is used for {server.host}")
    resolved = _name_finding(first, timeout_s)
    yield resolved
    if resolved.level == "fault":
        return
    try:
        connection = _within(timeout_s, lambda: socket.create_connection(_pair(first), timeout_s))
    except (OSError, TimeoutError) as error:
        advice = f"check that the {role} is running and that no firewall blocks the way"
        yield Finding("connection", "fault", f"{first}: {_words(error)}", advice)
        return
    with connection:
        yield Finding("connection", "ok", f"{first} accepts connections")
        if urlsplit(base_url).scheme != "https":
            return
        if proxy_url is not None:
            tunnel = _tunnel_finding(connection, server, proxy_url, timeout_s)
            if tunnel is not None:
                yield tunnel
                return
        yield from _tls_findings(connection, server, timeout_s)


def _proxy_of(url: str) -> str | None:
    """The proxy that ``requests`` would use, which reads the environment."""
    found = requests.utils.get_environ_proxies(url)
    proxy: str | None = requests.utils.select_proxy(url, found)
    if proxy is not None and "://" not in proxy:
        proxy = f"http://{proxy}"
    return proxy


def _name_finding(place: Place, timeout_s: float) -> Finding:
    try:
        found = _within(
            timeout_s,
            lambda: socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM),
        )
    except TimeoutError:
        advice = "check that this machine can reach its resolver (/etc/resolv.conf)"
        return Finding("name", "fault", f"{place.host}: no answer from the resolver", advice)
    except (OSError, UnicodeError) as error:
        advice = "check the name, and that this machine can look it up"
        return Finding("name", "fault", f"{place.host}: {_words(error)}", advice)
    addresses = ", ".join(sorted({str(one[4][0]) for one in found}))
    return Finding("name", "ok", f"{place.host} is {addresses}")


def _tunnel_finding(
    connection: socket.socket, server: Place, proxy_url: str, timeout_s: float
) -> Finding | None:
    """The finding if a proxy opens no tunnel; None if it does."""
    asked = f"CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n"
    for name, value in requests.adapters.HTTPAdapter().proxy_headers(proxy_url).items():
        asked += f"{name}: {value}\r\n"
    try:
        connection.settimeout(timeout_s)
        connection.sendall(f"{asked}\r\n".encode())
        head = _head(connection, now_s() + timeout_s)
    except OSError as error:
        return Finding(
            "proxy", "fault", f"no tunnel: {_words(error)}", "ask the operator of the proxy"
        )
    status = head.split(b" ", 2)[1:2]
    if status == [_CONNECTED]:
        return None
    if status == [_CREDENTIALS]:
        advice = "put the user and the password into HTTPS_PROXY: http://user:password@host:port"
        return Finding("proxy", "fault", "it asks for a user and a password (status 407)", advice)
    shown = status[0][:3].decode("ascii", "replace") if status else "none"
    return Finding(
        "proxy", "fault", f"no tunnel to {server}: status {shown}", "ask the operator of the proxy"
    )


def _head(connection: socket.socket, until: float) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MOST_HEAD_BYTES:
        if now_s() > until:
            raise TimeoutError
        got = connection.recv(1024)
        if not got:
            break
        head += got
    return head


def _tls_findings(connection: socket.socket, server: Place, timeout_s: float) -> Iterator[Finding]:
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    trusted = bundle or requests.utils.DEFAULT_CA_BUNDLE_PATH
    try:
        folder = trusted if os.path.isdir(trusted) else None  # noqa: PTH112 -- as `requests` does
        context = ssl.create_default_context(cafile=None if folder else trusted, capath=folder)
    except (OSError, ssl.SSLError) as error:
        advice = "set REQUESTS_CA_BUNDLE to an existing PEM file, or unset it"
        yield Finding("tls", "fault", f"{trusted} cannot be read: {_words(error)}", advice)
        return
    try:
        connection.settimeout(timeout_s)
        with closing_after_failure():
            secure = context.wrap_socket(connection, server_hostname=server.host)
        with secure:
            shown = secure.getpeercert() or {}
            version = secure.version()
    except ssl.SSLCertVerificationError as error:
        advice = (
            "for a private authority, set REQUESTS_CA_BUNDLE or RequestsTransport(verify=…) to "
            "its bundle; if the certificate has expired or is for another name, renew it"
        )
        yield Finding("tls", "fault", f"{server.host}: {error.verify_message}", advice)
        return
    except OSError as error:
        advice = "check that the server speaks TLS on this port"
        yield Finding("tls", "fault", f"{server}: {_words(error)}", advice)
        return
    until = shown.get("notAfter")
    left_s = ssl.cert_time_to_seconds(until) - time.time() if isinstance(until, str) else _SOON_S
    if left_s < _SOON_S:
        days = int(left_s // 86_400)
        advice = "renew it"
        yield Finding("tls", "warning", f"the certificate expires in {days} days", advice)
        return
    trust = "" if bundle is None else f" with {bundle}"
    yield Finding("tls", "ok", f"{version}, verified{trust}")


def _pair(place: Place) -> tuple[str, int]:
    return place.host, place.port


def _words(error: BaseException) -> str:
    """The text of a system error, which contains no secret."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return str(error.reason or "TLS failed").replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _within(timeout_s: float, work: Callable[[], T]) -> T:
    """Run work on its own thread with a timeout, because a name look-up takes none.

    Raises:
        TimeoutError: It took too long.
        Exception: The work raised it.
    """
    done: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:  # noqa: BLE001 -- handed over
            done.put((None, error))

    threading.Thread(target=run, name="sortition-doctor", daemon=True).start()
    try:
        result, error = done.get(timeout=timeout_s)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # no error: it is what the work gave
