"""A/A simulation: how often an experiment without a difference would raise an alarm."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sortition.stats import special
from sortition.stats.comparison import compare
from sortition.stats.metrics import Mean, Proportion
from sortition.stats.result import Result
from sortition.stats.sample_ratio import srm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SEED: Final = 20_261_128
_LOOKS: Final = 10
_FEWEST_VARIATIONS: Final = 2


@dataclass(frozen=True, slots=True)
class FalseAlarms(Result):
    """How often simulated A/A tests raised an alarm.

    Attributes:
        runs: The number of simulated tests.
        visitors: The average number of visitors per test who were shown a variation.
        fixed_at_end: The share of tests in which the fixed method found a difference at the end;
            it should be about 1 - level.
        fixed_at_any_look: The share of tests in which the fixed method found a difference at any
            look. It shows why you must not stop a fixed test early.
        sequential: The share of tests in which the sequential method found a difference at any
            look; it should be at most 1 - level.
        split: The share of tests with an alarm of the split; it should be about 0.001.
    """

    runs: int
    visitors: float
    fixed_at_end: float
    fixed_at_any_look: float
    sequential: float
    split: float


def aa(
    settings: object,
    campaign: str,
    *,
    visitors: int,
    runs: int = 200,
    rate: float | None = None,
    values: Sequence[float] | None = None,
    looks: int = _LOOKS,
    level: float = 0.95,
    seed: int = _SEED,
) -> FalseAlarms:
    """Simulate A/A tests: the real engine assigns visitors, and the variation has no effect.

    Args:
        settings: A settings file of VWO: its path, its JSON text or bytes, or the dict.
        campaign: The campaign's key; its first two variations are compared.
        visitors: The number of visitors of each test.
        runs: The number of tests.
        rate: The probability that a visitor converts.
        values: In place of `rate`: amounts per visitor from your own history, including zeros. Each
            visitor gets a random one.
        looks: The number of looks during a test.
        level: The confidence, from 0 to 1.
        seed: The seed of the random numbers; the same seed gives the same answer.

    Returns:
        The shares of tests with a false alarm.

    Raises:
        SettingsError: The settings cannot be used.
        ValueError: Neither or both of `rate` and `values` are given, or the campaign assigns
            visitors to fewer than two variations.
    """
    np = special.numpy()

    if (rate is None) == (values is None):
        raise ValueError("give either rate or values")
    chance = np.random.default_rng(seed)
    weights = _weights(settings, campaign)
    tally = [0, 0, 0, 0]
    seen = 0
    for run in _assignments(settings, campaign, list(weights), visitors, runs):
        shown = np.array(run, dtype=int)
        if values is None:
            done = (chance.random(len(shown)) < rate).astype(float)
        else:
            done = chance.choice(np.asarray(values, dtype=float), len(shown))
        counts = [int((shown == arm).sum()) for arm in range(len(weights))]
        seen += sum(counts)
        alarms = (
            *_alarms(shown, done, looks, level, is_rate=values is None),
            srm(counts, list(weights.values())).is_alarm,
        )
        tally = [total + alarm for total, alarm in zip(tally, alarms, strict=True)]
    shares = [total / runs for total in tally]
    return FalseAlarms(runs, seen / runs, *shares)


def _assignments(
    settings: object, campaign: str, names: list[str], visitors: int, runs: int
) -> Iterator[list[int]]:
    """The index of each visitor's variation, by run, without visitors who have no variation."""
    from sortition import vwo  # noqa: PLC0415 -- only a simulation decides

    given: Any = settings
    index_of = {name: index for index, name in enumerate(names)}
    with vwo.launch(given, is_development_mode=True) as client:
        for run in range(runs):
            shown = (
                client.get_variation_name(campaign, f"{run}/{visitor}")
                for visitor in range(visitors)
            )
            yield [index_of[name] for name in shown if name in index_of]


def _weights(settings: object, campaign: str) -> dict[str, float]:
    """The campaign's weights by the names of its variations."""
    document = settings
    if isinstance(document, Path):
        document = document.read_bytes()
    if isinstance(document, str | bytes):
        document = json.loads(document)
    campaigns = document.get("campaigns", []) if isinstance(document, Mapping) else []
    for one in campaigns:
        if one.get("key") == campaign:
            weights = {each["name"]: float(each["weight"]) for each in one["variations"]}
            if len(weights) >= _FEWEST_VARIATIONS:
                return weights
    raise ValueError(f"campaign: the settings have no {campaign!r} with two variations")


def _alarms(
    shown: Any, done: Any, looks: int, level: float, *, is_rate: bool
) -> tuple[bool, bool, bool]:
    """Whether fixed decides at the end, fixed at any look, and the sequence at any look."""
    total = len(shown)
    at_end = at_any = in_sequence = False
    for look in range(1, looks + 1):
        until = math.ceil(total * look / looks)
        metrics = []
        for arm in (0, 1):
            of_arm = done[:until][shown[:until] == arm]
            n, amount = len(of_arm), float(of_arm.sum())
            metrics.append(
                Proportion(n, int(amount)) if is_rate else Mean(n, amount, float((of_arm**2).sum()))
            )
        control, treatment = metrics
        at_end = compare(control, treatment, method="fixed", level=level).is_decided
        at_any = at_any or at_end
        in_sequence = (
            in_sequence
            or compare(control, treatment, level=level, planned_visitors=total).is_decided
        )
    return at_end, at_any, in_sequence
