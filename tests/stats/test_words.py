"""The one sentence of a comparison."""

from __future__ import annotations

import pytest

from sortition.stats import Mean, Proportion, compare, sentence


def test_what_is_not_known_yet() -> None:
    control, treatment = Proportion(2_000, 200), Proportion(2_000, 227)
    found = compare(control, treatment, method="fixed")
    said = sentence(found, control)
    assert said == (
        "Not enough data yet: the difference is between \N{MINUS SIGN}5.2 % and +36 % (95 % "
        "confidence, valid at the planned end only); 13,000 more visitors per variation would show "
        "+10 %."
    )


def test_what_is_certain() -> None:
    control, treatment = Proportion(10_000, 1_000), Proportion(10_000, 1_300)
    found = compare(control, treatment, planned_visitors=20_000)
    said = sentence(found, control, treatment="One page", control="Control")
    assert said.startswith("One page is better than Control: +30 %, between +")
    assert said.endswith("(95 % confidence, valid at every look).")
    assert "worse" in sentence(found, control, direction="down")


def test_nothing_is_known() -> None:
    found = compare(Mean(10, 0, 0), Mean(10, 0, 0))
    assert sentence(found) == "Not enough data yet: nothing is known of the difference."


def test_what_would_have_shown_by_now() -> None:
    control = Proportion(200_000, 20_000)
    said = sentence(compare(control, control, planned_visitors=400_000), control)
    assert said.endswith("; +10 % would probably have shown by now.")


def test_without_an_uplift_the_difference_has_its_own_unit() -> None:
    control, treatment = Proportion(50, 0), Proportion(50, 1)
    said = sentence(compare(control, treatment, method="fixed"), control)
    assert "between \N{MINUS SIGN}0.0" in said
    assert "more visitors" not in said


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_rate_that_cannot_rise_so_far_promises_nothing(direction: str) -> None:
    control = Proportion(100, 95)
    found = compare(control, Proportion(100, 96), method="fixed")
    said = sentence(found, control, direction=direction)  # type: ignore[arg-type]  # parametrized
    assert ("more visitors" in said) == (direction == "down")
