"""Opens files of a spool: without following links, and only those of the own user.

Everything below the folder is opened relative to an open folder, so that nobody can replace a file
after it was checked.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # Windows, where the option is refused
    fcntl = None  # type: ignore[assignment]

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
_WRITABLE_BY_OTHERS: Final = 0o022
_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FOLDER: Final = getattr(os, "O_DIRECTORY", 0) | os.O_RDONLY
MOST_READ_BYTES: Final = 32 * 1024 * 1024
"""How much of a file to read; sortition starts a new one after a megabyte."""
FULL_BYTES: Final = MOST_READ_BYTES // 2
"""From this size on, only records that settle events are appended to a file."""
# Do not wait for a pipe in place of a file.
_AT_ONCE: Final = getattr(os, "O_NONBLOCK", 0)


class ForeignError(OSError):
    """A file or folder belongs to another user, or is of the wrong kind."""


class _Held:
    """The open files of this process that a forked child must not keep open.

    A lock ends when its last descriptor is closed: inherited ones would make the parent look alive
    as long as the child lives.
    """

    descriptors: dict[int, None] = {}  # noqa: RUF012 -- of the process, as its descriptors are
    forks = 0

    @classmethod
    def note_fork(cls) -> None:
        cls.forks += 1

    @classmethod
    def let_go(cls) -> None:
        for descriptor in tuple(cls.descriptors):
            os.close(descriptor)
        cls.descriptors.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_Held.note_fork, after_in_child=_Held.let_go)


def hold(descriptor: int) -> int:
    """Close this in forked children."""
    _Held.descriptors[descriptor] = None
    return descriptor


def hold_lock(name: str, folder: int) -> int:
    """Open a lock file that no forked child will keep open.

    Raises:
        ForeignError: It is not a regular file of the own user.
        OSError: It cannot be opened.
    """
    while True:
        forks = _Held.forks
        descriptor = hold(open_file(name, folder, os.O_RDWR))
        if _Held.forks == forks:
            return descriptor
        # A child may have inherited it unknowingly, but it is not locked yet.
        close(descriptor)


def close(descriptor: int) -> None:
    """Close what may be held."""
    try:
        # Before it is closed: from then on the number may be that of another file.
        _Held.descriptors.pop(descriptor, None)
    finally:
        os.close(descriptor)


def make_root(path: str) -> None:
    """Create the caller's folder if it does not exist; its parent must exist."""
    with contextlib.suppress(FileExistsError):
        Path(path).mkdir(FOLDER_MODE)


def open_root(path: str) -> int:
    """Open the caller's folder, whose path may contain links."""
    return os.open(path, _FOLDER | getattr(os, "O_CLOEXEC", 0))


def open_folder(name: str, root: int) -> int:
    """Open a subfolder.

    Raises:
        ForeignError: Other users have access to it.
        OSError: It cannot be opened.
    """
    descriptor = os.open(name, _FOLDER | _NO_LINKS, dir_fd=root)
    status = os.fstat(descriptor)
    if status.st_uid == os.geteuid() and not status.st_mode & _WRITABLE_BY_OTHERS:
        return descriptor
    os.close(descriptor)
    raise ForeignError(f"{name} is not this user's alone")


def names_in(folder: int) -> list[str]:
    """The names in an open folder, sorted."""
    return sorted(os.listdir(folder))


def create(name: str, folder: int) -> int:
    """Create a new file, and open it for appending."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | _NO_LINKS
    return os.open(name, flags, FILE_MODE, dir_fd=folder)


def open_file(name: str, folder: int, flags: int) -> int:
    """Open an existing file.

    Raises:
        ForeignError: It is not a regular file of the own user.
        OSError: It cannot be opened.
    """
    descriptor = os.open(name, flags | _NO_LINKS | _AT_ONCE, dir_fd=folder)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    raise ForeignError(f"{name} is no ordinary file of this user")


def read(name: str, folder: int) -> bytes:
    """The content of a file, up to `MOST_READ_BYTES`.

    Raises:
        ForeignError: It is not a regular file of the own user.
        OSError: It cannot be read.
    """
    descriptor = open_file(name, folder, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(MOST_READ_BYTES)


def size_of(name: str, folder: int) -> int:
    """How many bytes of a file would be read; 0 if it is not accessible."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return 0
    return min(status.st_size, MOST_READ_BYTES)


def cut(name: str, folder: int, size: int) -> None:
    """Truncate a file after these bytes.

    Raises:
        OSError: It cannot be changed.
    """
    descriptor = open_file(name, folder, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)


def is_locked_elsewhere(descriptor: int) -> bool:
    """Whether another process holds the lock of a file.

    Raises:
        OSError: The file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def is_locked_here(descriptor: int) -> bool:
    """Lock a file for this process; False if another process holds it or the file was removed.

    Raises:
        OSError: The file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0
