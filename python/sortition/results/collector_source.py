"""Reads the collector's database; the only module here that knows its tables."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sortition.collector.event import Owner
from sortition.collector.store import APPLICATION_ID, SCHEMA_VERSION
from sortition.results.aggregation import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

# The client's time if the format has one, else the collector's.
_MOMENT: Final = "coalesce(happened_at, cast(strftime('%s', received_at) as integer))"

_EXPOSURES: Final = """(
    select campaign, visitor, variation, {moment} as happened_at
    from event where kind = 'visitor' and {owner}
)"""
_CONVERSIONS: Final = """(
    select campaign, visitor, goal, {moment} as happened_at, cast(revenue as real) as revenue
    from event where kind = 'conversion' and {owner}
)"""


@contextmanager
def reading(path: Path | str) -> Iterator[sqlite3.Connection]:
    """Open a read-only connection, so that a running collector can continue.

    Raises:
        OSError: There is no such file.
        ValueError: The file is not a database of a collector, or has another version.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    try:
        _ensure_ours(connection, path)
        # One transaction, so that all queries see the same events.
        connection.execute("begin")
        yield connection
    finally:
        connection.close()


def sources(connection: sqlite3.Connection) -> dict[Owner, Source]:
    """The tables of each owner of events, in order."""
    owners = connection.execute(
        "select distinct platform, account, project from event order by 1, 2, 3"
    ).fetchall()
    found = {}
    for platform, account, project in owners:
        condition = " and ".join(
            f"{name} = {_quoted(value)}"
            for name, value in (("platform", platform), ("account", account), ("project", project))
        )
        found[Owner(platform, account, project)] = Source(
            run=lambda text: connection.execute(text).fetchall(),
            exposures=_EXPOSURES.format(moment=_MOMENT, owner=condition),
            conversions=_CONVERSIONS.format(moment=_MOMENT, owner=condition),
        )
    return found


def _ensure_ours(connection: sqlite3.Connection, path: Path | str) -> None:
    try:
        (application,) = connection.execute("pragma application_id").fetchone()
        (version,) = connection.execute("pragma user_version").fetchone()
    except sqlite3.Error as error:
        raise ValueError(f"{path}: {error}") from error
    if application != APPLICATION_ID:
        raise ValueError(f"{path}: the database does not belong to a collector")
    if version != SCHEMA_VERSION:
        raise ValueError(f"{path}: the database was made by another version of sortition")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
