"""The collector's events, in SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING, Final

from sortition.collector.event import Owner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sortition.collector.event import Event

IN_MEMORY: Final = ":memory:"
"""The name of a database in memory, which is lost when the collector ends."""

# Enough digits for any sum of revenues: 30 before the point, 9 after it, and a reserve.
_EXACT: Final = Context(prec=60, traps=[Inexact])

APPLICATION_ID: Final = 0x736F7274
"""Marks a database as the collector's: `sort` in ASCII."""

SCHEMA_VERSION: Final = 2
"""The version of the schema, as stored in the database.

Version 1 has no `has_unreadable_revenue`. Version 0 knows only VWO.
"""

_SCHEMA: Final = (
    """
    create table event (
        id integer primary key,
        platform text not null check (platform in ('vwo', 'pagesense')),
        account text not null,
        project text not null,
        kind text not null check (kind in ('visitor', 'conversion', 'push')),
        visitor text not null,
        happened_at integer,
        campaign text,
        variation text,
        goal text,
        revenue text,
        tag text,
        value text,
        received_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
        has_unreadable_revenue integer not null default 0
    )
    """,
    """
    create index event_of_visitor on event (platform, account, project, campaign, visitor, kind)
    """,
)

_PUT_OLDER_ASIDE: Final = (
    "alter table event rename to older_event",
    "drop index event_of_visitor",
)
_TAKE_OLDER_OVER: Final = (
    """
    insert into event
    select
        id, 'vwo', account, '', kind, visitor, happened_at,
        campaign, variation, goal, revenue, tag, value, received_at, 0
    from older_event
    """,
    "drop table older_event",
)

_ADD_UNREADABLE: Final = (
    "alter table event add column has_unreadable_revenue integer not null default 0"
)

_INSERT: Final = """
insert into event (
    platform, account, project, kind, visitor, happened_at,
    campaign, variation, goal, revenue, tag, value, has_unreadable_revenue
) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_OWNERS: Final = "select distinct platform, account, project from event"

_VISITORS: Final = """
select platform, account, project, campaign, variation, count(distinct visitor)
from event where kind = 'visitor' group by platform, account, project, campaign, variation
"""

# If the format does not contain a conversion's variation, the one that the visitor saw last counts.
# SQLite takes the other columns from the row of the maximum.
_CONVERSIONS: Final = """
with shown as (
    select platform, account, project, campaign, visitor, variation, max(id)
    from event where kind = 'visitor' group by platform, account, project, campaign, visitor
)
select
    event.platform,
    event.account,
    event.project,
    event.campaign,
    coalesce(event.variation, shown.variation) as seen,
    event.goal,
    count(*),
    count(distinct event.visitor),
    exact_sum(event.revenue),
    sum(event.has_unreadable_revenue)
from event left join shown using (platform, account, project, campaign, visitor)
where event.kind = 'conversion'
group by event.platform, event.account, event.project, event.campaign, seen, event.goal
"""

_PUSHES: Final = """
select platform, account, project, count(*)
from event where kind = 'push' group by platform, account, project
"""


@dataclass(frozen=True, slots=True)
class Conversions:
    """The conversions of a goal.

    Attributes:
        conversions: The number of conversions.
        unique_converters: The number of visitors who converted.
        revenue: The exact sum of the revenues.
        unreadable_revenues: The number of conversions whose revenue cannot be read. They add
            nothing to `revenue`.
    """

    conversions: int
    unique_converters: int
    revenue: Decimal
    unreadable_revenues: int = 0


NO_CONVERSIONS: Final = Conversions(0, 0, Decimal(0))
"""The conversions of a goal without any."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The totals of one owner's events.

    Attributes:
        visitors: The number of visitors, by campaign and variation.
        conversions: The conversions, by campaign, variation and goal. The campaign is None if the
            visitor is in no campaign, and the variation is None if the visitor never saw one.
        pushes: The number of visitor properties that were set.
    """

    visitors: dict[tuple[str, str], int] = field(default_factory=dict)
    conversions: dict[tuple[str | None, str | None, str], Conversions] = field(default_factory=dict)
    pushes: int = 0

    def of_campaign(
        self, campaign: str | None
    ) -> tuple[dict[str, int], dict[tuple[str | None, str], Conversions]]:
        """A campaign's visitors, by variation, and conversions, by variation and goal."""
        return (
            {key[1]: n for key, n in self.visitors.items() if key[0] == campaign},
            {key[1:]: n for key, n in self.conversions.items() if key[0] == campaign},
        )

    @property
    def campaigns(self) -> set[str]:
        """The campaigns that have events."""
        seen = {campaign for campaign, _, _ in self.conversions if campaign is not None}
        return seen | {campaign for campaign, _ in self.visitors}


