"""The records of a segment: how they are written, and how a damaged file is read.

A file is a sequence of records and nothing else: no header, no index. Each record is

    magic number (2 bytes) | type (1) | length of the content (4) | CRC-32 (4) | content

with big-endian numbers; the checksum covers type, length and content. The magic number does not
occur in UTF-8, so that the next record after a damaged one is found by it. `docs/spool-format.md`
describes the content of each type.
"""

from __future__ import annotations

import heapq
import struct
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAGIC: Final = b"\xf5\xfa"
_HEAD: Final = struct.Struct(">2sBII")
"""Magic number, type, length of the content, checksum."""
_CHECKED: Final = struct.Struct(">BI")
"""What the checksum covers beside the content."""
_EVENT: Final = struct.Struct(">IQB")
"""The event's number, when it was accepted in milliseconds since 1970, length of its kind."""
_RANGE: Final = struct.Struct(">II")
"""The first and the last number of a run of events."""
_CLOCK: Final = struct.Struct(">8sQQ")
"""The identity of the boot, the wall clock and the time since the boot, in milliseconds."""

_AN_EVENT: Final = 1
SENDING: Final = 2
"""Marks events that are about to be sent: the server may have them."""
RETURNED: Final = 3
"""Marks events that were about to be sent, and have not reached the server."""
SETTLED: Final = 4
"""Marks events of which it is known what became of them."""
_MARKS: Final = frozenset({SENDING, RETURNED, SETTLED})
_A_CLOCK: Final = 5

_MOST_CHECKS_PER_BYTE: Final = 4
"""How often a byte of a damaged file is looked at in search of the next record, on average."""
_LEAST_CHECKS: Final = 65_536


