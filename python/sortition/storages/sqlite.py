"""A user storage in a SQLite file, which any number of processes of one machine share."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Final, cast

from sortition._base.clock import now_s, wait_until
from sortition._base.errors import OptionError, OptionTypeError
from sortition._base.options import kind
from sortition.storages.merging import merged_profile, merged_record
from sortition.storages.options import positive_seconds
from sortition.storages.text import record_of, storable, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sortition.storages.profile import UserProfileLike

DEFAULT_TIMEOUT_S: Final = 5.0
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS sortition_records (
    user_id TEXT NOT NULL, campaign_key TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (user_id, campaign_key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sortition_profiles (
    user_id TEXT NOT NULL PRIMARY KEY, profile TEXT NOT NULL
) WITHOUT ROWID;
"""
_MOST_IDLE: Final = 8
_PAUSE_S: Final = 0.01
_MOST_KEYS_AT_ONCE: Final = 500
_READ: Final = "SELECT record FROM sortition_records WHERE user_id = ? AND campaign_key = ?"
_READ_MANY: Final = (
    "SELECT campaign_key, record FROM sortition_records WHERE user_id = ? AND campaign_key IN ({})"
)
_READ_PROFILE: Final = "SELECT profile FROM sortition_profiles WHERE user_id = ?"


