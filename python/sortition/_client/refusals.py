"""Whether most calls are refused, and why: a renamed goal loses every conversion."""

from __future__ import annotations

from collections import Counter
from typing import Final

from sortition._base.clock import now_s

_WINDOW_S: Final = 60.0


class Refusals:
    """The refusals of the last minute that are somebody's mistake, beside the events accepted.

    Safe to use from any number of threads: what is lost where two come at once is one count.
    """

    def __init__(self) -> None:
        self._since = 0.0
        self._accepted_before = 0
        self._counts: Counter[str] = Counter()

    def note(self, reason: str, accepted: int) -> None:
        """A call was refused.

        Args:
            reason: Why.
            accepted: How many events were accepted so far.
        """
        now = now_s()
        if now - self._since > _WINDOW_S:
            self._since, self._accepted_before, self._counts = now, accepted, Counter()
        self._counts[reason] += 1

    def most(self, accepted: int) -> str | None:
        """The reason for which more than half of the calls were refused; None where less were.

        Args:
            accepted: How many events were accepted so far.
        """
        if now_s() - self._since > _WINDOW_S or not self._counts:
            return None
        counts = self._counts
        reason, count = counts.most_common(1)[0]
        calls = counts.total() + accepted - self._accepted_before
        return reason if 2 * count > calls else None
