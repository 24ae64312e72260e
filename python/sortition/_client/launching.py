"""What launching a client takes on every platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from sortition import _engine
from sortition._base.errors import OptionError
from sortition._base.options import choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._base.log import Log
    from sortition._engine import Engine, EngineChoice
    from sortition._engine.problem import Problem

_MOST_PROBLEMS_LOGGED: Final = 20


def engine_of(value: object) -> Engine:
    """The engine that the option ``engine`` asks for.

    Raises:
        OptionError: There is no such engine, or it is not installed.
    """
    chosen = choice("engine", value, ("auto", "compiled", "pure")) or "auto"
    try:
        return _engine.load(cast("EngineChoice", chosen))
    except ImportError:
        raise OptionError("engine: the compiled engine is not installed") from None


def report_problems(log: Log, problems: Sequence[Problem]) -> None:
    """Log what is wrong in settings that come into use."""
    for problem in problems[:_MOST_PROBLEMS_LOGGED]:
        log.error("settings: %s (%s)", problem, problem.consequence.replace("_", " "))
    if len(problems) > _MOST_PROBLEMS_LOGGED:
        log.error("settings: %d more problems", len(problems) - _MOST_PROBLEMS_LOGGED)
