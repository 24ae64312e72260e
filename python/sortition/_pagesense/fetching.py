"""Fetching a project's settings.

Source: PageSense spec, section 2.2; "Our choices" (D10: only a 2xx answer counts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition._errors import SettingsUnavailableError
from sortition._pagesense.wire import settings_request
from sortition._sending.pool import Deadline, SenderPool, SendingError

if TYPE_CHECKING:
    from sortition._pagesense.credentials import Credentials
    from sortition._transport import Transport

_OK: Final = range(200, 300)


def fetch(
    transport: Transport, base_url: str, credentials: Credentials, request_timeout_s: float
) -> bytes:
    """The settings document, as it came.

    Raises:
        SettingsUnavailableError: None came.
    """
    request = settings_request(
        base_url,
        credentials.account_id,
        credentials.sdk_key,
        credentials.project_name,
        credentials.portal_name,
    )
    pool = SenderPool(transport, most_senders=1)
    try:
        response = pool.send(request, Deadline(request_timeout_s))
    except SendingError as error:
        raise SettingsUnavailableError(f"GET {request.url} failed: {error}") from None
    finally:
        pool.close()
    if response.status not in _OK:
        message = f"GET {request.url} was answered with status {response.status}"
        raise SettingsUnavailableError(message, response.status)
    if not response.is_whole:
        raise SettingsUnavailableError(
            f"GET {request.url}: the answer is too long or came too slowly"
        )
    return response.body
