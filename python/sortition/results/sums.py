"""Sums of campaigns by variation, goal, day and segment: the input of the statistics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from sortition.results.aggregation import DAY_S, Source, Window, queries
from sortition.stats import Covariate, Mean, Proportion, Ratio, RatioCovariate
from sortition.stats.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sortition.stats.experiment import MetricName
    from sortition.stats.metrics import Metric

_LATEST_S: Final = 100_000_000_000
"""The year 5138. Later times are probably in milliseconds."""


@dataclass(frozen=True, slots=True)
class Exposed:
    """Visitors who were shown a variation.

    Attributes:
        visitors: Their number.
        covariate: The sum of their covariate.
        covariate2: The sum of its squares.
    """

    visitors: int = 0
    covariate: float = 0.0
    covariate2: float = 0.0

    def __add__(self, other: Self) -> Exposed:
        return Exposed(
            self.visitors + other.visitors,
            self.covariate + other.covariate,
            self.covariate2 + other.covariate2,
        )


@dataclass(frozen=True, slots=True)
class Reached:
    """The conversions of a variation's visitors for a goal.

    Attributes:
        converters: Visitors who converted.
        times: All conversions.
        times2: The sum of the squares of each visitor's number of conversions.
        revenue: The sum of the revenue.
        revenue2: The sum of the squares of each visitor's revenue.
        both: The sum of the products of each visitor's conversions and revenue.
        largest: The largest revenue of a visitor.
        covariate: The sum of the covariate over the converters.
        times_covariate: The sum of the products of conversions and covariate.
        revenue_covariate: The sum of the products of revenue and covariate.
    """

    converters: int = 0
    times: float = 0.0
    times2: float = 0.0
    revenue: float = 0.0
    revenue2: float = 0.0
    both: float = 0.0
    largest: float = 0.0
    covariate: float = 0.0
    times_covariate: float = 0.0
    revenue_covariate: float = 0.0

    def __add__(self, other: Self) -> Reached:
        return Reached(
            self.converters + other.converters,
            self.times + other.times,
            self.times2 + other.times2,
            self.revenue + other.revenue,
            self.revenue2 + other.revenue2,
            self.both + other.both,
            max(self.largest, other.largest),
            self.covariate + other.covariate,
            self.times_covariate + other.times_covariate,
            self.revenue_covariate + other.revenue_covariate,
        )


@dataclass(frozen=True, slots=True)
class Excluded(Result):
    """Conversions and visitors that do not count.

    Attributes:
        without_exposure: Conversions of visitors who were shown no variation of the campaign.
        before_exposure: Conversions before the first exposure.
        after_window: Conversions after the end of the conversion window.
        of_visitors_in_several: Conversions of visitors who were shown several variations.
        visitors_in_several: Visitors who were shown several variations.
        repeated: Conversions that equal an earlier one in every column. They count nevertheless.
    """

    without_exposure: int = 0
    before_exposure: int = 0
    after_window: int = 0
    of_visitors_in_several: int = 0
    visitors_in_several: int = 0
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """The variation, day and segment of a sum.

    Attributes:
        variation: The variation's id.
        day_s: The day of the first exposure, by its first second since 1970, in UTC.
        segment: The segment; empty without one.
    """

    variation: str
    day_s: int
    segment: str


@dataclass
class CampaignSums:
    """The sums of a campaign.

    Attributes:
        exposed: Visitors by cell.
        reached: Conversions by cell and goal.
        by_day: Conversions by cell, goal and days since the exposure; empty unless requested.
        excluded: Conversions and visitors that do not count, by goal.
        visitors_in_several: Visitors who were shown several variations.
        has_covariate: Whether there is a covariate.
        counts_several: Whether `exposed` includes the visitors who were shown several variations.
    """

    exposed: dict[Cell, Exposed] = field(default_factory=dict)
    reached: dict[tuple[Cell, str], Reached] = field(default_factory=dict)
    by_day: dict[tuple[Cell, str, int], Reached] = field(default_factory=dict)
    excluded: dict[str, Counter[str]] = field(default_factory=dict)
    visitors_in_several: int = 0
    has_covariate: bool = False
    counts_several: bool = False

    @property
    def all_visitors(self) -> int:
        """All visitors, whether they count or were shown several variations."""
        counted = sum(one.visitors for one in self.exposed.values())
        return counted if self.counts_several else counted + self.visitors_in_several

    def variations(self) -> list[str]:
        """The variations that have visitors."""
        return sorted({cell.variation for cell in self.exposed})

    def goals(self) -> list[str]:
        """The goals that have conversions, including those that do not count."""
        return sorted({goal for _, goal in self.reached} | self.excluded.keys())

    def segments(self) -> list[str]:
        """The values of the segment."""
        return sorted({cell.segment for cell in self.exposed})

    def days(self) -> list[int]:
        """The days on which visitors were first exposed, in order."""
        return sorted({cell.day_s for cell in self.exposed})

    def visitors(
        self, variation: str, *, day_s: int | None = None, segment: str | None = None
    ) -> Exposed:
        """The visitors of a variation: all, or those of a day or a segment."""
        total = Exposed()
        for cell, one in self.exposed.items():
            if _matches(cell, variation, day_s, segment):
                total += one
        return total

    def metric(
        self,
        variation: str,
        goal: str,
        name: MetricName,
        *,
        day_s: int | None = None,
        segment: str | None = None,
    ) -> Metric:
        """A metric of a variation: for all visitors, or for those of a day or a segment."""
        reached = Reached()
        for (cell, of_goal), one in self.reached.items():
            if of_goal == goal and _matches(cell, variation, day_s, segment):
                reached += one
        exposed = self.visitors(variation, day_s=day_s, segment=segment)
        return metric_of(name, exposed, reached, has_covariate=self.has_covariate)

    def reached_in_all(self, goal: str) -> Reached:
        """The conversions of all variations for a goal."""
        total = Reached()
        for (_, of_goal), one in self.reached.items():
            if of_goal == goal:
                total += one
        return total

    def since_exposure(self, variation: str, goal: str, name: MetricName) -> list[Metric]:
        """A metric on the day of the exposure, the day after, and so on.

        Each day has its own conversions, and counts only visitors whose exposure is that long ago.
        """
        last_day_s = max(self.days(), default=0)
        found = []
        for since_s in range(0, last_day_s - min(self.days(), default=0) + 1, DAY_S):
            exposed, reached = Exposed(), Reached()
            for cell, one in self.exposed.items():
                if cell.variation == variation and cell.day_s + since_s < last_day_s:
                    exposed += one
                    reached += self.by_day.get((cell, goal, since_s), Reached())
            found.append(metric_of(name, exposed, reached, has_covariate=False))
        return found

    def excluded_of(self, goals: Iterable[str]) -> Excluded:
        """The conversions and visitors of these goals that do not count."""
        total: Counter[str] = Counter()
        for goal in goals:
            total += self.excluded.get(goal, Counter())
        return Excluded(visitors_in_several=self.visitors_in_several, **total)


def metric_of(
    name: MetricName, exposed: Exposed, reached: Reached, *, has_covariate: bool
) -> Metric:
    """A metric from sums. A visitor without conversions counts with zeros."""
    n, known = exposed.visitors, (exposed.covariate, exposed.covariate2)
    if name == "rate":
        covariate = Covariate(*known, reached.covariate) if has_covariate else None
        return Proportion(n, reached.converters, covariate)
    if name == "conversions":
        covariate = Covariate(*known, reached.times_covariate) if has_covariate else None
        return Mean(n, reached.times, reached.times2, covariate)
    if name == "revenue":
        covariate = Covariate(*known, reached.revenue_covariate) if has_covariate else None
        return Mean(n, reached.revenue, reached.revenue2, covariate)
    return Ratio(
        n,
        reached.revenue,
        reached.times,
        reached.revenue2,
        reached.times2,
        reached.both,
        RatioCovariate(*known, reached.revenue_covariate, reached.times_covariate)
        if has_covariate
        else None,
    )


def aggregate(
    source: Source, window: Window, *, counts_several: bool = False, by_day: bool = False
) -> dict[str, CampaignSums]:
    """The sums of every campaign.

    Args:
        source: The source of the events.
        window: The period of the events that count.
        counts_several: Whether visitors who were shown several variations count, in their first
            one.
        by_day: Whether to compute sums by day since the exposure, which needs another query.

    Raises:
        ValueError: A time is not in seconds.
    """
    text = queries(source, window)
    found = _Campaigns(has_covariate=source.covariate is not None, counts_several=counts_several)
    found.add_visitors(source.run(text.visitors))
    found.add_reached(source.run(text.reached))
    found.add_unexposed(source.run(text.all), source.run(text.exposed))
    found.add_excluded(source.run(text.excluded))
    found.add_repeated(source.run(text.repeated))
    if by_day:
        found.add_by_day(source.run(text.by_day))
    return found.campaigns


class _Campaigns:
    def __init__(self, *, has_covariate: bool, counts_several: bool) -> None:
        self.campaigns: dict[str, CampaignSums] = {}
        self._has_covariate = has_covariate
        self._counts_several = counts_several

    def add_visitors(self, rows: Iterable[Iterable[object]]) -> None:
        for campaign, shown, day, segment, several, *numbers in rows:
            visitors, covariate, covariate2 = map(_number, numbers)
            sums = self._of(campaign)
            is_in_several = bool(_number(several))
            if is_in_several:
                sums.visitors_in_several += int(visitors)
            if is_in_several and not self._counts_several:
                continue
            cell = _cell(shown, day, segment)
            exposed = Exposed(int(visitors), covariate, covariate2)
            sums.exposed[cell] = sums.exposed.get(cell, Exposed()) + exposed

    def add_reached(self, rows: Iterable[Iterable[object]]) -> None:
        for campaign, cell, goal, _, reached in self._reached(rows):
            sums = self._of(campaign)
            sums.reached[cell, goal] = sums.reached.get((cell, goal), Reached()) + reached

    def add_by_day(self, rows: Iterable[Iterable[object]]) -> None:
        for campaign, cell, goal, since_s, reached in self._reached(rows):
            key = (cell, goal, since_s)
            sums = self._of(campaign)
            sums.by_day[key] = sums.by_day.get(key, Reached()) + reached

    def _reached(
        self, rows: Iterable[Iterable[object]]
    ) -> Iterator[tuple[object, Cell, str, int, Reached]]:
        for campaign, shown, day, segment, several, goal, since, converters, *sums in rows:
            if self._counts_several or not _number(several):
                reached = Reached(int(_number(converters)), *map(_number, sums))
                since_s = int(_number(since))
                yield campaign, _cell(shown, day, segment), str(goal), since_s, reached

    def add_excluded(self, rows: Iterable[Iterable[object]]) -> None:
        for campaign, goal, _, early, late, in_several in rows:
            counts = {
                "before_exposure": early,
                "after_window": late,
                "of_visitors_in_several": 0 if self._counts_several else in_several,
            }
            self._exclude(campaign, goal, counts)

    def add_unexposed(
        self, conversions: Iterable[Iterable[object]], exposed: Iterable[Iterable[object]]
    ) -> None:
        found = {(campaign, goal): _number(count) for campaign, goal, count in exposed}
        for campaign, goal, count in conversions:
            unexposed = _number(count) - found.get((campaign, goal), 0)
            self._exclude(campaign, goal, {"without_exposure": unexposed})

    def add_repeated(self, rows: Iterable[Iterable[object]]) -> None:
        for campaign, goal, repeated in rows:
            self._exclude(campaign, goal, {"repeated": repeated})

    def _exclude(self, campaign: object, goal: object, counts: dict[str, object]) -> None:
        of_goal = self._of(campaign).excluded.setdefault(str(goal), Counter())
        of_goal.update({name: int(_number(count)) for name, count in counts.items()})

    def _of(self, campaign: object) -> CampaignSums:
        # For conversions without a campaign, ClickHouse returns empty text in place of null.
        key = "" if campaign is None else str(campaign)
        return self.campaigns.setdefault(
            key,
            CampaignSums(has_covariate=self._has_covariate, counts_several=self._counts_several),
        )


def _cell(shown: object, day: object, segment: object) -> Cell:
    day_s = int(_number(day))
    if day_s > _LATEST_S:
        raise ValueError("happened_at: must be in seconds since 1970; these look like milliseconds")
    return Cell(str(shown), day_s, str(segment or ""))


def _matches(cell: Cell, variation: str, day_s: int | None, segment: str | None) -> bool:
    return (
        cell.variation == variation
        and (day_s is None or cell.day_s == day_s)
        and (segment is None or cell.segment == segment)
    )


def _number(value: object) -> float:
    """A number from the engine's own numeric type."""
    return (
        0.0 if value is None else float(str(value)) if not isinstance(value, int | float) else value
    )
