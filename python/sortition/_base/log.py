"""Where a client's messages go: the standard ``logging`` tree, or the caller's own logger."""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_ROOT: Final = logging.getLogger("sortition")
_ROOT.addHandler(logging.NullHandler())

_AGAIN_AFTER_S: Final = 600.0
_MOST_RECURRING: Final = 1000
"""How many different mistakes of one client are told apart."""
_MANY: Final = "there are more mistakes of other kinds than can be told apart"


@runtime_checkable
class Logger(Protocol):
    """A logger of the caller, such as ``logging.Logger`` or any object with this one method.

    It may be called from any thread. What it raises is caught and reported once.
    """

    def log(self, level: int, message: str, /) -> object:
        """Take a message. `level` is one of the numbers of the standard ``logging``."""


@dataclass(slots=True)
class _Recurring:
    """A mistake that was logged: when it may be again, and how often it happened meanwhile."""

    quiet_until: float
    unsaid: int = 0


class Log:
    """One client's messages. Whatever a logger or a handler raises stays here.

    Nothing global is changed: `level` holds back messages of this client only, and handlers,
    propagation and the logger's own level are the caller's. No lock is taken but those of
    ``logging``, so that a fork can leave none behind.
    """

    def __init__(self, name: str, logger: Logger | None = None, level: int | None = None) -> None:
        self._standard = _ROOT.getChild(name)
        self._logger = logger
        self._level = logging.NOTSET if level is None else level
        self._has_complained = False
        self._recurring: dict[Hashable, _Recurring] = {}

    @property
    def may_take_debug(self) -> bool:
        """Whether a debug message may be wanted by anybody, now or later."""
        return self._level <= logging.DEBUG

    @property
    def remembering_logger(self) -> tuple[logging.Logger, dict[int, bool]] | None:
        """The logger and, for each level, whether it takes that, as far as it remembers.

        The standard logger keeps this dictionary for ever and empties it whenever any level
        changes: a level that stands there as False is not taken. None for any other logger.
        """
        logger = self._standard if self._logger is None else self._logger
        if not isinstance(logger, logging.Logger):
            return None
        kind, standard = type(logger), logging.Logger
        if kind.log is not standard.log or kind.isEnabledFor is not standard.isEnabledFor:
            return None
        levels = getattr(logger, "_cache", None)
        return (logger, levels) if type(levels) is dict else None

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

    def recurring_error(self, about: Hashable, describe: Callable[[], str]) -> None:
        """Log a mistake that a busy service would otherwise repeat with every call.

        It is logged at once, and then at most every ten minutes with how often it happened since.

        Args:
            about: What tells this mistake from others; it is in no message.
            describe: Makes the message.
        """
        known = self._recurring.get(about)
        if known is None and len(self._recurring) >= _MOST_RECURRING:
            about, describe = _MANY, lambda: _MANY
            known = self._recurring.get(about)
        now = time.monotonic()
        if known is None:
            mine = _Recurring(now + _AGAIN_AFTER_S)
            # Of several threads that come here at once, one logs.
            known = self._recurring.setdefault(about, mine)
            if known is mine:
                self.error(describe())
                return
        known.unsaid += 1
        if now >= known.quiet_until:
            known.quiet_until = now + _AGAIN_AFTER_S
            unsaid, known.unsaid = known.unsaid, 0
            self.error(f"{describe()} ({unsaid} times since this was last logged)")

    def exception_of(self, what: str, error: BaseException, consequence: str = "") -> None:
        """Log that somebody's code raised: which class and where, never the exception's text.

        The text may hold what belongs in no log: a ``KeyError`` holds the key.
        """
        name = type(error).__name__
        comma = ", " if consequence else ""
        self.recurring_error(
            (what, name),
            lambda: f"{what} raised {name}{comma}{consequence}:\n{frames_of(error).rstrip()}",
        )

    def _write(self, level: int, message: str, values: tuple[object, ...]) -> None:
        if level < self._level:
            return
        logger = self._logger
        if logger is None:
            self._write_standard(self._standard, level, message, values)
        elif isinstance(logger, logging.Logger):
            self._write_standard(logger, level, message, values)
        else:
            try:
                logger.log(level, message % values if values else message)
            except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
                self._complain(error)
                self._write_standard(self._standard, level, message, values)

    def _write_standard(
        self, logger: logging.Logger, level: int, message: str, values: tuple[object, ...]
    ) -> None:
        try:
            logger.log(level, message, *values)
        except Exception as error:  # noqa: BLE001 -- a handler or filter may raise anything
            if logger is not self._standard:
                self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Report that the caller's logger fails; once, since it may fail on every message."""
        if self._has_complained:
            return
        self._has_complained = True
        values = (type(error).__name__,)
        self._write_standard(self._standard, logging.ERROR, "the given logger raised %s", values)


def frames_of(error: BaseException) -> str:
    """Where an exception came from, without what it says."""
    return "".join(traceback.format_tb(error.__traceback__))
