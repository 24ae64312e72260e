"""Fetching an account's settings file.

Source: VWO spec, section 1.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from sortition import _engine
from sortition._errors import OptionError, OptionTypeError, SettingsError, SettingsUnavailableError
from sortition._options import checked_base_url, kind, of_type, seconds
from sortition._sending.pool import Deadline, SenderPool, SendingError
from sortition._transport import Request, RequestsTransport
from sortition._version import VERSION
from sortition._vwo.constants import DEFAULT_BASE_URL
from sortition._vwo.events import CLIENT_NAME
from sortition._vwo.launching import KEY_WORDS, is_sendable_key

if TYPE_CHECKING:
    from sortition._transport import Transport

_MOST_BYTES: Final = 32 * 1024 * 1024
"""The size beyond which a settings file is refused."""

_OK: Final = 200


def fetch(
    account_id: object,
    sdk_key: object,
    *,
    is_via_webhook: object,
    base_url: object,
    request_timeout_s: object,
) -> str:
    """Fetch a settings file; see `sortition.vwo.get_settings_file`."""
    transport = RequestsTransport()
    try:
        return fetch_with(
            transport,
            account_id,
            sdk_key,
            is_via_webhook=is_via_webhook,
            base_url=base_url,
            request_timeout_s=request_timeout_s,
        )
    finally:
        transport.close()


def fetch_with(
    transport: Transport,
    account_id: object,
    sdk_key: object,
    *,
    is_via_webhook: object,
    base_url: object,
    request_timeout_s: object,
) -> str:
    """Fetch a settings file by a transport.

    Raises:
        OptionError: An argument cannot be used.
        SettingsUnavailableError: Nothing usable came.
    """
    if isinstance(account_id, bool) or not isinstance(account_id, int | str):
        raise OptionTypeError(f"account_id: must be an int or a string, got {kind(account_id)}")
    if account_id == "":
        raise OptionError("account_id: must not be empty")
    key = of_type("sdk_key", sdk_key, str, "a string")
    if not is_sendable_key(key):
        raise OptionError(f"sdk_key: must be {KEY_WORDS}")
    path = "/server-side/settings"
    if of_type("is_via_webhook", is_via_webhook, bool, "a bool"):
        path = "/server-side/pull"
    url = DEFAULT_BASE_URL if base_url is None else checked_base_url(base_url)
    deadline = Deadline(seconds("request_timeout_s", request_timeout_s))
    request = Request(
        "GET",
        url + path,
        query={
            "a": account_id,
            "i": key,
            "r": random.SystemRandom().random(),
            "platform": "server",
            "api-version": 1,
            "sdk": CLIENT_NAME,
            "sdk-v": VERSION,
        },
        headers={"User-Agent": CLIENT_NAME},
        most_answer_bytes=_MOST_BYTES,
    )
    pool = SenderPool(transport, most_senders=1)
    try:
        response = pool.send(request, deadline)
    except SendingError as error:
        raise SettingsUnavailableError(f"GET {request.url} failed: {error}") from None
    finally:
        pool.close()
    if response.status != _OK:
        message = f"GET {request.url} was answered with status {response.status}"
        raise SettingsUnavailableError(message, response.status)
    if not response.is_whole:
        raise SettingsUnavailableError(
            f"GET {request.url}: the answer is too long or came too slowly"
        )
    return _usable(response.body, request.url)


def _usable(body: bytes, url: str) -> str:
    """The document as text, if a client could be launched with it."""
    try:
        _engine.load().module.VwoSettings.compile(body)
    except SettingsError as error:
        message = f"GET {url}: the answer is no usable settings file: {error}"
        raise SettingsUnavailableError(message, _OK) from None
    return body.decode()
