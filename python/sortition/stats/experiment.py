"""Definitions of experiments, kept in `experiments.toml` beside the settings.

    [experiments.checkout]
    primary = "purchase"
    guardrails = ["refund"]
    method = "sequential"
    planned_visitors = 40_000

    [experiments.checkout.goals.refund]
    direction = "down"
    margin = 0.05

Every field has a default, and the file is optional.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias

from sortition._base.nearest import nearest
from sortition.stats.result import Result

if TYPE_CHECKING:
    from pathlib import Path

ReportMethod: TypeAlias = Literal["sequential", "fixed", "bayes"]
"""The method that judges an experiment."""

MetricName: TypeAlias = Literal["rate", "conversions", "revenue", "revenue_per_conversion"]
"""The metric of a goal: the share of visitors who reached it, conversions, or revenue."""

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "method": ("sequential", "fixed", "bayes"),
    "metric": ("rate", "conversions", "revenue", "revenue_per_conversion"),
    "direction": ("up", "down"),
}


@dataclass(frozen=True, slots=True)
class Goal(Result):
    """The definition of a goal.

    Attributes:
        metric: ``rate``: the share of visitors who reached the goal. ``conversions``: conversions
            per visitor. ``revenue``: revenue per visitor. ``revenue_per_conversion``: revenue per
            conversion. None: the rate, and for goals with revenue also the revenue per visitor.
        direction: ``up`` if more is better, ``down`` if less is better.
        margin: For a guardrail, how much worse is still acceptable, as a share of the control.
        target: The uplift that you want to detect, such as 0.1 for 10 %.
    """

    metric: MetricName | None = None
    direction: Literal["up", "down"] = "up"
    margin: float = 0.02
    target: float = 0.1


@dataclass(frozen=True, slots=True)
class Period(Result):
    """Weights that are valid from a point in time on.

    Attributes:
        since_s: The first second, since 1970.
        weights: The weights by variation.
    """

    since_s: int
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Experiment(Result):
    """The definition of an experiment. Fix it before the start.

    Attributes:
        primary: The goal that decides; None for the first goal.
        guardrails: Goals that must not get worse.
        method: ``sequential``: you may look every day. ``fixed``: you look once, at the planned
            end. ``bayes``: posterior probabilities.
        level: The confidence of intervals, from 0 to 1.
        planned_visitors: The planned visitors of all variations together; None without a plan.
        control: The control's name or id; None for the first variation.
        weights: The weights by variation; None for those of the settings, or else equal ones.
        periods: Changed weights, in order of time; `weights` are valid before the first of them.
            A change must be at the start of a day, in UTC.
        goals: The definitions of goals, by name.
    """

    primary: str | None = None
    guardrails: tuple[str, ...] = ()
    method: ReportMethod = "sequential"
    level: float = 0.95
    planned_visitors: int | None = None
    control: str | None = None
    weights: Mapping[str, float] | None = None
    periods: tuple[Period, ...] = ()
    goals: Mapping[str, Goal] = field(default_factory=dict)

    def goal(self, name: str) -> Goal:
        """The definition of this goal."""
        return self.goals.get(name, Goal())


@dataclass(frozen=True, slots=True)
class Experiments(Result):
    """The definitions of a file.

    Attributes:
        experiments: The definitions by the campaign's key, name or id.
    """

    experiments: Mapping[str, Experiment] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            OSError: The file cannot be read.
            ValueError: The file is not TOML, or a definition is invalid; the message names the
                place.
        """
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        try:
            return cls.of(document)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    @classmethod
    def of(cls, document: Mapping[str, object]) -> Self:
        """Read the content of a file.

        Raises:
            ValueError: A definition is invalid; the message names the place.
        """
        _ensure_known("the file", document, {"experiments"})
        given = _table("experiments", document.get("experiments", {}))
        return cls({key: _experiment(f"experiments.{key}", one) for key, one in given.items()})

    def of_campaign(self, *names: str | None) -> Experiment:
        """The definition of a campaign, found by any of its names; else the default."""
        for name in names:
            if name is not None and name in self.experiments:
                return self.experiments[name]
        return Experiment()


def _experiment(place: str, value: object) -> Experiment:
    table = _table(place, value)
    _ensure_known(place, table, {one.name for one in fields(Experiment)})
    options: dict[str, Any] = dict(table)
    for name in ("primary", "control"):
        _ensure_text(f"{place}.{name}", options.get(name))
    _ensure_choice(place, options, "method")
    _ensure_number(place, options, "level", 0.0, 1.0)
    planned = options.get("planned_visitors")
    if planned is not None and (
        isinstance(planned, bool) or not isinstance(planned, int) or planned < 1
    ):
        raise ValueError(f"{place}.planned_visitors: must be a whole number from 1")
    guardrails = options.get("guardrails", [])
    if not isinstance(guardrails, list) or not all(isinstance(one, str) for one in guardrails):
        raise ValueError(f"{place}.guardrails: must be a list of names of goals")
    options["guardrails"] = tuple(guardrails)
    if "weights" in options:
        options["weights"] = _weights(f"{place}.weights", options["weights"])
    options["periods"] = _periods(f"{place}.periods", options.get("periods", []))
    goals = _table(f"{place}.goals", options.get("goals", {}))
    options["goals"] = {name: _goal(f"{place}.goals.{name}", one) for name, one in goals.items()}
    return Experiment(**options)


def _weights(place: str, value: object) -> dict[str, float]:
    weights = _table(place, value)
    for name in weights:
        _ensure_number(place, weights, name, -1.0, float("inf"))
    return {name: float(str(one)) for name, one in weights.items()}


def _periods(place: str, value: object) -> tuple[Period, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{place}: must be an array of tables")  # noqa: TRY004 -- the file is wrong
    found = []
    for index, one in enumerate(value):
        of_one = f"{place}[{index}]"
        table = _table(of_one, one)
        _ensure_known(of_one, table, {"since", "weights"})
        since = table.get("since")
        if not isinstance(since, dt.date):
            raise ValueError(f"{of_one}.since: must be a date")  # noqa: TRY004 -- the file is wrong
        midnight = dt.datetime(since.year, since.month, since.day, tzinfo=dt.UTC)
        weights = _weights(f"{of_one}.weights", table.get("weights", {}))
        found.append(Period(int(midnight.timestamp()), weights))
    return tuple(sorted(found, key=lambda one: one.since_s))


def _goal(place: str, value: object) -> Goal:
    table = _table(place, value)
    _ensure_known(place, table, {one.name for one in fields(Goal)})
    for name in ("metric", "direction"):
        _ensure_choice(place, table, name)
    _ensure_number(place, table, "margin", -1.0, 1.0)
    _ensure_number(place, table, "target", 0.0, float("inf"))
    options: dict[str, Any] = dict(table)
    return Goal(**options)


def _table(place: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{place}: must be a table")  # noqa: TRY004 -- the file is wrong
    return value


def _ensure_known(place: str, table: Mapping[str, object], known: set[str]) -> None:
    for name in table:
        if name not in known:
            raise ValueError(f"{place}: there is no {name!r}{nearest(name, sorted(known))}")


def _ensure_text(place: str, value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{place}: must be a string")


def _ensure_choice(place: str, table: Mapping[str, object], name: str) -> None:
    if name in table and table[name] not in _CHOICES[name]:
        raise ValueError(f"{place}.{name}: must be one of {', '.join(_CHOICES[name])}")


def _ensure_number(
    place: str, table: Mapping[str, object], name: str, above: float, below: float
) -> None:
    value = table.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not above < value < below:
        raise ValueError(f"{place}.{name}: must be a number between {above:g} and {below:g}")