class ClockReading(NamedTuple):
    """What the clocks of a machine showed at one instant.

    Attributes:
        boot: Identifies the machine and its last start; empty bytes where the system does not tell.
        wall_ms: The wall clock, in milliseconds since 1970; it may be wrong.
        uptime_ms: The time since the machine was started, in milliseconds.
    """

    boot: bytes
    wall_ms: int
    uptime_ms: int


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of a file.

    Attributes:
        number: What tells it from the others of its segment.
        accepted_at_ms: When a call took it, in milliseconds since 1970.
        kind: The kind of event.
        event: The event, encoded.
        may_have_arrived: Whether a server may have it, as it was being sent when its process died.
        clock: What the clocks showed when its process began the file; None if that is not known.
    """

    number: int
    accepted_at_ms: int
    kind: str
    event: bytes = field(repr=False)
    may_have_arrived: bool = False
    clock: ClockReading | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """What a segment holds.

    Attributes:
        events: Those that are not settled, in their order.
        damaged: How many stretches of the file are no records.
        end: Where the last whole record ends.
        clocks: What the clocks showed whenever a process began to write to the file, in order.
    """

    events: tuple[StoredEvent, ...]
    damaged: int
    end: int = 0
    clocks: tuple[ClockReading, ...] = ()


def encoded_event(number: int, accepted_at_ms: int, kind: str, event: bytes) -> bytes:
    """The record of an event."""
    name = kind.encode()
    return _framed(_AN_EVENT, _EVENT.pack(number, accepted_at_ms, len(name)) + name + event)


def encoded_mark(mark: int, numbers: Iterable[int]) -> bytes:
    """The record that marks these events.

    Args:
        mark: `SENDING`, `RETURNED` or `SETTLED`.
        numbers: The events' numbers.
    """
    return _framed(mark, b"".join(_RANGE.pack(*each) for each in _runs(sorted(numbers))))


def encoded_clock(reading: ClockReading) -> bytes:
    """The record of a clock reading."""
    return _framed(_A_CLOCK, _CLOCK.pack(*reading))


def content_of(data: bytes) -> Content:
    """Read a segment, whatever was done to it.

    Finds every whole record, unless the file is made of nothing but false beginnings. The time
    grows with the file's size alone, times its logarithm.
    """
    reading = _Reading()
    damaged = 0
    left = _MOST_CHECKS_PER_BYTE * len(data) + _LEAST_CHECKS
    is_in_damage = False
    at = whole_until = 0
    while 0 <= at < len(data):
        end, looked_at = _end_of_record(data, at)
        left -= looked_at
        if end is not None and reading.take(data[at + len(_MAGIC)], data[at + _HEAD.size : end]):
            at = whole_until = end
            is_in_damage = False
            continue
        damaged += not is_in_damage
        is_in_damage = True
        if left < 0:
            break
        at = data.find(_MAGIC, at + 1)
    return reading.content(damaged, whole_until)


def _framed(kind: int, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(_CHECKED.pack(kind, len(content))))
    return _HEAD.pack(_MAGIC, kind, len(content), checksum) + content


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] + 1 == number:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _end_of_record(data: bytes, at: int) -> tuple[int | None, int]:
    """Where the record that begins here ends, None if none does; and the bytes looked at."""
    if at + _HEAD.size > len(data):
        return None, 0
    magic, kind, length, wanted = _HEAD.unpack_from(data, at)
    start = at + _HEAD.size
    end = start + length
    if magic != _MAGIC or end > len(data):
        return None, 0
    checksum = zlib.crc32(memoryview(data)[start:end], zlib.crc32(_CHECKED.pack(kind, length)))
    return (end if checksum == wanted else None), length


class _Mark(NamedTuple):
    """A range of events that a record marks.

    Attributes:
        first: The first number.
        last: The last number.
        time: How many records came before it.
        kind: `SENDING`, `RETURNED` or `SETTLED`.
    """

    first: int
    last: int
    time: int
    kind: int


class _Reading:
    """What was read of a segment so far."""

    def __init__(self) -> None:
        self._records = 0
        self._events: dict[int, tuple[int, StoredEvent]] = {}
        self._marks: list[_Mark] = []
        self._clocks: list[ClockReading] = []

    def take(self, kind: int, content: bytes) -> bool:
        """Take a whole record; whether it has a meaning."""
        self._records += 1
        if kind == _AN_EVENT:
            event = _event_of(content, self._clocks[-1] if self._clocks else None)
            if event is None or event.number in self._events:
                return False
            self._events[event.number] = (self._records, event)
            return True
        if kind == _A_CLOCK and len(content) == _CLOCK.size:
            self._clocks.append(ClockReading(*_CLOCK.unpack(content)))
            return True
        if kind not in _MARKS or len(content) % _RANGE.size:
            return False
        self._marks += (
            _Mark(first, last, self._records, kind) for first, last in _RANGE.iter_unpack(content)
        )
        return True

    def content(self, damaged: int, end: int) -> Content:
        """What the segment holds, once everything was read."""
        settled = dict(self._last_marks(frozenset({SETTLED})))
        sent = dict(self._last_marks(_MARKS - {SETTLED}))
        found = (
            replace(event, may_have_arrived=True) if sent.get(event.number) == SENDING else event
            for _, event in self._events.values()
            if event.number not in settled
        )
        return Content(tuple(found), damaged, end, tuple(self._clocks))

    def _last_marks(self, kinds: frozenset[int]) -> Iterator[tuple[int, int]]:
        """Each event that marks of these kinds cover, with the kind of the last such mark.

        A mark covers only the events before it in the file.
        """
        marks = sorted(mark for mark in self._marks if mark.kind in kinds)
        begun: list[tuple[int, _Mark]] = []
        following = 0
        for number in sorted(self._events):
            while following < len(marks) and marks[following].first <= number:
                heapq.heappush(begun, (-marks[following].time, marks[following]))
                following += 1
            while begun and begun[0][1].last < number:
                heapq.heappop(begun)
            if begun and begun[0][1].time > self._events[number][0]:
                yield number, begun[0][1].kind


def _event_of(content: bytes, clock: ClockReading | None) -> StoredEvent | None:
    if len(content) < _EVENT.size:
        return None
    number, accepted_at_ms, length = _EVENT.unpack_from(content)
    name = content[_EVENT.size : _EVENT.size + length]
    if not name or len(name) < length or not name.isascii():
        return None
    event = content[_EVENT.size + length :]
    return StoredEvent(number, accepted_at_ms, name.decode(), event, clock=clock)
