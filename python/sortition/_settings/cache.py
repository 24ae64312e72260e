"""The cache file with the last good settings, for a start without the server.

The file has a line of JSON and then the document as received. The line contains a digest of the
platform, account, key and project that the settings belong to. The file's modification time is when
the server last confirmed the settings. The file is replaced as a whole, so any number of processes
can share it, and any fault of it costs one warning.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sortition._base.clock import now_s
from sortition._http.limits import MOST_SETTINGS_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sortition._base.log import Log

_FORMAT: Final = 2
_WRITABLE_BY_OTHERS: Final = 0o022
_ROOT: Final = 0
_MOST_HEAD_BYTES: Final = 1024
_TOUCH_S: Final = 60.0
"""How often to update the file's time while the settings stay the same."""
_LEFT_AFTER_S: Final = 3600.0
"""The age from which a temporary file counts as left behind by a dead process."""
# Do not follow a link or wait for a pipe: sortition writes neither.
_SAFELY: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_CLOSED_ON_EXEC: Final = getattr(os, "O_CLOEXEC", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Cached:
    """The content of the file.

    Attributes:
        document: The settings as received.
        age_s: How long ago the server last confirmed them, in seconds.
    """

    document: bytes = field(repr=False)
    age_s: float


class _UnusableError(Exception):
    """The content of the file must not be used; the message says why."""


class SettingsCache:
    """Keeps the last good settings. No method raises."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path = path
        self._log = log
        self._has_warned = False
        # The digest of what this process has written, and when it last updated the file.
        self._kept: bytes | None = None
        self._touched_at = 0.0

    def load(self, owner: str) -> Cached | None:
        """The content of the file; None if it is not usable.

        Args:
            owner: The digest of the owner that the settings must have.
        """
        try:
            cached = self._read(owner)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn("read", error.strerror or type(error).__name__)
        except _UnusableError as error:
            self._warn("used", str(error))
        else:
            self._kept = _digest(cached.document, owner)
            return cached
        return None

    def keep(self, document: bytes, owner: str) -> None:
        """Keep these settings, which the server has just confirmed.

        Args:
            document: The settings as received.
            owner: The digest of their owner.
        """
        if _digest(document, owner) == self._kept:
            self._touch()
        else:
            self._save(document, owner)

    def refuse(self, why: str) -> None:
        """Report that the loaded settings are not usable after all."""
        self._warn("used", why)

    def _save(self, document: bytes, owner: str) -> None:
        head = {
            "sortition": _FORMAT,
            "owner": owner,
            "sha256": hashlib.sha256(document).hexdigest(),
            "bytes": len(document),
        }
        try:
            self._write(json.dumps(head).encode() + b"\n" + document)
        except OSError as error:
            self._warn("written", error.strerror or type(error).__name__)
        except _UnusableError as error:
            self._warn("written", str(error))
        else:
            self._kept = _digest(document, owner)
            self._touched_at = now_s()
            self._has_warned = False

    def _touch(self) -> None:
        now = now_s()
        if now - self._touched_at >= _TOUCH_S:
            self._touched_at = now
            with contextlib.suppress(OSError):
                os.utime(self._path)

    def _read(self, owner: str) -> Cached:
        flags = os.O_RDONLY | _SAFELY | _CLOSED_ON_EXEC | _BINARY
        descriptor = os.open(self._path, flags)
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise _UnusableError("it is not a regular file")
            _ensure_private(about, "it", {_user()})
            self._ensure_folder_is_private()
            content = file.read(_MOST_HEAD_BYTES + MOST_SETTINGS_BYTES + 1)
        head, line_end, document = content.partition(b"\n")
        if not line_end or len(head) > _MOST_HEAD_BYTES or len(document) > MOST_SETTINGS_BYTES:
            raise _UnusableError("sortition did not write it")
        try:
            told = json.loads(head)
        except (ValueError, RecursionError):
            raise _UnusableError("sortition did not write it") from None
        if not isinstance(told, dict) or told.get("sortition") != _FORMAT:
            raise _UnusableError("sortition did not write it, or another version did")
        if told.get("sha256") != hashlib.sha256(document).hexdigest():
            raise _UnusableError("its content is not what was written")
        if told.get("owner") != owner:
            words = "its settings are of another account, environment or project"
            raise _UnusableError(words)
        return Cached(document, max(0.0, time.time() - about.st_mtime))

    def _write(self, content: bytes) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ensure_folder_is_private()
        self._remove_left_behind()
        new = self._path.with_name(f".{self._path.name}.{os.getpid()}-{secrets.token_hex(8)}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CLOSED_ON_EXEC | _BINARY
        descriptor = os.open(new, flags, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            new.replace(self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                new.unlink()
            raise
        self._sync_folder()

    def _ensure_folder_is_private(self) -> None:
        _ensure_private(self._path.parent.stat(), "its folder", {_user(), _ROOT})

    def _sync_folder(self) -> None:
        """Make the new name survive a crash of the machine, if the system allows."""
        if not hasattr(os, "O_DIRECTORY"):
            return
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _remove_left_behind(self) -> None:
        for left in self._left_behind():
            with contextlib.suppress(OSError):
                left.unlink()

    def _left_behind(self) -> Iterator[Path]:
        prefix = f".{self._path.name}."
        for one in self._path.parent.iterdir():
            if one.name.startswith(prefix) and one.name.endswith(".tmp"):
                with contextlib.suppress(OSError):
                    if time.time() - one.lstat().st_mtime > _LEFT_AFTER_S:
                        yield one

    def _warn(self, what: str, why: str) -> None:
        """Warn once until it works again, because a disk fails each time."""
        if not self._has_warned:
            self._has_warned = True
            self._log.warning("settings_cache: %s cannot be %s: %s", self._path, what, why)


def _user() -> int:
    """The user that the process runs as."""
    return os.geteuid() if hasattr(os, "geteuid") else _ROOT


def _ensure_private(about: os.stat_result, what: str, owners: set[int]) -> None:
    """Check that nobody else may have written there.

    Raises:
        _UnusableError: Another user may have.
    """
    if not hasattr(os, "geteuid"):
        return
    if about.st_uid not in owners:
        raise _UnusableError(f"{what} belongs to another user")
    if about.st_mode & _WRITABLE_BY_OTHERS:
        raise _UnusableError(f"other users may write to {what}")


def _digest(document: bytes, owner: str) -> bytes:
    return hashlib.sha256(owner.encode() + b"\n" + document).digest()
