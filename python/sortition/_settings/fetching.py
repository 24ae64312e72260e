"""One request for settings, and what came of it."""

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
    """By what a server tells whether settings are still the same: its own words, sent back to it.

    Attributes:
        url: What was asked.
        headers: The headers of a conditional request.
    """

    url: str
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer that may be of use.

    Attributes:
        document: The content; None where the server says that it is what it was.
        validators: For the next request; None where the server gave none.
        retry_after_s: How long the server asks to be left alone, in seconds.
    """

    document: bytes | None = field(repr=False)
    validators: Validators | None
    retry_after_s: float


def fetch(
    pool: SenderPool, request: Request, deadline: Deadline, validators: Validators | None = None
) -> Fetched:
    """Ask for settings.

    Args:
        pool: What sends the request.
        request: The request; its bound on the answer's size is replaced.
        deadline: When the answer is to be there.
        validators: What came with the settings in use, where the server may say that they are still
            the same.

    Returns:
        What a 2xx status came with, whatever it is.

    Raises:
        SettingsUnavailableError: Any other answer came, or none.
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
    """Whether a server's word is one that no server would choke on."""
    return 0 < len(value) <= _MOST_VALIDATOR and value.isascii() and value.isprintable()
