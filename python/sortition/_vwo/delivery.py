"""How events leave: within the call, in batches, or, in development mode, not at all.

Each way tells the calls in the same form which events it accepted.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Literal, Protocol

from sortition._client import delivery
from sortition._process.event_loops import BusyError
from sortition._sending.dispatch import Dispatch
from sortition._sending.ledger import CONVERSION, PUSH, VISITOR
from sortition._sending.synchronous import SynchronousDispatch
from sortition._vwo.wire import Visitor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sortition._base.health import SendingHealth
    from sortition._base.log import Log
    from sortition._client.executing import Executor
    from sortition._engine.vwo import Outcome
    from sortition._http.pool import Deadline
    from sortition._http.transport import Request, Transport
    from sortition._sending.drops import OnDrop
    from sortition._sending.ledger import Ledger
    from sortition._sending.options import Batching, OnUnknownOutcome
    from sortition._sending.queue import Queue
    from sortition._sending.spool.owner import Owner
    from sortition._settings.current import Current
    from sortition._vwo.deciding import Asked, AskedGoal
    from sortition._vwo.snapshot import Snapshot


class Delivery(delivery.Delivery, Protocol):
    """Accepts events, and says which."""

    @property
    def takes_encoded(self) -> bool:
        """Whether it takes events encoded by the engine for batches."""

    async def impression(
        self,
        snapshot: Snapshot,
        asked: Asked,
        outcome: Outcome,
        custom_properties: Mapping[str, object] | None,
    ) -> bool:
        """Report that a user saw a variation; whether the event was accepted."""

    async def conversions(
        self,
        snapshot: Snapshot,
        asked: Asked,
        goal: AskedGoal,
        credited: Sequence[Outcome],
    ) -> list[bool]:
        """Report that a user reached a goal; for each campaign, whether the event was accepted."""

    async def push(
        self, snapshot: Snapshot, visitor: Visitor, dimensions: Mapping[str, str]
    ) -> bool:
        """Report a user's custom dimensions; whether all events were accepted."""

    def flush_soon(self) -> bool | None:
        """Start to send waiting events, without waiting for the answers."""


def _visitor_of(asked: Asked) -> Visitor:
    return Visitor(asked.user_id, asked.user_agent, asked.ip_address)


class SynchronousDelivery:
    """Sends within the call, which waits for the answer."""

    takes_encoded = False
    waits_for_answers = True

    def __init__(
        self,
        engine: Literal["compiled", "pure"],
        transport: Transport,
        log: Log,
        timeout_s: float,
        on_drop: OnDrop | None,
        on_unknown_outcome: OnUnknownOutcome,
        executor: Executor,
    ) -> None:
        self._executor = executor
        self._dispatch = SynchronousDispatch(
            engine, transport, log, timeout_s, on_drop, on_unknown_outcome
        )

    @property
    def ledger(self) -> Ledger:
        """See `Delivery`."""
        return self._dispatch.ledger

    async def impression(
        self,
        snapshot: Snapshot,
        asked: Asked,
        outcome: Outcome,
        custom_properties: Mapping[str, object] | None,
    ) -> bool:
        """See `Delivery`."""
        request = snapshot.events.impression(
            _visitor_of(asked), outcome.decision, custom_properties
        )
        return await self._send(request, self._dispatch.deadline(), {VISITOR: 1})

    async def conversions(
        self,
        snapshot: Snapshot,
        asked: Asked,
        goal: AskedGoal,
        credited: Sequence[Outcome],
    ) -> list[bool]:
        """See `Delivery`."""
        deadline = self._dispatch.deadline()
        requests = snapshot.events.conversions(
            _visitor_of(asked), goal.identifier, credited, goal.revenue, goal.event_properties
        )
        return [
            is_accepted
            for request, carried in requests
            for is_accepted in [await self._send(request, deadline, {CONVERSION: carried})]
            * carried
        ]

    async def push(
        self, snapshot: Snapshot, visitor: Visitor, dimensions: Mapping[str, str]
    ) -> bool:
        """See `Delivery`."""
        deadline = self._dispatch.deadline()
        requests = snapshot.events.pushes(visitor, dimensions)
        # Each is sent, even if others fail.
        sent = [
            await self._send(request, deadline, {PUSH: carried}) for request, carried in requests
        ]
        return all(sent)

    async def _send(self, request: Request, deadline: Deadline, kinds: dict[str, int]) -> bool:
        """Send events, and wait for the answer; whether the server accepted them."""
        try:
            return await self._executor.run(
                "sending", lambda: self._dispatch.send(request, deadline, kinds)
            )
        except BusyError:
            self._dispatch.refuse_for_lack_of_threads(kinds)
            return False

    def flush(self, _timeout_s: float) -> bool | None:
        """See `Delivery`."""
        return None

    def flush_soon(self) -> bool | None:
        """See `Delivery`."""
        return None

    def close(self, _timeout_s: float, _reason: str) -> bool:
        """See `Delivery`."""
        self._dispatch.close()
        return True

    def release(self) -> None:
        """See `Delivery`."""
        self._dispatch.close()

    def health(self) -> SendingHealth:
        """See `Delivery`."""
        return self._dispatch.health()

    def queue(self) -> Queue | None:
        """See `Delivery`."""
        return None


