"""The records of a spool's segments: written, and read whatever was done to the file."""

from __future__ import annotations

import random
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortition._sending.spool import record
from sortition._sending.spool.record import StoredEvent, content_of, encoded_event, encoded_mark

AT_MS = 1_750_000_000_000
SEGMENT_BYTES = 4096

NUMBERS = st.integers(0, 2**32 - 1)
KINDS = st.sampled_from(["visitor", "conversion", "push"])
MARKS = st.sampled_from([record.SENDING, record.RETURNED, record.SETTLED])


def events_of(count: int) -> list[StoredEvent]:
    chance = random.Random(8)  # noqa: S311 -- the same events every time
    return [
        StoredEvent(number, AT_MS + number, "visitor", chance.randbytes(chance.randrange(5, 200)))
        for number in range(count)
    ]


def encoded(event: StoredEvent) -> bytes:
    return encoded_event(event.number, event.accepted_at_ms, event.kind, event.event)


def segment() -> tuple[list[StoredEvent], list[bytes], bytes]:
    """A segment of some 4 KiB: its events, the record of each, and all of it."""
    events = events_of(100)
    records: list[bytes] = []
    while sum(map(len, records)) < SEGMENT_BYTES:
        records.append(encoded(events[len(records)]))
    return events[: len(records)], records, b"".join(records)


class TestMarks:
    def test_what_is_not_marked_is_there(self) -> None:
        events = events_of(9)
        data = b"".join(map(encoded, events))
        assert content_of(data).events == tuple(events)
        assert content_of(data).damaged == 0

    def test_what_is_settled_is_gone(self) -> None:
        events = events_of(9)
        data = b"".join(map(encoded, events)) + encoded_mark(record.SETTLED, [7, 0, 1, 2])
        assert [event.number for event in content_of(data).events] == [3, 4, 5, 6, 8]

    def test_what_was_being_sent_may_have_arrived(self) -> None:
        data = b"".join(map(encoded, events_of(6)))
        data += encoded_mark(record.SENDING, [0, 1, 2, 3])
        data += encoded_mark(record.RETURNED, [1, 2])
        data += encoded_mark(record.SENDING, [2])
        data += encoded_mark(record.SETTLED, [3])
        found = {event.number: event.may_have_arrived for event in content_of(data).events}
        assert found == {0: True, 1: False, 2: True, 4: False, 5: False}

    def test_a_mark_says_only_something_of_what_was_there_before(self) -> None:
        events = events_of(2)
        data = encoded(events[0]) + encoded_mark(record.SETTLED, range(1000)) + encoded(events[1])
        assert content_of(data).events == (events[1],)

    @given(
        st.lists(st.tuples(NUMBERS, KINDS, st.binary(max_size=50)), unique_by=lambda one: one[0])
    )
    def test_what_is_written_is_read(self, written: list[tuple[int, str, bytes]]) -> None:
        events = tuple(StoredEvent(number, AT_MS, kind, event) for number, kind, event in written)
        assert content_of(b"".join(map(encoded, events))).events == events


