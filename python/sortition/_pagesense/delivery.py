"""How events leave: one request each, or, in development mode, not at all.

Source: PageSense spec, "Our choices".
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal, Protocol

from sortition._client import delivery
from sortition._pagesense.wire import event_request, user_of
from sortition._sending.dispatch import Dispatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._base.health import SendingHealth
    from sortition._base.log import Log
    from sortition._http.transport import Request, Transport
    from sortition._pagesense.snapshot import Snapshot
    from sortition._sending.ledger import Ledger
    from sortition._sending.options import Batching
    from sortition._sending.queue import Queue
    from sortition._sending.spool.owner import Owner
    from sortition._settings.current import Current


class Delivery(delivery.Delivery, Protocol):
    """Accepts events, and says which."""

    def accept(self, kind: str, user_id: str, event: bytes) -> bool:
        """Accept an event of a user; whether it was accepted."""


class QueuedDelivery:
    """Puts events into a queue and sends them, keeping the order of each user's events."""

    waits_for_answers = False

    def __init__(
        self,
        engine: Literal["compiled", "pure"],
        transport: Transport,
        log: Log,
        batching: Batching,
        base_url: str,
        requests_at_once: int,
        current: Current[Snapshot],
    ) -> None:
        def request_of(events: Sequence[bytes]) -> Request:
            return event_request(base_url, events[0])

        def owner() -> Owner | None:
            # Imported here, so that importing sortition is cheap.
            from sortition._sending.spool.owner import Owner  # noqa: PLC0415

            snapshot = current.snapshot
            if snapshot is None:
                return None
            # Each event names its project and environment.
            return Owner.of("pagesense", snapshot.settings.sdk_account_id, "")

        self._dispatch = Dispatch(
            engine,
            transport,
            log,
            # One event for each request, sent at once.
            dataclasses.replace(batching, events_per_request=1, interval_s=0.0),
            request_of,
            requests_at_once=requests_at_once,
            is_per_user=True,
            user_of=user_of,
            owner=owner,
        )

    @property
    def ledger(self) -> Ledger:
        """See `Delivery`."""
        return self._dispatch.ledger

    def accept(self, kind: str, user_id: str, event: bytes) -> bool:
        """See `Delivery`."""
        return self._dispatch.accept(kind, event, user_id)

    def flush(self, timeout_s: float) -> bool:
        """See `Delivery`."""
        return self._dispatch.flush(timeout_s)

    def close(self, timeout_s: float, reason: str) -> bool:
        """See `Delivery`."""
        return self._dispatch.close(timeout_s, reason)

    def release(self) -> None:
        """See `Delivery`."""
        self._dispatch.release()

    def health(self) -> SendingHealth:
        """See `Delivery`."""
        return self._dispatch.health()

    def queue(self) -> Queue | None:
        """See `Delivery`."""
        return self._dispatch.queue()


class NoDelivery(delivery.NoDelivery):
    """Development mode: everything counts as accepted, and nothing is sent."""

    def accept(self, _kind: str, _user_id: str, _event: bytes) -> bool:
        """See `Delivery`."""
        return True
