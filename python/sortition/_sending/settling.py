"""Records the outcomes of events, and notifies the caller."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sortition._base.errors import DeliveryError
from sortition._process.forks import ForkedError
from sortition._sending import ledger as reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sortition._base.log import Log
    from sortition._http.answers import Outcome
    from sortition._sending.queue import Queue, QueuedEvent
    from sortition._sending.spool.spool import Spool


class Settling:
    """Settles events. Safe to use from several threads.

    Args:
        events: The queue of the events.
        spool: Keeps events in files; None if they are in memory only.
        log: The client's log.
        flush_callback: The caller's callback; None if there is none.
    """

    def __init__(
        self,
        events: Queue,
        spool: Spool | None,
        log: Log,
        flush_callback: Callable[[Exception | None, list[object]], object] | None,
    ) -> None:
        self._queue = events
        self._spool = spool
        self._log = log
        self._callback = flush_callback

    def settle(self, events: Sequence[QueuedEvent], reason: str | None) -> None:
        """Count the outcome of events, and call the caller's callback.

        Args:
            events: Events that were sent together.
            reason: Why they are lost; None if they were delivered.
        """
        if not events:
            return
        is_given_up = reason == reasons.CLOSED or (
            reason == reasons.UNKNOWN_OUTCOME and self._queue.time_left_s() == 0
        )
        if self._spool is not None and not is_given_up:
            self._spool.settle([event.place for event in events])
        self._queue.end(events, reason, gives_up=is_given_up)
        # Events that stay in the spool have no outcome yet.
        ended = [event for event in events if not is_given_up or event.place is None]
        if ended:
            self._call_back(ended, reason)
        # Only now: a flush or a close also waits for the callback.
        self._queue.settle(events)

    def log_refusal(self, event: QueuedEvent, outcome: Outcome) -> None:
        """Log that the server refuses a single event."""
        self._log.recurring_error(
            ("refused event", event.kind, outcome.words),
            lambda: f"the server refused an event of kind {event.kind}: {outcome.words}",
        )

    def _call_back(self, events: Sequence[QueuedEvent], reason: str | None) -> None:
        """Call the caller's callback for a request with a known outcome."""
        callback = self._callback
        if callback is None:
            return
        error = None if reason is None else DeliveryError(reason, len(events))
        try:
            callback(error, [json.loads(event.event) for event in events])
        except ForkedError:
            raise
        except BaseException as raised:  # noqa: BLE001 -- the caller's code may raise anything
            self._log.exception_of("flush_callback", raised)
