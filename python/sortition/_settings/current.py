"""The settings in use."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from sortition._process.forks import PerProcess

if TYPE_CHECKING:
    from collections.abc import Callable


class Snapshot(Protocol):
    """What one call uses from its beginning to its end: settings, and everything made from them."""

    @property
    def document(self) -> bytes:
        """The settings as received."""


SnapshotT = TypeVar("SnapshotT", bound=Snapshot)


class NoSettingsError(Exception):
    """The client was launched without settings and has none yet."""


class Current(Generic[SnapshotT]):
    """The snapshot in use.

    One assignment replaces it as a whole: a call keeps the snapshot that it read, and later calls
    get the next. Reading takes no lock; only replacing does.

    Attributes:
        snapshot: The snapshot in use; None if there is none yet, and after `forget`.
    """

    def __init__(self, snapshot: SnapshotT | None = None) -> None:
        self.snapshot = snapshot
        self._is_final = False
        # A finalizer may freeze while its own thread replaces.
        self._replacing = PerProcess(threading.RLock)
        self._follower: Callable[[SnapshotT | None], object] | None = None

    def taken(self) -> SnapshotT:
        """The snapshot in use, for a call that requires one.

        Raises:
            NoSettingsError: There is none.
        """
        snapshot = self.snapshot
        if snapshot is None:
            raise NoSettingsError
        return snapshot

    def replace(self, snapshot: SnapshotT) -> bool:
        """Replace it; False if it may no longer be replaced."""
        with self._replacing.get():
            if self._is_final:
                return False
            self._set(snapshot)
            return True

    def freeze(self) -> None:
        """Do not replace it any more."""
        with self._replacing.get():
            self._is_final = True

    def forget(self, leaving: SnapshotT | None) -> None:
        """Replace it by this one, or none, for the last time."""
        with self._replacing.get():
            self._is_final = True
            self._set(leaving)

    def follow(self, follower: Callable[[SnapshotT | None], object]) -> None:
        """Call a function with the snapshot in use: now, and whenever it changes.

        Args:
            follower: The function, which replaces an earlier one. It must not call this object.
        """
        with self._replacing.get():
            self._follower = follower
            follower(self.snapshot)

    def _set(self, snapshot: SnapshotT | None) -> None:
        self.snapshot = snapshot
        if self._follower is not None:
            self._follower(snapshot)
