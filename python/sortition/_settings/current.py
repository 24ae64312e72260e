"""Which settings are in use."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from sortition._process.forks import PerProcess

if TYPE_CHECKING:
    from collections.abc import Callable


class Snapshot(Protocol):
    """What one call works with from its beginning to its end: settings, and all made of them."""

    @property
    def document(self) -> bytes:
        """The settings as they came."""


SnapshotT = TypeVar("SnapshotT", bound=Snapshot)


class NoSettingsError(Exception):
    """There are no settings yet: the client was started without, and none have come since."""


class Current(Generic[SnapshotT]):
    """Which snapshot is in use.

    It is replaced whole, by one assignment: a call that has taken one keeps it, and whoever comes
    later gets the next. Reading takes no lock; only replacing does.

    Attributes:
        snapshot: The snapshot in use; None where there is none yet, and after `forget`.
    """

    def __init__(self, snapshot: SnapshotT | None = None) -> None:
        self.snapshot = snapshot
        self._is_final = False
        # A finalizer may freeze while its own thread replaces.
        self._replacing = PerProcess(threading.RLock)
        self._follower: Callable[[SnapshotT | None], object] | None = None

    def taken(self) -> SnapshotT:
        """The snapshot in use, for a call that cannot do without.

        Raises:
            NoSettingsError: There is none.
        """
        snapshot = self.snapshot
        if snapshot is None:
            raise NoSettingsError
        return snapshot

    def replace(self, snapshot: SnapshotT) -> bool:
        """Use another from now on; False where nothing may be replaced any more."""
        with self._replacing.get():
            if self._is_final:
                return False
            self._set(snapshot)
            return True

    def freeze(self) -> None:
        """Replace nothing any more."""
        with self._replacing.get():
            self._is_final = True

    def forget(self, leaving: SnapshotT | None) -> None:
        """Use these from now on, or none, and replace nothing any more."""
        with self._replacing.get():
            self._is_final = True
            self._set(leaving)

    def follow(self, follower: Callable[[SnapshotT | None], object]) -> None:
        """Tell of the snapshot in use: now, and whenever there is another.

        Args:
            follower: What is told, in place of what was told before. It must not come back here.
        """
        with self._replacing.get():
            self._follower = follower
            follower(self.snapshot)

    def _set(self, snapshot: SnapshotT | None) -> None:
        self.snapshot = snapshot
        if self._follower is not None:
            self._follower(snapshot)
