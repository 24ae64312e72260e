"""The options of sending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._sending.spool.options import SpoolOptions

OnUnknownOutcome: TypeAlias = Literal["resend", "drop"]
"""The handling of events that the server may or may not have received."""

DEFAULT_EVENTS_PER_REQUEST: Final = 100
DEFAULT_INTERVAL_S: Final = 600.0
DEFAULT_REQUEST_BYTES: Final = 1024 * 1024
DEFAULT_QUEUE_EVENTS: Final = 100_000
DEFAULT_QUEUE_BYTES: Final = 64 * 1024 * 1024
DEFAULT_RETRY_FOR_S: Final = 3600.0
DEFAULT_CLOSE_TIMEOUT_S: Final = 5.0
DEFAULT_REQUESTS_AT_ONCE: Final = 16
"""How many requests may be under way at once if each event is one request."""


@dataclass(frozen=True, slots=True)
class Batching:
    """The options of sending.

    Attributes:
        events_per_request: The number of waiting events that makes a batch; no request has more.
        interval_s: The longest time that an event waits before it is sent for the first time.
        request_bytes: The most bytes of events in one request.
        queue_events: How many events may wait.
        queue_bytes: How many bytes of events may wait.
        request_timeout_s: How long one request may take.
        retry_for_s: How long an event is retried.
        close_timeout_s: How long the interpreter's exit waits for the remaining events.
        on_unknown_outcome: What to do with events that the server may have received.
        flush_callback: Called for every request with a known outcome, with the error or None, and
            its events.
        on_drop: Called for lost and refused events, with the reason and their number.
        spool: Where to keep events in files; None to keep them in memory only.
    """

    events_per_request: int = DEFAULT_EVENTS_PER_REQUEST
    interval_s: float = DEFAULT_INTERVAL_S
    request_bytes: int = DEFAULT_REQUEST_BYTES
    queue_events: int = DEFAULT_QUEUE_EVENTS
    queue_bytes: int = DEFAULT_QUEUE_BYTES
    request_timeout_s: float = 5.0
    retry_for_s: float = DEFAULT_RETRY_FOR_S
    close_timeout_s: float = DEFAULT_CLOSE_TIMEOUT_S
    on_unknown_outcome: OnUnknownOutcome = "resend"
    flush_callback: Callable[[Exception | None, list[object]], object] | None = None
    on_drop: Callable[[str, int], object] | None = None
    spool: SpoolOptions | None = None