class SQLiteStorage:
    """Keeps records in a SQLite file, for both platforms.

    Threads and processes may share the file; it must be on a disk of the machine, not on a network
    drive. It is in WAL mode, so that readers wait for nobody. A write reads what is stored, adds
    the marks of both, and writes, in one transaction. Safe to use from any number of threads. A
    storage that was made before a fork works in the parent and in the child. A signal handler that
    writes while a write of its own thread is under way waits for `timeout_s` and fails.
    """

    merges_marks: Final = True

    def __init__(self, path: str | os.PathLike[str], timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Open the file, and create it and its tables if they do not exist.

        Args:
            path: The file; its folder must exist.
            timeout_s: How long an operation waits for other writers, in seconds.

        Raises:
            OptionError: An option cannot be used, or the file cannot be opened; the message names
                the option.
        """
        if not isinstance(path, str | os.PathLike):
            raise OptionTypeError(f"path: must be a path, got {kind(path)}")
        self._path = os.fspath(path)
        if not self._path or self._path.startswith((":memory:", "file:")):
            raise OptionError("path: must be the path of a file; MemoryStorage keeps no file")
        self._timeout_s = positive_seconds("timeout_s", timeout_s)
        self._connections = connections = _Connections(_connecting(self._path, self._timeout_s))
        weakref.finalize(self, connections.close).atexit = False
        try:
            self._make_tables()
        except sqlite3.Error as error:
            raise OptionError(f"path: SQLite cannot use this file: {error}") from None

    def __repr__(self) -> str:
        return f"SQLiteStorage({self._path!r})"

    def get(self, user_id: str, campaign_key: str) -> object:
        """The record of this user and campaign; None if there is none."""
        with self._connections.one() as connection:
            found = connection.execute(_READ, (storable(user_id), storable(campaign_key)))
            return record_of(_only(found))

    def get_many(self, user_id: str, campaign_keys: Sequence[str]) -> dict[str, object]:
        """The records of this user and these campaigns, by campaign key."""
        found: dict[str, object] = dict.fromkeys(campaign_keys)
        names = {storable(key): key for key in found}
        keys = list(names)
        with self._connections.one() as connection:
            for start in range(0, len(keys), _MOST_KEYS_AT_ONCE):
                some = keys[start : start + _MOST_KEYS_AT_ONCE]
                marks = ", ".join("?" * len(some))
                words = _READ_MANY.format(marks)
                for key, text in connection.execute(words, (storable(user_id), *some)):
                    found[names[key]] = record_of(text)
        return found

    def set(self, user_data: Mapping[str, Any]) -> None:
        """Keep a record, with the goals that the stored one has."""
        key = (storable(user_data["userId"]), storable(user_data["campaignKey"]))
        with self._connections.one() as connection, _writing(connection):
            stored = record_of(_only(connection.execute(_READ, key)))
            text = text_of(merged_record(stored, user_data))
            connection.execute(
                "INSERT OR REPLACE INTO sortition_records VALUES (?, ?, ?)", (*key, text)
            )

    def look_up(self, user_id: str) -> str | None:
        """The PageSense profile of this user, as JSON text; None if there is none."""
        with self._connections.one() as connection:
            found = connection.execute(_READ_PROFILE, (storable(user_id),))
            return cast("str | None", _only(found))

    def save(self, user_profile: UserProfileLike) -> None:
        """Keep a PageSense profile, with the assignments that only the stored one has."""
        key = storable(user_profile.get_user_id())
        text = user_profile.get_user_profile_json_string()
        with self._connections.one() as connection, _writing(connection):
            stored = _only(connection.execute(_READ_PROFILE, (key,)))
            connection.execute(
                "INSERT OR REPLACE INTO sortition_profiles VALUES (?, ?)",
                (key, merged_profile(stored, text)),
            )

    def close(self) -> None:
        """Close the connections to the file. A later call opens a new one."""
        self._connections.close()

    def _make_tables(self) -> None:
        with self._connections.one() as connection:
            self._change_mode(connection)
            with _writing(connection):
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
        # A fork before the first operation finds no open connection.
        self._connections.close()

    def _change_mode(self, connection: sqlite3.Connection) -> None:
        """Have the file in WAL mode. SQLite waits for nobody there, so this does."""
        deadline = now_s() + self._timeout_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if now_s() > deadline:
                    raise
                time.sleep(_PAUSE_S)
            else:
                return


class _Connections:
    """The open connections of one file, each used by one thread at a time.

    A connection must not be carried into a forked child: SQLite would take the parent's locks for
    the child's. So a fork waits for the operations that are under way, and closes what is idle.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        # Reentrant, as a fork holds it while it is made, and its thread may be in the child.
        self._condition = threading.Condition(threading.RLock())
        self._idle: list[sqlite3.Connection] = []
        self._used: set[sqlite3.Connection] = set()
        self._operations = 0
        self._inherited: list[sqlite3.Connection] = []
        # The threads that are about to fork, each of which holds the lock once.
        self._forking: list[int] = []
        _ALL.add(self)

    @contextlib.contextmanager
    def one(self) -> Iterator[sqlite3.Connection]:
        """A connection that nobody else uses meanwhile."""
        with self._condition:
            self._condition.wait_for(lambda: not self._forking)
            self._operations += 1
            connection = self._idle.pop() if self._idle else None
        is_good = False
        try:
            if connection is None:
                connection = self._connect()
            self._used.add(connection)
            yield connection
            is_good = True
        finally:
            if connection is not None:
                self._used.discard(connection)
            with self._condition:
                if connection is not None and is_good and len(self._idle) < _MOST_IDLE:
                    self._idle.append(connection)
                    connection = None
            if connection is not None:
                connection.close()
            with self._condition:
                self._operations -= 1
                self._condition.notify_all()

    def close(self) -> None:
        """Close what is idle."""
        with self._condition:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def before_fork(self) -> None:
        """Wait until no operation is under way, let none begin, and close every connection."""
        self._condition.acquire()
        self._forking.append(threading.get_ident())
        wait_until(self._condition, lambda: not self._operations, DEFAULT_TIMEOUT_S)
        self.close()

    def after_fork(self) -> None:
        """Let operations begin again, unless another thread is about to fork."""
        thread = threading.get_ident()
        # A storage that was made meanwhile holds nothing.
        if thread in self._forking:
            self._forking.remove(thread)
            self._condition.notify_all()
            self._condition.release()

    def after_fork_in_child(self) -> None:
        """Leave the parent's connections alone, even if `before_fork` did not run."""
        # Kept for ever: closing them would do work on the file in the parent's place.
        self._inherited += [*self._idle, *self._used]
        self._idle.clear()
        self._used.clear()
        self._operations = 0
        self._forking.clear()
        self._condition = threading.Condition(threading.RLock())


_ALL: Final[weakref.WeakSet[_Connections]] = weakref.WeakSet()


def _each(change: Callable[[_Connections], None]) -> Callable[[], None]:
    def change_all() -> None:
        for one in list(_ALL):
            change(one)

    return change_all


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_each(_Connections.before_fork),
        after_in_parent=_each(_Connections.after_fork),
        after_in_child=_each(_Connections.after_fork_in_child),
    )


def _connecting(path: str, timeout_s: float) -> Callable[[], sqlite3.Connection]:
    """A function that opens a connection to a file."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path,
            timeout=timeout_s,
            isolation_level=None,
            # One thread at a time uses it, and not always the same one.
            check_same_thread=False,
        )
        # In WAL mode the file stays whole in a crash; only the last moments may be lost.
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    return connect


@contextlib.contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that no other writer can come into between its reading and its writing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _only(cursor: sqlite3.Cursor) -> object:
    """The only column of the only row; None if there is no row."""
    row = cursor.fetchone()
    return None if row is None else row[0]
