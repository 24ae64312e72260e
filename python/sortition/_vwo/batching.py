"""Launch options for batches: what each must be.

Source: VWO spec, section 2; design, section 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from sortition._errors import OptionError, OptionTypeError
from sortition._options import ensure_known, kind, of_type
from sortition._sending import batched
from sortition._sending.batched import Batching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._sending.batched import OnUnknownOutcome

_NAME: Final = "batch_events"
_KNOWN: Final = ("events_per_request", "request_time_interval", "flush_callback")
_MOST_EVENTS_PER_REQUEST: Final = 5000
_LONGEST_S: Final = 7 * 86_400.0
_MOST: Final = 2**40


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
    limits = _limits({name: value for name, value in ours.items() if value is not None})
    if batch_events is None:
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
            else _seconds(f"{_NAME}.request_time_interval", interval_s, least=1)
        ),
        request_timeout_s=request_timeout_s,
        close_timeout_s=close_timeout_s,
        flush_callback=callback(f"{_NAME}.flush_callback", options.get("flush_callback")),
        **limits,
    )


def whole_number(name: str, value: object, *, most: int) -> int:
    """A whole number of at least 1.

    Raises:
        OptionError: It is something else.
    """
    number = of_type(name, value, int, "a whole number")
    if not 1 <= number <= most:
        raise OptionError(f"{name}: must be from 1 to {most}")
    return number


def _limits(given: Mapping[str, object]) -> dict[str, Any]:
    limits: dict[str, Any] = {
        name: whole_number(name, given[name], most=_MOST)
        for name in ("request_bytes", "queue_events", "queue_bytes")
        if name in given
    }
    if "retry_for_s" in given:
        limits["retry_for_s"] = _seconds("retry_for_s", given["retry_for_s"], least=0)
    if "on_unknown_outcome" in given:
        choice = of_type("on_unknown_outcome", given["on_unknown_outcome"], str, "a string")
        if choice not in ("resend", "drop"):
            raise OptionError("on_unknown_outcome: must be one of drop, resend")
        limits["on_unknown_outcome"] = cast("OnUnknownOutcome", choice)
    if "on_drop" in given:
        limits["on_drop"] = callback("on_drop", given["on_drop"])
    return limits


def _seconds(name: str, value: object, *, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OptionTypeError(f"{name}: must be a number of seconds, got {kind(value)}")
    # Also false for what is no number.
    if not least <= value <= _LONGEST_S:
        raise OptionError(f"{name}: must be from {least:g} to {_LONGEST_S:g} seconds")
    return float(value)


def callback(name: str, value: object) -> Any:
    """Something that can be called, or None.

    Raises:
        OptionTypeError: It is something else.
    """
    if value is not None and not callable(value):
        raise OptionTypeError(f"{name}: must be callable, got {kind(value)}")
    return value
