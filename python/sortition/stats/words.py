"""Describes a comparison in one sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

from sortition.stats.planning import Baseline, visitors_to_show

if TYPE_CHECKING:
    from sortition.stats.comparison import Comparison
    from sortition.stats.metrics import Metric

_TARGET: Final = 0.1
_MINUS: Final = "\N{MINUS SIGN}"
_LARGE: Final = 10


def sentence(
    comparison: Comparison,
    control_metric: Metric | None = None,
    *,
    treatment: str = "the treatment",
    control: str = "the control",
    direction: Literal["up", "down"] = "up",
    target: float = _TARGET,
) -> str:
    """Describe a comparison in one sentence.

    Args:
        comparison: The comparison.
        control_metric: The control's metric; with it, the sentence says how many more visitors
            would show `target`.
        treatment: The treatment's name.
        control: The control's name.
        direction: ``up`` if more is better, ``down`` if less is better.
        target: The uplift that you want to detect, such as 0.1 for 10 %.

    Returns:
        One sentence with a full stop.
    """
    confidence = f"{comparison.level * 100:.4g} % confidence, {comparison.validity}"
    if not comparison.is_decided:
        return _undecided(comparison, control_metric, direction, target, confidence)
    is_better = (comparison.difference > 0) == (direction == "up")
    verdict = f"{treatment} is {'better' if is_better else 'worse'} than {control}"
    return f"{_capital(verdict)}: {_effect(comparison)} ({confidence})."


def _undecided(
    comparison: Comparison,
    control_metric: Metric | None,
    direction: Literal["up", "down"],
    target: float,
    confidence: str,
) -> str:
    if math.isinf(comparison.difference_interval[0]):
        return "Not enough data yet: nothing is known of the difference."
    told = f"Not enough data yet: the difference is {_range(comparison)} ({confidence})"
    wanted = target if direction == "up" else -target
    more = _more_visitors(comparison, control_metric, wanted)
    if more is None:
        return f"{told}."
    if more <= 0:
        return f"{told}; {percent(wanted)} would probably have shown by now."
    return f"{told}; {rounded(more)} more visitors per variation would show {percent(wanted)}."


def _more_visitors(
    comparison: Comparison, control_metric: Metric | None, target: float
) -> int | None:
    """How many more visitors each variation needs; None if that is unknown."""
    if control_metric is None or not (control_metric.estimate > 0 and control_metric.variance > 0):
        return None
    baseline = Baseline.of(control_metric)
    if baseline.is_rate and not 0 < baseline.mean * (1 + target) < 1:
        return None
    needed = visitors_to_show(
        baseline,
        target,
        planned_visitors=comparison.planned_visitors,
        level=comparison.level,
    )
    return needed - min(comparison.control_visitors, comparison.treatment_visitors)


def _effect(comparison: Comparison) -> str:
    if comparison.uplift_interval is None or math.isnan(comparison.uplift):
        return f"{amount(comparison.difference)}, {_range(comparison)}"
    return f"{percent(comparison.uplift)}, {_range(comparison)}"


def _range(comparison: Comparison) -> str:
    """The interval of the uplift, or else of the difference."""
    if comparison.uplift_interval is not None:
        low, high = comparison.uplift_interval
        return f"between {percent(low)} and {percent(high)}"
    low, high = comparison.difference_interval
    return f"between {amount(low)} and {amount(high)}"


def percent(share: float) -> str:
    """A share with its sign, such as +3.1 % or +12 %."""
    value = round(share * 100, 1)
    digits = 0 if abs(value) >= _LARGE else 1
    return f"{_signed(f'{value:+.{digits}f}')} %"


def amount(value: float) -> str:
    """A difference with its sign, in the metric's own unit."""
    return _signed(f"{value:+,.0f}" if abs(value) >= _LARGE**2 else f"{value:+.3g}")


def rounded(count: int) -> str:
    """A count rounded to two digits, with separators: plans do not need single visitors."""
    digits = max(0, len(str(count)) - 2)
    return f"{math.ceil(count / 10**digits) * 10**digits:,}"


def _signed(text: str) -> str:
    return text.replace("-", _MINUS)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
