"""`experiments.toml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from sortition.stats import Experiment, Experiments, Goal

FILE = """
[experiments.checkout]
primary = "purchase"
guardrails = ["refund"]
method = "fixed"
level = 0.9
planned_visitors = 40_000
control = "Control"
weights = { Control = 50, "One page" = 50 }

[experiments.checkout.goals.refund]
metric = "conversions"
direction = "down"
margin = 0.05
target = 0.02
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "experiments.toml"
    path.write_text(FILE)
    found = Experiments.read(path).of_campaign("231", "checkout")
    assert found == Experiment(
        primary="purchase",
        guardrails=("refund",),
        method="fixed",
        level=0.9,
        planned_visitors=40_000,
        control="Control",
        weights={"Control": 50.0, "One page": 50.0},
        goals={"refund": Goal("conversions", "down", 0.05, 0.02)},
    )
    assert found.goal("refund").direction == "down"


def test_without_a_definition_there_is_a_default() -> None:
    found = Experiments().of_campaign("checkout", None)
    assert found == Experiment()
    assert found.method == "sequential"
    assert found.goal("purchase") == Goal()


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("[experiment.x]", "there is no 'experiment'"),
        ("[experiments.x]\nprimry = 'a'", r"experiments\.x: there is no 'primry'.*primary"),
        ("[experiments.x]\nmethod = 'welch'", r"experiments\.x\.method: must be one of"),
        ("[experiments.x]\nlevel = 95", r"experiments\.x\.level: must be a number"),
        ("[experiments.x]\nplanned_visitors = 0", "planned_visitors: must be a whole number"),
        ("[experiments.x]\nguardrails = 'a'", "guardrails: must be a list"),
        ("[experiments.x]\nprimary = 1", "primary: must be a string"),
        ("[experiments.x]\nweights = 1", "weights: must be a table"),
        ("[experiments.x.weights]\na = -2", "weights.a: must be a number"),
        ("[experiments.x.goals.g]\nmetric = 'median'", r"goals\.g\.metric: must be one of"),
        ("[experiments.x.goals.g]\nmargin = 1.5", r"goals\.g\.margin: must be a number"),
        ("[experiments.x]\nperiods = 1", "periods: must be an array of tables"),
        ("[[experiments.x.periods]]\nsince = 1", r"periods\[0\]\.since: must be a date"),
        ("experiments = 1", "experiments: must be a table"),
        ("[experiments", "experiments.toml: "),
    ],
)
def test_a_mistake_is_named_with_its_place(definition: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "experiments.toml"
    path.write_text(definition)
    with pytest.raises(ValueError, match=message):
        Experiments.read(path)