class BatchedDelivery:
    """Puts events into a queue and sends them in batches."""

    takes_encoded = True
    waits_for_answers = False

    def __init__(
        self,
        engine: Literal["compiled", "pure"],
        transport: Transport,
        log: Log,
        batching: Batching,
        current: Current[Snapshot],
    ) -> None:
        def batch(events: Sequence[bytes]) -> Request:
            """The request of a batch, with the key that is in use now."""
            return current.taken().events.batch(events)

        def owner() -> Owner | None:
            # Imported here, so that importing sortition is cheap.
            from sortition._sending.spool.owner import Owner  # noqa: PLC0415

            snapshot = current.snapshot
            if snapshot is None:
                return None
            settings = snapshot.settings
            return Owner.of("vwo", str(settings.account_id), settings.sdk_key or "")

        self._dispatch = Dispatch(
            engine, transport, log, batching, batch, user_of=_user_of, owner=owner
        )

    @property
    def ledger(self) -> Ledger:
        """See `Delivery`."""
        return self._dispatch.ledger

    async def impression(
        self,
        _snapshot: Snapshot,
        _asked: Asked,
        outcome: Outcome,
        _custom_properties: Mapping[str, object] | None,
    ) -> bool:
        """See `Delivery`."""
        event = outcome.event
        return event is not None and self._dispatch.accept(VISITOR, event)

    async def conversions(
        self,
        _snapshot: Snapshot,
        _asked: Asked,
        _goal: AskedGoal,
        credited: Sequence[Outcome],
    ) -> list[bool]:
        """See `Delivery`."""
        accept = self._dispatch.accept
        return [
            outcome.event is not None and accept(CONVERSION, outcome.event) for outcome in credited
        ]

    async def push(
        self, snapshot: Snapshot, visitor: Visitor, dimensions: Mapping[str, str]
    ) -> bool:
        """See `Delivery`."""
        at_s = int(time.time())
        accepted = [
            self._dispatch.accept(
                PUSH, snapshot.settings.push_event(visitor.user_id, at_s, key, value)
            )
            for key, value in dimensions.items()
        ]
        return all(accepted)

    def flush(self, timeout_s: float) -> bool | None:
        """See `Delivery`."""
        return self._dispatch.flush(timeout_s)

    def flush_soon(self) -> bool | None:
        """See `Delivery`."""
        self._dispatch.flush_soon()
        return True

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

    takes_encoded = False

    async def impression(self, *_: object) -> bool:
        """See `Delivery`."""
        return True

    async def conversions(
        self,
        _snapshot: Snapshot,
        _asked: Asked,
        _goal: AskedGoal,
        credited: Sequence[Outcome],
    ) -> list[bool]:
        """See `Delivery`."""
        return [True] * len(credited)

    async def push(self, *_: object) -> bool:
        """See `Delivery`."""
        return True

    def flush_soon(self) -> bool | None:
        """See `Delivery`."""
        return self._flushed


def _user_of(event: bytes) -> str:
    """The visitor id of an encoded event."""
    visitor_id = json.loads(event).get("u")
    return visitor_id if isinstance(visitor_id, str) else ""
