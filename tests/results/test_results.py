"""From events to a report: which events count, and what is said of them."""

from __future__ import annotations

import csv
import io
import json
import random
import sqlite3
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support.documents import campaign, revenue_goal, settings, variation

from sortition.collector.event import Event, Owner
from sortition.collector.store import Store
from sortition.results import Results, Window, csv_of, seconds, text_of
from sortition.results.aggregation import Source, queries
from sortition.results.campaign import Campaign
from sortition.results.running import runner_of
from sortition.results.sums import CampaignSums, Reached, aggregate
from sortition.results.tables_source import reading
from sortition.stats import Experiments, Proportion
from sortition.stats.experiment import ReportMethod

START = 1_790_000_000
DAY = 86_400
Row = dict[str, Any]


def shown(visitor: str, variation: str, at: int = 0, campaign: str = "1") -> Row:
    moment = START + at
    return {"campaign": campaign, "visitor": visitor, "variation": variation, "happened_at": moment}


def reached(
    visitor: str, at: int = 10, revenue: float | None = None, goal: str = "g", campaign: str = "1"
) -> Row:
    return {
        "campaign": campaign,
        "visitor": visitor,
        "goal": goal,
        "happened_at": START + at,
        "revenue": revenue,
    }


def sums_of(
    exposures: list[Row], conversions: list[Row], window: Window | None = None, **options: Any
) -> CampaignSums:
    engine = options.pop("engine", "sqlite")
    with reading(exposures, conversions, engine=engine) as source:
        return aggregate(source, window or Window(), **options)["1"]


def converted(sums: CampaignSums, variation: str = "a", goal: str = "g") -> tuple[int, int]:
    metric = sums.metric(variation, goal, "rate")
    assert isinstance(metric, Proportion)
    return metric.n, metric.converted


