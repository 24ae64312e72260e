"""Compares a variation with the control."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sortition.stats import relative, sequential, small_counts, special
from sortition.stats.metrics import Metric, Proportion, squared_error
from sortition.stats.result import Result

Method: TypeAlias = Literal["sequential", "fixed"]
"""When an interval may be looked at: at any time, or once at the planned end."""

DEFAULT_PLANNED_VISITORS: Final = 5_000
"""The planned visitors of both variations together, if there is no plan."""

EVERYTHING: Final = (-math.inf, math.inf)
"""The interval without any data."""


@dataclass(frozen=True, slots=True)
class Comparison(Result):
    """A treatment against the control.

    Attributes:
        control: The control's estimate: a rate from 0 to 1, or an amount per visitor.
        treatment: The treatment's estimate.
        control_visitors: Visitors of the control.
        treatment_visitors: Visitors of the treatment.
        difference: Treatment minus control, in the metric's own unit.
        difference_interval: The interval of the difference; infinite while nothing is known.
        standard_error: The standard error of the difference, in the metric's own unit.
        uplift: The difference divided by the control's estimate, such as 0.1 for +10 %; NaN if the
            control's estimate is not above 0.
        uplift_interval: The interval of the uplift; None if the control's mean may be 0, so that
            any uplift is possible.
        p_value: The probability of a difference at least as large if the variations do not differ.
            It belongs to the difference, not to the uplift.
        uplift_p_value: The p-value of the uplift by the delta method, as other tools report it;
            None with ``Fieller``, whose interval agrees with `p_value`.
        method: ``sequential``: interval and p-value are valid at every look. ``fixed``: they are
            valid at one look only, at the planned end.
        level: The confidence of the intervals, from 0 to 1.
        planned_visitors: The planned visitors of both together, at which a sequential interval is
            narrowest; None with ``fixed``.
        intervals: The method of the intervals: ``Fieller``, ``delta`` or, for small counts of a
            rate, ``Newcombe``.
    """

    control: float
    treatment: float
    control_visitors: int
    treatment_visitors: int
    difference: float
    difference_interval: tuple[float, float]
    standard_error: float
    uplift: float
    uplift_interval: tuple[float, float] | None
    p_value: float
    uplift_p_value: float | None
    method: Method
    level: float
    planned_visitors: int | None
    intervals: Literal["Fieller", "delta", "Newcombe"]

    @property
    def is_decided(self) -> bool:
        """Whether the interval of the difference excludes 0."""
        low, high = self.difference_interval
        return low > 0 or high < 0

    @property
    def validity(self) -> str:
        """When interval and p-value are valid, in words."""
        if self.method == "sequential":
            return "valid at every look"
        return "valid at the planned end only"


def compare(
    control: Metric,
    treatment: Metric,
    *,
    method: Method = "sequential",
    level: float = 0.95,
    planned_visitors: int | None = None,
    uplift_by: Literal["Fieller", "delta"] = "Fieller",
) -> Comparison:
    """Compare a treatment with the control.

    ``fixed`` is Welch's t-test. ``sequential`` is an asymptotic confidence sequence, which you may
    look at every day. If fewer than 30 visitors of a rate converted, or did not, both use
    Newcombe's interval and the score test, with the same critical value.

    Args:
        control: The control's metric.
        treatment: The treatment's metric, of the same kind.
        method: ``sequential`` or ``fixed``.
        level: The confidence of the intervals, from 0 to 1.
        planned_visitors: For ``sequential``, the planned visitors of both variations together, at
            which the interval is narrowest. Fix it before the start. None means 5,000.
        uplift_by: ``Fieller``, or ``delta`` for the numbers of tools that use the delta method.

    Returns:
        The comparison. While nothing is known (there are no visitors, or all values of a variation
        are equal), the interval is infinite and the p-value is 1.

    Raises:
        ValueError: The metrics are of different kinds, or an option is invalid.
    """
    _ensure_usable(control, treatment, level, planned_visitors, method)
    planned = (planned_visitors or DEFAULT_PLANNED_VISITORS) if method == "sequential" else None
    judge = _Judge(control, treatment, level, planned)
    is_small = (
        uplift_by == "Fieller"
        and isinstance(control, Proportion)
        and isinstance(treatment, Proportion)
        and (small_counts.is_small(control) or small_counts.is_small(treatment))
    )
    found = judge.by_score() if is_small else judge.by_error(uplift_by)
    return Comparison(
        control=control.estimate,
        treatment=treatment.estimate,
        control_visitors=control.n,
        treatment_visitors=treatment.n,
        difference=treatment.estimate - control.estimate,
        difference_interval=found.difference,
        standard_error=judge.error,
        uplift=relative.uplift(control, treatment),
        uplift_interval=found.uplift,
        p_value=found.p_value,
        uplift_p_value=found.uplift_p_value,
        method=method,
        level=level,
        planned_visitors=planned,
        intervals="Newcombe" if is_small else uplift_by,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    difference: tuple[float, float]
    uplift: tuple[float, float] | None
    p_value: float
    uplift_p_value: float | None = None


_NOTHING: Final = _Found(EVERYTHING, None, 1.0)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Two metrics and the wanted confidence."""

    control: Metric
    treatment: Metric
    level: float
    planned: int | None

    @property
    def error(self) -> float:
        return math.sqrt(squared_error(self.control) + squared_error(self.treatment))

    def by_error(self, uplift_by: Literal["Fieller", "delta"]) -> _Found:
        """Compare with standard errors, which requires values that differ in both variations."""
        if not (squared_error(self.control) > 0 and squared_error(self.treatment) > 0):
            return _NOTHING
        error, critical = self.error, self._critical()
        difference = self.treatment.estimate - self.control.estimate
        if uplift_by == "delta":
            return self._by_delta(difference, critical)
        return _Found(
            (difference - critical * error, difference + critical * error),
            relative.fieller(self.control, self.treatment, critical),
            self._p_value(difference / error, self._degrees()),
        )

    def _by_delta(self, difference: float, critical: float) -> _Found:
        uplift, degrees = relative.uplift(self.control, self.treatment), self._degrees()
        is_known = not math.isnan(uplift)
        error = relative.delta_error(self.control, self.treatment) if is_known else math.nan
        return _Found(
            (difference - critical * self.error, difference + critical * self.error),
            (uplift - critical * error, uplift + critical * error) if is_known else None,
            self._p_value(difference / self.error, degrees),
            self._p_value(uplift / error, degrees) if is_known else None,
        )

    def by_score(self) -> _Found:
        """Compare with the rates that are compatible with the data, also valid for small counts."""
        control, treatment = self.control, self.treatment
        if not (isinstance(control, Proportion) and isinstance(treatment, Proportion)):
            raise TypeError("only rates have a score test")
        if not (control.n and treatment.n):
            return _NOTHING
        critical = self._critical(math.inf)
        low, high = small_counts.ratio_at(control, treatment, critical)
        return _Found(
            small_counts.newcombe_at(control, treatment, critical),
            (low - 1, high - 1) if math.isfinite(high) else None,
            self._p_value(small_counts.score_z(control, treatment), math.inf),
        )

    def _critical(self, degrees: float | None = None) -> float:
        if self.planned is not None:
            return sequential.critical_value(self._visitors, self.planned, 1 - self.level)
        degrees = self._degrees() if degrees is None else degrees
        probability = (1 + self.level) / 2
        if math.isinf(degrees):
            return special.normal_quantile(probability)
        return special.t_quantile(probability, degrees)

    def _p_value(self, z: float, degrees: float) -> float:
        if self.planned is not None:
            return sequential.p_value(z, self._visitors, self.planned, 1 - self.level)
        if math.isinf(degrees):
            return special.normal_two_sided(z)
        return special.t_two_sided(z, degrees)

    @property
    def _visitors(self) -> int:
        return self.control.n + self.treatment.n

    def _degrees(self) -> float:
        """Welch and Satterthwaite's degrees of freedom."""
        of_control, of_treatment = squared_error(self.control), squared_error(self.treatment)
        return (of_control + of_treatment) ** 2 / (
            of_control**2 / (self.control.n - 1) + of_treatment**2 / (self.treatment.n - 1)
        )


def _ensure_usable(
    control: Metric,
    treatment: Metric,
    level: float,
    planned_visitors: int | None,
    method: str,
) -> None:
    if type(control) is not type(treatment):
        raise ValueError(
            f"control is a {type(control).__name__}, treatment a {type(treatment).__name__}"
        )
    if not 0 < level < 1:
        raise ValueError(f"level: must be between 0 and 1, not {level!r}")
    if planned_visitors is not None and planned_visitors < 1:
        raise ValueError(f"planned_visitors: must be at least 1, not {planned_visitors!r}")
    if method not in ("sequential", "fixed"):
        raise ValueError(f"method: must be 'sequential' or 'fixed', not {method!r}")
