"""Logs outages of a server of events."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sortition._base.health import Endpoint
from sortition._base.repeating import OUTAGE_PAUSE_S, Pause

if TYPE_CHECKING:
    from sortition._base.health import EndpointStatus
    from sortition._base.log import Log
    from sortition._http.answers import Outcome


class OutageLog:
    """Logs one line when sending starts to fail and one when it works again.

    Logs at most once a minute, not for each event.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = threading.RLock()
        self._is_failure_logged = False
        self._failed_since_logged = 0
        self._pause = Pause(OUTAGE_PAUSE_S)
        self._is_html_logged = False
        self._endpoint = Endpoint()

    def status(self) -> EndpointStatus:
        """The status of the server."""
        return self._endpoint.status()

    def note(self, url: str, outcome: Outcome) -> None:
        """Note the outcome of a request."""
        if outcome.is_accepted:
            self._note_success()
            self._endpoint.note_html(is_html=outcome.is_html)
            if outcome.is_html:
                self._note_html(url)
        elif outcome.is_noteworthy:
            self._note_failure(url, outcome.words)

    def note_unsent(self) -> None:
        """Note that a request was not even sent."""
        with self._lock:
            self._failed_since_logged += 1

    def _note_failure(self, url: str, failure: str) -> None:
        self._endpoint.note_failure(failure)
        with self._lock:
            self._failed_since_logged += 1
            has_handler = self._log.has_handler
            if self._is_failure_logged or not self._pause.try_begin(has_handler=has_handler):
                return
            self._is_failure_logged = True
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
