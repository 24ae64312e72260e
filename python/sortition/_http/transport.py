"""The protocol that sends one HTTP request, and its implementation with ``requests``."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from sortition._base.clock import now_s
from sortition._base.errors import OptionError, OptionTypeError
from sortition._base.options import kind
from sortition._http.content import content_of
from sortition._http.exchange import Exchange
from sortition._http.limits import MOST_EVENT_ANSWER_BYTES
from sortition._process.forks import PerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

_CA_BUNDLE_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_LONGEST_IMPORT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request. Its repr shows the URL, but not the query, the headers or the body.

    Attributes:
        method: ``GET`` or ``POST``.
        url: The scheme, host and path. It holds no secret, so a log line may show it.
        query: The names and values of the query, in order, without those whose value is None. Or
            the whole query as text, already percent-encoded.
        headers: Headers to send in addition to those of the HTTP library.
        body: The body; None for a request without a body.
        most_answer_bytes: The number of bytes after which the response's body is cut off.
        needs_body: Whether the caller reads the response's body. It does for settings; for events
            it reads only the status.
        may_be_repeated: Whether to retry the request once if a reused connection closes while the
            server may already have the request. If no byte was sent, it is always retried once.
    """

    method: Literal["GET", "POST"]
    url: str
    query: Mapping[str, str | float | None] | str = field(repr=False, default_factory=dict)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes | None = field(repr=False, default=None)
    most_answer_bytes: int = MOST_EVENT_ANSWER_BYTES
    needs_body: bool = False
    may_be_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """A response.

    Attributes:
        status: The HTTP status.
        body: The body, up to the request's `most_answer_bytes`.
        is_whole: Whether `body` is the complete body.
        headers: The response's headers, with names in lower case.
        was_repeated: Whether the request was sent twice and the server may have received both.
    """

    status: int
    body: bytes = field(repr=False)
    is_whole: bool = True
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    was_repeated: bool = False


class NotSentError(Exception):
    """No byte of the request has reached the server.

    A transport raises this when it is certain, so that sortition can retry the request without
    the risk of delivering it twice.
    """


class ConnectionLostError(Exception):
    """A reused connection closed before the first byte of the response.

    This says nothing about the server's health. The request may or may not have arrived.
    """


class RepeatError(Exception):
    """A reused connection closed during the request, and the retry failed too.

    The first attempt may have arrived. The exception's cause is the failure of the retry.

    Attributes:
        second_may_have_arrived: Whether the retry may have arrived.
    """

    def __init__(self, *, second_may_have_arrived: bool) -> None:
        super().__init__()
        self.second_may_have_arrived = second_may_have_arrived


class Transport(Protocol):
    """Sends requests. Implement it to use another HTTP library, or to send nothing.

    Several threads call it at the same time. The thread that called the client never does.
    """

    def send(self, request: Request, timeout_s: float) -> Response:
        """Send a request and wait for its response.

        Args:
            request: The request to send. Do not follow redirects: return them like any other
                response.
            timeout_s: How long the whole exchange may take, in seconds. The caller stops waiting
                after that time, but the thread stays busy until this method returns.

        Returns:
            The response, with any status.

        Raises:
            ValueError: The request is invalid: sending it can never succeed.
            TypeError: As for ValueError.
            NotSentError: No byte of the request has reached the server.
            Exception: There is no response for any other reason. The request may or may not have
                arrived. sortition logs the exception's class, but not its text.
        """


