"""The faults of a `FaultServer`.

Some faults happen before a request is read, some replace its answer, and one closes the port. An
event counts as accepted if it was answered with a 2xx status, and under `AnswerLost`.
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
    """No fault: status 200, or 400 if the events are not readable."""


@dataclass(frozen=True, slots=True)
class Status(BaseFault):
    """An answer with this status. Events are accepted if it is 2xx.

    Attributes:
        status: The HTTP status, from 200 to 599.
        retry_after: The Retry-After header: seconds, a datetime with a time zone, which is sent as
            an HTTP date, or any text. None: no such header.
        headers: Further headers.
        body: The content; left out for a status without content.

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
        """The headers, including Retry-After if given."""
        retry_after = self.retry_after
        if retry_after is None:
            return dict(self.headers)
        if isinstance(retry_after, datetime):
            # An HTTP date is always in GMT.
            retry_after = format_datetime(retry_after.astimezone(UTC), usegmt=True)
        return {**self.headers, "Retry-After": str(retry_after)}


@dataclass(frozen=True, slots=True)
class TooManyEvents(BaseFault):
    """Status 413 for a request with more events, so that the client halves batches; else healthy.

    Attributes:
        most: The most events that are accepted in one request.
    """

    most: int


@dataclass(frozen=True, slots=True)
class ResetBeforeReading(BaseFault):
    """The connection is reset (RST) as soon as a request begins, before it is read."""


@dataclass(frozen=True, slots=True)
class ResetAfterReading(BaseFault):
    """The connection is reset (RST) after the request was read. Nothing is accepted."""


@dataclass(frozen=True, slots=True)
class Hang(BaseFault):
    """The request is read and not answered until the fault is lifted or the server is closed.

    Setting another fault or script lifts it and answers the request. If the client has left in the
    meantime, the request is neither answered nor accepted.
    """


@dataclass(frozen=True, slots=True)
class NeverRead(BaseFault):
    """The connection is accepted and nothing is read from it, until the fault is lifted.

    As with `Hang`, the next fault or script answers the request.
    """


@dataclass(frozen=True, slots=True)
class Refused(BaseFault):
    """The port is closed, and every connection with it. The next fault opens it again."""


@dataclass(frozen=True, slots=True)
class HalfAnswer(BaseFault):
    """The answer promises more content than it sends before the connection ends.

    Events are accepted if the status is 2xx, because the status line was sent.

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
    """The answer is sent one byte at a time. Events are accepted at its first byte if it is 2xx.

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
    """A part of the answer never ends; its pieces are sent with pauses.

    It continues until the client leaves or the server is closed; another fault does not lift it.
    Events are accepted if a 2xx status line is sent.

    Attributes:
        part: ``interim``: answers with status 100, one after the other. ``status line``: the text
            after the status. ``headers``: a header. ``body``: content in chunks.
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
    """These bytes as the answer.

    Events are accepted if `is_accepted` is true.

    Attributes:
        content: The bytes.
        end: What happens to the connection afterwards: it is closed in order, reset, or kept for
            the next request.
        is_accepted: Whether the events count as accepted.
    """

    content: bytes
    end: Literal["close", "reset", "keep"] = "close"
    is_accepted: bool = True


@dataclass(frozen=True, slots=True)
class EndAfterAnswer(BaseFault):
    """Healthy, but the connection ends after the answer without notice.

    Attributes:
        pause_s: How long the connection may be idle before it ends, in seconds.
        with_reset: Whether it ends with a reset (RST); else it is closed in order (FIN).
    """

    pause_s: float = 0.0
    with_reset: bool = False


@dataclass(frozen=True, slots=True)
class ByRequest(BaseFault):
    """Each request gets the fault that the function returns.

    Attributes:
        choose: Called with each request after it was read, from several threads at once. It must
            not close the server or its port. An exception ends the connection and is raised in
            that connection's thread.
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
"""A fault for one request."""

Fault: TypeAlias = RequestFault | Refused
"""A fault for a server."""


def _check_status(status: int) -> None:
    if status not in _STATUSES:
        raise ValueError(f"status must be from 200 to 599: {status}")
