"""The platforms' own rules for naming a winner, for comparison.

Do not use them to decide when to stop: in A/A tests with 30 daily looks, VWO's published rule names
a winner in 32 % of the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sortition.stats import small_counts, special
from sortition.stats.bayesian import potential_losses, probabilities_to_be_best
from sortition.stats.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition.stats.metrics import Proportion

_BEST: Final = 0.95
_OF_RATE: Final = 0.0075
_OF_RATE_FOR_REVENUE: Final = 0.001
_LEAST_THRESHOLD: Final = 0.00001
_MOST_THRESHOLD: Final = 0.01
_FEWEST_CONVERSIONS: Final = 25
_FEWEST_VISITORS: Final = 1_500
_SHORTEST_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class PlatformWinner(Result):
    """The winner by a platform's own rule. It is for comparison, not a reason to stop.

    Attributes:
        winner: The index of the variation that the rule names; None without a winner.
        rule: The rule, in words.
    """

    winner: int | None
    rule: str


def threshold_of_caring(rate: float, *, is_revenue: bool = False) -> float:
    """VWO's threshold of caring: the largest potential loss that does not matter.

    Source: help.vwo.com, article 360033471774.

    Args:
        rate: The control's conversion rate, from 0 to 1.
        is_revenue: Whether the goal measures revenue.

    Returns:
        The threshold, as a difference of rates.
    """
    share = _OF_RATE_FOR_REVENUE if is_revenue else _OF_RATE
    return min(_MOST_THRESHOLD, max(_LEAST_THRESHOLD, rate * share))


def vwo_winner(
    arms: Sequence[Proportion], days: float, *, is_revenue: bool = False
) -> PlatformWinner:
    """The winner by the rule that VWO publishes (help.vwo.com, article 360033471774).

    Args:
        arms: The conversion rates, the control first.
        days: How long the experiment has run.
        is_revenue: Whether the goal is one of revenue.
    """
    rule = (
        "VWO: the probability to be best is at least 95 % and the potential loss below the "
        "threshold of caring, with 25 conversions and 1,500 visitors in each variation, after a "
        "week"
    )
    is_ripe = days >= _SHORTEST_DAYS and all(
        arm.converted >= _FEWEST_CONVERSIONS and arm.n >= _FEWEST_VISITORS for arm in arms
    )
    if not is_ripe:
        return PlatformWinner(None, rule)
    threshold = threshold_of_caring(arms[0].estimate, is_revenue=is_revenue)
    best, losses = probabilities_to_be_best(arms), potential_losses(arms)
    index = max(range(len(arms)), key=best.__getitem__)
    is_winner = best[index] >= _BEST and losses[index] < threshold
    return PlatformWinner(index if is_winner else None, rule)


def pagesense_winner(
    arms: Sequence[Proportion], *, visitors: int, significance: float = 0.95
) -> PlatformWinner:
    """The winner by PageSense's frequentist mode, as its help describes it.

    The experiment has reached the planned number of visitors, the rate is higher than the
    original's, and the difference is significant.

    Args:
        arms: The conversion rates, the original first.
        visitors: The planned visitors of all variations together, fixed before the start.
        significance: The wanted significance, from 0 to 1.
    """
    rule = (
        f"PageSense, frequentist: {visitors:,} visitors are reached, and the rate is higher than "
        f"the original's with a significance of {significance:.0%}"
    )
    if sum(arm.n for arm in arms) < visitors or not all(arm.n for arm in arms):
        return PlatformWinner(None, rule)
    original = arms[0]
    found = [
        (arm.estimate, index)
        for index, arm in enumerate(arms)
        if index
        and arm.estimate > original.estimate
        and special.normal_two_sided(small_counts.score_z(original, arm)) < 1 - significance
    ]
    return PlatformWinner(max(found)[1] if found else None, rule)
