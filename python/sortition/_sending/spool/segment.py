"""One file of a spool."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition._sending.ledger import Kinds
    from sortition._sending.spool.process_folder import ProcessFolder


@dataclass(eq=False, slots=True)
class Segment:
    """A file of events, and how far they are.

    Attributes:
        name: Its name.
        folder: The folder that it is in.
        descriptor: The open file; None where nothing is appended to it any more.
        size: Its bytes.
        events: How many events were appended.
        pending: How many of them are not settled.
        numbers: The numbers of its next events.
    """

    name: str
    folder: ProcessFolder
    descriptor: int | None = None
    size: int = 0
    events: int = 0
    pending: int = 0
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


@dataclass(frozen=True, slots=True)
class Leftover:
    """A segment that was taken over, and waits to be sent.

    Attributes:
        segment: The segment.
        kinds: How many events of each kind are to be sent.
        oldest_ms: When the oldest was accepted, in milliseconds since 1970.
    """

    segment: Segment
    kinds: Kinds
    oldest_ms: int