class _ExactSum:
    """Adds decimal text without rounding. The endpoints refuse any other revenue."""

    def __init__(self) -> None:
        self._total = Decimal(0)

    def step(self, value: str | None) -> None:
        if value is not None:
            self._total = _EXACT.add(self._total, Decimal(value))

    def finalize(self) -> str:
        return str(self._total)


class Store:
    """Stores events in its own database. Several threads may share it."""

    def __init__(self, path: str = IN_MEMORY) -> None:
        """Open the database, and create it if it does not exist.

        Raises:
            sqlite3.Error: The file is not a database of the collector, or cannot be used.
        """
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        try:
            self._ensure_ours()
            # If another collector is opening the same file, this fails, which only costs speed.
            # The mode is stored in the file for later processes.
            with contextlib.suppress(sqlite3.OperationalError):
                self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            self._ensure_schema()
            # The type stubs do not allow an aggregate that returns text.
            self._connection.create_aggregate("exact_sum", 1, _ExactSum)  # type: ignore[arg-type]
        except BaseException:
            self._connection.close()
            raise

    def _ensure_ours(self) -> None:
        """Refuse a database of another application, or of a later version."""
        if not self._has_tables():
            return
        if self._pragma("application_id") != APPLICATION_ID:
            raise sqlite3.DatabaseError("the database does not belong to a collector")
        if self._pragma("user_version") > SCHEMA_VERSION:
            raise sqlite3.DatabaseError("a later version of sortition created the database")

    def _ensure_schema(self) -> None:
        """Create the table, or convert the one of an earlier version."""
        with self._connection:
            # Another collector may be opening the same file.
            self._connection.execute("begin immediate")
            is_new = not self._has_tables()
            version = self._pragma("user_version")
            if not is_new and version == SCHEMA_VERSION:
                return
            statements: tuple[str, ...] = _SCHEMA
            if not is_new:
                is_oldest = version == 0
                statements = (
                    (*_PUT_OLDER_ASIDE, *_SCHEMA, *_TAKE_OLDER_OVER)
                    if is_oldest
                    else (_ADD_UNREADABLE,)
                )
            for statement in statements:
                self._connection.execute(statement)
            self._connection.execute(f"pragma application_id = {APPLICATION_ID}")
            self._connection.execute(f"pragma user_version = {SCHEMA_VERSION}")

    def _has_tables(self) -> bool:
        (tables,) = self._connection.execute("select count(*) from sqlite_schema").fetchone()
        return bool(tables)

    def _pragma(self, name: str) -> int:
        (value,) = self._connection.execute(f"pragma {name}").fetchone()
        return int(value)

    def add(self, events: Iterable[Event]) -> None:
        """Store all events in one transaction."""
        rows = [
            (
                *event.owner,
                *(event.kind, event.visitor, event.happened_at, event.campaign, event.variation),
                *(event.goal, event.revenue, event.tag, event.value),
                event.has_unreadable_revenue,
            )
            for event in events
        ]
        with self._lock, self._connection:
            self._connection.executemany(_INSERT, rows)

    def counts(self) -> dict[Owner, Counts]:
        """The totals of all events, by owner."""
        # In one transaction, because another collector may be writing to the same file.
        with self._lock, self._connection:
            self._connection.execute("begin")
            owners = self._connection.execute(_OWNERS).fetchall()
            visitors = self._connection.execute(_VISITORS).fetchall()
            conversions = self._connection.execute(_CONVERSIONS).fetchall()
            pushes = self._connection.execute(_PUSHES).fetchall()
        pushes_of = {Owner(*owner): n for *owner, n in pushes}
        counts = {(one := Owner(*owner)): Counts(pushes=pushes_of.get(one, 0)) for owner in owners}
        for *owner, campaign, seen, n in visitors:
            counts[Owner(*owner)].visitors[campaign, seen] = n
        for *owner, campaign, seen, goal, n, unique, revenue, unreadable in conversions:
            reached = Conversions(n, unique, Decimal(revenue), unreadable)
            counts[Owner(*owner)].conversions[campaign, seen, goal] = reached
        return counts

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()
