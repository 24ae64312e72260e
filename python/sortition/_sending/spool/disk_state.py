"""Tracks whether the spool's folder is writable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition._base.clock import now_s
from sortition._base.repeating import OUTAGE_PAUSE_S, Pause

if TYPE_CHECKING:
    from sortition._base.log import Log

_TRIES_AGAIN_AFTER_S: Final = 5.0
"""How long to pause after a failure of the disk."""


class DiskState:
    """Knows whether the disk fails, and logs when that changes.

    Args:
        path: The spool's folder.
        log: The client's log.

    Attributes:
        failure: Why the last write failed; None if it succeeded.
    """

    def __init__(self, path: str, log: Log) -> None:
        self.failure: str | None = None
        self._path = path
        self._log = log
        self._tries_again_at = 0.0
        self._pause = Pause(OUTAGE_PAUSE_S)
        self._is_failure_logged = False

    def is_left_alone(self) -> bool:
        """Whether the disk failed a short time ago."""
        return self.failure is not None and now_s() < self._tries_again_at

    def note_failure(self, error: OSError) -> None:
        """Note that a write failed."""
        is_to_log = self.failure is None and self._pause.try_begin(
            has_handler=self._log.has_handler
        )
        self.failure = error.strerror or type(error).__name__
        self._tries_again_at = now_s() + _TRIES_AGAIN_AFTER_S
        if is_to_log:
            self._is_failure_logged = True
            self._log.warning(
                "spool: cannot write to %s: %s; until it works again, events are in memory only",
                self._path,
                self.failure,
            )

    def note_success(self) -> None:
        """Note that a write succeeded."""
        if self.failure is None:
            return
        self.failure = None
        if self._is_failure_logged:
            self._is_failure_logged = False
            self._log.warning("spool: writing works again; events are kept in files")
