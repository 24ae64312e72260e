"""The spool of one client in one process: keeps events until they are settled, and adopts."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sortition._sending import ledger as reasons
from sortition._sending.spool import files, record
from sortition._sending.spool.process_folder import (
    ProcessFolder,
    folders_in,
    remove_unfinished,
    segment_name,
)
from sortition._sending.spool.segment import Leftover, Place, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sortition._base.log import Log
    from sortition._sending.ledger import Kinds
    from sortition._sending.spool.options import SpoolOptions
    from sortition._sending.spool.owner import Owner
    from sortition._sending.spool.process_folder import FolderName
    from sortition._sending.spool.record import StoredEvent

UNREADABLE: Final = "unreadable"
"""The kind of what was damaged: nobody knows any more what it was."""

_FEWEST_OF_A_FILE: Final = 2
"""Events that are sent alone share a file: to make one for each takes longer than to mark it."""
_FEW_PER_REQUEST: Final = 20
_EVENTS_OF_FEW: Final = 1000
_MOST_FORMER: Final = 8
"""How many folders are kept open beside the own one, where nothing can be moved out of them."""
_MOST_SEGMENT_BYTES: Final = 1024 * 1024
_TRIES_AGAIN_AFTER_S: Final = 5.0
"""How long a disk that failed is left alone."""
_LOG_INTERVAL_S: Final = 60.0
"""How often it is logged, at most, that a disk begins to fail."""


class _FullError(OSError):
    """The spool holds as much as it may; the disk has no part in it."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What was taken over at once.

    Attributes:
        adopted: How many events of each kind.
        dropped: Those of them that are not to be sent, by reason.
    """

    adopted: Counter[str] = field(default_factory=Counter)
    dropped: dict[str, Counter[str]] = field(default_factory=dict)

    def drop(self, kinds: Kinds, reason: str) -> None:
        """Some are not to be sent."""
        if kinds:
            self.dropped.setdefault(reason, Counter()).update(kinds)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The events of a segment that was taken over.

    Attributes:
        events: Those that are to be sent, with their places.
        expected: How many of each kind were counted when it was taken over.
        dropped: Those that are not to be sent, by reason.
    """

    events: list[tuple[StoredEvent, Place]]
    expected: Kinds
    dropped: dict[str, Counter[str]]


