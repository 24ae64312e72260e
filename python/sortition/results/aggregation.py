"""The definition of the aggregation of events, in SQL that every engine understands.

The same text runs on SQLite, DuckDB, Polars, Spark and ClickHouse. These rules keep it portable:

- No alias has the name of an input column, because ClickHouse would read it as the aggregate.
- All joins but the one with `users` are inner joins by equality, because Polars supports no others.
  Other conditions are in `where`.
- Times are whole seconds since 1970, so that the day is a division, without a time zone.

A visitor counts in the variation of the first exposure. A conversion counts for that variation from
the same second on, until the window ends. The text excludes nothing that a report must mention:
visitors in several variations have their own rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Rows: TypeAlias = "Sequence[Sequence[object]]"
"""The rows of a query."""

DAY_S: Final = 86_400
"""A day in seconds."""

_FOREVER_S: Final = 10**15
"""Longer than any window, in seconds."""

_UNITS: Final = """
with arms as (
    select campaign, visitor, variation, min(happened_at) as arm_at
    from {exposures} e
    group by campaign, visitor, variation
), ranked as (
    select campaign, visitor, variation as shown, arm_at as first_at,
        row_number() over (partition by campaign, visitor order by arm_at, variation) as place,
        count(*) over (partition by campaign, visitor) as arm_count
    from arms
), assigned as (
    select campaign, visitor, shown, first_at, case when arm_count = 1 then 0 else 1 end as several
    from ranked
    where place = 1 and first_at >= {since} and first_at < {until}
), units as (
    select a.campaign as campaign, a.visitor as visitor, a.first_at as first_at,
        a.first_at - a.first_at % 86400 as first_day, a.several as several, a.shown as shown,
        {covariate} as covariate, {segment} as part
    from assigned a {users}
)
"""

_VISITORS: Final = """
select campaign, shown, first_day, part, several,
    count(*) as visitors, sum(covariate) as covariate_1, sum(covariate * covariate) as covariate_2
from units
group by campaign, shown, first_day, part, several
"""

_REACHED: Final = """, reached as (
    select u.campaign as campaign, u.shown as shown, u.first_day as first_day, u.part as part,
        u.several as several, c.goal as goal, u.visitor as visitor, u.covariate as known_before,
        {since_exposure} as since_exposure,
        count(*) as times, sum(coalesce(c.revenue, 0.0)) as brought
    from units u join {conversions} c on {same}
    where c.happened_at - u.first_at >= 0 and c.happened_at - u.first_at < {window}
        and c.happened_at < {until}
    group by u.campaign, u.shown, u.first_day, u.part, u.several, c.goal, u.visitor, u.covariate,
        {since_exposure}
)
select campaign, shown, first_day, part, several, goal, since_exposure,
    count(*) as converters, sum(times) as times_1, sum(times * times) as times_2,
    sum(brought) as revenue_1, sum(brought * brought) as revenue_2, sum(times * brought) as both_1,
    max(brought) as largest,
    sum(known_before) as converted_covariate, sum(times * known_before) as times_covariate,
    sum(brought * known_before) as revenue_covariate
from reached
group by campaign, shown, first_day, part, several, goal, since_exposure
"""

_EXCLUDED: Final = """
select u.campaign as campaign_of, c.goal as goal, count(*) as conversions,
    sum(case when c.happened_at - u.first_at < 0 then 1 else 0 end) as early,
    sum(case when c.happened_at - u.first_at >= {window} then 1 else 0 end) as late,
    sum(u.several) as in_several
