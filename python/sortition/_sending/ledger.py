"""The ledger: what became of every event, by number.

No term is computed from others, and all of them change under one lock, so that the equation holds
at every instant:

    accepted + adopted = delivered + queued + in_flight + spooled + dropped
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._core import Inbox

Waiting: TypeAlias = Literal["queued", "in_flight", "spooled"]
"""Where an event is before it is known what became of it."""

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
        storage_findings: What was wrong with what the user storage did, by name, and how often:
            ``raised``, ``async``, ``bytes``, ``json_text``, ``wrong_type``, ``snake_case``,
            ``no_campaign``, ``other_campaign``, ``other_user``, ``no_variation``, ``no_profile``.
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
    storage_findings: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The same for a JSON answer or a metrics exporter."""
        return asdict(self)

    answered_with_html: Kinds = field(default_factory=dict)


class Ledger:
    """Counts events; every change is whole, so that no reader sees half of one.

    Attributes:
        lock: Guards the ledger, and whatever must change together with it. No input or output
            happens under it.
        inbox: What takes events beside the queue, until the queue gathers them; None where nothing
            does.
    """

    def __init__(self) -> None:
        # Reentrant: a signal handler or a finalizer may run within any of our lines.
        self.lock = threading.RLock()
        self.inbox: Inbox | None = None
        # Not counters, whose every change is a call of Python's.
        self._terms: dict[str, dict[str, int]] = {
            name: {}
            for name in (
                *("accepted", "adopted", "delivered", "queued", "in_flight", "spooled"),
                *("possibly_duplicated", "left_out", "answered_with_html"),
            )
        }
        self._accepted = self._terms["accepted"]
        self._queued = self._terms["queued"]
        self._dropped: dict[str, dict[str, int]] = {}
        self._refused: dict[str, dict[str, int]] = {}

    @property
    def of_the_queue(self) -> tuple[dict[str, int], dict[str, int]]:
        """The numbers that an event changes which is taken to wait: `accepted` and `queued`."""
        return self._accepted, self._queued

    def queue(self, kind: str) -> None:
        """One event was taken, to wait in a queue; to be called under the lock.

        This is on the path of every call.
        """
        accepted, queued = self._accepted, self._queued
        accepted[kind] = accepted.get(kind, 0) + 1
        queued[kind] = queued.get(kind, 0) + 1

    def accept(self, kinds: Kinds, into: Waiting) -> None:
        """Events were taken."""
        with self.lock:
            _add(self._accepted, kinds)
            _add(self._terms[into], kinds)

    def adopt(self, kinds: Kinds) -> None:
        """Events were taken over from a process that died."""
        with self.lock:
            _add(self._terms["adopted"], kinds)
            _add(self._terms["spooled"], kinds)

    def refuse(self, kind: str, reason: str, count: int = 1) -> None:
        """Events were not taken."""
        with self.lock:
            _add(self._refused.setdefault(reason, {}), {kind: count})

    def move(self, kinds: Kinds, source: Waiting, target: Waiting | Literal["delivered"]) -> None:
        """Events went on."""
        with self.lock:
            _subtract(self._terms[source], kinds)
            _add(self._terms[target], kinds)

    def drop(self, kinds: Kinds, source: Waiting, reason: str) -> None:
        """Events were lost."""
        with self.lock:
            _subtract(self._terms[source], kinds)
            _add(self._dropped.setdefault(reason, {}), kinds)

    def repeat(self, kinds: Kinds) -> None:
        """Events are sent again, and the server may have them already."""
        with self.lock:
            _add(self._terms["possibly_duplicated"], kinds)

    def note_html(self, kinds: Kinds) -> None:
        """The server answered with a web page to the request of events that it took."""
        with self.lock:
            _add(self._terms["answered_with_html"], kinds)

    def leave_out(self, kind: str) -> None:
        """A value was left out of an event of this kind."""
        with self.lock:
            _add(self._terms["left_out"], {kind: 1})

    def is_at_rest(self) -> bool:
        """Whether nothing is queued or on its way."""
        with self.lock:
            terms = self._known()
            return not any(terms["queued"].values()) and not any(terms["in_flight"].values())

    def stats(self) -> Stats:
        """All terms at one instant."""
        with self.lock:
            return Stats(
                **{name: _shown(counts) for name, counts in self._known().items()},
                dropped={reason: _shown(counts) for reason, counts in self._dropped.items()},
                refused={reason: _shown(counts) for reason, counts in self._refused.items()},
            )

    def _known(self) -> dict[str, dict[str, int]]:
        """All terms with what the queue has not gathered yet; to be called under the lock."""
        taken = {} if self.inbox is None else self.inbox.kinds()
        if not taken:
            return self._terms
        accepted, queued = dict(self._accepted), dict(self._queued)
        _add(accepted, taken)
        _add(queued, taken)
        return {**self._terms, "accepted": accepted, "queued": queued}


def _add(counts: dict[str, int], kinds: Kinds) -> None:
    for kind, count in kinds.items():
        counts[kind] = counts.get(kind, 0) + count


def _subtract(counts: dict[str, int], kinds: Kinds) -> None:
    for kind, count in kinds.items():
        counts[kind] = counts.get(kind, 0) - count


def _shown(counts: Kinds) -> Kinds:
    return {kind: count for kind, count in counts.items() if count}
