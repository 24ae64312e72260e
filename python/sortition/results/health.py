"""The health of a campaign's data."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from sortition.results.report import Health, deciding_split
from sortition.stats import (
    outliers,
    several_variations,
    srm,
    srm_of_periods,
    srm_sequential_of_periods,
)
from sortition.stats.sample_ratio import ALARM

if TYPE_CHECKING:
    from sortition.results.campaign import Campaign
    from sortition.stats import SampleRatio

_MANY_REPEATED: Final = 0.01
_ENOUGH_CONVERTERS: Final = 50


def health_of(campaign: Campaign, segment: str | None) -> Health:
    """Judge the data of a campaign, or of a segment of it."""
    sums, variations = campaign.sums, campaign.variations()
    excluded = sums.excluded_of(one.id for one in campaign.goals())
    counts = [sums.visitors(one.id, segment=segment).visitors for one in variations]
    by_day = [
        [sums.visitors(one.id, day_s=day, segment=segment).visitors for one in variations]
        for day in sums.days()
    ]
    several = several_variations(sums.all_visitors, sums.visitors_in_several)
    split = split_by_day = None
    weights_by_day = [campaign.weights_on(day) for day in sums.days()]
    if sum(counts) and all(map(any, weights_by_day)):
        periods = [
            ([counts_on for counts_on, _ in of_period], list(weights))
            for weights, of_period in itertools.groupby(
                zip(by_day, weights_by_day, strict=True), key=lambda one: one[1]
            )
        ]
        split_by_day = srm_sequential_of_periods(periods)
        split = srm_of_periods(
            [
                ([sum(of_arm) for of_arm in zip(*batches, strict=True)], weights)
                for batches, weights in periods
            ]
        )
    alarms = []
    judge = deciding_split(campaign.experiment.method, split, split_by_day)
    if judge is not None and judge.is_alarm:
        alarms.append(_mismatch(judge))
    if several.is_alarm:
        alarms.append(
            f"{several.in_several:,} of {several.visitors:,} visitors were shown several variations"
        )
    return Health(
        split=split,
        split_by_day=split_by_day,
        several=several,
        excluded=excluded,
        alarms=tuple(alarms),
        warnings=tuple(_warnings(campaign, counts, by_day, weights_by_day)),
    )


def _mismatch(split: SampleRatio) -> str:
    shown = ", ".join(f"{count:,}" for count in split.counts)
    wanted = ", ".join(f"{count:,.0f}" for count in split.expected)
    return (
        f"sample ratio mismatch: {shown} visitors where the weights ask for {wanted} "
        f"(p = {split.p_value:.1g}); do not trust the results before you know why"
    )


def _warnings(
    campaign: Campaign,
    counts: list[int],
    by_day: list[list[int]],
    weights_by_day: list[list[float]],
) -> list[str]:
    found = []
    if campaign.known.is_running is False:
        found.append("the campaign is not running")
    for variation, count in zip(campaign.variations(), counts, strict=True):
        if count and variation.weight == 0:
            found.append(
                f"{variation.name}: {count:,} visitors, although its weight is 0 or the settings "
                "do not have it"
            )
    uneven = [
        day
        for day, of_day, weights in zip(campaign.sums.days(), by_day, weights_by_day, strict=True)
        if any(weights) and srm(of_day, weights).p_value < ALARM / len(by_day)
    ]
    if uneven:
        found.append(f"the split was uneven on {len(uneven)} of {len(by_day)} days")
    for goal in campaign.goals():
        reached = campaign.sums.reached_in_all(goal.id)
        one = outliers(reached.largest, reached.revenue)
        if one.is_alarm and reached.converters >= _ENOUGH_CONVERTERS:
            found.append(
                f"{goal.name}: one visitor brought {one.share:.0%} of the revenue, which "
                "makes its interval wide"
            )
        excluded = campaign.sums.excluded_of([goal.id])
        if excluded.repeated > _MANY_REPEATED * reached.times:
            found.append(
                f"{goal.name}: {excluded.repeated:,} conversions equal an earlier one in visitor, "
                "second and revenue; they count, and may be duplicates"
            )
    return found