from units u join {conversions} c on {same}
where c.happened_at < {until}
group by u.campaign, c.goal
"""

_ALL: Final = """
select {campaign} as campaign_of, c.goal as goal, count(*) as conversions
from {conversions} c
where c.happened_at >= {since} and c.happened_at < {until}
group by {campaign}, c.goal
"""

_EXPOSED: Final = """, seen as (
    select {arms_campaign} as campaign, visitor
    from arms
    where arm_at < {until}
    group by {arms_campaign}, visitor
)
select {campaign} as campaign_of, c.goal as goal, count(*) as conversions
from seen u join {conversions} c on {same}
where c.happened_at >= {since} and c.happened_at < {until}
group by {campaign}, c.goal
"""

_REPEATED: Final = """
select campaign_of, goal, sum(same - 1) as repeated from (
    select {campaign} as campaign_of, c.goal as goal, c.visitor as visitor,
        c.happened_at as moment, c.revenue as brought, count(*) as same
    from {conversions} c
    where c.happened_at >= {since} and c.happened_at < {until}
    group by {campaign}, c.goal, c.visitor, c.happened_at, c.revenue
) one where same > 1 group by campaign_of, goal
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Tables in an engine.

    Attributes:
        run: Runs a query and returns its rows.
        exposures: The table of exposures, or a query in parentheses: `campaign`, `visitor`,
            `variation`, `happened_at` (whole seconds since 1970).
        conversions: The table of conversions, or a query in parentheses: `visitor`, `goal`,
            `happened_at`, `revenue` (a number or null) and, unless they count for every campaign of
            the visitor, `campaign`.
        users: The table of data about visitors, or a query: `visitor`, and the columns below.
        has_campaigns: Whether conversions name their campaign.
        covariate: The column of `users` with a number from before the experiment.
        segment: The column of `users` with the name of the visitor's segment.
    """

    run: Callable[[str], Rows]
    exposures: str
    conversions: str
    users: str | None = None
    has_campaigns: bool = True
    covariate: str | None = None
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The period of the events that count.

    Attributes:
        since_s: Only visitors count whose first exposure is at this time or later, in seconds since
            1970.
        until_s: Only events before this time count.
        days: Conversions count for this many days after the first exposure; None for no limit.
    """

    since_s: int = 0
    until_s: int = _FOREVER_S
    days: float | None = None


@dataclass(frozen=True, slots=True)
class Queries:
    """The text of each query.

    Attributes:
        visitors: Visitors by campaign, variation, day of the first exposure and segment.
        reached: Sums by goal; their first columns are those of `visitors`.
        by_day: The same by the day since the exposure.
        all: All conversions, by campaign and goal.
        exposed: Those of visitors who were exposed, even before the period.
        excluded: Those that count for nothing, by reason.
        repeated: Conversions that are in the table more than once.
    """

    visitors: str
    reached: str
    by_day: str
    all: str
    exposed: str
    excluded: str
    repeated: str


def queries(source: Source, window: Window) -> Queries:
    """The text of the aggregation, for these tables."""
    words = {
        "exposures": source.exposures,
        "conversions": source.conversions,
        "users": f"left join {source.users} w on w.visitor = a.visitor" if source.users else "",
        "covariate": f"coalesce(w.{source.covariate}, 0.0)" if source.covariate else "0.0",
        "segment": f"coalesce(w.{source.segment}, '')" if source.segment else "''",
        "same": "c.visitor = u.visitor"
        + (" and c.campaign = u.campaign" if source.has_campaigns else ""),
        "since": str(window.since_s),
        "until": str(window.until_s),
        "window": str(_FOREVER_S if window.days is None else int(window.days * DAY_S)),
        "campaign": "c.campaign" if source.has_campaigns else "''",
        "arms_campaign": "campaign" if source.has_campaigns else "''",
    }
    units = _UNITS.format(**words)
    since = "c.happened_at - u.first_at"
    by_day = f"({since}) - ({since}) % {DAY_S}"
    return Queries(
        visitors=units + _VISITORS,
        reached=units.rstrip() + _REACHED.format(**words, since_exposure="u.first_at - u.first_at"),
        by_day=units.rstrip() + _REACHED.format(**words, since_exposure=by_day),
        all=_ALL.format(**words),
        exposed=units.rstrip() + _EXPOSED.format(**words),
        excluded=units + _EXCLUDED.format(**words),
        repeated=_REPEATED.format(**words),
    )
