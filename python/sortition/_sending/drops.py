"""Reports lost and refused events to the log and to the caller's ``on_drop``."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias

from sortition._base.clock import now_s
from sortition._base.repeating import MISTAKE_PAUSE_S, Pause
from sortition._sending.ledger import QUEUE_FULL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sortition._base.log import Log
    from sortition._sending.ledger import Ledger
    from sortition._sending.queue import Counts

    OnDrop: TypeAlias = Callable[[str, int], object]

_INTERVAL_S: Final = 1.0


class Drops:
    """Reports the losses and refusals that the ledger has noted.

    Calls the caller at most once a second. Logs at once, then every ten minutes, and at the end;
    the logged numbers add up to all losses.

    Attributes:
        tells_from: When the next report is allowed, by the clock of ages.
    """

    def __init__(self, counts: Counts, log: Log, on_drop: OnDrop | None) -> None:
        self.tells_from = 0.0
        self._counts = counts
        self._lock = threading.RLock()
        self._log = log
        self._on_drop = on_drop
        self._unlogged: Counter[str] = Counter()
        self._pauses = _LogPauses(log)

    @property
    def are_untold(self) -> bool:
        """Whether there is something to report, now or later."""
        return self._counts.has_untold

    def due_in_s(self) -> float | None:
        """The seconds until the next report; None if there is nothing to report."""
        return max(0.0, self.tells_from - now_s()) if self._counts.has_untold else None

    def tell(self, *, is_ending: bool) -> None:
        """Report what was not reported yet.

        Args:
            is_ending: Whether there may be no later time to log anything.
        """
        now = now_s()
        with self._lock:
            untold = self._counts.take_untold()
            self.tells_from = now + _INTERVAL_S
            self._unlogged.update(untold)
            logged = {
                reason: self._unlogged.pop(reason)
                for reason in list(self._unlogged)
                if self._pauses.try_begin(reason) or is_ending
            }
        for reason, count in logged.items():
            self._log.error("%s", _words(reason, count))
        for reason, count in untold.items():
            call_back(self._log, self._on_drop, reason, count)


class CallDrops:
    """Logs the losses and refusals of events that are sent within calls.

    A loss is logged at once, and then every ten minutes with all that came since; what is left has
    its line at the end. What was logged is compared with the ledger, so that the lines add up to
    its numbers, also where a signal handler interrupted a call before it could log its loss.

    Args:
        ledger: The ledger; every event that it counts as dropped is one of a call.
        log: The client's log.
    """

    def __init__(self, ledger: Ledger, log: Log) -> None:
        self._ledger = ledger
        self._log = log
        self._lock = threading.RLock()
        self._logged: Counter[str] = Counter()
        self._pauses = _LogPauses(log)

    def note(self, reason: str) -> None:
        """An event was lost or refused; log it where none was logged lately for this reason."""
        if self._pauses.try_begin(reason):
            self._log_rest([reason])

    def log_rest(self) -> None:
        """Log every loss and refusal that was not logged yet."""
        self._log_rest(self._lost())

    def _log_rest(self, lost_for: Iterable[str]) -> None:
        lost = self._lost()
        for reason in lost_for:
            with self._lock:
                total = lost.get(reason, 0)
                count = total - self._logged[reason]
                self._logged[reason] = max(total, self._logged[reason])
            if count > 0:
                self._log.error("%s", _words(reason, count))

    def _lost(self) -> dict[str, int]:
        """The number of events that were lost, or refused for lack of room, by reason."""
        stats = self._ledger.stats()
        lost = {reason: sum(kinds.values()) for reason, kinds in stats.dropped.items()}
        if QUEUE_FULL in stats.refused:
            lost[QUEUE_FULL] = sum(stats.refused[QUEUE_FULL].values())
        return lost


class _LogPauses:
    """Says for each reason whether to log a loss now."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._pauses: dict[str, Pause] = {}

    def try_begin(self, reason: str) -> bool:
        if not self._log.takes(logging.ERROR):
            return False
        pause = self._pauses.setdefault(reason, Pause(MISTAKE_PAUSE_S))
        return pause.try_begin(has_handler=self._log.has_handler)


def _words(reason: str, count: int) -> str:
    events = "event was" if count == 1 else "events were"
    # An event for which the queue has no room was never accepted.
    became = "refused" if reason == QUEUE_FULL else "lost"
    return f"{count} {events} {became}: {reason.replace('_', ' ')}"


def call_back(log: Log, on_drop: OnDrop | None, reason: str, count: int) -> None:
    """Call the caller's ``on_drop``, with no lock held: the caller's code may do anything."""
    if on_drop is None:
        return
    try:
        on_drop(reason, count)
    except (Exception, SystemExit) as raised:  # noqa: BLE001 -- the caller's code may do anything
        # Ctrl-C and what ends a greenlet are for the caller.
        log.exception_of("on_drop", raised)
