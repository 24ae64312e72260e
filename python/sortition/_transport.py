"""One HTTP exchange: the protocol, and the one that uses ``requests``."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import requests

MOST_ANSWER_BYTES: Final = 64 * 1024
"""How much of an answer to an event is read; what it says is in its status."""

_CHUNK_BYTES: Final = 64 * 1024
# So small that an answer which comes a byte at a time is noticed between two chunks.
_EVENT_CHUNK_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. Its repr shows where to, and neither the query nor the content.

    Attributes:
        method: ``GET`` or ``POST``.
        url: Scheme, host and path.
        query: The query's names and values, in their order; a value of None is left out.
        headers: The headers beside those of the HTTP library.
        body: The content; None where there is none.
        most_answer_bytes: The size beyond which an answer is cut off.
    """

    method: Literal["GET", "POST"]
    url: str
    query: Mapping[str, str | float | None] = field(repr=False, default_factory=dict)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes | None = field(repr=False, default=None)
    most_answer_bytes: int = MOST_ANSWER_BYTES

    @property
    def path(self) -> str:
        """The path of the URL: what a log line may show."""
        return urlsplit(self.url).path


@dataclass(frozen=True, slots=True)
class Response:
    """What was answered.

    Attributes:
        status: The HTTP status.
        body: The content, up to the request's `most_answer_bytes`.
        is_whole: Whether the content was not cut off.
    """

    status: int
    body: bytes = field(repr=False)
    is_whole: bool = True


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
            Exception: Whatever kept the answer from coming; its class is logged, not its text.
        """

    def close(self) -> None:
        """Free what the transport holds; nothing is sent afterwards."""


class RequestsTransport:
    """Sends with ``requests``, which is imported when the first request is sent.

    Proxies, CA bundles and client certificates are found as ``requests`` finds them. Redirects are
    not followed, cookies not kept, ``.netrc`` not read.
    """

    def __init__(self) -> None:
        self._local = threading.local()
        # Only appended to and replaced, each in one step: a lock could be held across a fork.
        self._sessions: list[requests.Session] = []

    def send(self, request: Request, timeout_s: float) -> Response:
        """Send a request and wait for its answer; see `Transport.send`."""
        deadline = time.monotonic() + timeout_s
        with self._session().request(
            request.method,
            request.url,
            params=dict(request.query),
            headers=dict(request.headers),
            data=request.body,
            timeout=timeout_s,
            allow_redirects=False,
            stream=True,
        ) as answer:
            is_event = request.most_answer_bytes == MOST_ANSWER_BYTES
            chunks = answer.iter_content(_EVENT_CHUNK_BYTES if is_event else _CHUNK_BYTES)
            body, is_whole = _read(chunks, request, deadline)
            return Response(answer.status_code, body, is_whole)

    def close(self) -> None:
        """Close the connections of all threads."""
        sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()

    def _session(self) -> requests.Session:
        """This thread's session: ``requests`` does not promise that one may be shared."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _new_session()
            self._sessions.append(session)
        return session


def _new_session() -> requests.Session:
    # Imported here, so that importing sortition is cheap.
    import http.cookiejar  # noqa: PLC0415

    import requests  # noqa: PLC0415

    session = requests.Session()
    # An authentication that does nothing keeps `requests` from looking for one in `.netrc`.
    session.auth = lambda prepared: prepared
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    return session


def _read(chunks: Iterable[bytes], request: Request, deadline: float) -> tuple[bytes, bool]:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > request.most_answer_bytes:
            return bytes(body[: request.most_answer_bytes]), False
        if time.monotonic() > deadline:
            return bytes(body), False
    return bytes(body), True
