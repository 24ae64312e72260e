"""One file of a spool."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition._sending.spool.process_folder import ProcessFolder


@dataclass(eq=False, slots=True)
class Segment:
    """A file of events, and which of them are not settled.

    Attributes:
        name: Its name.
        folder: The folder that it is in.
        descriptor: The open file; None if nothing is appended to it any more.
        size: Its bytes.
        events: How many events were appended.
        unsettled: The numbers of those that are not settled.
        numbers: The numbers of its next events.
    """

    name: str
    folder: ProcessFolder
    descriptor: int | None = None
    size: int = 0
    events: int = 0
    unsettled: set[int] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=itertools.count)


class Place(NamedTuple):
    """Where an event is.

    Attributes:
        segment: The file.
        number: What tells it from the others in the file.
        may_have_arrived: Whether a process that died was sending it.
    """

    segment: Segment
    number: int
    may_have_arrived: bool = False
