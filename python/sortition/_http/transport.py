"""One HTTP exchange: the protocol, and the one that uses ``requests``."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from sortition._process.forks import PerProcess

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import requests

MOST_ANSWER_BYTES: Final = 64 * 1024
"""How much of an answer to an event is read; what it says is in its status."""

_MOST_CHUNKS: Final = 4096
"""In how many chunks an answer is read, so that one that drips is noticed between two of them."""


_LONGEST_IMPORT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. Its repr shows where to, and neither the query nor the content.

    Attributes:
        method: ``GET`` or ``POST``.
        url: Scheme, host and path: what a log line may show.
        query: The query's names and values, in their order; a value of None is left out. Or the
            whole query as it is to be sent, percent-encoded already.
        headers: The headers beside those of the HTTP library.
        body: The content; None where there is none.
        most_answer_bytes: The size beyond which an answer is cut off.
    """

    method: Literal["GET", "POST"]
    url: str
    query: Mapping[str, str | float | None] | str = field(repr=False, default_factory=dict)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes | None = field(repr=False, default=None)
    most_answer_bytes: int = MOST_ANSWER_BYTES


@dataclass(frozen=True, slots=True)
class Response:
    """What was answered.

    Attributes:
        status: The HTTP status.
        body: The content, up to the request's `most_answer_bytes`.
        is_whole: Whether the content was not cut off.
        headers: The answer's headers, with names in lower case.
    """

    status: int
    body: bytes = field(repr=False)
    is_whole: bool = True
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)


class NotSentError(Exception):
    """A transport knows that nothing of the request has reached the server.

    So it may be sent again without a chance of its arriving twice.
    """


class Transport(Protocol):
    """How a request reaches the server. Bring your own to send by other means, or not at all.

    It is called from several threads at once, and never from the thread that called the client.
    """

    def send(self, request: Request, timeout_s: float) -> Response:
        """Send a request and wait for its answer.

        Args:
            request: What to send. A redirect is an answer like any other, not to be followed.
            timeout_s: How long the whole exchange may take, in seconds. What takes longer is
                abandoned by the caller; returning in time frees the thread for the next request.

        Returns:
            The answer, whatever its status.

        Raises:
            ValueError: This request cannot be sent, whatever the server's state.
            TypeError: The same.
            NotSentError: Nothing of the request has reached the server.
            Exception: Any other kept the answer from coming; whether the request has arrived is not
                known. Its class is logged, not its text.
        """


class RequestsTransport:
    """Sends with ``requests``, which is imported when the first request is sent.

    Proxies, CA bundles and client certificates are found as ``requests`` finds them: in
    ``HTTPS_PROXY``, ``NO_PROXY``, ``REQUESTS_CA_BUNDLE`` and their kin. Redirects are not
    followed, cookies not kept, ``.netrc`` not read. Connections are kept for the next request, at
    most as many as there were requests at once. Safe to use from any number of threads, in forked
    processes, and by several clients.

    Args:
        verify: The path of a CA bundle, or False not to verify certificates at all. It takes
            precedence over the environment.
        cert: The path of a client certificate with its key, or the paths of both.
        proxies: The URL of a proxy by scheme, such as ``{"https": "http://proxy.example:3128"}``.
            They take precedence over the environment.
    """

    def __init__(
        self,
        *,
        verify: bool | str | None = None,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        self._verify = verify
        self._cert = cert
        self._proxies = None if proxies is None else dict(proxies)
        # Sessions that nobody uses now: `requests` does not promise that one may be shared.
        self._unused: PerProcess[deque[requests.Session]] = PerProcess(deque)
        self._is_closed = False

    def send(self, request: Request, timeout_s: float) -> Response:
        """Send a request and wait for its answer; see `Transport.send`."""
        deadline = time.monotonic() + timeout_s
        query = request.query
        # In a copy of this thread that a fork makes, the session goes back to its parent's.
        unused = self._unused.get()
        session = _take(unused)
        import requests  # noqa: PLC0415 -- see `_new_session`

        try:
            with session.request(
                request.method,
                f"{request.url}?{query}" if isinstance(query, str) else request.url,
                params=None if isinstance(query, str) else dict(query),
                headers=dict(request.headers),
                data=request.body,
                timeout=timeout_s,
                allow_redirects=False,
                stream=True,
                # With the request, not with the session: there the environment would go first.
                verify=self._verify,
                cert=self._cert,
                proxies=self._proxies,
            ) as answer:
                size = max(16, request.most_answer_bytes // _MOST_CHUNKS)
                body, is_whole = _read(answer.iter_content(size), request, deadline)
                answered = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status_code, body, is_whole, answered)
        except requests.ConnectionError as error:
            if _never_left(error):
                raise NotSentError from error
            raise
        finally:
            unused.append(session)
            if self._is_closed:
                self.close()

    def close(self) -> None:
        """Close the connections of this process; those in use now, after their request."""
        self._is_closed = True
        unused = self._unused.existing()
        while unused:
            try:
                unused.pop().close()
            except IndexError:
                # Another thread took the last one, and closes it.
                return


class _Importing:
    """A fork waits for the import of ``requests``.

    In the middle of it the child would find the module's lock held by a thread that it does not
    have, and its first request would wait for ever.
    """

    lock = threading.RLock()

    @classmethod
    def finish(cls) -> None:
        """Wait for it, within a bound."""
        cls.lock.acquire(timeout=_LONGEST_IMPORT_S)

    @classmethod
    def go_on(cls) -> None:
        """Let others import; where the wait was in vain, the lock is another's."""
        with contextlib.suppress(RuntimeError):
            cls.lock.release()

    @classmethod
    def renew(cls) -> None:
        """Where the wait was in vain, nobody is left who would give the lock back."""
        cls.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_Importing.finish,
        after_in_parent=_Importing.go_on,
        after_in_child=_Importing.renew,
    )


def _take(unused: deque[requests.Session]) -> requests.Session:
    try:
        return unused.pop()
    except IndexError:
        return _new_session()


def _new_session() -> requests.Session:
    # Imported here, so that importing sortition is cheap.
    with _Importing.lock:
        import http.cookiejar  # noqa: PLC0415

        import requests  # noqa: PLC0415

        from sortition._http.quiet_connections import QuietAdapter  # noqa: PLC0415

    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, QuietAdapter())
    # Else `requests` would read the whole answer that redirects, and look where to.
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]  # noqa: ARG005
    # An authentication that does nothing keeps `requests` from looking for one in `.netrc`.
    session.auth = lambda prepared: prepared
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    return session


def _never_left(error: requests.ConnectionError) -> bool:
    """Whether there was no connection on which the request could have left."""
    import requests  # noqa: PLC0415 -- see `_new_session`
    import urllib3.exceptions  # noqa: PLC0415

    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    # `requests` wraps what happened below it; a name that is not found is of the first class too.
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, urllib3.exceptions.SSLError):
        # Any other fault of TLS may come after the request has left.
        import ssl  # noqa: PLC0415

        return bool(reason.args) and isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _read(chunks: Iterable[bytes], request: Request, deadline: float) -> tuple[bytes, bool]:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > request.most_answer_bytes:
            return bytes(body[: request.most_answer_bytes]), False
        if time.monotonic() > deadline:
            return bytes(body), False
    return bytes(body), True
