"""The meaning of an HTTP answer, or of its absence, for every part that makes requests.

The status line alone decides; what follows it changes nothing.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sortition._http.pool import SendingError
from sortition._http.retry_after import retry_after_s

if TYPE_CHECKING:
    from sortition._http.transport import Response

OK: Final = 200
NOT_MODIFIED: Final = 304
GONE: Final = 410
TOO_LARGE: Final = 413
TOO_MANY: Final = 429
_REQUEST_TIMEOUT: Final = 408
_FORBIDDEN: Final = frozenset({401, 403, 404})
_INVALID: Final = frozenset({400, 422})
_LONGEST_HOST: Final = 100


class Meaning(enum.Enum):
    """The meaning of an answer."""

    ACCEPTED = enum.auto()
    """2xx: the server accepted the request."""
    OUTAGE = enum.auto()
    """The same request may succeed later: no answer, a redirect, 408, 429, or 5xx."""
    FORBIDDEN = enum.auto()
    """401, 403 or 404: no request succeeds until somebody corrects the key, the account or the
    server."""
    TOO_LARGE = enum.auto()
    """413: the server only accepts the content in smaller parts."""
    INVALID = enum.auto()
    """400 or 422: the content is wrong; the server may accept a part of it."""
    REJECTED = enum.auto()
    """Any other 4xx: the server refuses the request, now and later."""


_RETRIED: Final = frozenset({Meaning.OUTAGE, Meaning.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a request.

    Attributes:
        meaning: Its meaning.
        words: The status, or why there is no answer, without secrets.
        is_answer: Whether there was an answer.
        may_have_arrived: Whether the server may have accepted the request without saying so.
        is_server_down: Whether it counts as a failure of the server, and towards a pause.
        is_for_good: Whether the request can never be sent, whatever the server's state.
        is_noteworthy: Whether it belongs in the log and the status. The end of a reused connection
            says nothing about the server.
        is_html: Whether the answer is a web page, which a login page or a proxy may have sent.
        retry_after_s: The pause that the server asks for, in seconds.
        was_repeated: Whether the request was sent twice, and may have arrived twice.
    """

    meaning: Meaning
    words: str
    is_answer: bool = True
    may_have_arrived: bool = False
    is_server_down: bool = False
    is_for_good: bool = False
    is_noteworthy: bool = True
    is_html: bool = False
    retry_after_s: float = 0.0
    was_repeated: bool = False

    @property
    def is_accepted(self) -> bool:
        """Whether the server accepted the request."""
        return self.meaning is Meaning.ACCEPTED

    @property
    def is_retried(self) -> bool:
        """Whether the same request may succeed later."""
        return self.meaning in _RETRIED and not self.is_for_good


def meaning_of(status: int) -> Meaning:
    """The meaning of an HTTP status."""
    if 200 <= status < 300:  # noqa: PLR2004 -- HTTP's own numbers
        return Meaning.ACCEPTED
    if status in _FORBIDDEN:
        return Meaning.FORBIDDEN
    if status in _INVALID:
        return Meaning.INVALID
    if status == TOO_LARGE:
        return Meaning.TOO_LARGE
    if 400 <= status < 500 and status not in (_REQUEST_TIMEOUT, TOO_MANY):  # noqa: PLR2004
        return Meaning.REJECTED
    return Meaning.OUTAGE


def is_refusal(status: int | None) -> bool:
    """Whether a settings server refuses until somebody corrects the key, account or project."""
    return status in _FORBIDDEN or status == GONE


def is_redirect(status: int) -> bool:
    """Whether the status is a redirect, which the client does not follow."""
    return 300 <= status < 400  # noqa: PLR2004


def outcome_of(answer: Response | SendingError) -> Outcome:
    """The outcome for an answer to events, or for the failure to get one."""
    if isinstance(answer, SendingError):
        return Outcome(
            Meaning.OUTAGE,
            str(answer),
            is_answer=False,
            may_have_arrived=answer.may_have_arrived,
            is_server_down=answer.says_server_is_down,
            is_for_good=answer.is_for_good,
            is_noteworthy=not answer.lost_its_connection,
            was_repeated=answer.was_repeated,
        )
    status = answer.status
    meaning = meaning_of(status)
    is_outage = meaning is Meaning.OUTAGE
    return Outcome(
        meaning,
        words_of(answer),
        may_have_arrived=is_outage and (status < 200 or status >= 500),  # noqa: PLR2004
        is_server_down=is_outage,
        is_html=_is_html(answer),
        retry_after_s=retry_after_s(answer.headers.get("retry-after")),
        was_repeated=answer.was_repeated,
    )


def words_of(answer: Response) -> str:
    """The status of an answer, and for a redirect the host that it points to."""
    words = f"status {answer.status}"
    if is_redirect(answer.status):
        host = _host_of(answer.headers.get("location", ""))
        return f"{words}, a redirect to {host}" if host else f"{words}, a redirect"
    return words


def _is_html(answer: Response) -> bool:
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    return media_type.strip().lower() == "text/html"


def _host_of(location: str) -> str | None:
    """The host of a URL, which contains no secret; the rest of it may."""
    try:
        host = urlsplit(location).hostname
    except ValueError:
        return None
    return host[:_LONGEST_HOST] if host and host.isascii() and host.isprintable() else None
