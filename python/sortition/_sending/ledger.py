"""The ledger counts what happened to every event.

Every change is one step, so the equation holds at every instant:

    accepted + adopted = delivered + queued + in_flight + spooled + dropped
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._sending.queue import Counts

Kinds: TypeAlias = "Mapping[str, int]"
"""The number of events of each kind."""

VISITOR: Final = "visitor"
"""The kind of event that counts a user as a visitor of a campaign or experiment."""
CONVERSION: Final = "conversion"
"""The kind of event that credits a goal."""
PUSH: Final = "push"
"""The kind of event with a value of a custom dimension."""

QUEUE_FULL: Final = "queue_full"
"""Refused: the queue is full, by events or by bytes."""
TOO_LARGE: Final = "too_large"
"""Refused or dropped: the event alone is larger than a batch may be."""
CLOSED: Final = "closed"
"""Refused after `close`; dropped if `close` or the exit could not deliver it in time."""
NO_SETTINGS: Final = "no_settings"
"""Refused: the client was launched without settings and has none yet."""
OPTED_OUT: Final = "opted_out"
"""Refused after ``set_opt_out``."""
ARGUMENT: Final = "argument"
"""Refused: an argument of the call was invalid."""
UNKNOWN_GOAL: Final = "unknown_goal"
"""Refused: no campaign has the goal. The engine names the other reasons."""
REJECTED: Final = "rejected"
"""Dropped: the server refused it, for example with 400."""
UNKNOWN_OUTCOME: Final = "unknown_outcome"
"""Dropped: the server may have received it, and it must not be sent twice."""
NOT_SENT: Final = "not_sent"
"""Dropped: it could not be sent, and this way of sending does not retry."""
RETRIES_ENDED: Final = "retries_ended"
"""Dropped: the time for retries was over."""
FAULT: Final = "fault"
"""Dropped: a bug in the code that sends."""
DAMAGED: Final = "damaged"
"""Dropped: its record in the spool is damaged."""
TOO_OLD: Final = "too_old"
"""Dropped: it was taken over from a process that ended, and was too old."""


TERMS: Final = (
    *("accepted", "adopted", "delivered", "queued", "in_flight", "spooled"),
    *("possibly_duplicated", "left_out", "answered_with_html"),
)
"""The terms that are counted by kind only."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What happened to a client's events in this process; each term by kind of event.

    The kinds are ``visitor``, ``conversion`` and ``push``, and ``unreadable`` for damaged records
    of a spool. At every instant and for each kind, ``accepted + adopted`` equals ``delivered +
    queued + in_flight + spooled`` plus all of ``dropped``.

    Attributes:
        accepted: Accepted by a call.
        adopted: Taken over from the spool of a process that ended; see `sortition.vwo.launch`.
        delivered: Accepted by the server.
        queued: Waiting to be sent.
        in_flight: Being sent or retried; the outcome is not known yet.
        spooled: Waiting in the spool only: taken over and not yet in the queue, or left to the next
            process. Events that also wait in memory are `queued` or `in_flight`.
        dropped: Lost, by reason.
        refused: Never accepted, by reason.
        possibly_duplicated: Sent again after an attempt with an unknown outcome; counted each time.
        answered_with_html: The part of `delivered` whose request was answered with a web page, such
            as a login page or one of a proxy. The platform may not have them.
        left_out: Values of attributes or properties that JSON cannot represent and that were left
            out of their events; by kind of event.
        not_activated: PageSense: conversions of users whom this process did not activate and the
            user storage does not know. They are sent.
        storage_findings: How often the user storage had each fault, by name:
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

    @classmethod
    def empty(cls) -> Self:
        """The numbers of a client that accepted nothing."""
        return cls({}, {}, {}, {}, {}, {}, {}, {}, {}, {})

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for a JSON answer or a metrics exporter."""
        return asdict(self)


class Ledger:
    """Counts every event; every change is one step, so that no reader sees half of one.

    Attributes:
        counts: The numbers.
    """

    def __init__(self, counts: Counts) -> None:
        self.counts = counts

    def refuse(self, kind: str, reason: str) -> None:
        """Count a refused event."""
        self.counts.refuse(kind, reason)

    def leave_out(self, kind: str) -> None:
        """Count a value that was left out of an event of this kind."""
        self.counts.leave_out(kind)

    def stats(self) -> Stats:
        """All terms at one instant."""
        return Stats(**self.counts.terms())  # type: ignore[arg-type]  # two terms are deeper
