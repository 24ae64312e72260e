"""The exchanges on each connection of a `FaultServer`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never

from sortition.testing import message, wire
from sortition.testing.faults import (
    AnswerLost,
    ByRequest,
    EndAfterAnswer,
    EndlessAnswer,
    HalfAnswer,
    Hang,
    Healthy,
    NeverRead,
    RawAnswer,
    Refused,
    ResetAfterReading,
    ResetBeforeReading,
    SlowDrip,
    Status,
    TooManyEvents,
    TruncatedStatusLine,
)
from sortition.testing.message import MalformedError
from sortition.testing.request import received
from sortition.testing.schedule import BEFORE_READING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition.testing.connection import Connection
    from sortition.testing.faults import RequestFault
    from sortition.testing.request import Received
    from sortition.testing.schedule import Schedule, Turn
    from sortition.testing.tally import Tally

_Answering: TypeAlias = (
    Healthy | Status | TooManyEvents | SlowDrip | EndlessAnswer | RawAnswer | EndAfterAnswer
)
_Breaking: TypeAlias = (
    AnswerLost | HalfAnswer | TruncatedStatusLine | ResetBeforeReading | ResetAfterReading
)

_ACCEPTED: Final = range(200, 300)
_SUCCESS: Final = b'{"status": "success"}'
_JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Exchanges:
    """The exchanges of one server.

    Attributes:
        schedule: Says which fault each request meets.
        tally: Counts what was received and accepted.
    """

    schedule: Schedule
    tally: Tally

    def serve(self, connection: Connection) -> None:
        """Serve a connection to its end.

        Raises:
            OSError: The client broke it.
        """
        self.tally.note_connection()
        is_noted = False
        if connection.is_tls:
            if not connection.wait_for_bytes():
                return
            # The handshake belongs to the request that follows, and is neither read nor answered
            # where that is not.
            while (turn := self.schedule.take_before_reading()) is not None:
                if not is_noted:
                    self.tally.note_attempt()
                    is_noted = True
                if not self._holds(connection, turn):
                    return
            connection.shake_hands()
        while connection.wait_for_request():
            turn = self.schedule.take()
            if not is_noted:
                self.tally.note_attempt()
            is_noted = False
            if not self._serve_request(connection, turn):
                return

    def _serve_request(self, connection: Connection, turn: Turn) -> bool:
        """Serve a request that has begun; whether the connection goes on."""
        was_held = False
        while isinstance(turn.fault, BEFORE_READING):
            if not self._holds(connection, turn):
                return False
            was_held = True
            turn = self.schedule.take()
        try:
            head = message.read_head(connection)
            body = None if head is None else message.read_body(connection, head)
        except MalformedError as error:
            connection.send(message.answer(400, {}, str(error).encode(), closes=True))
            return False
        if head is None or body is None:
            return False
        if was_held and not connection.stays(0):
            return False
        request = received(head, body, turn.fault)
        fault = _chosen(turn.fault, request)
        self.tally.note_request(replace(request, fault=fault))
        while isinstance(fault, Hang | NeverRead):
            with self.schedule.order_after(turn) as next_order:
                if not connection.stays(None, next_order):
                    return False
            turn = self.schedule.take()
            if isinstance(turn.fault, Refused):
                return False
            fault = _chosen(turn.fault, request)
        return _Exchange(connection, request, self.tally, closes=not head.is_kept_alive).end(fault)

    def _holds(self, connection: Connection, turn: Turn) -> bool:
        """Let a fault act that comes before reading; whether the connection goes on after it."""
        if isinstance(turn.fault, NeverRead):
            with self.schedule.order_after(turn) as next_order:
                next_order.recv(1)
            return True
        if isinstance(turn.fault, ResetBeforeReading):
            connection.reset()
        return False


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A request that was read, and how to answer it."""

    connection: Connection
    request: Received
    tally: Tally
    closes: bool

    def end(self, fault: _Answering | _Breaking) -> bool:
        """End it as the fault says; whether the connection goes on."""
        match fault:
            case Healthy():
                return self._answer(200, _JSON, _SUCCESS)
            case Status():
                return self._answer(fault.status, fault.all_headers, fault.body)
            case TooManyEvents():
                if self._is_larger_than(fault.most):
                    return self._answer(413, {}, b"")
                return self._answer(200, _JSON, _SUCCESS)
            case SlowDrip():
                return self._drip(fault)
            case EndlessAnswer():
                return self._go_on(fault)
            case RawAnswer():
                return self._answer_raw(fault)
            case EndAfterAnswer():
                is_kept = self._answer(200, _JSON, _SUCCESS)
                if is_kept and self.connection.stays(fault.pause_s) and fault.with_reset:
                    self.connection.reset()
                return False
            case _:
                self._break(fault)
                return False

    def _break(self, fault: _Breaking) -> None:
        """Leave the connection as it is to be closed."""
        match fault:
            case AnswerLost():
                self._accept()
                if fault.with_reset:
                    self.connection.reset()
            case HalfAnswer():
                if fault.status in _ACCEPTED:
                    self._accept()
                headers = {**_JSON, "Content-Length": str(len(_SUCCESS))}
                half = _SUCCESS[: len(_SUCCESS) // 2]
                self.connection.send(message.answer_head(fault.status, headers) + half)
            case TruncatedStatusLine():
                self.connection.send(b"HTTP/1.1 20")
            case ResetBeforeReading() | ResetAfterReading():
                self.connection.reset()
            case _:
                assert_never(fault)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        if status in _ACCEPTED and (reason := self._accept()) is not None:
            status, headers, body = 400, {}, reason.encode()
        self.connection.send(message.answer(status, headers, body, closes=self.closes))
        return not self.closes

    def _drip(self, fault: SlowDrip) -> bool:
        if fault.status in _ACCEPTED:
            self._accept()
        first, *rest = message.answer(fault.status, _JSON, _SUCCESS, closes=self.closes)
        self.connection.send(bytes([first]))
        for byte in rest:
            if not self.connection.stays(fault.pause_s):
                return False
            self.connection.send(bytes([byte]))
        return not self.closes

    def _go_on(self, fault: EndlessAnswer) -> bool:
        """Send a part of the answer that never ends; the connection ends with it."""
        first, piece = message.endless(fault.part, fault.status)
        if fault.part != "interim" and fault.status in _ACCEPTED:
            self._accept()
        self.connection.send(first)
        while self.connection.stays(fault.pause_s):
            self.connection.send(piece)
        return False

    def _answer_raw(self, fault: RawAnswer) -> bool:
        if fault.is_accepted:
            self._accept()
        self.connection.send(fault.content)
        if fault.end == "reset":
            self.connection.reset()
        return fault.end == "keep"

    def _accept(self) -> str | None:
        """Count the events; the reason where they cannot be read. Counted before it is answered."""
        try:
            self.tally.accept(wire.events_of(self.request))
        except MalformedError as error:
            return str(error)
        return None

    def _is_larger_than(self, most: int) -> bool:
        try:
            return len(wire.events_of(self.request)) > most
        except MalformedError:
            return False


def _chosen(fault: RequestFault, request: Received) -> _Answering | _Breaking | Hang | NeverRead:
    """The fault that the function of `ByRequest` says, or the fault itself."""
    while isinstance(fault, ByRequest):
        fault = fault.choose(request)
    return fault
