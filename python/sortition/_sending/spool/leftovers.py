"""What processes that ended have left in a spool: taken over file by file, and read."""

from __future__ import annotations

import contextlib
import os
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from sortition._sending import ledger as reasons
from sortition._sending.spool import age, files, record
from sortition._sending.spool.process_folder import (
    ProcessFolder,
    folders_in,
    oldest_in,
    remove_unfinished,
)
from sortition._sending.spool.segment import Place, Segment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sortition._base.log import Log
    from sortition._sending.ledger import Kinds
    from sortition._sending.spool.folders import Folders
    from sortition._sending.spool.options import SpoolOptions
    from sortition._sending.spool.owner import Owner
    from sortition._sending.spool.process_folder import FolderName
    from sortition._sending.spool.record import Content, StoredEvent

UNREADABLE: Final = "unreadable"
"""The kind of what was damaged: nobody knows any more what it was."""

_SHARE_OF_LEFTOVERS: Final = 0.5
"""How much of the bytes that a spool may keep is for leftovers; the rest is for its own events."""


class Files(Protocol):
    """The files of this process, as far as leftovers become some of them."""

    @property
    def owner(self) -> Owner | None:
        """The owner of the events; None if it is not known yet."""

    @property
    def size(self) -> int:
        """Their bytes."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing is taken any more."""

    def add(self, segment: Segment) -> None:
        """Count a file that was taken over."""

    def remove(self, segment: Segment) -> None:
        """Remove a file whose events are settled."""

    def settle(self, places: Iterable[Place | None]) -> None:
        """It is known what became of these events."""

    def append_to(self, segment: Segment, encoded: bytes) -> None:
        """Append a record to a file."""

    def note_failure(self, error: OSError) -> None:
        """The disk fails."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What was taken over at once.

    Attributes:
        adopted: How many events of each kind.
        dropped: Those of them that are not sent, by reason.
    """

    adopted: Counter[str] = field(default_factory=Counter)
    dropped: dict[str, Counter[str]] = field(default_factory=dict)

    def drop(self, kinds: Kinds, reason: str) -> None:
        """Some are not sent."""
        if kinds:
            self.dropped.setdefault(reason, Counter()).update(kinds)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The events of a file that was taken over.

    Attributes:
        events: Those that are to be sent, with their places.
        dropped: How many are not sent, by reason and kind.
    """

    events: list[tuple[StoredEvent, Place]]
    dropped: dict[str, Counter[str]]


@dataclass(frozen=True, slots=True)
class _Leftover:
    """A file that was taken over, and was not read for sending yet.

    Attributes:
        segment: The file.
        kinds: How many events of each kind are to be sent.
        began: Sorts files by the time at which their oldest event was accepted.
    """

    segment: Segment
    kinds: Kinds
    began: tuple[bool, int]


class Leftovers:
    """Takes over the files of processes that ended, as much at a time as the spool has room for.

    What there is no room for stays where it is, for any process of the account to take over later.
    To be used by one thread.

    Args:
        options: Where, and how much.
        mine: The files of this process.
        folders: The folders of this process.
        log: The client's log.
    """

    def __init__(self, options: SpoolOptions, mine: Files, folders: Folders, log: Log) -> None:
        self._options = options
        self._files = mine
        self._folders = folders
        self._log = log
        self._waiting: deque[_Leftover] = deque()
        self._taken: list[Segment] = []
        # The size of the next file, where there was no room for it.
        self._next_size: int | None = None

    @property
    def are_waiting(self) -> bool:
        """Whether something that was taken over has not been loaded yet."""
        return bool(self._waiting)

    @property
    def are_left_behind(self) -> bool:
        """Whether there was more than the spool has room for, when it was last looked."""
        return self._next_size is not None

    @property
    def have_room(self) -> bool:
        """Whether there is room now for what was left behind."""
        return self._next_size is not None and self._has_room(self._next_size)

    def take_over(self) -> TakenOver:
        """Take over what processes that ended left for the same account."""
        taken = TakenOver()
        next_size = None
        owner = self._files.owner
        if self._files.is_closed or owner is None:
            return taken
        try:
            root = files.open_root(self._options.folder)
        except OSError:
            # There is nothing, or nothing that could be read.
            return taken
        try:
            remove_unfinished(root)
            self._folders.remove_empty(root)
            for name in self._candidates(root, owner):
                try:
                    next_size = self._take_over_folder(root, name, taken)
                except OSError as error:
                    self._log.debug("spool: leaving %s alone: %s", name.text, error.strerror)
                if next_size is not None:
                    break
        except OSError as error:
            self._files.note_failure(error)
        finally:
            os.close(root)
            # Only now: somebody may wait for both to end, what waits and what is left behind.
            self._next_size = next_size
        # As they were accepted, whichever process did.
        self._waiting = deque(sorted(self._waiting, key=lambda one: one.began))
        return taken

    def load(self) -> Loaded | None:
        """The events of the oldest file that was taken over; None if there is none."""
        try:
            leftover = self._waiting.popleft()
        except IndexError:
            return None
        segment = leftover.segment
        try:
            content = record.content_of(files.read(segment.name, segment.folder.descriptor))
        except OSError as error:
            self._log.error("spool: cannot read %s: %s", segment.name, error.strerror)
            content = record.Content((), 0)
        reading = age.now()
        events: list[tuple[StoredEvent, Place]] = []
        old: list[Place] = []
        dropped: dict[str, Counter[str]] = {}
        missing = Counter(leftover.kinds)
        for event in content.events:
            if event.number not in segment.unsettled or not missing[event.kind]:
                continue
            missing[event.kind] -= 1
            place = Place(segment, event.number, event.may_have_arrived)
            age_s = age.age_s(event, content, reading)
            if age_s is not None and age_s > self._options.most_age_s:
                old.append(place)
                dropped.setdefault(reasons.TOO_OLD, Counter())[event.kind] += 1
            else:
                events.append((event, place))
        missing += Counter()
        if missing:
            dropped[reasons.DAMAGED] = missing
        segment.unsettled = {place.number for _, place in events} | {one.number for one in old}
        self._files.settle(old)
        if not segment.unsettled:
            self._files.remove(segment)
        return Loaded(events, dropped)

    def _candidates(self, root: int, owner: Owner) -> list[FolderName]:
        """The folders of other processes of the account, those with the oldest files first."""
        names = [
            name
            for name in folders_in(root)
            if self._takes(name.owner, owner) and not self._folders.are(name)
        ]
        return sorted(names, key=lambda name: (oldest_in(root, name), name.text))

    def _takes(self, owner: Owner, mine: Owner) -> bool:
        if self._options.takes_any_key:
            return (owner.platform, owner.account) == (mine.platform, mine.account)
        return owner == mine

    def _has_room(self, size: int) -> bool:
        """Whether one more file may be taken over: always, where nothing else that was is left."""
        if self._files.size + size <= self._options.most_bytes * _SHARE_OF_LEFTOVERS:
            return True
        self._taken = [segment for segment in self._taken if segment.unsettled]
        return not self._taken

    def _take_over_folder(self, root: int, name: FolderName, taken: TakenOver) -> int | None:
        """Take over the files of a folder.

        Returns:
            The size of the first file that there is no room for; None if there is room for all.
        """
        if not self._folders.has_room:
            return None
        left = ProcessFolder.take_over(root, name)
        if left is None:
            return None
        is_kept_open = False
        try:
            for segment in left.segments():
                size = files.size_of(segment, left.descriptor)
                if not self._has_room(size):
                    return size
                is_kept_open |= self._take_over_segment(left, segment, taken)
        finally:
            if is_kept_open:
                self._folders.keep(left)
            else:
                left.remove(root)
        return None

    def _take_over_segment(self, left: ProcessFolder, name: str, taken: TakenOver) -> bool:
        """Take a file over; whether its events are in the folder that it was left in."""
        try:
            data = files.read(name, left.descriptor)
        except OSError as error:
            why = error.strerror
            self._log.recurring_error(
                (left.name, name), lambda: f"spool: leaving {left.name}/{name} alone: {why}"
            )
            return False
        content = record.content_of(data)
        if content.damaged:
            unreadable = {UNREADABLE: content.damaged}
            taken.adopted.update(unreadable)
            taken.drop(unreadable, reasons.DAMAGED)
        if not content.events:
            os.unlink(name, dir_fd=left.descriptor)
            return False
        folder = self._move(left, name)
        kinds = Counter(event.kind for event in content.events)
        numbers = {event.number for event in content.events}
        size = len(data)
        if size > files.FULL_BYTES:
            # Nothing that sortition writes is so large, and nothing behind it would be read.
            with contextlib.suppress(OSError):
                files.cut(name, folder.descriptor, content.end)
                size = content.end
        segment = Segment(name, folder, size=size, events=len(numbers), unsettled=numbers)
        self._files.add(segment)
        self._taken.append(segment)
        taken.adopted.update(kinds)
        self._waiting.append(_Leftover(segment, kinds, _began(content)))
        reading = age.now()
        if not any(clock.boot == reading.boot for clock in content.clocks):
            # From now on the age of its events is known.
            self._files.append_to(segment, record.encoded_clock(reading))
        return folder is left

    def _move(self, left: ProcessFolder, name: str) -> ProcessFolder:
        """Move a file to this process's folder; the folder that it is in then."""
        try:
            own = self._folders.own()
            os.rename(name, name, src_dir_fd=left.descriptor, dst_dir_fd=own.descriptor)
        except OSError:
            # A full disk has no room for a folder, and is not emptied by waiting.
            return left
        return own


def _began(content: Content) -> tuple[bool, int]:
    """When the oldest event of a file was accepted; earlier starts of the machine come first."""
    oldest_ms = min(event.accepted_at_ms for event in content.events)
    clock = content.events[0].clock
    if clock is None or clock.boot != age.now().boot:
        return False, oldest_ms
    return True, oldest_ms - clock.wall_ms + clock.uptime_ms
