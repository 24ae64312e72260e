"""The storage in a SQLite file."""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.storages import record

from sortition import OptionError
from sortition.storages import SQLiteStorage

if TYPE_CHECKING:
    from pathlib import Path


def test_records_survive_the_storage(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    SQLiteStorage(path).set(record())
    assert SQLiteStorage(str(path)).get("Ann", "checkout") == record()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_junk_in_a_row_is_returned_and_replaced(tmp_path: Path) -> None:
    """The client calls it text that is no record; the next record takes its place."""
    storage = SQLiteStorage(tmp_path / "records.db")
    with storage._connections.one() as connection:
        connection.execute("INSERT INTO sortition_records VALUES ('Ann', 'checkout', '{half')")
    assert storage.get("Ann", "checkout") == "{half"
    assert storage.get_many("Ann", ["checkout", "search"]) == {"checkout": "{half", "search": None}
    storage.set(record())
    assert storage.get("Ann", "checkout") == record()


def test_it_waits_for_a_writer_as_long_as_it_was_told(tmp_path: Path) -> None:
    """Readers do not wait, and what was not written raises, so that the client hears of it."""
    storage = SQLiteStorage(tmp_path / "records.db", timeout_s=0.01)
    storage.set(record())
    with storage._connections.one() as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert storage.get("Ann", "checkout") == record()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            storage.set(record(goals="a"))
        connection.execute("ROLLBACK")
    storage.set(record(goals="a"))
    assert storage.get("Ann", "checkout") == record(goals="a")


def test_a_record_that_json_cannot_hold_changes_nothing(tmp_path: Path) -> None:
    storage = SQLiteStorage(tmp_path / "records.db")
    storage.set(record())
    with pytest.raises(TypeError):
        storage.set(record(goals="a", metaData={"x": object()}))
    assert storage.get("Ann", "checkout") == record()


def test_it_closes_its_connections(tmp_path: Path) -> None:
    """By `close`, and when nobody refers to it any more: Python would warn of any other."""
    storage = SQLiteStorage(tmp_path / "records.db")
    storage.set(record())
    storage.close()
    assert not (tmp_path / "records.db-wal").exists()
    assert storage.get("Ann", "checkout") == record()
    del storage
    gc.collect()
    assert not (tmp_path / "records.db-wal").exists()


def test_a_path_that_cannot_be_used(tmp_path: Path) -> None:
    """The message names the option."""
    with pytest.raises(OptionError, match="path: SQLite cannot use this file: unable to open"):
        SQLiteStorage(tmp_path / "missing" / "records.db")
    (tmp_path / "text").write_text("this is no database, and it is long enough to tell" * 100)
    with pytest.raises(OptionError, match="path: SQLite cannot use this file: file is not"):
        SQLiteStorage(tmp_path / "text")


@pytest.mark.parametrize("path", ["", ":memory:", "file:x?mode=memory", None, 5, b""])
def test_paths_that_are_no_file(path: object) -> None:
    with pytest.raises(OptionError, match="path: must be"):
        SQLiteStorage(path)  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), True, "5", 10**400])
def test_wrong_timeouts(tmp_path: Path, timeout_s: object) -> None:
    with pytest.raises(OptionError, match="timeout_s: must be"):
        SQLiteStorage(tmp_path / "records.db", timeout_s)  # type: ignore[arg-type]


FORKING = """
import os, sys, threading
from sortition.storages import SQLiteStorage

storage = SQLiteStorage(sys.argv[1])
connections = storage._connections
begun, may_end = threading.Event(), threading.Event()

def operate():
    with connections.one():
        begun.set()
        may_end.wait()

def fork():
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)

threads = [threading.Thread(target=operate)]
threads[0].start()
begun.wait()
for number in (1, 2):
    threads.append(threading.Thread(target=fork))
    threads[-1].start()
    while len(connections._forking) < number:
        pass
may_end.set()
for thread in threads:
    thread.join()
reader = threading.Thread(target=lambda: print(storage.get("Ann", "checkout")))
reader.start()
reader.join()
"""


def test_threads_may_fork_at_the_same_time(tmp_path: Path) -> None:
    """Each waits for the operation that is under way, and the storage goes on afterwards."""
    command = [sys.executable, "-W", "ignore", "-c", FORKING, str(tmp_path / "records.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "None\n", "")