class TestDamage:
    def test_truncated_at_every_byte(self) -> None:
        events, records, data = segment()
        whole = 0
        ends = [sum(map(len, records[:count])) for count in range(len(records) + 1)]
        for size in range(len(data) + 1):
            whole = sum(end <= size for end in ends) - 1
            content = content_of(data[:size])
            assert content.events == tuple(events[:whole])
            assert content.damaged == (size not in ends)

    def test_every_bit_flipped(self) -> None:
        """All but the record that was hit are found, those behind it too."""
        events, records, data = segment()
        owners = [index for index, one in enumerate(records) for _ in one]
        for bit in range(8 * len(data)):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            content = content_of(bytes(flipped))
            hit = owners[bit // 8]
            assert content.events == (*events[:hit], *events[hit + 1 :])
            assert content.damaged == 1

    def test_a_damaged_mark_settles_nothing(self) -> None:
        """Then an event may be sent again; it is never lost for it."""
        events = events_of(3)
        data = b"".join(map(encoded, events))
        mark = encoded_mark(record.SETTLED, [0, 1])
        for bit in range(8 * len(mark)):
            flipped = bytearray(mark)
            flipped[bit // 8] ^= 1 << bit % 8
            content = content_of(data + bytes(flipped))
            assert content.events == tuple(events)
            assert content.damaged == 1

    def test_a_record_that_was_interrupted_costs_no_other(self) -> None:
        events = events_of(4)
        half = encoded(events[1])[:-5]
        data = encoded(events[0]) + half + encoded(events[2]) + half + encoded(events[3])
        content = content_of(data)
        assert content.events == (events[0], events[2], events[3])
        assert content.damaged == 2

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            bytes(13),
            b"an event of no kind",
            # The length of its kind is more than there is.
            record._EVENT.pack(1, AT_MS, 200) + b"visitor",
            record._EVENT.pack(1, AT_MS, 2) + b"\xff\xff",
        ],
    )
    def test_whole_records_that_say_nothing(self, content: bytes) -> None:
        event = events_of(1)[0]
        for kind in (record._AN_EVENT, 0, 9):
            found = content_of(record._framed(kind, content) + encoded(event))
            assert found == record.Content((event,), 1, ANY)

    def test_a_mark_of_half_a_run(self) -> None:
        event = events_of(1)[0]
        found = content_of(encoded(event) + record._framed(record.SETTLED, bytes(12)))
        assert found == record.Content((event,), 1, ANY)

    def test_a_number_that_is_there_already(self) -> None:
        event = events_of(1)[0]
        found = content_of(encoded(event) * 2)
        assert found.events == (event,)
        assert found.damaged == 1

    @pytest.mark.parametrize(
        "data",
        [
            bytes(1 << 20),
            record._MAGIC * (1 << 19),
            # Each beginning asks for a checksum over the rest of the file.
            record._HEAD.pack(record._MAGIC, 1, 1 << 19, 7) * (1 << 16),
            b'{"ev": []}\n' * 50_000,
        ],
        ids=["zeros", "magic", "false beginnings", "text"],
    )
    def test_what_is_no_segment_ends(self, data: bytes) -> None:
        assert content_of(data) == record.Content((), 1, ANY)

    @given(st.binary(max_size=300))
    def test_any_bytes(self, data: bytes) -> None:
        assert content_of(data).events == ()

    @given(st.data())
    def test_any_damage(self, data: st.DataObject) -> None:
        """Nothing raises, nothing is made up, and what was before the damage is there."""
        events = events_of(8)
        records = [encoded(event) for event in events]
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(records)))
            numbers = data.draw(st.lists(st.integers(0, 9), max_size=5))
            records.insert(at, encoded_mark(data.draw(MARKS), numbers))
        whole = b"".join(records)
        known = {event.number: event for event in events}
        settled = set(known) - {event.number for event in content_of(whole).events}
        damaged = bytearray(whole)
        start = data.draw(st.integers(0, len(whole)))
        length = data.draw(st.integers(0, 60))
        damaged[start : start + length] = data.draw(st.binary(max_size=60))
        found = content_of(bytes(damaged))
        for event in found.events:
            assert known[event.number].event == event.event
        before = content_of(whole[:start])
        numbers_found = {event.number for event in found.events}
        assert {event.number for event in before.events} - settled <= numbers_found


class TestManyMarks:
    """Files that a damaged disk or somebody hostile made: the work is bounded by their size."""

    EVENTS = 20_000
    RANGES = 100_000

    def test_one_mark_of_very_many_ranges(self) -> None:
        events = events_of(self.EVENTS)
        everything = record._RANGE.pack(0, 2**32 - 1)
        data = b"".join(map(encoded, events))
        content = content_of(data + record._framed(record.SENDING, everything * self.RANGES))
        assert all(event.may_have_arrived for event in content.events)
        assert len(content.events) == self.EVENTS

    def test_a_mark_behind_each_event(self) -> None:
        everything = record._framed(record.SETTLED, record._RANGE.pack(0, 2**32 - 1))
        data = b"".join(encoded(event) + everything for event in events_of(self.EVENTS))
        assert content_of(data).events == ()

    @given(
        st.lists(
            st.one_of(
                st.integers(0, 9),
                st.tuples(MARKS, st.integers(0, 11), st.integers(0, 11)),
            ),
            max_size=30,
        )
    )
    def test_marks_in_any_order(self, steps: list[int | tuple[int, int, int]]) -> None:
        """As if each were applied, one after the other, to the events before it."""
        data = b""
        known: dict[int, StoredEvent] = {}
        sent: set[int] = set()
        settled: set[int] = set()
        damaged = was_damaged = 0
        for step in steps:
            if isinstance(step, int):
                data += encoded_event(step, AT_MS, "push", b"%d" % step)
                is_new = step not in known
                damaged += not is_new and not was_damaged
                was_damaged = not is_new
                known.setdefault(step, StoredEvent(step, AT_MS, "push", b"%d" % step))
                continue
            kind, first, last = step
            data += record._framed(kind, record._RANGE.pack(first, last))
            was_damaged = False
            covered = {number for number in known if first <= number <= last}
            if kind == record.SENDING:
                sent |= covered
            elif kind == record.RETURNED:
                sent -= covered
            else:
                settled |= covered
        content = content_of(data)
        found = {event.number: event.may_have_arrived for event in content.events}
        assert found == {number: number in sent for number in known if number not in settled}
        assert content.damaged == damaged


def test_clocks_are_read() -> None:
    """Each event knows what the clocks showed when its process began the file."""
    first = record.ClockReading(b"11111111", 5, 6)
    second = record.ClockReading(b"22222222", 7, 8)
    data = encoded_event(0, AT_MS, "push", b"")
    data += record.encoded_clock(first) + encoded_event(1, AT_MS, "push", b"")
    data += record.encoded_clock(second)
    content = content_of(data)
    assert [event.clock for event in content.events] == [None, first]
    assert content.clocks == (first, second)
    assert content.damaged == 0
