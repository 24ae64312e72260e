"""Limits how often a repeated message is logged."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from sortition._base.clock import now_s

if TYPE_CHECKING:
    from collections.abc import Hashable

MISTAKE_PAUSE_S: Final = 600.0
"""How long a logged mistake is only counted."""
OUTAGE_PAUSE_S: Final = 60.0
"""How long a further failure of a server or a disk is not logged."""
_MOST_ALIKE: Final = 100
"""How many different mistakes of one kind are logged."""


class Pause:
    """The time after a message in which it is not logged again.

    Takes no lock: if several threads ask at the same instant, more than one may log.

    Args:
        length_s: Its length, in seconds.
    """

    __slots__ = ("_had_handler", "_length_s", "_until")

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._until = 0.0
        self._had_handler = False

    def is_over(self, *, has_handler: bool = True) -> bool:
        """Whether the message may be logged now; True if it was never logged.

        Args:
            has_handler: Whether the program has configured logging. A message that was logged
                before that may be logged again at once.
        """
        return now_s() >= self._until or (has_handler and not self._had_handler)

    def begin(self, *, has_handler: bool = True) -> None:
        """Note that the message is being logged."""
        self._until = now_s() + self._length_s
        self._had_handler = has_handler

    def try_begin(self, *, has_handler: bool = True) -> bool:
        """Start the pause if it is over; return whether to log the message."""
        if not self.is_over(has_handler=has_handler):
            return False
        self.begin(has_handler=has_handler)
        return True


class _Mistake:
    """How often a mistake happened, and when it was logged."""

    __slots__ = ("_logged", "_times", "pause")

    def __init__(self) -> None:
        self.pause = Pause(MISTAKE_PAUSE_S)
        # Counting with it is one step that no other thread can interrupt.
        self._times = itertools.count(1)
        self._logged = 0

    def happen(self, *, has_handler: bool) -> int | None:
        """Count it.

        Returns:
            The number of times since it was last logged, 0 if it was never logged; None if it is
            not to be logged now.
        """
        times = next(self._times)
        if not self.pause.try_begin(has_handler=has_handler):
            return None
        logged, self._logged = self._logged, times
        return times - logged if logged else 0


class _Kind:
    """Mistakes of one kind."""

    __slots__ = ("_mistakes", "_rest")

    def __init__(self) -> None:
        self._mistakes: dict[Hashable, _Mistake] = {}
        self._rest = _Mistake()

    def find(self, about: Hashable) -> tuple[_Mistake, bool]:
        """The mistake, and whether it is counted on its own."""
        mistake = self._mistakes.get(about)
        if mistake is None:
            if len(self._mistakes) >= _MOST_ALIKE and self._rest.pause.is_over():
                self._forget()
            if len(self._mistakes) >= _MOST_ALIKE:
                return self._rest, False
            # All threads that come here at the same time get the same one.
            mistake = self._mistakes.setdefault(about, _Mistake())
        return mistake, True

    def _forget(self) -> None:
        """Make room: forget the mistakes that were not logged lately."""
        for about, mistake in list(self._mistakes.items()):
            if mistake.pause.is_over():
                self._mistakes.pop(about, None)


class Mistakes:
    """Decides which mistakes of one client are logged.

    A mistake is logged at once, and then every ten minutes with its count. Up to a hundred
    different mistakes of one kind are logged; further ones share one line. So many mistakes of one
    kind, such as names from outside, do not keep other kinds out of the log.

    The number of kinds, which are places in the code, bounds the memory. Takes no lock, so that a
    fork can leave none behind.
    """

    def __init__(self) -> None:
        self._kinds: dict[Hashable, _Kind] = {}

    def happen(self, kind: Hashable, about: Hashable, *, has_handler: bool) -> str | None:
        """Count a mistake.

        Args:
            kind: The kind of mistake.
            about: Identifies the mistake among others of its kind.
            has_handler: Whether the program has configured logging.

        Returns:
            The end of the message; None if the mistake is only counted.
        """
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds.setdefault(kind, _Kind())
        mistake, is_told_apart = known.find(about)
        times = mistake.happen(has_handler=has_handler)
        if times is None:
            return None
        if is_told_apart:
            return f" ({times} times since this was last logged)" if times else ""
        if times:
            return f" (with others of this kind, {times} times since the last of them was logged)"
        return " (more mistakes of this kind are only counted)"
