"""Notices that most calls are refused, and why: a renamed goal loses every conversion."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sortition._base.clock import now_s
from sortition._process.forks import PerProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._client.delivery import Delivery

_WINDOW_S: Final = 60.0


class Refusals:
    """The refusals of the last minute that are mistakes, compared with accepted events.

    Safe to use from any number of threads: a race may lose one count.
    """

    def __init__(self) -> None:
        self._since = 0.0
        self._accepted_before = 0
        self._counts: Counter[str] = Counter()

    def note(self, reason: str, accepted: Callable[[], int]) -> None:
        """Note that a call was refused.

        Args:
            reason: The reason.
            accepted: Counts the events that were accepted so far. It adds up the whole ledger, so
                only the first refusal of a minute calls it.
        """
        now = now_s()
        if now - self._since > _WINDOW_S:
            self._since, self._accepted_before, self._counts = now, accepted(), Counter()
        self._counts[reason] += 1

    def most(self, accepted: int) -> str | None:
        """The reason why more than half of the calls were refused; None if fewer were.

        Args:
            accepted: How many events were accepted so far.
        """
        if now_s() - self._since > _WINDOW_S or not self._counts:
            return None
        counts = self._counts
        reason, count = counts.most_common(1)[0]
        calls = counts.total() + accepted - self._accepted_before
        return reason if 2 * count > calls else None


class ClientRefusals:
    """The refusals of one client, which each process counts for itself.

    It does not refer to the client, so a client that nobody closes is freed at once.
    """

    def __init__(self, delivery: Delivery) -> None:
        """Compare refusals with the events that this delivery accepts."""
        self._delivery = delivery
        self._refusals = PerProcess(Refusals)

    def note(self, reason: str) -> None:
        """Note that a call was refused because of a mistake."""
        self._refusals.get().note(reason, self._accepted)

    def most(self) -> str | None:
        """Why most calls of the last minute were refused; None if most were not."""
        return self._refusals.get().most(self._accepted())

    def _accepted(self) -> int:
        """How many events were accepted so far."""
        return sum(self._delivery.ledger.stats().accepted.values())
