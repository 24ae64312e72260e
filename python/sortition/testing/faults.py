"""How a `FaultServer` can misbehave.

Some faults come before a request is read, some instead of its answer, and one closes the port. An
event counts as accepted where it was answered with a 2xx status, and under `AnswerLost`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from sortition.testing.fault import BaseFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sortition.testing.request import Received

__all__ = [
    "AnswerLost",
    "BaseFault",
    "ByRequest",
    "EndAfterAnswer",
    "EndlessAnswer",
    "EndlessPart",
    "Fault",
    "HalfAnswer",
    "Hang",
    "Healthy",
    "NeverRead",
    "RawAnswer",
    "Refused",
    "RequestFault",
    "ResetAfterReading",
    "ResetBeforeReading",
    "SlowDrip",
    "Status",
    "TooManyEvents",
    "TruncatedStatusLine",
]

EndlessPart: TypeAlias = Literal["interim", "status line", "headers", "body"]
"""The part of an answer that never ends; see `EndlessAnswer`."""

_STATUSES: Final = range(200, 600)
_PARTS: Final = get_args(EndlessPart)


@dataclass(frozen=True, slots=True)
class Healthy(BaseFault):
    """No fault: status 200, or 400 for what cannot be read as the events that it should be."""


@dataclass(frozen=True, slots=True)
class Status(BaseFault):
    """An answer of this status. Events are accepted where it is 2xx.

    Attributes:
        status: The HTTP status, from 200 to 599.
        retry_after: The Retry-After header: in seconds; a moment with its time zone, which is sent
            as an HTTP date; or any text, as it is. None: no such header.
        headers: Further headers.
        body: The content; for a status that has none it is left out.

    Raises:
        ValueError: The status is out of bounds, or the moment has no time zone.
    """

    status: int
    retry_after: int | datetime | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, hash=False, kw_only=True)
    body: bytes = field(default=b"", kw_only=True)

    def __post_init__(self) -> None:
        _check_status(self.status)
        if isinstance(self.retry_after, datetime) and self.retry_after.tzinfo is None:
            raise ValueError(f"retry_after needs a time zone: {self.retry_after}")

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers, with Retry-After where there is one."""
        retry_after = self.retry_after
        if retry_after is None:
            return dict(self.headers)
        if isinstance(retry_after, datetime):
            # An HTTP date is always in GMT.
            retry_after = format_datetime(retry_after.astimezone(UTC), usegmt=True)
        return {**self.headers, "Retry-After": str(retry_after)}


@dataclass(frozen=True, slots=True)
class TooManyEvents(BaseFault):
    """Status 413 for a request of more events than this, so that batches are halved; else healthy.

    Attributes:
        most: The most events that are accepted in one request.
    """

    most: int


@dataclass(frozen=True, slots=True)
class ResetBeforeReading(BaseFault):
    """The connection is reset (RST) as soon as a request begins, before it is read."""


@dataclass(frozen=True, slots=True)
class ResetAfterReading(BaseFault):
    """The connection is reset (RST) when the request has been read. Nothing is accepted."""


@dataclass(frozen=True, slots=True)
class Hang(BaseFault):
    """The request is read and not answered until the fault is lifted or the server is closed.

    It is lifted when the server is told the next fault or script, which then answers the request;
    one whose client has left meanwhile is not answered, and not accepted.
    """


@dataclass(frozen=True, slots=True)
class NeverRead(BaseFault):
    """The connection is accepted and nothing is read from it, until the fault is lifted.

    As with `Hang`, whatever the server is told next answers the request.
    """


@dataclass(frozen=True, slots=True)
class Refused(BaseFault):
    """The port is closed, and every connection with it. The next fault opens it again."""


@dataclass(frozen=True, slots=True)
class HalfAnswer(BaseFault):
    """The answer promises more content than comes before the connection ends.

    Events are accepted where the status is 2xx: its line has come.

    Attributes:
        status: The HTTP status, from 200 to 599.

    Raises:
        ValueError: The status is out of bounds.
    """

    status: int = 200

    def __post_init__(self) -> None:
        _check_status(self.status)


