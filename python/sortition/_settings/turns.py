"""Turns that threads take one after another, and that end whatever happens to their holder."""

from __future__ import annotations

import queue
import threading
import weakref
from typing import Final

from sortition._base.clock import now_s

_LOOKS_AGAIN_AFTER_S: Final = 1.0
"""How soon a turn is noticed that ended without saying so."""


class Turn:
    """A turn. It ends with `end`, and at the latest when nothing refers to it any more."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.has_ended = False

    def end(self) -> None:
        """Let the next one have its turn."""
        self.has_ended = True
        self._turns.wake()


class Turns:
    """Gives turns to one thread at a time.

    A signal handler may raise in a holder at any point, so only the holder itself refers to its
    turn: an interrupted one leaves nothing locked.
    """

    def __init__(self) -> None:
        # Not held during a turn.
        self._lock = threading.RLock()
        self._holder: weakref.ref[Turn] | None = None
        self._waiting: set[queue.SimpleQueue[None]] = set()

    def begin(self, timeout_s: float) -> Turn | None:
        """Wait for a turn; None if there was none within this time."""
        until = now_s() + timeout_s
        bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        turn = Turn(self)
        try:
            while True:
                # Before it looks: a turn that ends from now on rings the bell.
                self._waiting.add(bell)
                if self._try_begin(turn):
                    return turn
                left_s = until - now_s()
                if left_s <= 0:
                    return None
                _wait(bell, min(left_s, _LOOKS_AGAIN_AFTER_S))
        finally:
            self._waiting.discard(bell)

    def wake(self) -> None:
        """Have those who wait look again."""
        for bell in list(self._waiting):
            # An interrupted caller may have left one that nobody waits for.
            if bell.empty():
                bell.put(None)

    def _try_begin(self, turn: Turn) -> bool:
        with self._lock:
            holder = None if self._holder is None else self._holder()
            if holder is not None and not holder.has_ended:
                return False
            self._holder = weakref.ref(turn)
            return True


def _wait(bell: queue.SimpleQueue[None], timeout_s: float) -> None:
    try:
        bell.get(timeout=timeout_s)
    except queue.Empty:
        return
