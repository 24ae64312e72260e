"""The ledger: what became of every event, by number.

Every change is one step, so that the equation holds at every instant:

    accepted + adopted = delivered + queued + in_flight + spooled + dropped
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._sending.queue import Counts

Kinds: TypeAlias = "Mapping[str, int]"
"""How many events of each kind."""

VISITOR: Final = "visitor"
"""The kind of event that counts a user as a visitor of a campaign or experiment."""
CONVERSION: Final = "conversion"
"""The kind of event that credits a goal."""
PUSH: Final = "push"
"""The kind of event that tells a value of a custom dimension."""

QUEUE_FULL: Final = "queue_full"
"""Refused: the queue holds as many events, or as many bytes, as it may."""
TOO_LARGE: Final = "too_large"
"""Refused or dropped: the event alone is larger than a batch may be."""
CLOSED: Final = "closed"
"""Refused after `close`; dropped where `close` or the exit could not deliver in time."""
NO_SETTINGS: Final = "no_settings"
"""Refused: the client was started without settings, and none have come yet."""
OPTED_OUT: Final = "opted_out"
"""Refused after ``set_opt_out``."""
ARGUMENT: Final = "argument"
"""Refused: an argument of the call was bad."""
UNKNOWN_GOAL: Final = "unknown_goal"
"""Refused: no campaign has the goal. The engine names the other reasons of its decisions."""
REJECTED: Final = "rejected"
"""Dropped: the server answered that it does not want it, such as with 400 or 401."""
UNKNOWN_OUTCOME: Final = "unknown_outcome"
"""Dropped: nobody knows whether the server has it, and it is not to be sent twice."""
NOT_SENT: Final = "not_sent"
"""Dropped: it could not be sent, and this way of sending does not try again."""
RETRIES_ENDED: Final = "retries_ended"
"""Dropped: it was sent again and again for as long as it may be."""
FAULT: Final = "fault"
"""Dropped: a fault in the code that sends."""
DAMAGED: Final = "damaged"
"""Dropped: its record in the spool cannot be read any more."""
TOO_OLD: Final = "too_old"
"""Dropped: it was taken over from a process that ended, and had waited for too long."""


TERMS: Final = (
    *("accepted", "adopted", "delivered", "queued", "in_flight", "spooled"),
    *("possibly_duplicated", "left_out", "answered_with_html"),
)
"""The terms that are counted by kind alone."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What became of a client's events in this process; each term by kind of event.

    The kinds are ``visitor``, ``conversion`` and ``push``, and ``unreadable`` for what was damaged
    in a spool. At every instant, for each kind, ``accepted + adopted`` equals
    ``delivered + queued + in_flight + spooled`` and all of ``dropped`` together.

    Attributes:
        accepted: Taken by a call.
        adopted: Taken over from the spool of a process that died; see `sortition.vwo.launch`.
        delivered: Accepted by the server.
        queued: Waiting to be sent.
        in_flight: Sent, or to be sent again, without a known end.
        spooled: Waiting in the spool alone: taken over and not yet to be sent, or left to whoever
            comes next. What waits in memory too is `queued` or `in_flight`.
        dropped: Lost, by reason.
        refused: Never taken, by reason.
        possibly_duplicated: Sent again after an attempt whose outcome nobody knows; once for each
            time.
        answered_with_html: Of `delivered`: those whose request was answered with a web page, as a
            login page or a proxy sends; whether the platform has them is not known.
        left_out: Values of attributes or properties that JSON cannot carry, and without which
            their events were made; by kind of event.
        not_activated: PageSense: conversions of users whom this process did not activate and the
            user storage does not know. They are sent.
        storage_findings: What was wrong with what the user storage did, by name, and how often:
            ``raised``, ``async``, ``bytes``, ``json_text``, ``wrong_type``, ``snake_case``,
            ``no_campaign``, ``other_campaign``, ``other_user``, ``no_variation``, ``no_profile``,
            ``slow``, ``skipped``.
    """

    accepted: Kinds
    adopted: Kinds
    delivered: Kinds
    queued: Kinds
    in_flight: Kinds
    spooled: Kinds
    dropped: Mapping[str, Kinds]
    refused: Mapping[str, Kinds]
    possibly_duplicated: Kinds
    left_out: Kinds
    not_activated: Kinds = field(default_factory=dict)
    storage_findings: Mapping[str, int] = field(default_factory=dict)
    answered_with_html: Kinds = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The same for a JSON answer or a metrics exporter."""
        return asdict(self)


class Ledger:
    """What became of every event; every change is whole, so that no reader sees half of one.

    Attributes:
        counts: The numbers.
    """

    def __init__(self, counts: Counts) -> None:
        self.counts = counts

    def refuse(self, kind: str, reason: str) -> None:
        """An event was not taken."""
        self.counts.refuse(kind, reason)

    def leave_out(self, kind: str) -> None:
        """A value was left out of an event of this kind."""
        self.counts.leave_out(kind)

    def stats(self) -> Stats:
        """All terms at one instant."""
        return Stats(**self.counts.terms())  # type: ignore[arg-type]  # two terms are deeper
