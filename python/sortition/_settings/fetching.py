"""One request for settings, and its result."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from sortition._base.errors import SettingsUnavailableError
from sortition._http.answers import NOT_MODIFIED, Meaning, meaning_of, words_of
from sortition._http.limits import MOST_SETTINGS_BYTES
from sortition._http.pool import SendingError
from sortition._http.retry_after import LONGEST_FOR_SETTINGS_S, retry_after_s

if TYPE_CHECKING:
    from sortition._http.pool import Deadline, SenderPool
    from sortition._http.transport import Request, Response

_MOST_VALIDATOR: Final = 1024


@dataclass(frozen=True, slots=True)
class Validators:
    """Values by which a server recognises unchanged settings.

    Attributes:
        url: The requested URL.
        headers: The headers of a conditional request.
    """

    url: str
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A successful answer.

    Attributes:
        document: The content; None if the server says that it has not changed.
        validators: For the next request; None if the server sent none.
        retry_after_s: The pause that the server asks for, in seconds.
    """

    document: bytes | None = field(repr=False)
    validators: Validators | None
    retry_after_s: float


def fetch(
    pool: SenderPool, request: Request, deadline: Deadline, validators: Validators | None = None
) -> Fetched:
    """Ask for settings.

    Args:
        pool: Sends the request.
        request: The request; its bound on the answer's size is replaced.
        deadline: When the answer must be there.
        validators: The validators of the settings in use, so that the server can say that they
            have not changed.

    Returns:
        The answer with a 2xx status, whatever its content.

    Raises:
        SettingsUnavailableError: There was another answer, or none.
    """
    is_conditional = validators is not None and validators.url == request.url
    headers = dict(request.headers)
    if validators is not None and is_conditional:
        headers.update(validators.headers)
    asked = replace(
        request,
        headers=headers,
        most_answer_bytes=MOST_SETTINGS_BYTES,
        needs_body=True,
        may_be_repeated=True,
    )
    try:
        response = pool.send(asked, deadline)
    except SendingError as error:
        raise SettingsUnavailableError(f"GET {request.url} failed: {error}") from None
    wait_s = retry_after_s(response.headers.get("retry-after"), LONGEST_FOR_SETTINGS_S)
    if response.status == NOT_MODIFIED and is_conditional:
        return Fetched(None, validators, wait_s)
    if meaning_of(response.status) is not Meaning.ACCEPTED:
        message = f"GET {request.url} was answered with {words_of(response)}"
        raise SettingsUnavailableError(message, response.status, wait_s)
    if not response.is_whole:
        raise SettingsUnavailableError(
            f"GET {request.url}: the answer is too long, too slow or incomplete"
        )
    return Fetched(response.body, _validators_of(request.url, response), wait_s)


def _validators_of(url: str, response: Response) -> Validators | None:
    headers = {
        name: response.headers[given]
        for name, given in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
        if _can_be_sent_back(response.headers.get(given, ""))
    }
    return Validators(url, headers) if headers else None


def _can_be_sent_back(value: str) -> bool:
    """Whether a server's value is safe to send back."""
    return 0 < len(value) <= _MOST_VALIDATOR and value.isascii() and value.isprintable()
