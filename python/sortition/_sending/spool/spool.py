"""The spool of one client in one process: keeps events in files until they are settled."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from typing import TYPE_CHECKING, Final

from sortition._sending.spool import age, files, record
from sortition._sending.spool.disk_state import DiskState
from sortition._sending.spool.folders import Folders
from sortition._sending.spool.leftovers import Leftovers
from sortition._sending.spool.process_folder import segment_name
from sortition._sending.spool.segment import Place, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sortition._base.log import Log
    from sortition._sending.spool.options import SpoolOptions
    from sortition._sending.spool.owner import Owner

_FEW_PER_REQUEST: Final = 20
_EVENTS_OF_FEW: Final = 1000
_MOST_SEGMENT_BYTES: Final = 1024 * 1024
_MOST_EVENT_BYTES: Final = 8 * 1024 * 1024
"""What is larger is kept in memory only: of a file, only so much is read."""


class _FullError(OSError):
    """The spool holds as much as it may; the disk has no part in it."""


class Spool:
    """Files of events. Safe to use from any number of threads of the process that made it.

    A disk that fails is no fault of the caller's: what cannot be written to a file is kept in
    memory only, and the log says so once until it works again.

    An exception that comes from outside, such as one of a signal handler, leaves files and numbers
    consistent wherever it is raised.

    Args:
        options: Where, and how much.
        owner: Whose events they are; None if that is not known yet.
        log: The client's log.
        events_per_request: How many events are sent together, at most, and so are in one file;
            where they are few, more are.

    Attributes:
        leftovers: What processes that ended have left.
    """

    def __init__(
        self,
        options: SpoolOptions,
        owner: Callable[[], Owner | None],
        log: Log,
        events_per_request: int,
    ) -> None:
        self._options = options
        self._find_owner = owner
        self._owner: Owner | None = None
        is_few = events_per_request < _FEW_PER_REQUEST
        self._segment_events = _EVENTS_OF_FEW if is_few else events_per_request
        self._disk = DiskState(options.folder, log)
        self._folders = Folders(options.folder, self._known_owner)
        self._lock = self._folders.lock
        self._clock = age.now()
        self._depth = 0
        self._numbers = itertools.count(1)
        self._segments: set[Segment] = set()
        self._current: Segment | None = None
        self._to_close: list[Segment] = []
        self._size = 0
        self._is_closed = False
        self.leftovers = Leftovers(options, self, self._folders, log)

    @property
    def failure(self) -> str | None:
        """Why events were last not kept in files; None if they are."""
        return self._disk.failure

    @property
    def owner(self) -> Owner | None:
        """The owner of the events; None if it is not known yet."""
        if self._owner is None:
            self._owner = self._find_owner()
        return self._owner

    @property
    def size(self) -> int:
        """The bytes of its files."""
        return self._size

    @property
    def is_closed(self) -> bool:
        """Whether it takes nothing any more."""
        return self._is_closed

    def append(self, kind: str, event: bytes, into: list[Place]) -> None:
        """Keep an event.

        Args:
            kind: The kind of event.
            event: The event, encoded.
            into: Gets the event's place before anything is written, so that the caller can settle
                it whatever interrupts this call. It stays empty if the event cannot be written
                to a file, and is in memory only.
        """
        if self._disk.is_left_alone() or self._is_closed or len(event) > _MOST_EVENT_BYTES:
            return
        at_ms = self._clock.wall_ms - self._clock.uptime_ms + age.uptime_ms()
        try:
            with self._lock:
                before = self._depth
                try:
                    self._depth = before + 1
                    self._append(kind, event, at_ms, into)
                finally:
                    self._depth = before
        except OSError as error:
            into.clear()
            self.note_failure(error)
        else:
            if self._disk.failure is not None:
                self._disk.note_success()

    def note_sending(self, places: Iterable[Place | None]) -> None:
        """These events are about to be sent."""
        self._mark(record.SENDING, places)

    def note_returned(self, places: Iterable[Place | None]) -> None:
        """These events were about to be sent, and have not arrived."""
        never_sent = (place for place in places if place is None or not place.may_have_arrived)
        self._mark(record.RETURNED, never_sent)

    def settle(self, places: Iterable[Place | None]) -> None:
        """It is known what became of these events: they need not be kept any more.

        To settle an event again, or one that was never written, has no effect.
        """
        # The files come first: what an interruption leaves undone, a repetition does.
        for segment, placed in _by_segment(places).items():
            with self._lock:
                numbers = placed & segment.unsettled
                is_rest = segment.descriptor is None and len(numbers) == len(segment.unsettled)
            if is_rest:
                self.remove(segment)
            elif numbers:
                self.append_to(segment, record.encoded_mark(record.SETTLED, numbers))
            with self._lock:
                segment.unsettled -= numbers
                is_done = segment.descriptor is None and not segment.unsettled
            if is_done:
                self.remove(segment)

    def close(self) -> None:
        """Let go of the files; those with events that are not settled stay."""
        with self._lock:
            self._is_closed = True
            if self._depth:
                # A signal handler within one of our own lines, which is to go on with its file.
                return
            self._replace_current(None)
        self._folders.close()

    def add(self, segment: Segment) -> None:
        """Count a file that was taken over."""
        with self._lock:
            self._segments.add(segment)
            self._size += segment.size

    def remove(self, segment: Segment) -> None:
        """Remove a file whose events are settled."""
        if segment not in self._segments:
            return
        with contextlib.suppress(OSError):
            os.unlink(segment.name, dir_fd=segment.folder.descriptor)
        with self._lock:
            if segment in self._segments:
                self._segments.discard(segment)
                self._size -= segment.size

    def recount(self) -> None:
        """Find out how large the files are: an interruption may have left some bytes uncounted."""
        with self._lock:
            for segment in tuple(self._segments):
                try:
                    status = os.stat(segment.name, dir_fd=segment.folder.descriptor)
                except FileNotFoundError:
                    self._segments.discard(segment)
                except OSError:
                    continue
                else:
                    segment.size = status.st_size
            self._size = sum(segment.size for segment in self._segments)

    def append_to(self, segment: Segment, encoded: bytes) -> None:
        """Append a record to a file, open or not."""
        try:
            with self._lock:
                if segment.descriptor is not None:
                    self._write(segment, encoded)
                    return
            descriptor = files.open_file(
                segment.name, segment.folder.descriptor, os.O_WRONLY | os.O_APPEND
            )
            try:
                written = os.write(descriptor, encoded)
            finally:
                os.close(descriptor)
            with self._lock:
                segment.size += written
                self._size += written
        except FileNotFoundError as error:
            # Where another thread has settled the last of its events, the file is gone for good.
            if segment.unsettled:
                self.note_failure(error)
        except OSError as error:
            # A request may end after the close, when the file belongs to the next process.
            if not self._is_closed:
                self.note_failure(error)

    def note_failure(self, error: OSError) -> None:
        """Leave the disk alone for a while, and begin anew with another file."""
        with self._lock:
            if not isinstance(error, _FullError):
                # Behind a record that is not whole, nothing is appended.
                self._replace_current(None)
            if error.errno == errno.ENOENT:
                self._folders.replace_own()
        self._disk.note_failure(error)

    def _append(self, kind: str, event: bytes, at_ms: int, into: list[Place]) -> None:
        segment = self._current
        if segment is None or (
            self._depth == 1
            and (segment.events >= self._segment_events or segment.size >= _MOST_SEGMENT_BYTES)
        ):
            segment = self._open()
            self._replace_current(segment)
        number = next(segment.numbers)
        encoded = record.encoded_event(number, at_ms, kind, event)
        if not segment.size:
            encoded = record.encoded_clock(self._clock) + encoded
        if not self._has_room(len(encoded)):
            raise _FullError(errno.EDQUOT, "it holds as many bytes as it may")
        into.append(Place(segment, number))
        segment.unsettled.add(number)
        try:
            self._write(segment, encoded)
        except OSError:
            segment.unsettled.discard(number)
            raise
        segment.events = number + 1

    def _has_room(self, size: int) -> bool:
        if self._size + size <= self._options.most_bytes:
            return True
        self.recount()
        return self._size + size <= self._options.most_bytes

    def _write(self, segment: Segment, encoded: bytes) -> None:
        """Append a record to an open file."""
        descriptor = segment.descriptor
        if descriptor is None:
            raise OSError(errno.EBADF, "the file is closed")
        written = os.write(descriptor, encoded)
        segment.size += written
        self._size += written
        if written < len(encoded):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _open(self) -> Segment:
        """A new file to append to."""
        folder = self._folders.own()
        name = segment_name(folder.token, next(self._numbers))
        segment = Segment(name, folder)
        self.add(segment)
        try:
            segment.descriptor = files.hold(files.create(name, folder.descriptor))
        except BaseException:
            # Also where an interruption comes after the file was made.
            self._discard(segment)
            raise
        return segment

    def _discard(self, segment: Segment) -> None:
        """Remove a file without events."""
        _close(segment)
        self.remove(segment)

    def _replace_current(self, segment: Segment | None) -> None:
        """Append to another file from now on."""
        former, self._current = self._current, segment
        # It may be the same where a signal handler took the spare one at the same time.
        if former is not None and former is not segment:
            self._to_close.append(former)
        if self._depth > 1:
            # This is a signal handler within a line that appends.
            return
        for done in tuple(self._to_close):
            _close(done)
            if not done.unsettled:
                self.remove(done)
            self._to_close.remove(done)

    def _mark(self, mark: int, places: Iterable[Place | None]) -> None:
        for segment, numbers in _by_segment(places).items():
            if segment.size < files.FULL_BYTES:
                self.append_to(segment, record.encoded_mark(mark, numbers))

    def _known_owner(self) -> Owner:
        """Whose events they are.

        Raises:
            OSError: It is not known yet.
        """
        owner = self.owner
        if owner is None:
            raise OSError(errno.EAGAIN, "nobody knows yet whose events they are")
        return owner


def _close(segment: Segment) -> None:
    descriptor, segment.descriptor = segment.descriptor, None
    if descriptor is not None:
        files.close(descriptor)


def _by_segment(places: Iterable[Place | None]) -> dict[Segment, set[int]]:
    found: dict[Segment, set[int]] = {}
    for place in places:
        if place is not None:
            found.setdefault(place.segment, set()).add(place.number)
    return found