@dataclass(frozen=True, slots=True)
class TruncatedStatusLine(BaseFault):
    """The connection ends within the first line of the answer. Nothing is accepted."""


@dataclass(frozen=True, slots=True)
class AnswerLost(BaseFault):
    """The events are accepted, and the connection ends without an answer.

    Attributes:
        with_reset: Whether it ends with a reset (RST); else it is closed in order (FIN).
    """

    with_reset: bool = False


@dataclass(frozen=True, slots=True)
class SlowDrip(BaseFault):
    """The answer comes a byte at a time. Events are accepted at its first byte where it is 2xx.

    Attributes:
        pause_s: How long to wait between two bytes, in seconds.
        status: The HTTP status, from 200 to 599.

    Raises:
        ValueError: The status is out of bounds, or the pause is negative.
    """

    pause_s: float
    status: int = 200

    def __post_init__(self) -> None:
        _check_status(self.status)
        if self.pause_s < 0:
            raise ValueError(f"pause_s must not be negative: {self.pause_s}")


@dataclass(frozen=True, slots=True)
class EndlessAnswer(BaseFault):
    """A part of the answer never ends: its bytes come with pauses.

    It goes on for as long as the client stays and the server lives; another fault does not lift it.
    Events are accepted where a status line that is 2xx is sent.

    Attributes:
        part: ``interim``: answers of status 100, one after the other. ``status line``: the words
            behind the status. ``headers``: a header. ``body``: content in chunks.
        pause_s: How long to wait between two pieces, in seconds.
        status: The HTTP status, from 200 to 599.

    Raises:
        ValueError: The part is unknown, the status is out of bounds, or the pause is negative.
    """

    part: EndlessPart
    pause_s: float = 0.1
    status: int = 200

    def __post_init__(self) -> None:
        _check_status(self.status)
        if self.part not in _PARTS:
            raise ValueError(f"part must be one of {', '.join(_PARTS)}: {self.part}")
        if self.pause_s < 0:
            raise ValueError(f"pause_s must not be negative: {self.pause_s}")


@dataclass(frozen=True, slots=True)
class RawAnswer(BaseFault):
    """These bytes as the answer, whatever they are.

    Events are accepted where `is_accepted` says so.

    Attributes:
        content: The bytes.
        end: What becomes of the connection then: it is closed in order, reset, or kept for the next
            request.
        is_accepted: Whether the events count as accepted.
    """

    content: bytes
    end: Literal["close", "reset", "keep"] = "close"
    is_accepted: bool = True


@dataclass(frozen=True, slots=True)
class EndAfterAnswer(BaseFault):
    """Healthy, and the connection ends after the answer, which did not announce that.

    Attributes:
        pause_s: How long the connection may be idle before it ends, in seconds.
        with_reset: Whether it ends with a reset (RST); else it is closed in order (FIN).
    """

    pause_s: float = 0.0
    with_reset: bool = False


@dataclass(frozen=True, slots=True)
class ByRequest(BaseFault):
    """Each request gets the fault that the function says.

    Attributes:
        choose: Called with each request that was read, whose `fault` is this one; in several
            threads at once. It must not close the server or its port. What it raises ends the
            connection, and is raised by that connection's thread.
    """

    choose: Callable[[Received], RequestFault]


RequestFault: TypeAlias = (
    Healthy
    | Status
    | TooManyEvents
    | ResetBeforeReading
    | ResetAfterReading
    | Hang
    | NeverRead
    | HalfAnswer
    | TruncatedStatusLine
    | AnswerLost
    | SlowDrip
    | EndlessAnswer
    | RawAnswer
    | EndAfterAnswer
    | ByRequest
)
"""What one request can meet."""

Fault: TypeAlias = RequestFault | Refused
"""What a server can be told."""


def _check_status(status: int) -> None:
    if status not in _STATUSES:
        raise ValueError(f"status must be from 200 to 599: {status}")