class Spool:
    """Files of events. Safe to use from any number of threads of the process that made it.

    A disk that fails is no fault of the caller's: what cannot be kept in a file is kept in memory
    alone, which is logged once until it works again.

    Args:
        options: Where, and how much.
        owner: Whose events they are; None where that is not known yet.
        log: Where to say that the disk fails.
        events_per_request: How many events are sent together, at most, and so are in one file;
            where they are few, more are.
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
        self._log = log
        is_few = events_per_request < _FEW_PER_REQUEST
        self._segment_events = _EVENTS_OF_FEW if is_few else events_per_request
        # Reentrant: a signal handler may run within any of our lines.
        self._lock = threading.RLock()
        self._depth = 0
        self._folder: ProcessFolder | None = None
        self._former: list[ProcessFolder] = []
        self._numbers = itertools.count(1)
        self._current: Segment | None = None
        # The next one, so that a call finds it made.
        self._spare: Segment | None = None
        self._to_close: list[int] = []
        self._backlog: deque[Leftover] = deque()
        self._bytes = 0
        self._tries_again_at = 0.0
        self._failure: str | None = None
        self._is_failure_logged = False
        self._logs_from = 0.0
        self._is_closed = False

    @property
    def has_backlog(self) -> bool:
        """Whether something that was taken over waits to be loaded."""
        return bool(self._backlog)

    @property
    def failure(self) -> str | None:
        """Why events were last not kept in files; None where they are."""
        return self._failure

    def append(self, kind: str, event: bytes) -> Place | None:
        """Keep an event; None where that cannot be done, and it is in memory alone."""
        if self._failure is not None and time.monotonic() < self._tries_again_at:
            return None
        at_ms = time.time_ns() // 1_000_000
        try:
            with self._lock:
                self._depth += 1
                try:
                    place = self._append(kind, event, at_ms)
                finally:
                    self._depth -= 1
        except OSError as error:
            self._note_failure(error)
            return None
        if self._failure is not None and place is not None:
            self._note_success()
        return place

    def note_sending(self, places: Iterable[Place | None]) -> None:
        """These events are about to be sent."""
        self._mark(record.SENDING, places)

    def note_returned(self, places: Iterable[Place | None]) -> None:
        """These events were about to be sent, and have not arrived."""
        never_sent = (place for place in places if place is None or not place.may_have_arrived)
        self._mark(record.RETURNED, never_sent)

    def settle(self, places: Iterable[Place | None]) -> None:
        """It is known what became of these events: they need not be kept any more."""
        for segment, numbers in _by_segment(places).items():
            with self._lock:
                segment.pending -= len(numbers)
                is_done = not segment.pending and segment.descriptor is None
            if is_done:
                self._remove(segment)
            else:
                self._append_mark(segment, record.encoded_mark(record.SETTLED, numbers))

    def begin_after(self, places: Sequence[Place | None]) -> None:
        """These events are sent together: what comes is for another file."""
        last = places[-1] if places else None
        if last is None or len(places) < _FEWEST_OF_A_FILE:
            return
        done = None
        with self._lock:
            if last.segment is self._current and not self._is_closed:
                done = self._replace_current(self._take_spare())
        if done is not None:
            self._remove(done)
        # Here rather than in a call, which is not to wait for it.
        if self._spare is None and self._failure is None:
            self._make_spare()

    def adopt(self) -> Adoption:
        """Take over what processes that have ended left for the same account."""
        adoption = Adoption()
        if self._is_closed or (self._owner is None and self._find_owner() is None):
            return adoption
        try:
            root = files.open_root(self._options.folder)
        except OSError:
            # There is nothing, or nothing that could be read.
            return adoption
        try:
            remove_unfinished(root)
            for name in folders_in(root):
                if self._takes(name.owner) and not self._is_own(name):
                    try:
                        self._adopt_folder(root, name, adoption)
                    except OSError as error:
                        self._log.debug("spool: %s is left alone: %s", name.text, error.strerror)
        except OSError as error:
            self._note_failure(error)
        finally:
            os.close(root)
        # As they were accepted, whichever process did.
        self._backlog = deque(sorted(self._backlog, key=lambda one: one.oldest_ms))
        while self._bytes > self._options.most_bytes and self._backlog:
            leftover = self._backlog.popleft()
            adoption.drop(leftover.kinds, reasons.SPOOL_FULL)
            self._remove(leftover.segment)
        return adoption

    def load(self) -> Loaded | None:
        """The events of the oldest segment that was taken over; None where there is none."""
        try:
            leftover = self._backlog.popleft()
        except IndexError:
            return None
        segment = leftover.segment
        try:
            content = record.content_of(files.read(segment.name, segment.folder.descriptor))
        except OSError as error:
            self._log.error("spool: %s cannot be read: %s", segment.name, error.strerror)
            content = record.Content((), 0)
        oldest_ms = (time.time() - self._options.most_age_s) * 1000
        events: list[tuple[StoredEvent, Place]] = []
        old: list[Place] = []
        dropped: dict[str, Counter[str]] = {}
        missing = Counter(leftover.kinds)
        for event in content.events:
            place = Place(segment, event.number, event.may_have_arrived)
            if not missing[event.kind]:
                continue
            missing[event.kind] -= 1
            if event.accepted_at_ms < oldest_ms:
                old.append(place)
                dropped.setdefault(reasons.TOO_OLD, Counter())[event.kind] += 1
            else:
                events.append((event, place))
        missing += Counter()
        if missing:
            dropped[reasons.DAMAGED] = missing
        with self._lock:
            segment.pending -= missing.total()
        self.settle(old)
        if not segment.pending:
            self._remove(segment)
        return Loaded(events, leftover.kinds, dropped)

    def close(self) -> None:
        """Let go of the files; those with events that are not settled stay."""
        with self._lock:
            self._is_closed = True
            if self._depth:
                # A signal handler within one of our own lines, which is to go on with its file.
                return
            done, spare = self._replace_current(None), self._take_spare()
            folders = [*self._former, *([self._folder] if self._folder is not None else [])]
            self._folder, self._former = None, []
        if done is not None:
            self._remove(done)
        self._discard(spare)
        try:
            root = files.open_root(self._options.folder)
        except OSError:
            for folder in folders:
                folder.close()
            return
        for folder in folders:
            folder.remove(root)
        os.close(root)

    def _append(self, kind: str, event: bytes, at_ms: int) -> Place | None:
        if self._is_closed:
            return None
        segment = self._current
        if segment is None or (
            self._depth == 1
            and (segment.events >= self._segment_events or segment.size >= _MOST_SEGMENT_BYTES)
        ):
            segment = self._take_spare() or self._open()
            done = self._replace_current(segment)
            if done is not None:
                self._remove(done)
        number = next(segment.numbers)
        encoded = record.encoded_event(number, at_ms, kind, event)
        if self._bytes + len(encoded) > self._options.most_bytes:
            raise _FullError(errno.EDQUOT, "it holds as many bytes as it may")
        self._write(segment, encoded)
        segment.events += 1
        segment.pending += 1
        return Place(segment, number)

    def _write(self, segment: Segment, encoded: bytes) -> None:
        """Append a record to an open segment."""
        descriptor = segment.descriptor
        if descriptor is None:
            raise OSError(errno.EBADF, "the file is closed")
        written = os.write(descriptor, encoded)
        segment.size += written
        self._bytes += written
        if written < len(encoded):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _open(self) -> Segment:
        """A new file to append to."""
        folder = self._own_folder()
        name = segment_name(folder.token, next(self._numbers))
        return Segment(name, folder, files.hold(files.create(name, folder.descriptor)))

    def _make_spare(self) -> None:
        try:
            made = self._open()
        except OSError as error:
            self._note_failure(error)
            return
        with self._lock:
            if self._spare is None and not self._is_closed:
                self._spare = made
                return
        self._discard(made)

    def _take_spare(self) -> Segment | None:
        spare, self._spare = self._spare, None
        return spare

    def _discard(self, segment: Segment | None) -> None:
        """Remove a file to which nothing was ever appended."""
        if segment is not None and segment.descriptor is not None:
            files.close(segment.descriptor)
            segment.descriptor = None
            self._remove(segment)

    def _own_folder(self) -> ProcessFolder:
        with self._lock:
            if self._folder is not None:
                return self._folder
            path = self._options.folder
            files.make_root(path)
            root = files.open_root(path)
            try:
                made = ProcessFolder.create(root, self._whose())
                if self._folder is None:
                    self._folder = made
                else:
                    # A signal handler was faster.
                    made.remove(root)
            finally:
                os.close(root)
            return self._folder

    def _replace_current(self, segment: Segment | None) -> Segment | None:
        """Append to another file from now on; the former one where it can be removed."""
        former, self._current = self._current, segment
        # It may be the same where a signal handler took the spare one at the same time.
        if former is None or former is segment or former.descriptor is None:
            return None
        self._to_close.append(former.descriptor)
        former.descriptor = None
        if self._depth <= 1:
            # Otherwise this is a signal handler within a line that appends.
            for descriptor in self._to_close:
                files.close(descriptor)
            self._to_close.clear()
        return None if former.pending else former

    def _remove(self, segment: Segment) -> None:
        with self._lock:
            self._bytes -= segment.size
            segment.size = 0
        with contextlib.suppress(OSError):
            os.unlink(segment.name, dir_fd=segment.folder.descriptor)

    def _mark(self, mark: int, places: Iterable[Place | None]) -> None:
        for segment, numbers in _by_segment(places).items():
            self._append_mark(segment, record.encoded_mark(mark, numbers))

    def _append_mark(self, segment: Segment, encoded: bytes) -> None:
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
                self._bytes += written
        except FileNotFoundError as error:
            # Where another thread has settled the last of its events, the file is gone for good.
            if segment.pending:
                self._note_failure(error)
        except OSError as error:
            self._note_failure(error)

    def _whose(self) -> Owner:
        """Whose events they are, for good once it is known.

        Raises:
            OSError: It is not known yet.
        """
        owner = self._owner or self._find_owner()
        if owner is None:
            raise OSError(errno.EAGAIN, "nobody knows yet whose events they are")
        self._owner = owner
        return owner

    def _takes(self, owner: Owner) -> bool:
        mine = self._whose()
        if self._options.takes_any_key:
            return (owner.platform, owner.account) == (mine.platform, mine.account)
        return owner == mine

    def _is_own(self, name: FolderName) -> bool:
        own = [*self._former, *([self._folder] if self._folder is not None else [])]
        return any(folder.name == name.text for folder in own)

    def _adopt_folder(self, root: int, name: FolderName, adoption: Adoption) -> None:
        if len(self._former) >= _MOST_FORMER:
            return
        left = ProcessFolder.take_over(root, name)
        if left is None:
            return
        is_emptied = True
        try:
            for segment in left.segments():
                is_emptied &= self._adopt_segment(left, segment, adoption)
        finally:
            if is_emptied:
                left.remove(root)
            else:
                self._former.append(left)

    def _adopt_segment(self, left: ProcessFolder, name: str, adoption: Adoption) -> bool:
        """Take a file over; whether it is not in the folder any more, or is of no use."""
        try:
            data = files.read(name, left.descriptor)
        except OSError as error:
            self._log.error("spool: %s/%s is left alone: %s", left.name, name, error)
            return True
        content = record.content_of(data)
        if content.damaged:
            unreadable = {UNREADABLE: content.damaged}
            adoption.adopted.update(unreadable)
            adoption.drop(unreadable, reasons.DAMAGED)
        if not content.events:
            os.unlink(name, dir_fd=left.descriptor)
            return True
        folder = self._moved(left, name)
        kinds = Counter(event.kind for event in content.events)
        events = len(content.events)
        oldest_ms = min(event.accepted_at_ms for event in content.events)
        segment = Segment(name, folder, size=len(data), events=events, pending=events)
        adoption.adopted.update(kinds)
        with self._lock:
            self._bytes += segment.size
            self._backlog.append(Leftover(segment, kinds, oldest_ms))
        return folder is not left

    def _moved(self, left: ProcessFolder, name: str) -> ProcessFolder:
        """Move a file to this process's folder; the folder that it is in then."""
        try:
            own = self._own_folder()
            os.rename(name, name, src_dir_fd=left.descriptor, dst_dir_fd=own.descriptor)
        except OSError:
            # A full disk has no room for a folder, and is not emptied by waiting.
            return left
        return own

    def _note_failure(self, error: OSError) -> None:
        """Leave the disk alone for a while, and begin anew with another file."""
        now = time.monotonic()
        with self._lock:
            is_to_log = self._failure is None and now >= self._logs_from
            if is_to_log:
                self._logs_from = now + _LOG_INTERVAL_S
            self._failure = error.strerror or type(error).__name__
            self._is_failure_logged |= is_to_log
            self._tries_again_at = now + _TRIES_AGAIN_AFTER_S
            if not isinstance(error, _FullError):
                # Behind a record that is not whole, nothing is appended.
                done = self._replace_current(None)
                if done is not None:
                    self._remove(done)
            if error.errno == errno.ENOENT and self._folder is not None:
                # Somebody has removed it.
                self._former.append(self._folder)
                self._folder = None
                self._discard(self._take_spare())
        if is_to_log:
            self._log.warning(
                "spool: %s cannot be written: %s; events are kept in memory only, until it works "
                "again",
                self._options.folder,
                self._failure,
            )

    def _note_success(self) -> None:
        with self._lock:
            is_to_log = self._failure is not None and self._is_failure_logged
            self._failure = None
            self._is_failure_logged = False
        if is_to_log:
            self._log.warning("spool: it works again, and events are kept in files")


def _by_segment(places: Iterable[Place | None]) -> dict[Segment, list[int]]:
    found: dict[Segment, list[int]] = {}
    for place in places:
        if place is not None:
            found.setdefault(place.segment, []).append(place.number)
    return found