@pytest.fixture(params=["sqlite", "duckdb"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine that takes tables."""
    name: str = request.param
    return name


class TestWhatCounts:
    def test_a_conversion_counts_for_the_first_exposure_from_the_same_second_on(
        self, engine: str
    ) -> None:
        sums = sums_of(
            [shown("ann", "a", 100), shown("bob", "a", 100), shown("cat", "a", 100)],
            [reached("ann", 100), reached("bob", 99), reached("dan", 200)],
            engine=engine,
        )
        assert converted(sums) == (3, 1)
        excluded = sums.excluded_of(["g"])
        assert excluded.before_exposure == 1
        assert excluded.without_exposure == 1

    def test_several_exposures_of_one_variation_are_one_visitor(self, engine: str) -> None:
        exposures = [shown("ann", "a", at) for at in (50, 0, 100)]
        assert converted(sums_of(exposures, [reached("ann", 20)], engine=engine)) == (1, 1)

    def test_visitors_in_several_variations_are_counted_apart(self, engine: str) -> None:
        exposures = [shown("ann", "b", 0), shown("ann", "a", 5), shown("bob", "a", 0)]
        conversions = [reached("ann", 10), reached("bob", 10)]
        sums = sums_of(exposures, conversions, engine=engine)
        assert converted(sums) == (1, 1)
        assert sums.visitors_in_several == 1
        assert sums.excluded_of(["g"]).of_visitors_in_several == 1

    def test_or_they_count_in_the_variation_of_the_first_exposure(self, engine: str) -> None:
        exposures = [shown("ann", "b", 0), shown("ann", "a", 5), shown("bob", "a", 0)]
        conversions = [reached("ann", 10), reached("bob", 10)]
        sums = sums_of(exposures, conversions, counts_several=True, engine=engine)
        assert converted(sums, "a") == (1, 1)
        assert converted(sums, "b") == (1, 1)
        assert sums.visitors_in_several == 1
        assert sums.excluded_of(["g"]).of_visitors_in_several == 0

    def test_conversions_count_until_the_window_ends(self, engine: str) -> None:
        conversions = [reached("ann", 2 * DAY - 1), reached("bob", 2 * DAY)]
        exposures = [shown("ann", "a"), shown("bob", "a")]
        sums = sums_of(exposures, conversions, Window(days=2), engine=engine)
        assert converted(sums) == (2, 1)
        assert sums.excluded_of(["g"]).after_window == 1

    def test_a_period_is_of_first_exposures(self, engine: str) -> None:
        exposures = [shown("ann", "a", 0), shown("ann", "a", 100), shown("bob", "a", 100)]
        conversions = [reached("bob", 150), reached("bob", 300)]
        window = Window(since_s=START + 50, until_s=START + 200)
        sums = sums_of(exposures, conversions, window, engine=engine)
        assert converted(sums) == (1, 1)
        assert sums.reached_in_all("g").times == 1

    def test_conversions_after_an_exposure_before_the_period_are_not_without_an_exposure(
        self, engine: str
    ) -> None:
        exposures = [shown("ann", "a", 0), shown("bob", "a", 100), shown("dan", "a", 900)]
        conversions = [reached("ann", 120), reached("bob", 120), reached("cat", 120)]
        conversions.append(reached("dan", 120))
        window = Window(since_s=START + 50, until_s=START + 200)
        sums = sums_of(exposures, conversions, window, engine=engine)
        assert converted(sums) == (1, 1)
        assert sums.excluded_of(["g"]).without_exposure == 2

    def test_repeated_conversions_are_told(self, engine: str) -> None:
        sums = sums_of([shown("ann", "a")], [reached("ann", 5, 3.0)] * 3, engine=engine)
        assert sums.excluded_of(["g"]).repeated == 2
        assert sums.reached_in_all("g") == Reached(1, 3, 9, 9, 81, 27, 9)

    def test_conversions_without_a_campaign_count_for_all_of_the_visitor(self, engine: str) -> None:
        exposures = [shown("ann", "a"), shown("ann", "b", campaign="2")]
        conversions = [{key: value for key, value in reached("ann").items() if key != "campaign"}]
        found = _all(exposures, conversions, engine)
        assert converted(found["1"]) == (1, 1)
        assert converted(found["2"], "b") == (1, 1)

    def test_a_conversion_of_another_campaign_does_not_count(self, engine: str) -> None:
        exposures = [shown("ann", "a"), shown("ann", "b", campaign="2")]
        found = _all(exposures, [reached("ann", campaign="2")], engine)
        assert found["1"].reached == {}
        assert converted(found["2"], "b") == (1, 1)

    def test_whoever_does_nothing_counts_with_zeros(self, engine: str) -> None:
        exposures = [shown(f"v{one}", "a") for one in range(10)]
        sums = sums_of(exposures, [reached("v1", 5, 20.0), reached("v2", 5, 10.0)], engine=engine)
        mean = sums.metric("a", "g", "revenue")
        assert mean.n == 10
        assert mean.estimate == 3


def _all(exposures: list[Row], conversions: list[Row], engine: str) -> dict[str, CampaignSums]:
    with reading(exposures, conversions, engine=engine) as source:
        return aggregate(source, Window())


def events(size: int) -> tuple[list[Row], list[Row], list[Row]]:
    """Exposures, conversions and users, with all that can happen."""
    chance = random.Random(20_261_128)  # noqa: S311 -- a simulation
    exposures, conversions = [], []
    for number in range(size):
        for one in ("1", "2"):
            at = chance.randrange(10 * DAY)
            arm = chance.choice("abc")
            exposures.append(shown(f"v{number}", arm, at, one))
            if chance.random() < 0.05:
                exposures.append(shown(f"v{number}", "a", at + chance.randrange(-5, 5), one))
            for _ in range(chance.choice((0, 0, 0, 1, 2))):
                amount = round(chance.expovariate(0.05), 2) if chance.random() < 0.8 else None
                after = chance.randrange(-DAY, 8 * DAY)
                goal = chance.choice(("g", "h"))
                conversions.append(reached(f"v{number}", at + after, amount, goal, one))
    conversions += conversions[:50] + [reached(f"stranger{one}") for one in range(20)]
    users = [
        {"visitor": f"v{one}", "before": chance.expovariate(0.1), "country": chance.choice("DF")}
        for one in range(size - 10)
    ]
    return exposures, conversions, users


def by_sqlite(tables: dict[str, list[Row]]) -> Callable[[str], Any]:
    connection = sqlite3.connect(":memory:")
    for name, rows in tables.items():
        kinds = {"happened_at": "integer", "revenue": "real", "before": "real"}
        columns = ", ".join(f"{column} {kinds.get(column, 'text')}" for column in rows[0])
        connection.execute(f"create table {name} ({columns})")
        places = ", ".join("?" * len(rows[0]))
        connection.executemany(
            f"insert into {name} values ({places})",  # noqa: S608 -- names of ours
            [tuple(row.values()) for row in rows],
        )
        # SQLite joins by an index; without one it looks through the whole table for each visitor.
        connection.execute(f"create index of_{name} on {name} (visitor)")
    return runner_of(connection)


def by_duckdb(tables: dict[str, list[Row]]) -> Callable[[str], Any]:
    connection = duckdb.connect()
    for name, rows in tables.items():
        connection.register(name, pa.Table.from_pylist(rows))
    return runner_of(connection)


def by_polars(tables: dict[str, list[Row]]) -> Callable[[str], Any]:
    frames = {name: pl.DataFrame(rows, infer_schema_length=None) for name, rows in tables.items()}
    return runner_of(pl.SQLContext(frames))


def by_rows(tables: dict[str, list[Row]]) -> dict[tuple[str, str, str], tuple[int, float]]:
    """The rules again, in plain Python: visitors, and revenue of each goal."""
    first: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for row in tables["exposures"]:
        key = row["campaign"], row["visitor"]
        first.setdefault(key, []).append((row["happened_at"], row["variation"]))
    arms = {key: min(seen) for key, seen in first.items() if len({arm for _, arm in seen}) == 1}
    found: dict[tuple[str, str, str], tuple[int, float]] = {}
    for row in tables["conversions"]:
        at, arm = arms.get((row["campaign"], row["visitor"]), (None, ""))
        if at is not None and 0 <= row["happened_at"] - at < 3 * DAY:
            place = str(row["campaign"]), arm, str(row["goal"])
            count, amount = found.get(place, (0, 0.0))
            found[place] = count + 1, amount + (row["revenue"] or 0.0)
    return found


def test_every_engine_gives_the_same_sums() -> None:
    """The one text, unchanged: SQLite, DuckDB and Polars, and the rules in plain Python."""
    exposures, conversions, users = events(1_500)
    tables = {"exposures": exposures, "conversions": conversions, "users": users}
    found = []
    texts = set()
    for make in (by_sqlite, by_duckdb, by_polars):
        source = Source(
            make(tables), "exposures", "conversions", "users", True, "before", "country"
        )
        texts.add(queries(source, Window(days=3)))
        found.append(aggregate(source, Window(days=3), by_day=True))
    assert len(texts) == 1
    reference = found[0]
    for other in found[1:]:
        assert other.keys() == reference.keys()
        for name, sums in reference.items():
            assert other[name].excluded == sums.excluded
            assert other[name].visitors_in_several == sums.visitors_in_several
            assert other[name].exposed.keys() == sums.exposed.keys()
            for table in ("exposed", "reached", "by_day"):
                ours, theirs = getattr(sums, table), getattr(other[name], table)
                assert ours.keys() == theirs.keys()
                for key, one in ours.items():
                    for field in one.__slots__:
                        assert getattr(theirs[key], field) == pytest.approx(
                            getattr(one, field), rel=1e-9
                        )
    for (name, arm, goal), (count, amount) in by_rows(tables).items():
        revenue = reference[name].metric(arm, goal, "revenue")
        times = reference[name].metric(arm, goal, "conversions")
        assert times.estimate * times.n == pytest.approx(count)
        assert revenue.estimate * revenue.n == pytest.approx(amount)


def test_days_and_segments_add_up_to_all() -> None:
    exposures, conversions, users = events(400)
    with reading(exposures, conversions, users, segment="country", engine="sqlite") as source:
        sums = aggregate(source, Window())["1"]
    for arm in "abc":
        whole = sums.metric(arm, "g", "revenue")
        for parts in (
            [sums.metric(arm, "g", "revenue", day_s=day) for day in sums.days()],
            [sums.metric(arm, "g", "revenue", segment=one) for one in sums.segments()],
        ):
            assert sum(one.n for one in parts) == whole.n
            together = parts[0]
            for one in parts[1:]:
                together += one  # type: ignore[operator]  # all are means
            assert together.estimate == pytest.approx(whole.estimate)
            assert together.variance == pytest.approx(whole.variance)


@pytest.mark.parametrize("engine_of_tables", ["sqlite", "duckdb"])
@pytest.mark.parametrize(
    "make",
    [
        lambda rows: rows,
        lambda rows: {name: [row[name] for row in rows] for name in rows[0]},
        pd.DataFrame,
        pl.DataFrame,
        pa.Table.from_pylist,
        lambda rows: duckdb.connect().from_arrow(pa.Table.from_pylist(rows)),
    ],
    ids=["rows", "columns", "pandas", "polars", "arrow", "a DuckDB relation"],
)
def test_tables_of_any_kind_give_the_same(
    make: Callable[[list[Row]], Any], engine_of_tables: str
) -> None:
    exposures, conversions, _ = events(60)
    conversions = [row for row in conversions if row["revenue"] is not None]
    with reading(exposures, conversions, engine="sqlite") as source:
        wanted = aggregate(source, Window())
    with reading(make(exposures), make(conversions), engine=engine_of_tables) as source:
        found = aggregate(source, Window())
    assert found.keys() == wanted.keys()
    for name, sums in wanted.items():
        assert found[name].exposed == sums.exposed
        assert found[name].reached.keys() == sums.reached.keys()


@pytest.mark.parametrize("make", [lambda rows: rows, pd.DataFrame, pl.DataFrame])
def test_times_may_be_timestamps(make: Callable[[list[Row]], Any], engine: str) -> None:
    def timed(row: Row) -> Row:
        return row | {"happened_at": datetime.fromtimestamp(row["happened_at"], UTC)}

    exposures = make([timed(shown("ann", "a", 5)), timed(shown("bob", "a", 5))])
    conversions = make([timed(reached("ann", 5, 1.0)), timed(reached("bob", 4, 1.0))])
    with reading(exposures, conversions, engine=engine) as source:
        sums = aggregate(source, Window())["1"]
    assert converted(sums) == (2, 1)
    assert seconds(datetime.fromtimestamp(START, UTC)) == START


def test_files_are_read(tmp_path: Path, engine: str) -> None:
    paths = []
    for name, rows in {
        "exposures": [shown("ann", "a"), shown("bob", "b")],
        "conversions": [reached("ann", 5, 2.5), reached("bob", 5)],
    }.items():
        path = tmp_path / f"{name}.csv"
        pd.DataFrame(rows).to_csv(path, index=False)
        paths.append(str(path))
    with reading(*paths, engine=engine) as source:
        sums = aggregate(source, Window())["1"]
    assert converted(sums) == (1, 1)
    assert sums.reached_in_all("g").revenue == 2.5


@pytest.mark.parametrize(
    ("exposures", "conversions", "message"),
    [
        ([{"visitor": "a", "variation": "b"}], [reached("a")], "exposures: .*'happened_at'"),
        ([shown("a", "b")], [{"visitor": "a", "happened_at": 1}], "conversions: .*'goal'"),
    ],
)
def test_a_missing_column_is_named(
    exposures: list[Row], conversions: list[Row], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Results.from_tables(exposures, conversions)


ROWS = [shown("ann", "a"), shown("bob", "b")]


@pytest.mark.parametrize(
    "table",
    [
        ROWS,
        {name: [row[name] for row in ROWS] for name in ROWS[0]},
        pl.DataFrame(ROWS),
        duckdb.connect().from_arrow(pa.Table.from_pylist(ROWS)),
    ],
    ids=["rows", "columns", "polars", "a DuckDB relation"],
)
def test_tables_are_read_without_pyarrow(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB takes these tables by pyarrow; without it, SQLite takes them."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (one,) = Results.from_tables(table, [reached("ann")]).campaigns
    assert converted(one.sums) == (1, 1)


def test_files_and_pandas_frames_need_no_pyarrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB reads them itself, and Parquet files can only be read by DuckDB."""
    pd.DataFrame(ROWS).to_parquet(tmp_path / "shown.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = str(tmp_path / "shown.parquet")
    # pandas keeps text in Arrow if pyarrow was there when it was imported.
    text = dict.fromkeys(("campaign", "visitor", "goal"), object)
    frame = pd.DataFrame([reached("ann")]).astype(text)
    (one,) = Results.from_tables(path, frame).campaigns
    assert converted(one.sums) == (1, 1)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        Results.from_tables(path, [reached("ann")])


def test_milliseconds_are_refused() -> None:
    exposures = [shown("a", "b") | {"happened_at": START * 1000}]
    with pytest.raises(ValueError, match="milliseconds"):
        Results.from_tables(exposures, [reached("a")])


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(TypeError, match="int"):
        Results.from_tables(3, 4)
    with pytest.raises(TypeError, match="runs no SQL"):
        Results.from_sql(object())
    with pytest.raises(ValueError, match="name of a table"):
        Results.from_sql(sqlite3.connect(":memory:"), exposures="a; drop table b")
    with pytest.raises(ValueError, match="name of a column"):
        Results.from_tables([], [], covariate="a b")


def fill(path: Path) -> None:
    """A collector's database with both platforms' events."""
    store = Store(str(path))
    vwo, project = Owner("vwo", "604812"), Owner("pagesense", "portal", "p1")
    taken = []
    for number in range(400):
        arm, visitor = str(number % 2 + 1), f"v{number}"
        taken.append(Event("visitor", vwo, visitor, START + number, "1", arm))
        if number % (5 if arm == "1" else 3) == 0:
            taken.append(
                Event("conversion", vwo, visitor, START + number, "1", arm, "11", revenue="12.50")
            )
    taken.append(Event("conversion", vwo, "stranger", START, "1", "2", "11"))
    taken.append(Event("visitor", project, "ann", None, "e1", "x"))
    taken.append(Event("conversion", project, "ann", None, "e1", None, "bought"))
    taken.append(Event("conversion", project, "bob", None, None, None, "bought"))
    store.add(taken)
    store.close()


def shop(path: Path, **extra: Any) -> Path:
    """Settings of the collector's account."""
    goals = [revenue_goal(11, "purchase")]
    path.write_text(json.dumps(settings(campaign(goals=goals, **extra))))
    return path


class TestFromCollector:
    def test_names_weights_and_goals_are_those_of_the_settings(self, tmp_path: Path) -> None:
        fill(tmp_path / "events.db")
        path = shop(tmp_path / "settings.json")
        results = Results.from_collector(tmp_path / "events.db", settings=[path])
        report = results.report(campaign="checkout")
        (one,) = report.campaigns
        assert (one.name, one.platform) == ("Campaign 1", "vwo")
        assert [line.variation for line in one.metrics[0].lines] == ["Control", "One page"]
        assert [each.metric for each in one.metrics] == ["rate", "revenue"]
        assert [line.visitors for line in one.metrics[0].lines] == [200, 200]
        assert one.metrics[0].lines[0].revenue == 12.5 * one.metrics[0].lines[0].conversions
        assert one.health.excluded.without_exposure == 1
        assert report.unattributed == 1
        assert report.is_healthy

    def test_without_settings_ids_are_names(self, tmp_path: Path) -> None:
        fill(tmp_path / "events.db")
        report = Results.from_collector(tmp_path / "events.db").report()
        assert [one.name for one in report.campaigns] == ["e1", "1"]

    def test_it_reads_while_a_collector_writes(self, tmp_path: Path) -> None:
        fill(tmp_path / "events.db")
        store = Store(str(tmp_path / "events.db"))
        store.add([Event("visitor", Owner("vwo", "604812"), "new", START, "1", "1")])
        report = Results.from_collector(tmp_path / "events.db").report(campaign="1")
        assert sum(line.visitors for line in report.campaigns[0].metrics[0].lines) == 401
        store.close()

    def test_a_stopped_campaign_and_an_unknown_variation_are_told(self, tmp_path: Path) -> None:
        fill(tmp_path / "events.db")
        only = [variation(1, "Control", 100)]
        path = shop(tmp_path / "settings.json", status="PAUSED", variations=only)
        results = Results.from_collector(tmp_path / "events.db", settings=[path])
        warnings = results.report(campaign="checkout").campaigns[0].health.warnings
        assert "the campaign is not running" in warnings
        assert any(one.startswith("2: 200 visitors, although") for one in warnings)

    def test_other_files_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="no such file"):
            Results.from_collector(tmp_path / "none.db")
        (tmp_path / "text.db").write_text("no database" * 100)
        with pytest.raises(ValueError, match=r"text\.db"):
            Results.from_collector(tmp_path / "text.db")
        sqlite3.connect(tmp_path / "other.db").execute("create table a (b)").connection.close()
        with pytest.raises(ValueError, match="does not belong to a collector"):
            Results.from_collector(tmp_path / "other.db")
        fill(tmp_path / "events.db")
        (tmp_path / "bad.json").write_text("{}")
        with pytest.raises(ValueError, match=r"bad\.json"):
            Results.from_collector(tmp_path / "events.db", settings=[tmp_path / "bad.json"])


def arms(counts: dict[str, tuple[int, int]]) -> tuple[list[Row], list[Row]]:
    """Visitors and converters of each variation, over ten days."""
    exposures, conversions = [], []
    for arm, (visitors, converters) in counts.items():
        for number in range(visitors):
            exposures.append(shown(f"{arm}{number}", arm, number % 10 * DAY))
            if number < converters:
                conversions.append(reached(f"{arm}{number}", number % 10 * DAY + 5))
    return exposures, conversions


class TestReport:
    def test_a_mismatch_of_the_split_is_an_alarm(self) -> None:
        results = Results.from_tables(*arms({"a": (1_200, 100), "b": (800, 90)}))
        report = results.report()
        assert not report.is_healthy
        (alarm,) = report.campaigns[0].health.alarms
        assert alarm.startswith("sample ratio mismatch: 1,200, 800 visitors where the weights")
        assert "ALARM: sample ratio mismatch" in text_of(report)

    def test_weights_of_the_definition_count(self) -> None:
        defined = Experiments.of({"experiments": {"1": {"weights": {"a": 60, "b": 40}}}})
        tables = arms({"a": (1_200, 100), "b": (800, 90)})
        assert Results.from_tables(*tables, experiments=defined).report().is_healthy

    def test_weights_that_changed_are_judged_day_by_day(self) -> None:
        """Half and half for five days, then 90 by 10: the whole fits no weights."""
        exposures = [
            shown(f"{day}-{number}", "b" if number < (50 if day < 5 else 10) else "a", day * DAY)
            for day in range(10)
            for number in range(100)
        ]
        change = datetime.fromtimestamp((START // DAY + 5) * DAY, UTC).date()
        weights = {"weights": {"a": 50, "b": 50}}
        changed = weights | {"periods": [{"since": change, "weights": {"a": 90, "b": 10}}]}
        for definition, is_healthy in ((weights, False), (changed, True)):
            defined = Experiments.of({"experiments": {"1": definition}})
            results = Results.from_tables(exposures, [reached("0-1")], experiments=defined)
            for method in ("sequential", "fixed"):
                report = results.report(method=method)
                assert report.is_healthy == is_healthy
                assert bool(report.campaigns[0].health.warnings) != is_healthy

    def test_many_visitors_in_several_variations_are_an_alarm(self) -> None:
        exposures, conversions = arms({"a": (100, 10), "b": (100, 10)})
        exposures += [shown(f"a{number}", "b", 20 * DAY) for number in range(10)]
        (one,) = Results.from_tables(exposures, conversions).report().campaigns
        assert one.health.alarms == ("10 of 200 visitors were shown several variations",)

    def test_visitors_in_several_variations_are_judged_over_all_segments(self) -> None:
        """A small segment has few visitors; those in several variations are of all segments."""
        exposures, conversions = arms({"a": (1_000, 10), "b": (1_000, 10)})
        exposures += [shown(f"a{number}", "b", 20 * DAY) for number in range(10)]
        users = [
            {"visitor": row["visitor"], "country": "FR" if number % 20 == 19 else "DE"}
            for number, row in enumerate(exposures[:2_000])
        ]
        results = Results.from_tables(exposures, conversions, users, segment="country")
        for one in results.report(by_segment=True).campaigns:
            assert (one.health.several.visitors, one.health.several.in_several) == (2_000, 10)
            assert one.health.alarms == ()

    def test_visitors_in_several_variations_are_in_the_total_once(self) -> None:
        exposures, conversions = arms({"a": (100, 10), "b": (100, 10)})
        exposures += [shown(f"a{number}", "b", 20 * DAY) for number in range(10)]
        for counts_several in (False, True):
            results = Results.from_tables(exposures, conversions, counts_several=counts_several)
            (one,) = results.report().campaigns
            assert one.health.alarms == ("10 of 200 visitors were shown several variations",)

    @pytest.mark.parametrize("method", ["fixed", "sequential", "bayes"])
    def test_the_text_calls_a_split_good_only_if_its_deciding_test_does(
        self, method: ReportMethod
    ) -> None:
        """The chi-square test has an alarm here, the sequential test has none."""
        tables = arms({"a": (1_090, 100), "b": (930, 90)})
        report = Results.from_tables(*tables).report(method=method)
        (one,) = report.campaigns
        split, by_day = one.health.split, one.health.split_by_day
        assert split is not None
        assert by_day is not None
        assert split.is_alarm
        assert not by_day.is_alarm
        told = f"in line with the weights (p = {by_day.p_value:.2g})"
        assert ("ALARM: sample ratio mismatch" in text_of(report)) == (method == "fixed")
        assert ("in line with the weights" in text_of(report)) == (method != "fixed")
        assert (told in text_of(report)) == (method != "fixed")

    def test_better_is_by_the_direction_of_the_goal(self) -> None:
        """Fewer refunds are better: in the sentence, the probability and the losses."""
        tables = arms({"a": (2_000, 400), "b": (2_000, 286)})
        beliefs = []
        for direction in ("up", "down"):
            goals = {"goals": {"g": {"direction": direction}}}
            defined = Experiments.of({"experiments": {"1": goals}})
            report = Results.from_tables(*tables, experiments=defined).report()
            line = report.campaigns[0].metrics[0].lines[1]
            assert line.belief is not None
            beliefs.append(line.belief)
        up, down = beliefs
        assert "b is better than a" in text_of(report).lower()
        assert ">99.9%" in text_of(report)
        assert down.win == pytest.approx(1 - up.win)
        assert (down.loss_treatment, down.loss_control) == (up.loss_control, up.loss_treatment)
        assert (down.effect, down.interval) == (up.effect, up.interval)

    def test_the_method_decides_what_is_shown(self) -> None:
        results = Results.from_tables(*arms({"a": (1_000, 100), "b": (1_000, 140)}))
        sequential, fixed = results.report(), results.report(method="fixed")
        assert "95 %, at any look" in text_of(sequential)
        assert "valid at every look" in text_of(sequential)
        assert "95 %, at the end only" in text_of(fixed)
        assert "valid at the planned end only" in text_of(fixed)
        line = sequential.campaigns[0].metrics[0].lines[1]
        assert line.comparison is not None
        assert line.at_the_end is not None
        assert not line.comparison.is_decided
        assert line.at_the_end.is_decided

    def test_several_variations_are_adjusted_for(self) -> None:
        tables = arms({"a": (1_000, 100), "b": (1_000, 128), "c": (1_000, 101), "d": (1_000, 99)})
        (one,) = Results.from_tables(*tables).report(method="fixed").campaigns
        line = one.metrics[0].lines[1]
        assert line.comparison is not None
        assert line.adjusted_p_value == pytest.approx(3 * line.comparison.p_value)
        assert line.words is not None
        assert "may still be chance" in line.words

    def test_a_guardrail_is_told(self) -> None:
        exposures, conversions = arms({"a": (5_000, 500), "b": (5_000, 300)})
        defined = Experiments.of(
            {"experiments": {"1": {"primary": "other", "guardrails": ["g"], "control": "a"}}}
        )
        conversions.append(reached("a1", 5 * DAY, goal="other"))
        (one,) = Results.from_tables(exposures, conversions, experiments=defined).report().campaigns
        assert [each.role for each in one.metrics] == ["primary", "guardrail"]
        kept = one.metrics[1].lines[1].guardrail
        assert kept is not None
        assert kept.verdict == "broken"

    def test_the_control_can_be_named(self) -> None:
        defined = Experiments.of({"experiments": {"1": {"control": "b"}}})
        tables = arms({"a": (100, 10), "b": (100, 10)})
        (one,) = Results.from_tables(*tables, experiments=defined).report().campaigns
        assert [line.variation for line in one.metrics[0].lines] == ["b", "a"]

    def test_a_covariate_makes_the_interval_narrower(self) -> None:
        chance = random.Random(5)  # noqa: S311 -- a simulation
        exposures, conversions, users = [], [], []
        for number in range(600):
            visitor, before = f"v{number}", chance.uniform(0, 100)
            exposures.append(shown(visitor, "ab"[number % 2]))
            conversions.append(reached(visitor, 5, before + chance.uniform(0, 10)))
            users.append({"visitor": visitor, "before": before})
        plain = Results.from_tables(exposures, conversions).report()
        adjusted = Results.from_tables(exposures, conversions, users, covariate="before").report()
        errors = []
        for report in (plain, adjusted):
            metric = report.campaigns[0].metrics[1]
            assert metric.metric == "revenue"
            assert metric.lines[1].comparison is not None
            errors.append(metric.lines[1].comparison.standard_error)
        assert errors[1] < errors[0] / 5
        assert "adjusted by CUPED" in text_of(adjusted)

    def test_segments_are_reported_by_themselves(self) -> None:
        exposures, conversions = arms({"a": (100, 10), "b": (100, 12)})
        users = [
            {"visitor": row["visitor"], "country": "DE" if number % 2 else "FR"}
            for number, row in enumerate(exposures)
        ]
        results = Results.from_tables(exposures, conversions, users, segment="country")
        report = results.report(by_segment=True)
        assert [one.segment for one in report.campaigns] == ["DE", "FR"]
        assert sum(
            line.visitors for one in report.campaigns for line in one.metrics[0].lines
        ) == len(exposures)

    def test_the_effect_by_day_since_exposure(self) -> None:
        exposures, conversions = [], []
        for number in range(4_000):
            visitor, arm = f"v{number}", "ab"[number % 2]
            exposures.append(shown(visitor, arm, number % 8 * DAY))
            rate = 4 if arm == "b" else 20
            if number // 2 % rate == 0:
                conversions.append(reached(visitor, number % 8 * DAY + 5))
            if number // 2 % 20 == 1:
                conversions += [reached(visitor, number % 8 * DAY + DAY * day) for day in (1, 2, 3)]
        (one,) = Results.from_tables(exposures, conversions, by_day=True).report().campaigns
        found = one.metrics[0].lines[1].novelty
        assert found is not None
        assert found.effects[0] > 0.15
        assert abs(found.effects[2]) < 0.05
        assert found.slope < 0
        assert found.p_value < 0.001

    def test_one_visitor_with_much_of_the_revenue_is_a_warning(self) -> None:
        exposures, conversions = arms({"a": (100, 30), "b": (100, 30)})
        rich = [row | {"revenue": 10.0} for row in conversions[:-1]]
        rich.append(conversions[-1] | {"revenue": 5_000.0})
        (one,) = Results.from_tables(exposures, rich).report().campaigns
        assert any("of the revenue" in warning for warning in one.health.warnings)

    def test_json_and_csv_say_the_same(self) -> None:
        report = Results.from_tables(*arms({"a": (100, 10), "b": (100, 12)})).report()
        document = json.loads(json.dumps(report.as_dict(), allow_nan=False))
        (row, other) = csv.DictReader(io.StringIO(csv_of(report)))
        line = document["campaigns"][0]["metrics"][0]["lines"][1]
        assert (row["variation"], other["variation"]) == ("a", "b")
        assert int(other["converters"]) == line["converters"] == 12
        assert float(other["uplift"]) == line["comparison"]["uplift"]

    def test_nothing_was_found(self) -> None:
        report = Results.from_tables(*arms({"a": (10, 1)})).report(campaign="none")
        assert text_of(report) == "No campaign was found.\n"
        assert report.is_healthy

    def test_a_campaign_of_one_variation_is_compared_with_nothing(self) -> None:
        (one,) = Results.from_tables(*arms({"a": (10, 1)})).report().campaigns
        (line,) = one.metrics[0].lines
        assert line.comparison is None


def test_vwo_s_own_rule_is_shown_as_what_it_is(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "events.db"))
    owner = Owner("vwo", "604812")
    taken = []
    for number in range(6_000):
        arm, at = str(number % 2 + 1), START + number % 8 * DAY
        taken.append(Event("visitor", owner, f"v{number}", at, "1", arm))
        if number // 2 % (10 if arm == "1" else 8) == 0:
            taken.append(Event("conversion", owner, f"v{number}", at, "1", arm, "11"))
    store.add(taken)
    store.close()
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(settings(campaign())))
    report = Results.from_collector(tmp_path / "events.db", settings=[path]).report()
    assert "VWO's own rule would name One page; that is no reason to stop." in text_of(report)
    goal = report.campaigns[0].metrics[0].goal
    defined = Experiments.of({"experiments": {"1": {"goals": {goal: {"direction": "down"}}}}})
    down = Results.from_collector(tmp_path / "events.db", settings=[path], experiments=defined)
    assert down.report().campaigns[0].metrics[0].platform_winner is None


def test_campaigns_know_their_names() -> None:
    results = Results.from_tables(*arms({"a": (10, 1)}))
    (one,) = results.campaigns
    assert isinstance(one, Campaign)
    assert one.names == ("1",)
