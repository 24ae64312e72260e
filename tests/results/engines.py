"""The aggregation on ClickHouse and Spark; `make test-engines` runs it, and needs Java."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from results.test_results import by_sqlite, events

from sortition.results.aggregation import Source, Window
from sortition.results.running import runner_of
from sortition.results.sums import aggregate

NAMES = ("exposures", "conversions", "users")


def source_of(run: Callable[[str], Any], relations: Sequence[str]) -> Source:
    exposures, conversions, users = relations
    return Source(run, exposures, conversions, users, covariate="before", segment="country")


@contextmanager
def clickhouse(folder: Path) -> Iterator[tuple[Callable[[str], Any], list[str]]]:
    """Queries of chdb, over Parquet files."""
    opened = importlib.import_module("chdb.session").Session()

    def run(text: str) -> Any:
        answer = str(opened.query(text, "JSONCompact"))
        return json.loads(answer)["data"] if answer else []

    yield run, [f"(select * from file('{folder / name}.parquet'))" for name in NAMES]  # noqa: S608 -- paths of the test
    opened.close()


@contextmanager
def spark(folder: Path) -> Iterator[tuple[Callable[[str], Any], list[str]]]:
    """A Spark session, over Parquet files."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = importlib.import_module("pyspark.sql").SparkSession.builder
    builder = builder.config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", 1)
    session = builder.master("local[1]").getOrCreate()
    for name in NAMES:
        session.read.parquet(f"{folder / name}.parquet").createOrReplaceTempView(name)
    yield session, list(NAMES)
    session.stop()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", [clickhouse, spark])
@pytest.mark.filterwarnings("ignore")
def test_the_sums_are_those_of_sqlite(engine: Any, tmp_path: Path) -> None:
    tables = dict(zip(NAMES, events(1_500), strict=True))
    for name, rows in tables.items():
        pd.DataFrame(rows).to_parquet(tmp_path / f"{name}.parquet")
    window = Window(days=3)
    wanted = aggregate(source_of(by_sqlite(tables), NAMES), window, by_day=True)
    with engine(tmp_path) as (connection, relations):
        run = runner_of(connection)
        found = aggregate(source_of(run, relations), window, by_day=True)
    assert found.keys() == wanted.keys()
    for campaign, sums in wanted.items():
        assert found[campaign].excluded == sums.excluded
        assert found[campaign].visitors_in_several == sums.visitors_in_several
        for table in ("exposed", "reached", "by_day"):
            ours, theirs = getattr(sums, table), getattr(found[campaign], table)
            assert ours.keys() == theirs.keys()
            for key, one in ours.items():
                for field in one.__slots__:
                    wanted_sum = pytest.approx(getattr(one, field), rel=1e-9)
                    assert getattr(theirs[key], field) == wanted_sum
