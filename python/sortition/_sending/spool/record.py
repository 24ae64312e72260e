"""The records of a segment: how they are written, and how a damaged file is read.

A record is a magic number, the type, the length, a checksum of all that follows the magic number,
and the content. The magic number does not occur in UTF-8, so that behind a damage the next record
is found by it. There is nothing else in a file: no header, no index.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAGIC: Final = b"\xf5\xfa"
_HEAD: Final = struct.Struct(">2sBII")
"""Magic number, type, length of the content, checksum."""
_CHECKED: Final = struct.Struct(">BI")
"""What the checksum covers beside the content."""
_EVENT: Final = struct.Struct(">IQB")
"""The event's number, when it was accepted in milliseconds since 1970, length of its kind."""
_RANGE: Final = struct.Struct(">II")
"""The first and the last number of a run of events."""

_AN_EVENT: Final = 1
SENDING: Final = 2
"""Marks events that are about to be sent: the server may have them."""
RETURNED: Final = 3
"""Marks events that were about to be sent, and have not reached the server."""
SETTLED: Final = 4
"""Marks events of which it is known what became of them."""
_MARKS: Final = frozenset({SENDING, RETURNED, SETTLED})

_MOST_CHECKS_PER_BYTE: Final = 4
"""How often a byte of a damaged file is looked at in search of the next record, on average."""
_LEAST_CHECKS: Final = 65_536


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of a file.

    Attributes:
        number: What tells it from the others of its segment.
        accepted_at_ms: When a call took it, in milliseconds since 1970.
        kind: The kind of event.
        event: The event, encoded.
        may_have_arrived: Whether a server may have it, as it was being sent when its process died.
    """

    number: int
    accepted_at_ms: int
    kind: str
    event: bytes = field(repr=False)
    may_have_arrived: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """What a segment holds.

    Attributes:
        events: Those that are not settled, in their order.
        damaged: How many stretches of the file are no records.
    """

    events: tuple[StoredEvent, ...]
    damaged: int


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


def content_of(data: bytes) -> Content:
    """Read a segment, whatever was done to it.

    Every record that is whole is found, unless the file is made of nothing but false beginnings;
    the time is linear in the file's size.
    """
    events: dict[int, StoredEvent] = {}
    sent: set[int] = set()
    settled: set[int] = set()
    damaged = 0
    left = _MOST_CHECKS_PER_BYTE * len(data) + _LEAST_CHECKS
    is_in_damage = False
    at = 0
    while 0 <= at < len(data):
        end, looked_at = _end_of_record(data, at)
        left -= looked_at
        if end is not None and _take(data, at, end, events, sent, settled):
            at, is_in_damage = end, False
            continue
        damaged += not is_in_damage
        is_in_damage = True
        if left < 0:
            break
        at = data.find(_MAGIC, at + 1)
    found = (
        event
        if event.number not in sent
        else StoredEvent(event.number, event.accepted_at_ms, event.kind, event.event, True)
        for event in events.values()
        if event.number not in settled
    )
    return Content(tuple(found), damaged)


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
    """Where the record that begins here ends, None where none does; and the bytes looked at."""
    if at + _HEAD.size > len(data):
        return None, 0
    magic, kind, length, wanted = _HEAD.unpack_from(data, at)
    start = at + _HEAD.size
    end = start + length
    if magic != _MAGIC or end > len(data):
        return None, 0
    checksum = zlib.crc32(memoryview(data)[start:end], zlib.crc32(_CHECKED.pack(kind, length)))
    return (end if checksum == wanted else None), length


def _take(
    data: bytes,
    at: int,
    end: int,
    events: dict[int, StoredEvent],
    sent: set[int],
    settled: set[int],
) -> bool:
    """Take a record over; whether it says anything that is known."""
    kind = data[at + len(_MAGIC)]
    content = data[at + _HEAD.size : end]
    if kind == _AN_EVENT:
        event = _event_of(content)
        if event is None or event.number in events:
            return False
        events[event.number] = event
        return True
    if kind not in _MARKS or len(content) % _RANGE.size:
        return False
    for first, last in _RANGE.iter_unpack(content):
        # What is marked was written before: the events bound the work, not what a range says.
        marked = (
            [number for number in range(first, last + 1) if number in events]
            if last - first < len(events)
            else [number for number in events if first <= number <= last]
        )
        if kind == SENDING:
            sent.update(marked)
        elif kind == RETURNED:
            sent.difference_update(marked)
        else:
            settled.update(marked)
    return True


def _event_of(content: bytes) -> StoredEvent | None:
    if len(content) < _EVENT.size:
        return None
    number, accepted_at_ms, length = _EVENT.unpack_from(content)
    name = content[_EVENT.size : _EVENT.size + length]
    if not name or len(name) < length or not name.isascii():
        return None
    return StoredEvent(number, accepted_at_ms, name.decode(), content[_EVENT.size + length :])
