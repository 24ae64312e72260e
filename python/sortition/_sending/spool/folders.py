"""The folders of a spool that this process holds the locks of."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from sortition._sending.spool import files
from sortition._sending.spool.process_folder import ProcessFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._sending.spool.owner import Owner
    from sortition._sending.spool.process_folder import FolderName

_MOST_OTHERS: Final = 8
"""How many folders are kept open beside the own one, where nothing can be moved out of them."""


class Folders:
    """The folder that this process writes to, and those it could not move the files out of.

    Args:
        path: The spool's folder.
        owner: Whose events they are.

    Attributes:
        lock: The lock of the spool that they belong to.
    """

    def __init__(self, path: str, owner: Callable[[], Owner]) -> None:
        # Reentrant: a signal handler may run within any of our lines.
        self.lock = threading.RLock()
        self._path = path
        self._owner = owner
        self._own: ProcessFolder | None = None
        self._others: list[ProcessFolder] = []

    @property
    def has_room(self) -> bool:
        """Whether one more folder may be kept open."""
        return len(self._others) < _MOST_OTHERS

    def own(self) -> ProcessFolder:
        """The folder that this process writes to; made where it is not there yet.

        Raises:
            OSError: It cannot be made.
        """
        with self.lock:
            if self._own is not None:
                return self._own
            files.make_root(self._path)
            root = files.open_root(self._path)
            try:
                made = ProcessFolder.create(root, self._owner())
                if self._own is None:
                    self._own = made
                else:
                    # A signal handler was faster.
                    made.remove(root)
            finally:
                os.close(root)
            return self._own

    def replace_own(self) -> None:
        """Make another one: somebody has removed it."""
        with self.lock:
            if self._own is not None:
                self._others.append(self._own)
                self._own = None

    def keep(self, folder: ProcessFolder) -> None:
        """Keep a folder open whose files could not be moved."""
        with self.lock:
            self._others.append(folder)

    def are(self, name: FolderName) -> bool:
        """Whether this is the name of one of them."""
        with self.lock:
            folders = self._all()
        return any(folder.name == name.text for folder in folders)

    def remove_empty(self, root: int) -> None:
        """Let go of those, beside the own one, that hold no more events."""
        with self.lock:
            for folder in [one for one in self._others if not one.segments()]:
                self._others.remove(folder)
                folder.remove(root)

    def close(self) -> None:
        """Let go of all of them, and remove those that hold nothing."""
        with self.lock:
            folders = self._all()
            self._own, self._others = None, []
        try:
            root = files.open_root(self._path)
        except OSError:
            for folder in folders:
                folder.close()
            return
        for folder in folders:
            folder.remove(root)
        os.close(root)

    def _all(self) -> list[ProcessFolder]:
        return [*self._others, *([] if self._own is None else [self._own])]
