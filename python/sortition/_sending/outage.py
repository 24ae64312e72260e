"""What the log says of a server that does not take events."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sortition._base.health import Endpoint

if TYPE_CHECKING:
    from sortition._base.health import EndpointStatus
    from sortition._base.log import Log
    from sortition._http.answers import Outcome

_LOG_INTERVAL_S: Final = 60.0


class OutageLog:
    """Writes a line when sending begins to fail and one when it works again.

    Not for each event, and at most every minute.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = threading.RLock()
        self._is_failure_logged = False
        self._failed_since_logged = 0
        self._logs_failure_from = 0.0
        self._is_html_logged = False
        self._endpoint = Endpoint()

    def status(self) -> EndpointStatus:
        """How the server has answered."""
        return self._endpoint.status()

    def note(self, url: str, outcome: Outcome) -> None:
        """Something came of a request."""
        if outcome.is_accepted:
            self._note_success()
            self._endpoint.note_html(is_html=outcome.is_html)
            if outcome.is_html:
                self._note_html(url)
        elif outcome.is_noteworthy:
            self._note_failure(url, outcome.words)

    def note_unsent(self) -> None:
        """A request was not even sent."""
        with self._lock:
            self._failed_since_logged += 1

    def _note_failure(self, url: str, failure: str) -> None:
        self._endpoint.note_failure(failure)
        now = time.monotonic()
        with self._lock:
            self._failed_since_logged += 1
            if self._is_failure_logged or now < self._logs_failure_from:
                return
            self._is_failure_logged = True
            self._logs_failure_from = now + _LOG_INTERVAL_S
        self._log.warning(
            "%s failed (%s); no further failure is logged until sending works again", url, failure
        )

    def _note_html(self, url: str) -> None:
        with self._lock:
            if self._is_html_logged:
                return
            self._is_html_logged = True
        self._log.warning(
            "%s answered with a web page, which a login page or a proxy may have sent; "
            "the events count as delivered, and no further web page is logged",
            urlsplit(url).netloc,
        )

    def _note_success(self) -> None:
        self._endpoint.note_success()
        if not self._is_failure_logged:
            return
        with self._lock:
            if not self._is_failure_logged:
                return
            self._is_failure_logged = False
            failed, self._failed_since_logged = self._failed_since_logged, 0
        self._log.warning("sending works again, after %d requests that failed", failed)
