"""What a client asks of servers, and what they answer, at DEBUG.

Keys and what is known of users are in queries, headers and contents, none of which is logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sortition._base.clock import now_s

if TYPE_CHECKING:
    from sortition._base.log import Log
    from sortition._http.transport import Request, Response, Transport


class LoggedTransport:
    """Sends by another transport, and tells the log of every exchange."""

    def __init__(self, transport: Transport, log: Log) -> None:
        self._transport = transport
        self._log = log

    def send(self, request: Request, timeout_s: float) -> Response:
        """See `Transport`."""
        log = self._log
        if not log.takes_debug:
            return self._transport.send(request, timeout_s)
        what = f"{request.method} {request.url}"
        log.debug("%s: sending %d bytes", what, len(request.body or b""))
        began_s = now_s()
        try:
            response = self._transport.send(request, timeout_s)
        except BaseException as error:
            log.debug("%s: %s after %.3f s", what, type(error).__name__, now_s() - began_s)
            raise
        log.debug("%s: status %d after %.3f s", what, response.status, now_s() - began_s)
        return response
