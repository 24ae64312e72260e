"""Which users this process activated, so that a goal of another one is noticed."""

from __future__ import annotations

from typing import Final

_MOST: Final = 100_000
"""How many users are remembered: a few megabytes."""


class Activated:
    """The users that were activated, by experiment; each is a hash.

    Safe to use from any number of threads. Where more come than are remembered, every user may have
    been activated.

    Attributes:
        others: How many goals of other users were tracked.
    """

    def __init__(self) -> None:
        self._known: set[int] = set()
        self.others = 0

    def add(self, experiment_key: str, user_id: str) -> None:
        """A user was activated."""
        if len(self._known) < _MOST:
            self._known.add(hash((experiment_key, user_id)))

    def may_hold(self, experiment_key: str, user_id: str) -> bool:
        """Whether a user may have been activated in this process."""
        return len(self._known) >= _MOST or hash((experiment_key, user_id)) in self._known
