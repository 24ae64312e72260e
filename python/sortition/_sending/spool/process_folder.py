"""The subfolder of one client in one process: creating, finding and taking it over.

Its name has the platform, the account, a digest that identifies the account, the process id and a
random part. A lock on a file in it shows whether its process is alive: the lock ends with the
process, so process ids need not be trusted.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from sortition._sending.spool import files
from sortition._sending.spool.owner import Owner

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK: Final = "lock"
_NAME: Final = re.compile(
    r"(?P<platform>[a-z]+)\.(?P<account>[A-Za-z0-9_-]+)\.(?P<identity>[0-9a-f]{16})"
    r"\.(?P<pid>[0-9]{1,19})\.(?P<token>[0-9a-f]{16})"
)
_BEGUN: Final = ".new."
"""The prefix of folders that are still being created."""
_SEGMENT: Final = re.compile(r"[0-9a-f]{16}-[0-9]{8}\.spool")
_NEVER_FINISHED_S: Final = 3600.0
_TOKEN_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class FolderName:
    """The parts of the name of a process's folder.

    Attributes:
        text: The name.
        owner: The owner of its events.
        pid: The process that created it.
    """

    text: str
    owner: Owner
    pid: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Parse a name; None if it is not the name of such a folder."""
        match = _NAME.fullmatch(text)
        if match is None:
            return None
        owner = Owner(match["platform"], match["account"], match["identity"])
        return cls(text, owner, int(match["pid"]))


class ProcessFolder:
    """A subfolder whose lock this process holds.

    Attributes:
        descriptor: The open folder.
        token: Identifies its files among those of all folders.
    """

    def __init__(self, name: str, descriptor: int, lock: int, token: str) -> None:
        self.name = name
        self.descriptor = descriptor
        self.token = token
        self._lock = lock

    @classmethod
    def create(cls, root: int, owner: Owner) -> Self:
        """Create the folder of this process.

        Raises:
            OSError: It cannot be created or locked.
        """
        token = secrets.token_hex(_TOKEN_BYTES)
        parts = (owner.platform, owner.account, owner.identity, str(os.getpid()), token)
        name = ".".join(parts)
        begun = _BEGUN + name
        descriptors: list[int] = []
        try:
            os.mkdir(begun, files.FOLDER_MODE, dir_fd=root)
            descriptors.append(files.hold(files.open_folder(begun, root)))
            os.close(files.create(_LOCK, descriptors[0]))
            descriptors.append(files.hold_lock(_LOCK, descriptors[0]))
            if not files.is_locked_here(descriptors[1]):
                raise BlockingIOError("a lock that was just made is held by another process")
            # Once the folder has its final name, it is locked.
            os.rename(begun, name, src_dir_fd=root, dst_dir_fd=root)
        except BaseException:
            if descriptors:
                with contextlib.suppress(OSError):
                    os.unlink(_LOCK, dir_fd=descriptors[0])
            for descriptor in descriptors:
                files.close(descriptor)
            for made in (begun, name):
                with contextlib.suppress(OSError):
                    os.rmdir(made, dir_fd=root)
            raise
        return cls(name, descriptors[0], descriptors[1], token)

    @classmethod
    def take_over(cls, root: int, name: FolderName) -> Self | None:
        """Lock the folder of a process that has ended.

        Returns:
            The folder; None if its process is alive, or another process has taken it over.

        Raises:
            OSError: It is not accessible, or belongs to another user.
        """
        folder = files.hold(files.open_folder(name.text, root))
        try:
            lock = files.hold_lock(_LOCK, folder)
        except FileNotFoundError:
            # Without its lock nobody can tell whether its process is alive; but nobody needs an
            # empty one.
            files.close(folder)
            with contextlib.suppress(OSError):
                os.rmdir(name.text, dir_fd=root)
            return None
        except BaseException:
            files.close(folder)
            raise
        is_mine = False
        try:
            is_mine = files.is_locked_here(lock)
        finally:
            if not is_mine:
                files.close(lock)
                files.close(folder)
        return cls(name.text, folder, lock, name.text.rpartition(".")[2]) if is_mine else None

    def segments(self) -> list[str]:
        """The names of its segments, oldest first for each process that created some."""
        return segments_in(self.descriptor)

    def remove(self, root: int) -> None:
        """Remove the folder if it is empty, and release it."""
        try:
            # Files of others stay, and so does the folder.
            if files.names_in(self.descriptor) == [_LOCK]:
                os.unlink(_LOCK, dir_fd=self.descriptor)
                os.rmdir(self.name, dir_fd=root)
        except OSError:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Release the folder; the next process takes over its content."""
        for descriptor in (self._lock, self.descriptor):
            files.close(descriptor)
        # From now on, the number may belong to another folder.
        self.descriptor = -1


def segments_in(folder: int) -> list[str]:
    """The names of the segments in an open folder, in order."""
    return [name for name in files.names_in(folder) if _SEGMENT.fullmatch(name)]


def oldest_in(root: int, name: FolderName) -> float:
    """When the first segment of a folder was last written; infinity without segments.

    By the clock of the file system, in seconds since 1970.
    """
    try:
        folder = files.open_folder(name.text, root)
    except OSError:
        return math.inf
    try:
        first = segments_in(folder)[:1]
        return min((os.stat(one, dir_fd=folder).st_mtime for one in first), default=math.inf)
    except OSError:
        return math.inf
    finally:
        os.close(folder)


def is_alive(folder: int) -> bool:
    """Whether the process of an open folder is alive.

    Raises:
        OSError: Nobody can tell.
    """
    lock = files.open_file(_LOCK, folder, os.O_RDONLY)
    try:
        return files.is_locked_elsewhere(lock)
    finally:
        os.close(lock)


def segment_name(token: str, number: int) -> str:
    """The name of a folder's segment."""
    return f"{token}-{number:08d}.spool"


def folders_in(root: int) -> Iterator[FolderName]:
    """The folders of all processes, dead or alive."""
    for text in files.names_in(root):
        name = FolderName.read(text)
        if name is not None:
            yield name


def remove_unfinished(root: int) -> None:
    """Remove folders of processes that died while creating them."""
    for text in files.names_in(root):
        name = FolderName.read(text.removeprefix(_BEGUN)) if text.startswith(_BEGUN) else None
        if name is None:
            continue
        with contextlib.suppress(OSError):
            status = os.stat(text, dir_fd=root, follow_symlinks=False)
            if time.time() - status.st_mtime < _NEVER_FINISHED_S:
                continue
            folder = files.open_folder(text, root)
            try:
                os.unlink(_LOCK, dir_fd=folder)
            finally:
                os.close(folder)
            os.rmdir(text, dir_fd=root)
