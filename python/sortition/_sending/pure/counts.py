"""The ledger's numbers in plain Python."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, TypeAlias, final

from sortition._sending.ledger import TERMS, UNKNOWN_OUTCOME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Key: TypeAlias = "tuple[str, str, str]"
"""A term, a reason (empty if the term has none), and a kind."""
Change: TypeAlias = "tuple[Key, int]"

_MOST_CHANGES: Final = 1000
"""How many changes are kept before they are added up."""


@final
class Counts:
    """What became of every event, by number; see `sortition._sending.queue.Counts`.

    Every change is one item of a list, appended in one step. The first item is the sum of all that
    were before.

    Attributes:
        lock: Held while several changes belong together, and while they are read. It is never
            waited for by a call that takes an event.
        arrived: The kinds of events that a queue has accepted and no thread has looked at.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.arrived: Iterable[str] = ()
        self._changes: list[Sequence[Change]] = [()]
        self._is_adding_up = False

    def change(self, changes: Sequence[Change]) -> None:
        """Make several changes at once."""
        self._changes.append(changes)
        if len(self._changes) > _MOST_CHANGES:
            self._add_up()

    def begin(self, kinds: dict[str, int]) -> InFlight:
        """Count these as accepted and in flight."""
        return InFlight(self, kinds)

    def refuse(self, kind: str, reason: str, count: int = 1) -> None:
        """Events were not taken."""
        self.change(((("refused", reason, kind), count),))

    def leave_out(self, kind: str) -> None:
        """A value was left out of an event of this kind."""
        self.change(((("left_out", "", kind), 1),))

    def adopt(self, kinds: dict[str, int]) -> None:
        """Events were taken over from another process."""
        self.change([((term, "", kind), n) for kind, n in kinds.items() for term in _TAKEN_OVER])

    def drop_spooled(self, kinds: dict[str, int], reason: str) -> None:
        """Events that are in the spool alone are lost."""
        self.change(
            [
                change
                for kind, count in kinds.items()
                for change in dropped("spooled", kind, reason, count)
            ]
        )

    def repeat(self, kinds: dict[str, int]) -> None:
        """Events are sent again, and the server may have them already."""
        self.change([(("possibly_duplicated", "", kind), n) for kind, n in kinds.items()])

    def note_html(self, kinds: dict[str, int]) -> None:
        """The server answered with a web page to a request with these events."""
        self.change([(("answered_with_html", "", kind), n) for kind, n in kinds.items()])

    @property
    def has_untold(self) -> bool:
        """Whether there are losses or refusals that were not told yet."""
        return any(count for (term, _, _), count in self._known().items() if term == "untold")

    def take_untold(self) -> dict[str, int]:
        """How many events were lost or refused since this was last asked, by reason."""
        with self.lock:
            known = self._known()
            untold = {reason: n for (term, reason, _), n in known.items() if term == "untold" and n}
            self.change([(("untold", reason, ""), -n) for reason, n in untold.items()])
        return untold

    def is_at_rest(self) -> bool:
        """Whether nothing is queued or in flight."""
        return not self.total("queued") and not self.total("in_flight")

    def total(self, term: str) -> int:
        """How many events of all kinds a term counts."""
        return sum(self.terms()[term].values())

    def terms(self) -> dict[str, dict[str, int]]:
        """All terms at one instant."""
        with self.lock:
            known = self._known()
            for kind in list(self.arrived):
                for key in (("accepted", "", kind), ("queued", "", kind)):
                    known[key] = known.get(key, 0) + 1
        terms: dict[str, dict[str, int]] = {name: {} for name in TERMS}
        reasons: dict[str, dict[str, dict[str, int]]] = {"dropped": {}, "refused": {}}
        for (term, reason, kind), count in known.items():
            if count and term in terms:
                terms[term][kind] = count
            elif count and term in reasons:
                reasons[term].setdefault(reason, {})[kind] = count
        return {**terms, **reasons}  # type: ignore[dict-item]  # two terms are deeper

    def _known(self) -> dict[Key, int]:
        return _sum(list(self._changes))

    def _add_up(self) -> None:
        with self.lock:
            if self._is_adding_up:
                # A signal handler or a finalizer within these lines: whoever is at it goes on.
                return
            try:
                self._is_adding_up = True
                items = self._changes[: len(self._changes)]
                to_come: list[Sequence[Change]] = []
                whole: list[Sequence[Change]] = []
                for item in items:
                    is_open = isinstance(item, _ChangesOfCall) and item.is_open
                    (to_come if is_open else whole).append(item)
                # One step; what was appended meanwhile stays.
                self._changes[: len(items)] = [list(_sum(whole).items()), *to_come]
            finally:
                self._is_adding_up = False


class _ChangesOfCall(list["Change"]):
    """The changes of a call that sends: those of its beginning, and then those of its end."""

    def __init__(self, begun: list[Change]) -> None:
        super().__init__(begun)
        self._begun = len(begun)

    @property
    def is_open(self) -> bool:
        """Whether the end is still to come."""
        return len(self) == self._begun


@final
class InFlight:
    """Events that a call sends itself; see `sortition._sending.queue.InFlight`."""

    def __init__(self, counts: Counts, kinds: Mapping[str, int]) -> None:
        self._kinds = kinds
        self._changes = _ChangesOfCall(
            [((term, "", kind), n) for kind, n in kinds.items() for term in _BEGUN]
        )
        # From here on an interruption, too, leads to an end.
        counts.change(self._changes)

    def end(self, reason: str | None = None) -> None:
        """Count them as delivered, or as dropped; only the first end counts."""
        if self._changes.is_open:
            # One step, so that an interruption comes before it or after it.
            self._changes.extend(
                [
                    change
                    for kind, count in self._kinds.items()
                    for change in ended(kind, reason, count)
                ]
            )

    def __del__(self) -> None:
        # Where the beginning was interrupted, there is nothing to end.
        if hasattr(self, "_changes"):
            self.end(UNKNOWN_OUTCOME)


_BEGUN: Final = ("accepted", "in_flight")
_TAKEN_OVER: Final = ("adopted", "spooled")


def moved(source: str, target: str, kind: str, count: int = 1) -> tuple[Change, Change]:
    """Events go from one term to another."""
    return ((source, "", kind), -count), ((target, "", kind), count)


def dropped(source: str, kind: str, reason: str, count: int = 1) -> tuple[Change, Change, Change]:
    """Events are lost, and that is to be told."""
    return (
        ((source, "", kind), -count),
        (("dropped", reason, kind), count),
        (("untold", reason, ""), count),
    )


def ended(kind: str, reason: str | None, count: int) -> Sequence[Change]:
    """Events that a call sent have come to their end, which it tells itself."""
    if reason is None:
        return moved("in_flight", "delivered", kind, count)
    return dropped("in_flight", kind, reason, count)[:2]


def _sum(items: list[Sequence[Change]]) -> dict[Key, int]:
    known: dict[Key, int] = {}
    for changes in items:
        for key, count in changes:
            known[key] = known.get(key, 0) + count
    return known
