"""User storages in a database, by way of SQLAlchemy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from sortition._base.errors import OptionError, OptionTypeError
from sortition._base.options import kind, of_type
from sortition._process.forks import Forks
from sortition.storages.changing import BUSY, MOST_TRIES, change_to
from sortition.storages.merging import merged_profile
from sortition.storages.text import record_of, storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Engine, Executable, MetaData, Table
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from sortition.storages.profile import UserProfileLike

DEFAULT_PREFIX: Final = "sortition_"
_NEEDED: Final = (
    "requires the package SQLAlchemy: install sortition with its extra, sortition[sqlalchemy]"
)


class _Rows:
    """The tables, and the statements about one row; the same for both kinds of engines.

    A record is one row, and so is a profile. A row is inserted if there is none, or updated if it
    still holds what was read: so no writer loses what another one wrote.
    """

    merges_marks: Final = True

    def __init__(self, dialect: str, table_prefix: str) -> None:
        prefix = of_type("table_prefix", table_prefix, str, "a string")
        self._sql = sql = _library()
        self._prefix = prefix
        self._dialect = dialect
        # Of the database's own sorting only equality counts, so any will do that is exact.
        self.metadata: MetaData = sql.MetaData()
        self._records = sql.Table(
            f"{prefix}records",
            self.metadata,
            sql.Column("user_id", sql.Text, primary_key=True),
            sql.Column("campaign_key", sql.Text, primary_key=True),
            sql.Column("record", sql.Text, nullable=False),
        )
        self._profiles = sql.Table(
            f"{prefix}profiles",
            self.metadata,
            sql.Column("user_id", sql.Text, primary_key=True),
            sql.Column("profile", sql.Text, nullable=False),
        )

    def _of_record(self, user_id: str, campaign_key: str) -> _Row:
        key = {"user_id": storable(user_id), "campaign_key": storable(campaign_key)}
        return _Row(self._sql, self._dialect, self._records, key, "record")

    def _of_profile(self, user_id: str) -> _Row:
        key = {"user_id": storable(user_id)}
        return _Row(self._sql, self._dialect, self._profiles, key, "profile")

    def _several(self, user_id: str, campaign_keys: Iterable[str]) -> Executable:
        table = self._records
        return cast(
            "Executable",
            self._sql.select(table.c.campaign_key, table.c.record).where(
                table.c.user_id == storable(user_id),
                table.c.campaign_key.in_([storable(key) for key in campaign_keys]),
            ),
        )

    @staticmethod
    def _several_of(campaign_keys: Sequence[str], rows: Iterable[Any]) -> dict[str, object]:
        found = {key: record_of(text) for key, text in rows}
        return {key: found.get(storable(key)) for key in campaign_keys}

    def _with_record(
        self, user_data: Mapping[str, Any]
    ) -> tuple[_Row, Callable[[str | None], str]]:
        """The row of a record, and what is to be written over what is there."""
        change = change_to(user_data)
        return self._of_record(user_data["userId"], user_data["campaignKey"]), change

    def _with_profile(self, profile: UserProfileLike) -> tuple[_Row, Callable[[str | None], str]]:
        """The same for a profile."""
        text = profile.get_user_profile_json_string()
        row = self._of_profile(profile.get_user_id())
        return row, lambda stored: merged_profile(stored, text)


class _Row:
    """The statements about one row."""

    def __init__(
        self, sql: Any, dialect: str, table: Table, key: dict[str, str], value: str
    ) -> None:
        self._sql = sql
        self._dialect = dialect
        self._table = table
        self._key = key
        self._value = value

    def _where(self) -> list[Any]:
        return [self._table.c[name] == one for name, one in self._key.items()]

    def read(self) -> Executable:
        """Select its value."""
        found = self._sql.select(self._table.c[self._value]).where(*self._where())
        return cast("Executable", found)

    def write(self, known: str | None, new: str) -> Executable:
        """Change no row, or one: if it still holds what is known, or if there is still none."""
        if known is not None:
            is_known = self._table.c[self._value] == known
            update = self._sql.update(self._table).where(*self._where(), is_known)
            return cast("Executable", update.values({self._value: new}))
        values = {**self._key, self._value: new}
        if self._dialect == "postgresql":
            from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415 -- an extra

            return insert(self._table).values(values).on_conflict_do_nothing()
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert  # noqa: PLC0415 -- the same

        return sqlite_insert(self._table).values(values).on_conflict_do_nothing()


class SQLAlchemyStorage(_Rows):
    """Keeps records in a database of PostgreSQL or SQLite, for both platforms.

    Each statement is a transaction of its own. Reading is one of them, also for several campaigns;
    writing is two, or more if another process writes the same record. Safe to use from any
    number of threads and processes; a forked child opens connections of its own.
    """

    def __init__(self, engine: Engine, table_prefix: str = DEFAULT_PREFIX) -> None:
        """Make one; nothing is connected yet, and `create_tables` makes the tables.

        Args:
            engine: An engine of SQLAlchemy 2, from ``create_engine``.
            table_prefix: What the names of both tables begin with.

        Raises:
            OptionError: An option cannot be used; the message names it.
        """
        super().__init__(_dialect_of(engine, is_async=False), table_prefix)
        self._engine = engine
        self._forks = Forks.count

    def __repr__(self) -> str:
        # The engine's own repr holds the address of the database.
        return f"SQLAlchemyStorage(table_prefix={self._prefix!r})"

    def create_tables(self) -> None:
        """Create the tables ``sortition_records`` and ``sortition_profiles`` that are missing.

        They are in `metadata`, for a tool that makes migrations.
        """
        self.metadata.create_all(self._engine, checkfirst=True)

    def get(self, user_id: str, campaign_key: str) -> object:
        """The record of this user and campaign; None if there is none."""
        return record_of(self._one(self._of_record(user_id, campaign_key)))

    def get_many(self, user_id: str, campaign_keys: Sequence[str]) -> dict[str, object]:
        """The records of this user and these campaigns, by campaign key, in one statement."""
        if not campaign_keys:
            return {}
        with self._connected() as connection:
            rows = connection.execute(self._several(user_id, campaign_keys)).all()
        return self._several_of(campaign_keys, rows)

    def set(self, user_data: Mapping[str, Any]) -> None:
        """Keep a record, with the goals that the stored one has."""
        self._change(*self._with_record(user_data))

    def look_up(self, user_id: str) -> object:
        """The PageSense profile of this user, as JSON text; None if there is none."""
        return self._one(self._of_profile(user_id))

    def save(self, user_profile: UserProfileLike) -> None:
        """Keep a PageSense profile, with the assignments that only the stored one has."""
        self._change(*self._with_profile(user_profile))

    def _connected(self) -> Connection:
        if self._forks != Forks.count:
            # The parent's connections are not to be closed here, nor used.
            self._engine.dispose(close=False)
            self._forks = Forks.count
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _one(self, row: _Row) -> str | None:
        with self._connected() as connection:
            return cast("str | None", connection.execute(row.read()).scalar())

    def _change(self, row: _Row, change: Callable[[str | None], str]) -> None:
        with self._connected() as connection:
            for _ in range(MOST_TRIES):
                known = cast("str | None", connection.execute(row.read()).scalar())
                new = change(known)
                if new == known or connection.execute(row.write(known, new)).rowcount == 1:
                    return
        raise RuntimeError(BUSY)


class AsyncSQLAlchemyStorage(_Rows):
    """The same as `SQLAlchemyStorage` for an asynchronous client, over an ``AsyncEngine``.

    It belongs to the event loop that its engine was first used on.
    """

    def __init__(self, engine: AsyncEngine, table_prefix: str = DEFAULT_PREFIX) -> None:
        """Make one; nothing is connected yet, and `create_tables` makes the tables.

        Args:
            engine: An engine of SQLAlchemy 2, from ``create_async_engine``.
            table_prefix: As for `SQLAlchemyStorage`.

        Raises:
            OptionError: An option cannot be used; the message names it.
        """
        super().__init__(_dialect_of(engine, is_async=True), table_prefix)
        self._engine = engine
        self._forks = Forks.count

    def __repr__(self) -> str:
        return f"AsyncSQLAlchemyStorage(table_prefix={self._prefix!r})"

    async def create_tables(self) -> None:
        """As `SQLAlchemyStorage.create_tables`."""
        async with self._engine.begin() as connection:
            await connection.run_sync(self.metadata.create_all, checkfirst=True)

    async def get(self, user_id: str, campaign_key: str) -> object:
        """As `SQLAlchemyStorage.get`."""
        return record_of(await self._one(self._of_record(user_id, campaign_key)))

    async def get_many(self, user_id: str, campaign_keys: Sequence[str]) -> dict[str, object]:
        """As `SQLAlchemyStorage.get_many`."""
        if not campaign_keys:
            return {}
        async with self._connected() as connection:
            await self._alone(connection)
            found = await connection.execute(self._several(user_id, campaign_keys))
            return self._several_of(campaign_keys, found.all())

    async def set(self, user_data: Mapping[str, Any]) -> None:
        """As `SQLAlchemyStorage.set`."""
        await self._change(*self._with_record(user_data))

    async def look_up(self, user_id: str) -> object:
        """As `SQLAlchemyStorage.look_up`."""
        return await self._one(self._of_profile(user_id))

    async def save(self, user_profile: UserProfileLike) -> None:
        """As `SQLAlchemyStorage.save`."""
        await self._change(*self._with_profile(user_profile))

    def _connected(self) -> AsyncConnection:
        if self._forks != Forks.count:
            self._engine.sync_engine.dispose(close=False)
            self._forks = Forks.count
        return self._engine.connect()

    @staticmethod
    async def _alone(connection: AsyncConnection) -> None:
        """Have each statement be a transaction of its own."""
        await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def _one(self, row: _Row) -> str | None:
        async with self._connected() as connection:
            await self._alone(connection)
            return cast("str | None", (await connection.execute(row.read())).scalar())

    async def _change(self, row: _Row, change: Callable[[str | None], str]) -> None:
        async with self._connected() as connection:
            await self._alone(connection)
            for _ in range(MOST_TRIES):
                known = cast("str | None", (await connection.execute(row.read())).scalar())
                new = change(known)
                if new == known:
                    return
                if (await connection.execute(row.write(known, new))).rowcount == 1:
                    return
        raise RuntimeError(BUSY)


def _library() -> Any:
    try:
        import sqlalchemy  # noqa: PLC0415 -- an extra
    except ImportError:
        raise OptionError(f"engine: {_NEEDED}") from None
    return sqlalchemy


def _dialect_of(engine: object, *, is_async: bool) -> str:
    """The name of an engine's dialect.

    Raises:
        OptionError: It is no engine of the kind that is wanted, or of another database.
    """
    _library()
    is_given_async = hasattr(engine, "sync_engine")
    dialect = getattr(getattr(engine, "dialect", None), "name", None)
    if not isinstance(dialect, str) or not callable(getattr(engine, "connect", None)):
        words = "an AsyncEngine" if is_async else "an Engine"
        raise OptionTypeError(f"engine: must be {words} of SQLAlchemy, got {kind(engine)}")
    if is_given_async != is_async:
        other = "AsyncSQLAlchemyStorage" if is_given_async else "SQLAlchemyStorage"
        raise OptionTypeError(f"engine: is an engine for {other}")
    if dialect not in ("postgresql", "sqlite"):
        raise OptionError(f"engine: must be of PostgreSQL or SQLite, got {dialect}")
    return dialect
