"""Checks whether a request to the service is a webhook of the platform."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from sortition._base.arguments import BadArgumentError

Headers: TypeAlias = (
    "Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[str | bytes, str | bytes]]"
)
"""A request's headers, in the form of any web framework; names in any case."""

WOKEN: Final = 202
"""The answer to a webhook: the client will ask for settings soon."""
REFUSED: Final = 401
"""The answer to a request without the secret."""
UNAVAILABLE: Final = 503
"""The answer if the client is closed or an argument is invalid."""

GENERIC_HEADER: Final = "x-webhook-secret"
"""A header for the secret on any platform, for proxies that pass webhooks on."""
_BEARER: Final = "bearer "
_MOST_HEADERS: Final = 1000


def knows_secret(headers: object, secret: object, platform_header: str) -> bool:
    """Whether a request's headers contain the secret.

    Makes all comparisons, each in constant time.

    Args:
        headers: The request's headers.
        secret: The secret, as text or bytes, or several while it is rotated.
        platform_header: The platform's own header, in lower case.

    Raises:
        BadArgumentError: There is no secret to compare with, or the headers are not readable.
    """
    wanted = _secrets_of(secret)
    given = _values(headers, platform_header)
    found = False
    for value in given:
        for one in wanted:
            found |= hmac.compare_digest(value, one)
    return found


def _secrets_of(secret: object) -> list[bytes]:
    several = secret if isinstance(secret, list | tuple) else [secret]
    found = [_bytes_of(one) for one in several]
    if not found or not all(found):
        raise BadArgumentError("secret must be a text that is not empty, or several")
    return [one for one in found if one is not None]


def _values(headers: object, platform_header: str) -> list[bytes]:
    """The header values that may be the secret."""
    # This also covers the headers of `http.server`, which are not a mapping.
    items = getattr(headers, "items", None)
    pairs = items() if callable(items) else headers
    if isinstance(pairs, str | bytes) or not isinstance(pairs, Iterable):
        raise BadArgumentError("headers must be a mapping, or pairs of names and values")
    found = []
    for number, pair in enumerate(pairs):
        if number >= _MOST_HEADERS or not isinstance(pair, list | tuple) or len(pair) != 2:  # noqa: PLR2004 -- a name and a value
            raise BadArgumentError("headers must be a mapping, or pairs of names and values")
        name, value = (_bytes_of(part) for part in pair)
        if name is None or value is None:
            continue
        name = name.lower()
        if name.startswith(b"http_"):
            # As in the environment of a WSGI application.
            name = name.removeprefix(b"http_").replace(b"_", b"-")
        if name in (platform_header.encode(), GENERIC_HEADER.encode()):
            found.append(value.strip())
        elif name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER.encode():
            found.append(value[len(_BEARER) :].strip())
    return found


def _bytes_of(value: object) -> bytes | None:
    if isinstance(value, str):
        # Compare even text that is not valid UTF-8.
        return value.encode("utf-8", "surrogatepass")
    return value if isinstance(value, bytes) else None
