"""Reads tables: Arrow, pandas, polars, DuckDB relations, files, or plain rows.

DuckDB runs the aggregation if it is installed. Otherwise SQLite does, which is slower because it
inserts the rows one by one. DuckDB takes plain rows, polars frames and relations by pyarrow.
Without it, SQLite takes them.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import math
import sqlite3
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sortition.results.aggregation import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_EXPOSURES: Final = ("visitor", "variation", "happened_at")
_CONVERSIONS: Final = ("visitor", "goal", "happened_at")
_USERS: Final = ("visitor",)
_AT_ONCE: Final = 10_000
_ONLY_CAMPAIGN: Final = "experiment"
"""The name of the campaign of a table without campaigns."""


@contextmanager
def reading(
    exposures: Any,
    conversions: Any,
    users: Any = None,
    *,
    covariate: str | None = None,
    segment: str | None = None,
    engine: str | None = None,
) -> Iterator[Source]:
    """Load the tables into an engine.

    Raises:
        ValueError: A column is missing, or a value is not a time or number.
        TypeError: A table has an unsupported type.
    """
    _ensure_duckdb_for(exposures, conversions, users)
    if engine is None:
        engine = _engine_for(exposures, conversions, users)
    opened: _Engine = _DuckDB() if engine == "duckdb" else _SQLite()
    wanted = [one for one in (covariate, segment) if one]
    try:
        shown = opened.take("exposures", exposures, _EXPOSURES)
        reached = opened.take("conversions", conversions, _CONVERSIONS)
        known = [] if users is None else opened.take("users", users, (*_USERS, *wanted))
        if wanted and users is None:
            raise ValueError(f"users: needed for the column {wanted[0]!r}")
        yield Source(
            run=opened.run,
            exposures=_relation("exposures", shown, opened),
            conversions=_relation("conversions", reached, opened),
            users="users" if known else None,
            has_campaigns="campaign" in shown and "campaign" in reached,
            covariate=covariate,
            segment=segment,
        )
    finally:
        opened.close()


def _ensure_duckdb_for(*tables: Any) -> None:
    is_missing = importlib.util.find_spec("duckdb") is None
    for table in tables:
        if is_missing and _is_parquet(table):
            message = "duckdb is not installed, which reads Parquet; run: pip install duckdb"
            raise ImportError(message, name="duckdb")


def _engine_for(*tables: Any) -> str:
    """DuckDB if it is installed, and pyarrow too if a table needs it. SQLite reads no Parquet."""
    if importlib.util.find_spec("duckdb") is None:
        return "sqlite"
    if importlib.util.find_spec("pyarrow") or any(map(_is_parquet, tables)):
        return "duckdb"
    return "sqlite" if any(map(_needs_pyarrow, tables)) else "duckdb"


def _needs_pyarrow(table: Any) -> bool:
    """Whether DuckDB takes the table by pyarrow: relations, polars frames and plain rows."""
    if table is None or _is_file(table):
        return False
    if hasattr(table, "fetchall") or hasattr(table, "iter_rows"):
        return True
    return not (hasattr(table, "iloc") or hasattr(table, "__arrow_c_stream__"))


def _relation(name: str, columns: Sequence[str], engine: _Engine) -> str:
    """A query for a table with the columns and types that the aggregation expects."""
    moment = engine.moment(name)
    if name == "exposures":
        campaign = "campaign" if "campaign" in columns else f"'{_ONLY_CAMPAIGN}'"
        return (
            f"(select {campaign} as campaign, visitor, variation, {moment} as happened_at "  # noqa: S608
            "from exposures)"
        )
    campaign = "campaign, " if "campaign" in columns else ""
    revenue = "cast(revenue as double)" if "revenue" in columns else "cast(null as double)"
    return (
        f"(select {campaign}visitor, goal, {moment} as happened_at, {revenue} as revenue "  # noqa: S608
        "from conversions)"
    )


class _Engine:
    """Loads tables, and runs queries over them."""

    def take(self, name: str, table: Any, needed: Sequence[str]) -> list[str]:
        """Load a table under this name. Returns its columns."""
        raise NotImplementedError

    def moment(self, name: str) -> str:
        """The expression for seconds since 1970."""
        raise NotImplementedError

    def run(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        raise NotImplementedError

    def close(self) -> None:
        """Release all resources."""
        raise NotImplementedError


class _DuckDB(_Engine):
    def __init__(self) -> None:
        import duckdb  # noqa: PLC0415 -- only where it is installed

        self._connection = duckdb.connect()
        self._columns: dict[str, dict[str, str]] = {}

    def take(self, name: str, table: Any, needed: Sequence[str]) -> list[str]:
        if _is_file(table):
            view = f"create view {name} as select * from '{_escaped(str(table))}'"  # noqa: S608
            self._connection.execute(view)
        else:
            if hasattr(table, "fetchall"):
                # A relation belongs to another connection.
                table = _by_arrow(table)
            elif not hasattr(table, "__arrow_c_stream__") and not hasattr(table, "iloc"):
                table = _by_column(table)
            self._connection.register(name, table)
        described = self._connection.execute(f"describe {name}").fetchall()
        self._columns[name] = {str(row[0]): str(row[1]) for row in described}
        _ensure_columns(name, self._columns[name], needed)
        return list(self._columns[name])

    def moment(self, name: str) -> str:
        kind = self._columns[name]["happened_at"]
        if kind.startswith(("TIMESTAMP", "DATE")):
            return "cast(floor(epoch(happened_at)) as bigint)"
        return "cast(floor(happened_at) as bigint)"

    def run(self, text: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._connection.execute(text).fetchall()
        return rows

    def close(self) -> None:
        self._connection.close()


class _SQLite(_Engine):
    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:")

    def take(self, name: str, table: Any, needed: Sequence[str]) -> list[str]:
        if _is_file(table):
            table = _csv_rows(str(table))
        columns, rows = _rows_of(name, table)
        _ensure_columns(name, columns, needed)
        quoted = ", ".join(f'"{one}"' for one in columns)
        self._connection.execute(f"create table {name} ({quoted})")
        places = ", ".join("?" * len(columns))
        at = columns.index("happened_at") if "happened_at" in columns else None
        statement = f"insert into {name} values ({places})"  # noqa: S608 -- a name of ours
        iterator = iter(rows)
        while batch := list(islice(iterator, _AT_ONCE)):
            self._connection.executemany(statement, [_stored(name, row, at) for row in batch])
        index = "campaign, visitor" if "campaign" in columns else "visitor"
        self._connection.execute(f"create index of_{name} on {name} ({index})")
        return columns

    def moment(self, name: str) -> str:
        return f"{name}.happened_at"

    def run(self, text: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(text).fetchall()

    def close(self) -> None:
        self._connection.close()


def _is_file(table: object) -> bool:
    return isinstance(table, str) or hasattr(table, "__fspath__")


def _is_parquet(table: object) -> bool:
    return _is_file(table) and str(table).endswith(".parquet")


def _escaped(text: str) -> str:
    return text.replace("'", "''")


def _ensure_columns(name: str, columns: Iterable[str], needed: Sequence[str]) -> None:
    missing = [one for one in needed if one not in columns]
    if missing:
        raise ValueError(f"{name}: the column {missing[0]!r} is missing")


def _by_column(table: Any) -> Any:
    """A table of plain rows or of a relation, as Arrow."""
    columns, rows = _rows_of("table", table)
    values = list(zip(*rows, strict=True)) or [() for _ in columns]
    return _pyarrow().table(
        {one: list(column) for one, column in zip(columns, values, strict=True)}
    )


def _by_arrow(relation: Any) -> Any:
    return _pyarrow().table(relation)


def _pyarrow() -> Any:
    try:
        import pyarrow as pa  # noqa: PLC0415 -- only for the tables that need it
    except ImportError as error:
        message = "pyarrow is not installed, which hands rows to DuckDB; run: pip install pyarrow"
        raise ImportError(message, name="pyarrow") from error
    return pa


def _rows_of(name: str, table: Any) -> tuple[list[str], Iterable[Sequence[Any]]]:
    """The columns and the rows of a table."""
    if hasattr(table, "fetchall") and hasattr(table, "columns"):
        return list(table.columns), iter(table.fetchall())
    if hasattr(table, "itertuples"):
        return [str(one) for one in table.columns], table.itertuples(index=False, name=None)
    if hasattr(table, "iter_rows"):
        return list(table.columns), table.iter_rows()
    if hasattr(table, "to_batches"):
        columns = list(table.schema.names)
        return columns, (
            tuple(row[one] for one in columns)
            for batch in table.to_batches()
            for row in batch.to_pylist()
        )
    if isinstance(table, dict):
        return list(table), zip(*table.values(), strict=True)
    if isinstance(table, list | tuple) and all(isinstance(row, dict) for row in table):
        columns = list(table[0]) if table else [*_EXPOSURES, *_CONVERSIONS]
        return list(dict.fromkeys(columns)), ([row.get(one) for one in columns] for row in table)
    raise TypeError(f"{name}: a {type(table).__name__} is no table that can be read")


def _csv_rows(path: str) -> dict[str, list[Any]]:
    import csv  # noqa: PLC0415 -- only for a file without DuckDB

    if not path.endswith(".csv"):
        raise ValueError(f"{path}: only CSV files can be read without DuckDB")
    with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123 -- any path
        rows = list(csv.DictReader(file))
        columns = list(rows[0]) if rows else []
    table: dict[str, list[Any]] = {one: [row[one] or None for row in rows] for one in columns}
    for one in ("happened_at", "revenue"):
        if one in table:
            table[one] = [_parsed(value) for value in table[one]]
    return table


def _parsed(text: str | None) -> object:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return dt.datetime.fromisoformat(text)


def _stored(name: str, row: Sequence[Any], at: int | None) -> list[Any]:
    values = [_plain(value) for value in row]
    if at is not None:
        values[at] = seconds(name, row[at])
    return values


def _plain(value: Any) -> Any:
    """A value in a type that SQLite can store."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float) and math.isnan(value):
        return None
    if hasattr(value, "item"):
        return _plain(value.item())
    if value is None or isinstance(value, str | int | float | bytes):
        return value
    return str(value)


def seconds(name: str, value: Any) -> int:
    """A time in whole seconds since 1970. A time without a time zone is in UTC."""
    if hasattr(value, "timestamp"):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)
        return int(moment.timestamp() // 1)
    if isinstance(value, dt.date):
        midnight = dt.datetime.combine(value, dt.time(), dt.UTC)
        return int(midnight.timestamp())
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, int | float | Decimal) and math.isfinite(plain):
        return math.floor(plain)
    raise ValueError(f"{name}: happened_at must be a time or seconds since 1970, not {value!r}")
