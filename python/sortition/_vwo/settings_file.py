"""Fetching an account's settings file without a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sortition import _engine
from sortition._base.errors import SettingsError, SettingsUnavailableError
from sortition._base.options import checked_base_url, of_type
from sortition._client.checks import HOUR_S, Seconds
from sortition._client.document import without_byte_order_mark
from sortition._http.answers import OK
from sortition._http.pool import Deadline, SenderPool
from sortition._http.transport import RequestsTransport
from sortition._settings.fetching import fetch as fetched_by
from sortition._vwo.constants import DEFAULT_BASE_URL
from sortition._vwo.credentials import credentials_of
from sortition._vwo.wire import settings_request

if TYPE_CHECKING:
    from sortition._http.transport import Request


def fetch(
    account_id: object,
    sdk_key: object,
    *,
    is_via_webhook: object,
    base_url: object,
    request_timeout_s: object,
) -> str:
    """Fetch a settings file; see `sortition.vwo.get_settings_file`."""
    credentials = credentials_of(account_id, sdk_key)
    is_asked_by_webhook = of_type("is_via_webhook", is_via_webhook, bool, "a bool")
    url = DEFAULT_BASE_URL if base_url is None else checked_base_url(base_url)
    timeout_s = Seconds(0, HOUR_S, includes_least=False)("request_timeout_s", request_timeout_s)
    request = settings_request(url, credentials, is_via_webhook=is_asked_by_webhook)
    transport = RequestsTransport()
    pool = SenderPool(transport, most_senders=1)
    try:
        document = fetched_by(pool, request, Deadline(timeout_s)).document or b""
    finally:
        pool.close()
        transport.close()
    return _usable(without_byte_order_mark(document), request)


def _usable(document: bytes, request: Request) -> str:
    """The document as text, if `launch` would accept it."""
    try:
        _engine.load().module.VwoSettings.compile(document)
    except SettingsError as error:
        message = f"GET {request.url}: the answer is not a usable settings file: {error}"
        raise SettingsUnavailableError(message, OK) from None
    return document.decode()
