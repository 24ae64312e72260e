"""`sortition report` and `sortition plan`, as a user types them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest
from support.documents import campaign, revenue_goal, settings

from sortition._commands import cli
from sortition.collector.event import Event, Owner
from sortition.collector.store import Store

START = 1_790_000_000
DAY = 86_400


def fill(path: Path, *, control: int = 400, treatment: int = 400) -> None:
    """A collector's database; one in five and one in four visitors buy."""
    owner, taken = Owner("vwo", "604812"), []
    for arm, visitors, rate in (("1", control, 5), ("2", treatment, 4)):
        for number in range(visitors):
            visitor, at = f"{arm}-{number}", START + number % 4 * DAY
            taken.append(Event("visitor", owner, visitor, at, "1", arm))
            if number % rate == 0:
                taken.append(
                    Event("conversion", owner, visitor, at + 60, "1", arm, "11", f"{number}.5")
                )
    store = Store(str(path))
    store.add(taken)
    store.close()


@pytest.fixture
def shop(tmp_path: Path) -> list[str]:
    """The options for a collector's database and its settings."""
    fill(tmp_path / "events.db")
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(settings(campaign(goals=[revenue_goal(11, "purchase")]))))
    return ["report", "--db", str(tmp_path / "events.db"), "--settings", str(path)]


def test_a_report_is_a_table_with_words(
    shop: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(shop) == 0
    printed = capsys.readouterr().out
    assert "Campaign 1 (VWO, 4 days, sequential)" in printed
    assert "purchase, conversion rate (primary)" in printed
    assert "purchase, revenue per visitor (secondary)" in printed
    assert "more visitors per variation would show +10 %." in printed


def test_a_bad_split_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "events.db", control=1_000, treatment=700)
    assert cli.main(["report", "--db", str(tmp_path / "events.db"), "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["is_healthy"] is False
    assert document["campaigns"][0]["health"]["alarms"]


def test_definitions_beside_the_settings_are_used(
    shop: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    definitions = tmp_path / "experiments.toml"
    definitions.write_text("[experiments.checkout]\nmethod = 'fixed'\nplanned_visitors = 800\n")
    assert cli.main(shop) == 0
    assert "(VWO, 4 days, fixed, 800 visitors planned)" in capsys.readouterr().out
    assert cli.main([*shop, "--method", "bayes"]) == 0
    assert "bayes" in capsys.readouterr().out
    definitions.write_text("[experiments.checkout]\nmethod = 'guess'\n")
    assert cli.main(shop) == 2
    assert "experiments.checkout.method: must be one of" in capsys.readouterr().err


def test_csv_has_a_row_for_each_variation(
    shop: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*shop, "--csv", "--goal", "purchase"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["variation"] for row in rows] == ["Control", "One page"] * 2
    assert [row["converters"] for row in rows[:2]] == ["80", "100"]


def test_a_period_and_a_window(shop: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The first day alone; and a window that ends before the conversions."""
    day = ["--until", "2026-09-22", "--json"]
    assert cli.main([*shop, *day]) == 0
    lines = json.loads(capsys.readouterr().out)["campaigns"][0]["metrics"][0]["lines"]
    assert [line["visitors"] for line in lines] == [100, 100]
    assert cli.main([*shop, "--window-days", "0.0005", "--json"]) == 0
    health = json.loads(capsys.readouterr().out)["campaigns"][0]["health"]
    assert health["excluded"]["after_window"] == 180


@pytest.mark.parametrize("kind", ["csv", "parquet", "folders"])
def test_files_give_the_same(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exposures = pd.DataFrame(
        {
            "campaign": "checkout",
            "visitor": [f"v{number}" for number in range(200)],
            "variation": ["a", "b"] * 100,
            "happened_at": START,
        }
    )
    conversions = pd.DataFrame(
        {
            "campaign": "checkout",
            "visitor": [f"v{number}" for number in range(0, 200, 5)],
            "goal": "purchase",
            "happened_at": START + 9,
            "revenue": 2.5,
        }
    )
    options = []
    for name, frame in {"exposures": exposures, "conversions": conversions}.items():
        if kind == "csv":
            path = tmp_path / f"{name}.csv"
            frame.to_csv(path, index=False)
        else:
            path = tmp_path / name / "day=1" / "part.parquet"
            path.parent.mkdir(parents=True)
            frame.to_parquet(path)
        options += [f"--{name}", str(path)]
    if kind == "folders":
        options = ["--parquet", str(tmp_path)]
    assert cli.main(["report", *options, "--campaign", "checkout", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["visitors"], row["converters"]) for row in rows[:2]] == [("100", "20")] * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--campaign", "none"], "--campaign none: there are no events of it"),
        (["--goal", "none"], "--goal none: no campaign has it"),
        (["--segment", "country"], "--segment, --covariate"),
        (["--settings", "none.json"], "none.json"),
    ],
)
def test_what_cannot_be_reported_ends_with_2(
    options: list[str], message: str, shop: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*shop, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


@pytest.mark.parametrize(
    "options",
    [
        ["report"],
        ["report", "--db", "a", "--exposures", "b"],
        ["report", "--db", "a", "--since", "yesterday"],
        ["report", "--db", "a", "--window-days", "-1"],
        ["plan", "--rate", "0"],
        ["plan", "--rate", "0.1", "--power", "80"],
        ["plan", "--rate", "0.1", "--visitors", "many"],
    ],
)
def test_options_that_cannot_be_read(options: list[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(options)
    assert raised.value.code == 2


class TestPlan:
    def test_how_many_visitors(self, capsys: pytest.CaptureFixture[str]) -> None:
        command = ["plan", "--rate", "0.1", "--uplift", "0.1", "--visitors-per-day", "2000"]
        assert cli.main(command) == 0
        printed = capsys.readouterr().out
        assert "To show +10 % on a rate of 10 %, with a chance of 80 % at 95 % conf" in printed
        assert "(fixed): 14,749 visitors per variation, 15 days" in printed
        assert "planned_visitors = " in printed
        assert cli.main([*command, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["fixed_visitors"] == 14_749
        assert found["sequential_visitors"] > 1.5 * found["fixed_visitors"]

    def test_what_so_many_visitors_can_show(self, capsys: pytest.CaptureFixture[str]) -> None:
        command = ["plan", "--mean", "10", "--deviation", "30", "--visitors", "20000"]
        assert cli.main([*command, "--uplift", "0.1", "--visitors-per-day", "1000"]) == 0
        printed = capsys.readouterr().out
        assert "20,000 visitors per variation show +8.4 % on a mean of 10" in printed
        assert "They take 40 days." in printed
        assert "The chance to show +10 %: 91.5% with one look at the end" in printed

    @pytest.mark.parametrize(
        "options",
        [
            ["--rate", "0.1"],
            ["--rate", "0.1", "--uplift", "0"],
            ["--rate", "0.5", "--uplift", "2"],
            ["--rate", "0.1", "--deviation", "3", "--uplift", "0.1"],
            ["--mean", "10", "--uplift", "0.1"],
        ],
    )
    def test_what_cannot_be_planned(
        self, options: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cli.main(["plan", *options]) == 2
        assert capsys.readouterr().err.startswith("sortition: ")
