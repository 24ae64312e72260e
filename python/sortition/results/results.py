"""Reads the results of experiments from any source of events."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from sortition.results import collector_source, tables_source
from sortition.results.aggregation import Source, Window
from sortition.results.campaign import Campaign
from sortition.results.judging import report_of
from sortition.results.known import Known, Settings
from sortition.results.report import Report
from sortition.results.running import runner_of
from sortition.results.sums import aggregate
from sortition.stats import Experiments

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from sortition.results.sums import CampaignSums
    from sortition.stats.experiment import ReportMethod

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_COLUMN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclasses.dataclass(frozen=True, slots=True)
class Results:
    """The sums of campaigns, ready to be judged.

    Attributes:
        campaigns: The campaigns.
        unattributed: Conversions that belong to no campaign.
    """

    campaigns: tuple[Campaign, ...]
    unattributed: int = 0

    @classmethod
    def from_collector(
        cls,
        db: Path | str,
        *,
        settings: Iterable[Path | str] = (),
        experiments: Experiments | None = None,
        window: Window | None = None,
        counts_several: bool = False,
        by_day: bool = False,
    ) -> Self:
        """The results of a collector's database, which may be in use.

        Args:
            db: The file.
            settings: Settings files of the accounts, for names, weights and goals.
            experiments: The definitions of the experiments.
            window: The period of the events that count; None for all events.
            counts_several: Whether visitors who were shown several variations count, in their first
                one.
            by_day: Whether to compute the effect by day since exposure.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file is invalid; the message names it.
        """
        known = Settings.read(*map(Path, settings)).campaigns
        found: list[Campaign] = []
        unattributed = 0
        with collector_source.reading(db) as connection:
            for owner, source in collector_source.sources(connection).items():
                sums = aggregate(
                    source, window or Window(), counts_several=counts_several, by_day=by_day
                )
                unattributed += _without_campaign(sums)
                names = {
                    key[-1]: one
                    for key, one in known.items()
                    if key[:-1] == (owner.platform, owner.account, owner.project)
                }
                found += _campaigns(sums, names, experiments, owner.platform)
        return cls(tuple(found), unattributed)

    @classmethod
    def from_tables(
        cls,
        exposures: Any,
        conversions: Any,
        users: Any = None,
        *,
        covariate: str | None = None,
        segment: str | None = None,
        experiments: Experiments | None = None,
        window: Window | None = None,
        counts_several: bool = False,
        by_day: bool = False,
    ) -> Self:
        """The results of tables: Arrow, pandas, polars, DuckDB relations, files, or plain rows.

        DuckDB aggregates them if it is installed, else SQLite. For plain rows, polars frames and
        relations, DuckDB also needs pyarrow.

        Args:
            exposures: A table with the columns `visitor`, `variation`, `happened_at`, and for
                several campaigns `campaign`. Times are timestamps, in UTC if they have no time
                zone, or seconds since 1970.
            conversions: A table with the columns `visitor`, `goal`, `happened_at`, and optionally
                `revenue` and `campaign`. Without `campaign`, a conversion counts for every campaign
                of the visitor.
            users: A table with the column `visitor` and those of `covariate` and `segment`.
            covariate: A column of `users`: a number from before the experiment, for CUPED.
            segment: A column of `users`: the name of the visitor's segment.
            experiments: The definitions of the experiments.
            window: The period of the events that count; None for all events.
            counts_several: Whether visitors who were shown several variations count, in their first
                one.
            by_day: Whether to compute the effect by day since exposure.

        Raises:
            ValueError: A column is missing, or a value is invalid.
            TypeError: A table has an unsupported type.
        """
        _ensure_columns(covariate, segment)
        with tables_source.reading(
            exposures, conversions, users, covariate=covariate, segment=segment
        ) as source:
            return cls._of(source, experiments, window, counts_several, by_day)

    @classmethod
    def from_sql(
        cls,
        connection: Any,
        *,
        exposures: str = "exposures",
        conversions: str = "conversions",
        users: str | None = None,
        has_campaigns: bool = True,
        covariate: str | None = None,
        segment: str | None = None,
        experiments: Experiments | None = None,
        window: Window | None = None,
        counts_several: bool = False,
        by_day: bool = False,
    ) -> Self:
        """The results of tables in an engine that runs SQL and aggregates them.

        Args:
            connection: A connection of `sqlite3`, DuckDB or any DB-API module, a Polars
                `SQLContext`, a Spark session, or a function that takes SQL and returns rows.
            exposures: The name of a table, or a query in parentheses, with the columns `campaign`,
                `visitor`, `variation` and `happened_at` (whole seconds since 1970).
            conversions: The same with the columns `visitor`, `goal`, `happened_at`, `revenue` (a
                number or null) and, with `has_campaigns`, `campaign`.
            users: The same with the column `visitor` and those of `covariate` and `segment`.
            has_campaigns: Whether conversions have a campaign. Otherwise a conversion counts for
                every campaign of the visitor.
            covariate: As in `from_tables`.
            segment: As in `from_tables`.
            experiments: The definitions of the experiments.
            window: The period of the events that count; None for all events.
            counts_several: Whether visitors who were shown several variations count, in their first
                one.
            by_day: Whether to compute the effect by day since exposure.

        Raises:
            ValueError: A table is neither a name nor a query in parentheses, or times are not in
                seconds.
            TypeError: The connection cannot run SQL.
        """
        _ensure_columns(covariate, segment)
        if (covariate or segment) and users is None:
            raise ValueError("users: needed for the columns covariate and segment")
        source = Source(
            run=runner_of(connection),
            exposures=_relation("exposures", exposures),
            conversions=_relation("conversions", conversions),
            users=None if users is None else _relation("users", users),
            has_campaigns=has_campaigns,
            covariate=covariate,
            segment=segment,
        )
        return cls._of(source, experiments, window, counts_several, by_day)

    @classmethod
    def _of(
        cls,
        source: Source,
        experiments: Experiments | None,
        window: Window | None,
        counts_several: bool,
        by_day: bool,
    ) -> Self:
        sums = aggregate(source, window or Window(), counts_several=counts_several, by_day=by_day)
        unattributed = _without_campaign(sums)
        return cls(tuple(_campaigns(sums, {}, experiments, None)), unattributed)

    def report(
        self,
        *,
        campaign: str | None = None,
        goal: str | None = None,
        method: ReportMethod | None = None,
        by_segment: bool = False,
    ) -> Report:
        """Judge the campaigns.

        Args:
            campaign: The key, name or id of the only campaign to report.
            goal: The name or id of the only goal to report.
            method: The method in place of the one in the experiments' definitions.
            by_segment: Whether to report each segment separately.

        Returns:
            The report. It is empty if the data has no campaigns.
        """
        found = []
        for one in self.campaigns:
            if campaign is not None and campaign not in one.names:
                continue
            judged = one
            if method is not None:
                experiment = dataclasses.replace(one.experiment, method=method)
                judged = dataclasses.replace(one, experiment=experiment)
            segments: list[str | None] = [*one.sums.segments()] if by_segment else [None]
            found += [report_of(judged, goal=goal, segment=segment) for segment in segments]
        return Report(tuple(found), self.unattributed)


def seconds(moment: datetime | date) -> int:
    """Whole seconds since 1970, for a `Window`. A time without a time zone is in UTC."""
    return tables_source.seconds("the time", moment)


def _campaigns(
    sums: dict[str, CampaignSums],
    known: dict[str, Known],
    experiments: Experiments | None,
    platform: str | None,
) -> list[Campaign]:
    """The campaigns of the settings in their order, then those that only events name."""
    ids = [one for one in known if one in sums]
    ids += sorted(one for one in sums if one not in known and one)
    defined = experiments or Experiments()
    found = []
    for one in ids:
        of_id = known.get(one, Known(one, platform=platform))
        experiment = defined.of_campaign(of_id.key, of_id.name, of_id.id)
        found.append(Campaign(of_id, sums[one], experiment))
    return found


def _without_campaign(sums: dict[str, CampaignSums]) -> int:
    """How many conversions belong to no campaign."""
    without = sums.get("")
    if without is None:
        return 0
    return without.excluded_of(without.goals()).without_exposure


def _relation(name: str, text: str) -> str:
    if _NAME.fullmatch(text) or (text.startswith("(") and text.endswith(")")):
        return text
    raise ValueError(f"{name}: must be the name of a table or a query in parentheses, not {text!r}")


def _ensure_columns(*names: str | None) -> None:
    for name in names:
        if name is not None and not _COLUMN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a column")
