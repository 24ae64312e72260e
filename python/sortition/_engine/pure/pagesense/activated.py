"""Which users this process activated, so that a goal of another user is noticed."""

from __future__ import annotations

from typing import Final

MOST: Final = 100_000
"""How many users are remembered: a few megabytes."""


class Activated:
    """The users that were activated, by experiment; each is a hash.

    Safe to use from any number of threads. Once it is full, every user may have been activated.

    Attributes:
        others: How many goals of other users were tracked.
    """

    def __init__(self) -> None:
        self._known: set[int] = set()
        self.others = 0

    def add(self, experiment_key: str, user_id: str) -> None:
        """Remember that a user was activated."""
        if len(self._known) < MOST:
            self._known.add(hash((experiment_key, user_id)))

    def may_hold(self, experiment_key: str, user_id: str) -> bool:
        """Whether a user may have been activated in this process."""
        return len(self._known) >= MOST or hash((experiment_key, user_id)) in self._known

    def count_other(self) -> None:
        """Count a goal of a user who was not activated."""
        self.others += 1
