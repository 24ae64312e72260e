"""Launch options for batches: what each must be.

Source: VWO spec, section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition._base.errors import OptionError
from sortition._base.options import (
    callback,
    ensure_known,
    of_type,
    seconds_of_waiting,
    whole_number,
)
from sortition._sending import batched
from sortition._sending.batched import Batching
from sortition._sending.limits import limits_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME: Final = "batch_events"
_KNOWN: Final = ("events_per_request", "request_time_interval", "flush_callback")
_MOST_EVENTS_PER_REQUEST: Final = 5000


def batching_of(
    batch_events: object,
    request_timeout_s: float,
    close_timeout_s: float,
    ours: Mapping[str, object],
) -> Batching | None:
    """How events are batched; None where they are not.

    Args:
        batch_events: The platform's option.
        request_timeout_s: How long one request may take.
        close_timeout_s: How long the interpreter's exit waits.
        ours: The options that the platform does not have, by name.

    Raises:
        OptionError: An option cannot be used; the message names it.
    """
    # Checked also where they have no effect: a service may switch batches on later.
    limits = limits_of(ours)
    if batch_events is None:
        if "spool" in limits:
            raise OptionError("spool: needs batch_events; without, nothing waits to be sent")
        return None
    options = dict(of_type(_NAME, batch_events, dict, "a dict"))
    unknown = {f"{_NAME}.{name}": None for name in options if name not in _KNOWN}
    ensure_known(unknown, [f"{_NAME}.{name}" for name in _KNOWN])
    count = options.get("events_per_request")
    interval_s = options.get("request_time_interval")
    if count is None and interval_s is None:
        raise OptionError(f"{_NAME}: must have events_per_request or request_time_interval")
    events_per_request = batched.DEFAULT_EVENTS_PER_REQUEST
    if count is not None:
        name = f"{_NAME}.events_per_request"
        events_per_request = whole_number(name, count, most=_MOST_EVENTS_PER_REQUEST)
    return Batching(
        events_per_request=events_per_request,
        interval_s=(
            batched.DEFAULT_INTERVAL_S
            if interval_s is None
            else seconds_of_waiting(f"{_NAME}.request_time_interval", interval_s, least=1)
        ),
        request_timeout_s=request_timeout_s,
        close_timeout_s=close_timeout_s,
        flush_callback=callback(f"{_NAME}.flush_callback", options.get("flush_callback")),
        **limits,
    )
