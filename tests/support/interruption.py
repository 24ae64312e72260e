"""Raising into a call: at every bytecode, as a signal handler might."""

from __future__ import annotations

import dis
import functools
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType


class HandlerError(Exception):
    """An exception that a signal handler raises, such as Celery's soft time limit."""


@functools.cache
def _without_checks(code: CodeType) -> frozenset[int]:
    """Where the interpreter runs no signal handler: between a `with` block and its ``__exit__``.

    The exit of a lock that is written in C follows the block without a check for signals. Nor is
    there one at the `try` of a statement, which no handler of an exception covers. A trace function
    that raises there would do what no signal handler can.
    """
    instructions = list(dis.get_instructions(code))
    found = {one.offset for one in instructions if one.opname == "NOP"}
    for index, instruction in enumerate(instructions):
        following = [one.opname for one in instructions[index : index + 5]]
        is_none = instruction.opname == "LOAD_CONST" and instruction.argval is None
        if is_none and following[:3] == ["LOAD_CONST"] * 3 and "CALL" in following[3:5]:
            found.update(one.offset for one in instructions[index : index + 5])
    return frozenset(found)


class Interruption:
    """Does something once, before a certain one of the bytecodes that a call runs.

    Args:
        at: Which one, from 0.
        act: What to do; it may raise.
    """

    def __init__(self, at: int, act: Callable[[], object]) -> None:
        self._left = at
        self._act = act
        self.has_come = False

    def run(self, call: Callable[[], object]) -> object:
        """Make a call, with this interruption in it."""
        before, hook = sys.gettrace(), sys.unraisablehook
        # That of pytest would be interrupted too; it is no part of the call.
        sys.unraisablehook = lambda _: None
        sys.settrace(self._trace)
        try:
            return call()
        except TypeError as error:
            if str(error) != "'traceback' object is not callable":
                raise
            # CPython 3.11 mixes up its stack if a trace function raises where a frame begins.
            raise HandlerError from None
        finally:
            sys.settrace(before)
            sys.unraisablehook = hook

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if self.has_come:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event != "opcode" or frame.f_lasti in _without_checks(frame.f_code):
            return self._trace
        if frame.f_code.co_filename == __file__:
            return self._trace
        if self._left:
            self._left -= 1
            return self._trace
        self.has_come = True
        sys.settrace(None)
        self._act()
        return None


def interrupt() -> None:
    """Raise as a signal handler does."""
    raise HandlerError
