"""Results of experiments: the numbers, their statistics, and the health of the data.

    from sortition.results import Results, text_of

    report = Results.from_collector("events.db", settings=["settings.json"]).report()
    print(text_of(report))

It reads events from the collector's database, from tables of any kind, or from an engine that runs
SQL, and aggregates them everywhere by the same definition. It requires the extra ``stats``.
"""

from __future__ import annotations

from sortition._base.exporting import TYPE_CHECKING
from sortition._base.exporting import exporting as _exporting

if TYPE_CHECKING:
    from sortition.results.aggregation import Window
    from sortition.results.csv_rows import csv_of
    from sortition.results.report import CampaignReport, Health, Line, MetricReport, Report
    from sortition.results.results import Results, seconds
    from sortition.results.sums import Excluded
    from sortition.results.text import text_of

__all__ = [
    "CampaignReport",
    "Excluded",
    "Health",
    "Line",
    "MetricReport",
    "Report",
    "Results",
    "Window",
    "csv_of",
    "seconds",
    "text_of",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = _exporting(
        globals(),
        {
            "CampaignReport": "sortition.results.report",
            "Excluded": "sortition.results.sums",
            "Health": "sortition.results.report",
            "Line": "sortition.results.report",
            "MetricReport": "sortition.results.report",
            "Report": "sortition.results.report",
            "Results": "sortition.results.results",
            "Window": "sortition.results.aggregation",
            "csv_of": "sortition.results.csv_rows",
            "seconds": "sortition.results.results",
            "text_of": "sortition.results.text",
        },
    )

del TYPE_CHECKING
