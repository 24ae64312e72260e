"""A client's messages, which go to the standard ``logging`` module or the caller's own logger."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from sortition._base.displaying import displayed
from sortition._base.repeating import Mistakes

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_ROOT: Final = logging.getLogger("sortition")
_NUMBERS: Final = frozenset({int, float, bool})
_RAISED: Final = "raised"


@runtime_checkable
class Logger(Protocol):
    """A logger of the caller, such as ``logging.Logger`` or any object with this one method.

    The client may call it from any thread. It catches exceptions and reports them once.
    """

    def log(self, level: int, message: str, /) -> object:
        """Take a message. `level` is one of the numbers of the standard ``logging``."""


class Log:
    """One client's messages. Exceptions of a logger or a handler do not leave it.

    A message is one line, in which line breaks and other control characters are escaped. Only the
    lines of a traceback follow the message.

    Nothing global changes: `level` holds back messages of this client only, and handlers,
    propagation and the logger's own level belong to the caller. It takes no locks but those of
    ``logging``, so that a fork can leave none behind.

    If the program has not configured logging, Python itself prints warnings and errors to standard
    error. A client with its own level prints its messages there instead, from that level on. Both
    end as soon as the program adds a handler.

    Args:
        name: The name of the standard logger, below ``sortition``.
        logger: The caller's own logger; None for the standard one.
        level: The lowest level of the messages; None for the level of the logger.
    """

    def __init__(self, name: str, logger: Logger | None = None, level: int | None = None) -> None:
        self._standard = _ROOT.getChild(name)
        self._logger = logger
        self._level = logging.NOTSET if level is None else level
        self._prints_itself = level is not None and logger is None
        self._has_complained = False
        self._mistakes = Mistakes()
        remembering = self.remembering_logger
        # What the logger remembers to take, by level; what it does not remember it is asked.
        self._levels: dict[int, bool] = {} if remembering is None else remembering[1]

    @property
    def may_take_debug(self) -> bool:
        """Whether anybody may want a debug message, now or later."""
        return self._level <= logging.DEBUG

    @property
    def takes_debug(self) -> bool:
        """Whether anybody wants debug messages now."""
        return self._levels.get(logging.DEBUG) is not False and self.takes(logging.DEBUG)

    @property
    def remembering_logger(self) -> tuple[logging.Logger, dict[int, bool]] | None:
        """The logger, and the levels that it remembers as enabled or not.

        The standard logger keeps this dictionary for ever and empties it whenever any level
        changes; a level with the value False is disabled. None for any other logger, and for a
        client that was asked for debug messages, because it may print them itself.
        """
        if self._prints_itself and self.may_take_debug:
            return None
        logger = self._standard if self._logger is None else self._logger
        if not isinstance(logger, logging.Logger):
            return None
        kind, standard = type(logger), logging.Logger
        if kind.log is not standard.log or kind.isEnabledFor is not standard.isEnabledFor:
            return None
        levels = getattr(logger, "_cache", None)
        return (logger, levels) if type(levels) is dict else None

    def debug(self, message: str, *values: object) -> None:
        """Log a detail of a single decision."""
        self._write(logging.DEBUG, message, values)

    def info(self, message: str, *values: object) -> None:
        """Log a change of state that needs no attention."""
        self._write(logging.INFO, message, values)

    def warning(self, message: str, *values: object) -> None:
        """Log a change of state that needs attention."""
        self._write(logging.WARNING, message, values)

    def error(self, message: str, *values: object) -> None:
        """Log a mistake of the caller or a bug."""
        self._write(logging.ERROR, message, values)

    def recurring_error(
        self,
        about: Hashable,
        describe: Callable[[], str],
        *,
        kind: Hashable = None,
        error: BaseException | None = None,
    ) -> None:
        """Log a mistake that a busy service would otherwise repeat with every call.

        Logs it at once, and then at most every ten minutes with the number of times since. Once the
        program configures logging, a mistake that was logged before is logged again at once. The
        message is only made if it is logged.

        Args:
            about: Identifies the mistake among others of its kind; not part of the message.
            describe: Makes the message.
            kind: The kind of mistake, by default the place in the code of `describe`. Many
                mistakes of one kind do not keep other kinds out of the log.
            error: An exception whose traceback follows the message, without its text.
        """
        if not self.takes(logging.ERROR):
            return
        if kind is None:
            kind = getattr(describe, "__code__", None)
        end = self._mistakes.happen(kind, about, has_handler=self.has_handler)
        if end is None:
            return
        self._write(
            logging.ERROR, describe() + end, (), frames="" if error is None else frames_of(error)
        )

    def exception_of(self, what: str, error: BaseException, consequence: str = "") -> None:
        """Log that the caller's code raised: the class and the place, never the exception's text.

        The text may contain secrets: a ``KeyError`` contains the key.
        """
        name = type(error).__name__
        comma = ", " if consequence else ""
        self.recurring_error(
            name,
            lambda: f"{what} raised {name}{comma}{consequence}",
            kind=(_RAISED, what),
            error=error,
        )

    @property
    def has_handler(self) -> bool:
        """Whether messages have a receiver: the caller's logger, or a handler of ``logging``."""
        logger = self._standard if self._logger is None else self._logger
        return not isinstance(logger, logging.Logger) or logger.hasHandlers()

    def takes(self, level: int) -> bool:
        """Whether a message of this level can reach anybody."""
        if level < self._level:
            return False
        logger = self._standard if self._logger is None else self._logger
        if not isinstance(logger, logging.Logger):
            return True
        try:
            if self._prints_itself and not logger.hasHandlers():
                return True
            return logger.isEnabledFor(level)
        except Exception:  # noqa: BLE001 -- the caller's class may raise anything
            return True

    def _write(
        self, level: int, message: str, values: tuple[object, ...], frames: str = ""
    ) -> None:
        if level < self._level or (self._logger is None and not self.takes(level)):
            return
        values = tuple(
            value if type(value) in _NUMBERS else displayed(str(value)) for value in values
        )
        message = displayed(message)
        if frames:
            message = f"{message}:\n{frames.rstrip()}"
        logger = self._logger
        if logger is None:
            if self._prints_itself and not self._standard.hasHandlers():
                self._print(level, message, values)
            else:
                self._write_standard(self._standard, level, message, values)
        elif isinstance(logger, logging.Logger):
            self._write_standard(logger, level, message, values)
        else:
            try:
                answer = logger.log(level, message % values if values else message)
            except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
                self._complain(f"raised {type(error).__name__}")
                self._write_standard(self._standard, level, message, values)
            else:
                if isinstance(answer, Coroutine):
                    # Otherwise Python warns that it was never awaited.
                    answer.close()
                    self._complain("is async, and nobody awaits it")
                    self._write_standard(self._standard, level, message, values)

    def _write_standard(
        self, logger: logging.Logger, level: int, message: str, values: tuple[object, ...]
    ) -> None:
        try:
            logger.log(level, message, *values)
        except Exception as error:  # noqa: BLE001 -- a handler or filter may raise anything
            if logger is not self._standard:
                self._complain(f"raised {type(error).__name__}")

    def _print(self, level: int, message: str, values: tuple[object, ...]) -> None:
        """Write a message to standard error, because the program has not configured logging."""
        standard = self._standard
        if standard.disabled or standard.manager.disable >= level:
            return
        text = message % values if values else message
        line = f"{logging.getLevelName(level)}:{standard.name}:{text}\n"
        # Standard error may be closed, gone, or unable to encode the text.
        with contextlib.suppress(Exception):
            sys.stderr.write(line)
            sys.stderr.flush()

    def _complain(self, what: str) -> None:
        """Report once that the caller's logger fails; it may fail on every message."""
        if self._has_complained:
            return
        self._has_complained = True
        self._write_standard(self._standard, logging.ERROR, "the given logger %s", (what,))


def frames_of(error: BaseException) -> str:
    """The traceback of an exception, without its text."""
    return "".join(traceback.format_tb(error.__traceback__))
