"""Where a client's messages go: the standard ``logging`` tree, or the caller's own logger."""

from __future__ import annotations

import logging
import threading
from typing import Final, Protocol, runtime_checkable

_ROOT: Final = logging.getLogger("sortition")
_ROOT.addHandler(logging.NullHandler())

_MOST_REMEMBERED: Final = 1000
"""How many different complaints of one client are logged once each; the rest are not logged."""


@runtime_checkable
class Logger(Protocol):
    """A logger of the caller, such as ``logging.Logger`` or any object with this one method.

    It may be called from any thread. What it raises is caught and reported once.
    """

    def log(self, level: int, message: str, /) -> object:
        """Take a message. `level` is one of the numbers of the standard ``logging``."""


class Log:
    """One client's messages.

    Nothing global is changed: `level` holds back messages of this client only, and handlers,
    propagation and the logger's own level are the caller's.
    """

    def __init__(self, name: str, logger: Logger | None = None, level: int | None = None) -> None:
        self._standard = _ROOT.getChild(name)
        self._logger = logger
        self._level = logging.NOTSET if level is None else level
        self._has_complained = False
        self._lock = threading.Lock()
        self._said: set[tuple[str, str]] = set()

    def debug(self, message: str, *values: object) -> None:
        """Log what helps to follow a single decision."""
        self._write(logging.DEBUG, message, values)

    def info(self, message: str, *values: object) -> None:
        """Log a change of state that needs no attention."""
        self._write(logging.INFO, message, values)

    def warning(self, message: str, *values: object) -> None:
        """Log a change of state that needs attention."""
        self._write(logging.WARNING, message, values)

    def error(self, message: str, *values: object) -> None:
        """Log a mistake: the caller's or ours."""
        self._write(logging.ERROR, message, values)

    def error_once(self, message: str, name: str) -> None:
        """Log a mistake that a busy service would otherwise repeat with every call.

        `message` has one place for `name`, which tells what it is about.
        """
        with self._lock:
            if (message, name) in self._said or len(self._said) >= _MOST_REMEMBERED:
                return
            self._said.add((message, name))
        self.error(message, name)

    def exception(self, message: str, *values: object) -> None:
        """Log an exception of the caller's own code, with its traceback."""
        self._write(logging.ERROR, message, values, with_traceback=True)

    def _write(
        self,
        level: int,
        message: str,
        values: tuple[object, ...],
        *,
        with_traceback: bool = False,
    ) -> None:
        if level < self._level:
            return
        logger = self._logger
        if logger is None or isinstance(logger, logging.Logger):
            (logger or self._standard).log(level, message, *values, exc_info=with_traceback or None)
            return
        try:
            logger.log(level, message % values)  # noqa: G002 -- it takes a finished message
        except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
            self._complain(error)
            self._standard.log(level, message, *values, exc_info=with_traceback or None)

    def _complain(self, error: Exception) -> None:
        """Report that the caller's logger fails; once, since it may fail on every message."""
        if self._has_complained:
            return
        self._has_complained = True
        self._standard.error("the given logger raised %s", type(error).__name__)
