"""Events that wait, that are sent, and that are counted."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from unittest import mock

from sortition._pagesense.delivery import QueuedDelivery
from sortition._vwo.delivery import BatchedDelivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition import pagesense, vwo
    from sortition._sending.outbox import Outbox
    from sortition._sending.spool.takeover import Takeover
    from support.sink import Received, Sink

MANY = {"events_per_request": 5000}
"""Nothing is sent before it is flushed."""
GENEROUS_S = 60.0


def events_of(received: Received) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = received.json["ev"]
    return found


def sizes(sink: Sink) -> list[int]:
    return [len(events_of(received)) for received in sink.received]


def sum_of(stats: vwo.Stats) -> int:
    """The right side of the ledger's equation."""
    parts = (stats.delivered, stats.queued, stats.in_flight, stats.spooled, *stats.dropped.values())
    return sum(sum(part.values()) for part in parts)


def outbox_of(client: vwo.Client | pagesense.Client) -> Outbox:
    delivery = client._delivery
    assert isinstance(delivery, BatchedDelivery | QueuedDelivery)
    return delivery._dispatch._processes.get().outbox


def takeover_of(client: vwo.Client) -> Takeover:
    delivery = client._delivery
    assert isinstance(delivery, BatchedDelivery)
    takeover = delivery._dispatch._processes.get().takeover
    assert takeover is not None
    return takeover


@contextlib.contextmanager
def without_senders(outbox: Outbox) -> Iterator[None]:
    """Within it no call starts a thread that sends; where none runs, events only wait."""
    with mock.patch.object(outbox._senders, "start_for_event"):
        yield
