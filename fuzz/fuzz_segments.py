"""Reads segments of a spool that a coverage-guided fuzzer makes up: `make fuzz`.

Each input is a list of pieces: whole records with any content, and bytes that are none. Nothing may
raise, every event that is found was written, one that was written whole and never marked is found
where nothing but whole records is there, and what is read twice is the same.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports():
    from sortition._sending.spool import record

_MOST_PIECES = 40
_MOST_BYTES = 60


def read_one(data: bytes) -> None:
    """Make a segment of an input, and read it."""
    given = atheris.FuzzedDataProvider(data)
    pieces: list[bytes] = []
    written: dict[int, bytes] = {}
    settled: set[int] = set()
    is_whole = True
    for _ in range(given.ConsumeIntInRange(0, _MOST_PIECES)):
        piece = given.PickValueInList(["event", "mark", "record", "bytes"])
        if piece == "event":
            number = given.ConsumeIntInRange(0, 8)
            event = given.ConsumeBytes(_MOST_BYTES)
            pieces.append(record.encoded_event(number, given.ConsumeInt(4) & 0xFFFF, "push", event))
            written.setdefault(number, event)
        elif piece == "mark":
            mark = given.ConsumeIntInRange(record.SENDING, record.SETTLED)
            numbers = given.ConsumeIntListInRange(given.ConsumeIntInRange(0, 5), 0, 9)
            pieces.append(record.encoded_mark(mark, numbers))
            settled |= set(numbers) if mark == record.SETTLED else set()
        elif piece == "record":
            kind = given.ConsumeIntInRange(0, 255)
            content = given.ConsumeBytes(_MOST_BYTES)
            pieces.append(record._framed(kind, content))  # noqa: SLF001 -- what it is made of
            is_whole = False
        else:
            pieces.append(given.ConsumeBytes(_MOST_BYTES))
            is_whole = False
    segment = b"".join(pieces)
    content = record.content_of(segment)
    assert content == record.content_of(segment)
    assert len({event.number for event in content.events}) == len(content.events)
    if is_whole:
        found = {event.number: event.event for event in content.events}
        assert found.items() <= written.items()
        assert written.keys() - settled <= found.keys()
    # Without the last byte only the last record is another.
    shorter = record.content_of(segment[:-1])
    assert len(shorter.events) <= len(content.events) + len(settled) + 1


atheris.Setup(sys.argv, read_one)
atheris.Fuzz()
