"""Whether a request to the service is the platform's own, which says that settings have changed."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from sortition._base.arguments import BadArgumentError

Headers: TypeAlias = (
    "Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[str | bytes, str | bytes]]"
)
"""A request's headers, as the web frameworks have them; names in any case."""

WOKEN: Final = 202
"""The answer to a webhook: the settings are asked for, soon."""
REFUSED: Final = 401
"""The answer to a request that does not know the secret."""
UNAVAILABLE: Final = 503
"""The answer where the client is closed, or was called wrongly."""

GENERIC_HEADER: Final = "x-webhook-secret"
"""Where a secret may stand on any platform, for what passes webhooks on."""
_BEARER: Final = "bearer "
_MOST_HEADERS: Final = 1000


def knows_secret(headers: object, secret: object, platform_header: str) -> bool:
    """Whether a request's headers hold the secret.

    All comparisons are made, each in a time that does not depend on where two texts differ.

    Args:
        headers: The request's headers.
        secret: The secret; text, bytes, or several of them while one takes the other's place.
        platform_header: The platform's own header, in lower case.

    Raises:
        BadArgumentError: There is no secret to compare with, or the headers cannot be read.
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
    """The values that may be the secret."""
    # Also those of `http.server`, which are no mapping.
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
        # What no UTF-8 has is compared all the same.
        return value.encode("utf-8", "surrogatepass")
    return value if isinstance(value, bytes) else None
