"""Runs queries in the engine of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition.results.aggregation import Rows


def runner_of(connection: Any) -> Callable[[str], Rows]:
    """A function that runs a query and returns its rows.

    Args:
        connection: A function that takes SQL and returns rows; a Spark session; a Polars
            `SQLContext`; or a connection with `execute` or `cursor`, such as one of sqlite3, DuckDB
            or another DB-API module.

    Raises:
        TypeError: The connection has another type.
    """
    if hasattr(connection, "sql") and not hasattr(connection, "execute"):
        return lambda text: [tuple(row) for row in connection.sql(text).collect()]
    if hasattr(connection, "execute"):
        return lambda text: _rows(connection.execute(text))
    if hasattr(connection, "cursor"):
        return lambda text: _by_cursor(connection, text)
    if callable(connection):
        return lambda text: list(connection(text))
    raise TypeError(f"connection: a {type(connection).__name__} runs no SQL")


def _rows(answer: Any) -> Rows:
    if hasattr(answer, "collect"):
        answer = answer.collect()
    if hasattr(answer, "rows"):
        return list(answer.rows())
    return list(answer.fetchall())


def _by_cursor(connection: Any, text: str) -> Rows:
    cursor = connection.cursor()
    try:
        cursor.execute(text)
        return list(cursor.fetchall())
    finally:
        cursor.close()
