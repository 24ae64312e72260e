"""One HTTP exchange: the protocol, and the one that uses ``requests``."""

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
    """What is sent. Its repr shows where to, and neither the query nor the content.

    Attributes:
        method: ``GET`` or ``POST``.
        url: Scheme, host and path: what a log line may show.
        query: The query's names and values, in their order; a value of None is left out. Or the
            whole query as it is to be sent, percent-encoded already.
        headers: The headers beside those of the HTTP library.
        body: The content; None if there is none.
        most_answer_bytes: The size beyond which an answer is cut off.
        needs_body: Whether the answer's content matters, as that of settings does. Of an answer to
            events only the status does.
        may_be_repeated: Whether the request may be sent once more where a connection that was used
            before ended with it, and the server may have it. Where nothing of it had left, it is
            always sent once more.
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
    """What was answered.

    Attributes:
        status: The HTTP status.
        body: The content, up to the request's `most_answer_bytes`.
        is_whole: Whether the content is all there.
        headers: The answer's headers, with names in lower case.
        was_repeated: Whether the request was sent twice, and the first may have arrived too.
    """

    status: int
    body: bytes = field(repr=False)
    is_whole: bool = True
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    was_repeated: bool = False


class NotSentError(Exception):
    """A transport knows that nothing of the request has reached the server.

    So it may be sent again without a chance of its arriving twice.
    """


class ConnectionLostError(Exception):
    """A connection that was used before ended before the first byte of the answer.

    That says nothing about the server; whether the request has arrived is not known.
    """


class RepeatError(Exception):
    """A connection was lost with the request, and sending it once more failed too.

    The first may have arrived. Its cause is why the second failed.

    Attributes:
        second_may_have_arrived: Whether the second may have arrived.
    """

    def __init__(self, *, second_may_have_arrived: bool) -> None:
        super().__init__()
        self.second_may_have_arrived = second_may_have_arrived


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
        verify: How the server's certificate is verified. None: by the CA bundle that the variable
            ``REQUESTS_CA_BUNDLE`` or ``CURL_CA_BUNDLE`` names, or else by that of ``requests``.
            True: the same. The path of a CA bundle, a file or a folder: by that. False: not at all,
            which the log warns of at launch and `status()` names.
        cert: The path of a client certificate with its key, or the paths of both.
        proxies: The URL of a proxy by scheme, such as ``{"https": "http://proxy.example:3128"}``.
            They take precedence over the environment.

    Raises:
        OptionError: `verify` is none of these, or a path does not exist, be it from the
            environment; the message names it.
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
        # Sessions that nobody uses now: `requests` does not promise that one may be shared.
        self._unused: PerProcess[deque[requests.Session]] = PerProcess(deque)
        self._is_closed = False

    @property
    def verifies(self) -> bool:
        """Whether certificates are verified."""
        return self._verify is not False

    def send(self, request: Request, timeout_s: float) -> Response:
        """Send a request and wait for its answer; see `Transport.send`."""
        deadline_s = now_s() + timeout_s
        # In a copy of this thread that a fork makes, the session goes back to its parent's.
        unused = self._unused.get()
        session = _take(unused)
        try:
            return self._send(session, request, deadline_s)
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

    def _send(self, session: requests.Session, request: Request, deadline_s: float) -> Response:
        """Send a request; once more where only its connection failed."""
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
            # What can be decoded within a bound of its size.
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
                # With the request, not with the session: there the environment would go first.
                verify=self._verify,
                cert=self._cert,
                proxies=self._proxies,
            ) as answer,
        ):
            answered = {name.lower(): value for name, value in answer.headers.items()}
            body, is_whole = content_of(answer.raw, answered, request.most_answer_bytes, exchange)
            return Response(answer.status_code, body, is_whole, answered)


def _verification_of(verify: object) -> bool | str | None:
    """What `requests` is to be told.

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
        OptionError: One does not exist.
    """
    for path in (cert,) if isinstance(cert, str | None) else cert:
        if path is not None and not Path(path).exists():
            raise OptionError(f"cert: there is no file at {path!r}")
    return cert


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
    # Else `requests` would read the whole answer that redirects, and look where to.
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]  # noqa: ARG005
    # An authentication that does nothing keeps `requests` from looking for one in `.netrc`.
    session.auth = lambda prepared: prepared
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    return session
