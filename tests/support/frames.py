"""Whether a call is answered without a frame of Python's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def is_direct(call: Callable[[], object]) -> bool:
    """Whether a call runs no method of the client's in Python."""
    frames: list[str] = []

    def note(frame: Any, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_name == "answer":
            frames.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return not frames
