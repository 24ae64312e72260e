"""Guardrail goals: goals that a variation must not harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from sortition.stats.comparison import compare
from sortition.stats.result import Result

if TYPE_CHECKING:
    from sortition.stats.comparison import Comparison, Method
    from sortition.stats.metrics import Metric

_ONE_SIDED: Final = 2
"""How many sides an interval has: each of them leaves out half of the error."""


@dataclass(frozen=True, slots=True)
class Guardrail(Result):
    """Whether a treatment keeps a guardrail (a test of non-inferiority).

    Attributes:
        verdict: ``kept``: the treatment is worse by less than the margin, or not worse at all.
            ``broken``: it is worse by more. ``open``: neither is certain yet.
        margin: How much worse it may be, as a share of the control, such as 0.02 for 2 %.
        comparison: The underlying comparison. For a one-sided test of the level 1 - a, its interval
            has the level 1 - 2a.
    """

    verdict: Literal["kept", "broken", "open"]
    margin: float
    comparison: Comparison


def guardrail(
    control: Metric,
    treatment: Metric,
    *,
    margin: float,
    direction: Literal["up", "down"] = "up",
    method: Method = "sequential",
    level: float = 0.95,
    planned_visitors: int | None = None,
) -> Guardrail:
    """Test whether a treatment is not worse than the control by more than a margin.

    Args:
        control: The control's metric.
        treatment: The treatment's metric, of the same kind.
        margin: How much worse is still acceptable, as a share of the control, such as 0.02 for 2 %.
        direction: ``up`` if more is better, ``down`` if less is better.
        method: As in `compare`.
        level: The confidence of each verdict, on one side.
        planned_visitors: As in `compare`.

    Raises:
        ValueError: As `compare` does, or the margin is not from 0 to 1.
    """
    if not 0 <= margin < 1:
        raise ValueError(f"margin: must be from 0 to 1, not {margin!r}")
    comparison = compare(
        control,
        treatment,
        method=method,
        level=1 - _ONE_SIDED * (1 - level),
        planned_visitors=planned_visitors,
    )
    verdict: Literal["kept", "broken", "open"] = "open"
    if comparison.uplift_interval is not None:
        low, high = comparison.uplift_interval
        worst, best = (low, high) if direction == "up" else (-high, -low)
        if worst > -margin:
            verdict = "kept"
        elif best < -margin:
            verdict = "broken"
    return Guardrail(verdict, margin, comparison)
