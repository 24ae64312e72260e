"""The launch option ``batch_events``.

Source: VWO spec, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sortition._base.errors import OptionError
from sortition._base.options import ensure_known, of_type
from sortition._client.checks import WEEK_S, Callback, Seconds, WholeNumber
from sortition._sending import options as defaults

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._client.checks import Check

_CHECKS: Final[dict[str, Check]] = {
    "events_per_request": WholeNumber(5000),
    "request_time_interval": Seconds(1, WEEK_S),
    "flush_callback": Callback(),
}


@dataclass(frozen=True, slots=True)
class BatchEvents:
    """When to send a batch, and whom to notify.

    Attributes:
        events_per_request: The number of waiting events that makes a batch; no request has more.
        interval_s: The longest time that an event waits before it is sent for the first time.
        flush_callback: Called for every batch with a known outcome.
    """

    events_per_request: int = defaults.DEFAULT_EVENTS_PER_REQUEST
    interval_s: float = defaults.DEFAULT_INTERVAL_S
    flush_callback: Callable[[Exception | None, list[Any]], object] | None = None


@dataclass(frozen=True, slots=True)
class BatchEventsCheck:
    """Reads the option ``batch_events``."""

    allowed: str = ""

    def __call__(self, name: str, value: object) -> BatchEvents:
        """See `sortition._client.checks.Check`."""
        given = dict(of_type(name, value, dict, "a dict"))
        ensure_known([f"{name}.{one}" for one in given], [f"{name}.{one}" for one in _CHECKS])
        found = {
            one: _CHECKS[one](f"{name}.{one}", value)
            for one, value in given.items()
            if value is not None
        }
        if "request_time_interval" in found:
            found["interval_s"] = found.pop("request_time_interval")
        if not found.keys() & {"events_per_request", "interval_s"}:
            raise OptionError(f"{name}: must have events_per_request or request_time_interval")
        return BatchEvents(**found)