class RequestsTransport:
    """Sends requests with ``requests``, which it imports when it sends the first one.

    It reads the environment variables that ``requests`` reads, such as ``HTTPS_PROXY``,
    ``NO_PROXY`` and ``REQUESTS_CA_BUNDLE``. It does not follow redirects, keep cookies or read
    ``.netrc``. It keeps connections open for later requests, at most as many as there were
    simultaneous requests. Several threads and clients may share it, and it works in forked
    processes.

    Args:
        verify: How to verify the server's certificate. None or True: with the CA bundle named by
            the environment variable ``REQUESTS_CA_BUNDLE`` or ``CURL_CA_BUNDLE``, or else with the
            one of ``requests``. A path: with that CA bundle, which may be a file or a folder.
            False: do not verify it. The client then logs a warning at launch, and its `status()`
            says so.
        cert: The path of a file with a client certificate and its key, or the paths of both files.
        proxies: The proxy's URL for each scheme, such as
            ``{"https": "http://proxy.example:3128"}``. They take precedence over the environment.

    Raises:
        OptionError: `verify` has another type, or a path does not exist, whether given or from the
            environment. The message names it.
    """

    def __init__(
        self,
        *,
        verify: bool | str | os.PathLike[str] | None = None,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        self._verify = _verification_of(verify)
        self._cert = _existing(cert)
        self._proxies = None if proxies is None else dict(proxies)
        # Idle sessions. Each request takes one: `requests` does not promise that threads may
        # share a session.
        self._unused: PerProcess[deque[requests.Session]] = PerProcess(deque)
        self._is_closed = False

    @property
    def verifies(self) -> bool:
        """Whether it verifies certificates."""
        return self._verify is not False

    def send(self, request: Request, timeout_s: float) -> Response:
        """Send a request and wait for its response; see `Transport.send`."""
        deadline_s = now_s() + timeout_s
        # If this thread is copied by a fork, the copy returns the session to the parent's deque.
        unused = self._unused.get()
        session = _take(unused)
        try:
            return self._send(session, request, deadline_s)
        finally:
            unused.append(session)
            if self._is_closed:
                self.close()

    def close(self) -> None:
        """Close this process's connections, those in use after their current request."""
        self._is_closed = True
        unused = self._unused.existing()
        while unused:
            try:
                unused.pop().close()
            except IndexError:
                # Another thread took the last session, and closes it.
                return

    def _send(self, session: requests.Session, request: Request, deadline_s: float) -> Response:
        """Send a request, and retry it once if only its connection failed."""
        first = Exchange(deadline_s, needs_body=request.needs_body)
        try:
            return self._exchange(session, request, first)
        except (ValueError, TypeError):
            raise
        except Exception as error:
            if not first.lost_its_connection:
                if not first.written_bytes:
                    raise NotSentError from error
                raise
            if first.written_bytes and not request.may_be_repeated:
                raise ConnectionLostError from error
        second = Exchange(deadline_s, needs_body=request.needs_body, needs_new_connection=True)
        try:
            response = self._exchange(session, request, second)
        except Exception as error:
            if first.written_bytes:
                raise RepeatError(second_may_have_arrived=bool(second.written_bytes)) from error
            if not second.written_bytes:
                raise NotSentError from error
            raise
        return replace(response, was_repeated=bool(first.written_bytes))

    def _exchange(
        self, session: requests.Session, request: Request, exchange: Exchange
    ) -> Response:
        query = request.query
        headers = dict(request.headers)
        if request.needs_body:
            # Only gzip: `content_of` can decode it within a bound of its size.
            headers.setdefault("Accept-Encoding", "gzip")
        with (
            exchange,
            session.request(
                request.method,
                f"{request.url}?{query}" if isinstance(query, str) else request.url,
                params=None if isinstance(query, str) else dict(query),
                headers=headers,
                data=request.body,
                timeout=exchange.wait_s(),
                allow_redirects=False,
                stream=True,
                # Set on the request: the environment takes precedence over the session's values.
                verify=self._verify,
                cert=self._cert,
                proxies=self._proxies,
            ) as answer,
        ):
            answered = {name.lower(): value for name, value in answer.headers.items()}
            body, is_whole = content_of(answer.raw, answered, request.most_answer_bytes, exchange)
            return Response(answer.status_code, body, is_whole, answered)


def _verification_of(verify: object) -> bool | str | None:
    """The `verify` argument for `requests`.

    Raises:
        OptionError: See `RequestsTransport`.
    """
    if isinstance(verify, bool) and not verify:
        return False
    if verify is None or verify is True:
        for name in _CA_BUNDLE_VARIABLES:
            path = os.environ.get(name)
            if path:
                if not Path(path).exists():
                    raise OptionError(f"the variable {name}: there is no CA bundle at {path!r}")
                return path
        return True
    if not isinstance(verify, str | os.PathLike):
        raise OptionTypeError(
            f"verify: must be True, False or the path of a CA bundle, got {kind(verify)}"
        )
    path = os.fspath(verify)
    if not path or not Path(path).exists():
        raise OptionError(f"verify: there is no CA bundle at {path!r}")
    return path


def _existing(cert: str | tuple[str, str] | None) -> str | tuple[str, str] | None:
    """The paths of a client certificate.

    Raises:
        OptionError: A file does not exist.
    """
    for path in (cert,) if isinstance(cert, str | None) else cert:
        if path is not None and not Path(path).exists():
            raise OptionError(f"cert: there is no file at {path!r}")
    return cert


class _Importing:
    """Makes a fork wait until the import of ``requests`` has ended.

    If a process forked during the import, the module's lock would belong to a thread that does
    not exist in the child, and the child's first request would wait for ever.
    """

    lock = threading.RLock()

    @classmethod
    def finish(cls) -> None:
        """Wait for the import, but not for ever."""
        cls.lock.acquire(timeout=_LONGEST_IMPORT_S)

    @classmethod
    def go_on(cls) -> None:
        """Release the lock. If the wait timed out, another thread holds it."""
        with contextlib.suppress(RuntimeError):
            cls.lock.release()

    @classmethod
    def renew(cls) -> None:
        """Replace the lock: if the wait timed out, the child has no thread that releases it."""
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
    # Imported here to keep `import sortition` cheap.
    with _Importing.lock:
        import http.cookiejar  # noqa: PLC0415

        import requests  # noqa: PLC0415

        from sortition._http.connections import Adapter  # noqa: PLC0415

    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, Adapter())
    merge = session.merge_environment_settings

    def merge_all_but_verify(
        url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> dict[str, Any]:
        return {**merge(url, proxies, stream, verify, cert), "verify": verify}

    # An empty CURL_CA_BUNDLE turns verification off in some versions of `requests`.
    session.merge_environment_settings = merge_all_but_verify  # type: ignore[method-assign]
    # Otherwise `requests` reads the whole body of a redirect and parses its target.
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]  # noqa: ARG005
    # With an `auth` that does nothing, `requests` does not read `.netrc`.
    session.auth = lambda prepared: prepared
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    return session
