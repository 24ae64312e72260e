"""The collector's events, in SQLite."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import astuple, dataclass
from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sortition.collector.event import Event

IN_MEMORY: Final = ":memory:"
"""The name of a database that is gone when the collector ends."""

# Wide enough for any number of revenues: 15 digits before the point, 9 behind, and room to add.
_EXACT: Final = Context(prec=60, traps=[Inexact])

_APPLICATION_ID: Final = 0x736F7274
"""Marks a database as the collector's: `sort` in ASCII."""

_SCHEMA: Final = """
create table if not exists event (
    id integer primary key,
    kind text not null check (kind in ('visitor', 'conversion', 'push')),
    account text not null,
    visitor text not null,
    happened_at integer not null,
    campaign text,
    variation text,
    goal text,
    revenue text,
    tag text,
    value text,
    received_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
create index if not exists event_of_visitor on event (account, campaign, visitor, kind);
"""

_INSERT: Final = """
insert into event (
    kind, account, visitor, happened_at, campaign, variation, goal, revenue, tag, value
) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_VISITORS: Final = """
select account, campaign, variation, count(distinct visitor)
from event where kind = 'visitor' group by account, campaign, variation
"""

# Some formats do not say which variation a conversion belongs to: then the one that the visitor
# was shown last counts. SQLite takes the other columns from the row of the maximum.
_CONVERSIONS: Final = """
with shown as (
    select account, campaign, visitor, variation, max(id)
    from event where kind = 'visitor' group by account, campaign, visitor
)
select
    event.account,
    event.campaign,
    coalesce(event.variation, shown.variation) as seen,
    event.goal,
    count(*),
    count(distinct event.visitor),
    exact_sum(event.revenue)
from event left join shown using (account, campaign, visitor)
where event.kind = 'conversion'
group by event.account, event.campaign, seen, event.goal
"""

_PUSHES: Final = "select account, count(*) from event where kind = 'push' group by account"


@dataclass(frozen=True, slots=True)
class Conversions:
    """How often a goal was reached.

    Attributes:
        conversions: How often in all.
        unique_converters: By how many visitors.
        revenue: What they brought, exactly.
    """

    conversions: int
    unique_converters: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class Counts:
    """What all events add up to.

    Attributes:
        visitors: How many visitors saw a variation, by account, campaign and variation.
        conversions: How often a goal was reached, by account, campaign, variation and goal; the
            variation is None where the visitor was never shown one.
        pushes: How many properties were set, by account.
    """

    visitors: dict[tuple[str, str, str], int]
    conversions: dict[tuple[str, str, str | None, str], Conversions]
    pushes: dict[str, int]


class _ExactSum:
    """Adds decimal numbers without rounding; the wire lets no others in."""

    def __init__(self) -> None:
        self._total = Decimal(0)

    def step(self, value: str | None) -> None:
        if value is not None:
            self._total = _EXACT.add(self._total, Decimal(value))

    def finalize(self) -> str:
        return str(self._total)


class Store:
    """Keeps events in a database of its own; safe to use from any thread."""

    def __init__(self, path: str = IN_MEMORY) -> None:
        """Open the database, making it where there is none.

        Raises:
            sqlite3.Error: The file is no such database or cannot be used.
        """
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        try:
            self._ensure_ours()
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            self._connection.executescript(_SCHEMA)
            self._connection.execute(f"pragma application_id = {_APPLICATION_ID}")
            # The stubs know no aggregate that returns text.
            self._connection.create_aggregate("exact_sum", 1, _ExactSum)  # type: ignore[arg-type]
        except BaseException:
            self._connection.close()
            raise

    def _ensure_ours(self) -> None:
        """Refuse a database that is somebody else's."""
        (tables,) = self._connection.execute("select count(*) from sqlite_schema").fetchone()
        (application_id,) = self._connection.execute("pragma application_id").fetchone()
        if tables and application_id != _APPLICATION_ID:
            raise sqlite3.DatabaseError("the database is not one of the collector")

    def add(self, events: Iterable[Event]) -> None:
        """Keep events, all or none of them."""
        rows = [astuple(event) for event in events]
        with self._lock, self._connection:
            self._connection.executemany(_INSERT, rows)

    def counts(self) -> Counts:
        """What all events add up to."""
        with self._lock:
            visitors = self._connection.execute(_VISITORS).fetchall()
            conversions = self._connection.execute(_CONVERSIONS).fetchall()
            pushes = self._connection.execute(_PUSHES).fetchall()
        return Counts(
            visitors={(account, campaign, seen): n for account, campaign, seen, n in visitors},
            conversions={
                (account, campaign, seen, goal): Conversions(n, unique, Decimal(revenue))
                for account, campaign, seen, goal, n, unique, revenue in conversions
            },
            pushes=dict(pushes),
        )

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()
