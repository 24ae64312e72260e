"""Launch options of every client that sends from a queue: what each must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sortition._base.options import callback, choice, seconds_of_waiting, whole_number
from sortition._sending.spool.options import spool_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST: Final = 2**40


def limits_of(options: Mapping[str, object]) -> dict[str, Any]:
    """The attributes of `Batching` that these options give, by name; one that is None gives none.

    Raises:
        OptionError: An option cannot be used; the message names it.
    """
    given = {name: value for name, value in options.items() if value is not None}
    limits: dict[str, Any] = {
        name: whole_number(name, given[name], most=_MOST)
        for name in ("request_bytes", "queue_events", "queue_bytes")
        if name in given
    }
    if "retry_for_s" in given:
        limits["retry_for_s"] = seconds_of_waiting("retry_for_s", given["retry_for_s"], least=0)
    if "on_unknown_outcome" in given:
        name = "on_unknown_outcome"
        limits[name] = choice(name, given[name], ("drop", "resend"))
    if "on_drop" in given:
        limits["on_drop"] = callback("on_drop", given["on_drop"])
    spool = spool_of(given)
    if spool is not None:
        limits["spool"] = spool
    return limits
