"""VWO FullStack: decides which variation a user gets.

Source: VWO spec, sections 3, 4, 6 and 8.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sortition._engine.pure.trace import silent
from sortition._engine.pure.vwo import reason
from sortition._engine.pure.vwo.allocation import owner, ranges, rescaled
from sortition._engine.pure.vwo.attributes import WithIds, has
from sortition._engine.pure.vwo.bucket import (
    hash_seed_string,
    stretched_bucket,
    traffic_bucket,
    variation_bucket,
)
from sortition._engine.pure.vwo.decision import NOT_ASKED, Decision, Record
from sortition._engine.pure.vwo.segment import USER_ID_ATTRIBUTE, is_true_of
from sortition._engine.pure.vwo.visitor import visitor_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._engine import vwo as model
    from sortition._engine.pure.trace import Trace
    from sortition._engine.pure.vwo.attributes import Attributes
    from sortition._engine.pure.vwo.decision import GoalRequest, Request
    from sortition._engine.pure.vwo.group import Group
    from sortition._engine.pure.vwo.settings import Campaign, Goal, Settings, Variation
    from sortition._engine.vwo import Step

_GOAL_SEPARATOR: Final = "_vwo_"
"""Joins the identifiers of the goals in a record."""


def decide_by_key(
    settings: Settings, campaign_key: str, request: Request, trace: Trace
) -> Decision:
    """Decide for the running campaign of this key."""
    index = settings.by_key.get(campaign_key)
    if index is not None:
        return decide(settings, index, request, trace)
    for campaign in settings.campaigns:
        if campaign.shown.key == campaign_key:
            trace(lambda: {"step": "campaign", "is_running": False})
            return Decision(reason.CAMPAIGN_NOT_RUNNING, campaign.shown)
    if campaign_key in settings.set_aside:
        return Decision(reason.CAMPAIGN_SET_ASIDE)
    return Decision(reason.CAMPAIGN_UNKNOWN)


def decide(settings: Settings, index: int, request: Request, trace: Trace) -> Decision:
    """Decide for the campaign with this index, which may be stopped.

    The same inputs give the same answer: the decision uses no clock, random numbers or state.
    """
    if not 0 <= index < len(settings.campaigns):
        return Decision(reason.CAMPAIGN_UNKNOWN)
    campaign = settings.campaigns[index]
    trace(lambda: {"step": "campaign", "is_running": campaign.shown.is_running})
    goal = campaign.goal(request.goal.identifier) if request.goal else None
    conclude = partial(Decision, campaign=campaign.shown, goal=goal.shown if goal else None)
    refusal = _refusal(settings, campaign, request, goal)
    if refusal is not None:
        return conclude(refusal)

    whitelisted = _whitelisted(settings, campaign, request, trace)
    if whitelisted is not None:
        return conclude(reason.WHITELISTED, variation=whitelisted.shown)

    record = request.stored(campaign.shown)
    if record is NOT_ASKED and request.has_user_storage:
        return conclude(reason.RECORDS_NEEDED, records_needed=(campaign.shown.key,))
    if not isinstance(record, Record):
        record = None
    conclude = partial(conclude, has_record=record is not None)
    decision = _from_record(campaign, record, request, goal, conclude, trace)
    if decision is not None:
        return decision

    refusal = _take_part(settings, campaign, request, trace)
    if refusal is not None:
        return conclude(refusal)
    refusal, needed = _lose_group(settings, index, request, trace)
    if refusal is not None:
        return conclude(refusal, records_needed=needed)
    variation = _bucketed(campaign, request, trace)
    if variation is None:
        return conclude(reason.NO_RANGE)
    return conclude(
        reason.BUCKETED,
        variation=variation.shown,
        stores_new_record=request.has_user_storage,
    )


def _refusal(
    settings: Settings, campaign: Campaign, request: Request, goal: Goal | None
) -> str | None:
    """Why this call cannot decide for this campaign; None if it can."""
    if request.goal is not None and goal is None:
        return reason.GOAL_UNKNOWN
    is_read_only = request.call in ("get_variation_name", "get_feature_variable_value")
    if campaign.needs_user_storage and not request.has_user_storage and not is_read_only:
        return reason.USER_STORAGE_NEEDED
    if not _is_meant_for(request.call, campaign.shown.type):
        return reason.WRONG_CAMPAIGN_TYPE
    if request.goal is not None and goal is not None:
        return _goal_refusal(settings, goal, request.goal)
    return None


def _is_meant_for(call: model.Call, campaign_type: str | None) -> bool:
    if call == "activate":
        return campaign_type == "VISUAL_AB"
    if call in ("get_variation_name", "track"):
        return campaign_type != "FEATURE_ROLLOUT"
    return campaign_type != "VISUAL_AB"


def _goal_refusal(settings: Settings, goal: Goal, request: GoalRequest) -> str | None:
    not_tracked = {("CUSTOM_GOAL", "REVENUE_TRACKING"), ("REVENUE_TRACKING", "CUSTOM_GOAL")}
    if (request.type_to_track, goal.shown.type) in not_tracked:
        return reason.GOAL_TYPE_NOT_TRACKED
    if goal.shown.type != "REVENUE_TRACKING" or request.has_revenue:
        return None
    # If the call gives no revenue, an event-architecture account takes it from the event's
    # properties, or counts the events.
    if settings.is_event_arch_enabled:
        if goal.shown.revenue_prop is None:
            has_what_it_counts = goal.counts_every_time
        else:
            has_what_it_counts = has(request.event_properties, goal.shown.revenue_prop)
        if has_what_it_counts:
            return None
    return reason.REVENUE_MISSING


def _from_record(
    campaign: Campaign,
    record: Record | None,
    request: Request,
    goal: Goal | None,
    conclude: Callable[..., Decision],
    trace: Trace,
) -> Decision | None:
    """The decision from the user's stored record; None if the record decides nothing."""
    if record is None:
        if not request.has_user_storage:
            return None
        trace(
            lambda: {
                "step": "user_storage",
                "has_record": False,
                "variation": None,
                "has_goal": False,
            }
        )
        if request.call in ("activate", "is_feature_enabled"):
            return None
        return conclude(reason.NOT_ACTIVATED)
    name = record.variation_name
    variation = None if name is None else campaign.variation(name)
    goals = record.goal_identifiers
    wanted = request.goal.identifier if request.goal else None
    has_goal = bool(goals) and wanted in (goals or "").split(_GOAL_SEPARATOR)
    trace(
        lambda: {
            "step": "user_storage",
            "has_record": True,
            "variation": variation.shown.name if variation else None,
            "has_goal": has_goal,
        }
    )
    may_repeat = request.should_track_returning_user or (goal is not None and goal.may_repeat)
    if has_goal and not may_repeat:
        return conclude(reason.GOAL_ALREADY_TRACKED)
    if variation is None:
        return None
    identifiers = None
    if wanted and request.has_user_storage and not has_goal:
        identifiers = f"{goals}{_GOAL_SEPARATOR}{wanted}" if goals else wanted
    return conclude(
        reason.STORED,
        variation=variation.shown,
        stores_goal_identifiers=identifiers,
    )


def _whitelisted(
    settings: Settings, campaign: Campaign, request: Request, trace: Trace
) -> Variation | None:
    """The variation that a targeting rule gives the user."""
    if not campaign.has_whitelisting:
        trace(
            lambda: {"step": "whitelisting", "is_enabled": False, "matched": [], "variation": None}
        )
        return None
    attributes = WithIds(
        request.variation_targeting_variables, USER_ID_ATTRIBUTE, _ids(settings, campaign, request)
    )
    matched: list[Variation] = []
    for variation in campaign.variations:

        def listen(clause: Callable[[], Step], name: str = variation.shown.name) -> None:
            trace(lambda: {"step": "whitelisting_clause", "variation": name, **clause()})

        if variation.segments is not None and is_true_of(variation.segments, attributes, listen):
            matched.append(variation)
    chosen = None
    if len(matched) == 1:
        chosen = matched[0]
    elif matched:
        bucket = variation_bucket(hash_seed_string(campaign.user_seed + request.user_id))
        index = owner(ranges(rescaled([one.weight for one in matched])), bucket)
        chosen = None if index is None else matched[index]
    trace(
        lambda: {
            "step": "whitelisting",
            "is_enabled": True,
            "matched": [one.shown.name for one in matched],
            "variation": chosen.shown.name if chosen else None,
        }
    )
    return chosen


def _ids(settings: Settings, campaign: Campaign, request: Request) -> tuple[str, ...]:
    """The user's id, and if the campaign has lists of users, also the visitor id."""
    if not campaign.has_user_lists:
        return (request.user_id,)
    return request.user_id, visitor_id(settings.visitor_namespace, request.user_id)


def _is_targeted(settings: Settings, campaign: Campaign, request: Request, trace: Trace) -> bool:
    """Whether the user matches the segments."""
    if campaign.segments is None:
        return True
    attributes: Attributes = request.custom_variables
    if campaign.has_user_lists:
        attributes = WithIds(attributes, None, _ids(settings, campaign, request))
    is_matched = is_true_of(
        campaign.segments,
        attributes,
        lambda clause: trace(lambda: {"step": "segment_clause", **clause()}),
    )
    trace(lambda: {"step": "segments", "is_matched": is_matched})
    return is_matched


def _take_part(
    settings: Settings, campaign: Campaign, request: Request, trace: Trace
) -> str | None:
    """Why the user does not match the segments or is outside the traffic; None if neither."""
    if not _is_targeted(settings, campaign, request, trace):
        return reason.SEGMENT_NOT_MATCHED
    hash_ = hash_seed_string(campaign.user_seed + request.user_id)
    bucket = traffic_bucket(hash_)
    is_within = bucket <= campaign.percent_traffic
    trace(
        lambda: {
            "step": "traffic",
            "hash": hash_,
            "bucket": bucket,
            "percent_traffic": campaign.percent_traffic,
            "is_within": is_within,
        }
    )
    return None if is_within else reason.OUTSIDE_TRAFFIC


def _lose_group(
    settings: Settings, index: int, request: Request, trace: Trace
) -> tuple[str | None, tuple[str, ...]]:
    """Why the campaign does not win the user within its group; None if it does.

    The second value holds the campaigns whose records are needed first.
    """
    group_index = settings.campaigns[index].group
    if group_index is None:
        return None, ()
    group = settings.groups[group_index]
    campaigns = settings.campaigns

    def note(
        whitelisted: Campaign | None = None,
        stored: Campaign | None = None,
        eligible: tuple[int, ...] = (),
        winner: int | None = None,
    ) -> None:
        trace(
            lambda: {
                "step": "group",
                "group": group.shown.id,
                "whitelisted": whitelisted.shown.key if whitelisted else None,
                "stored": stored.shown.key if stored else None,
                "eligible": [settings.campaigns[member].shown.key for member in eligible],
                "winner": None if winner is None else settings.campaigns[winner].shown.key,
            }
        )

    for member in group.whitelisting:
        other = campaigns[member]
        if member != index and _whitelisted(settings, other, request, silent) is not None:
            note(whitelisted=other)
            return reason.GROUP_WHITELISTED_ELSEWHERE, ()
    if request.has_user_storage:
        others = [campaigns[member] for member in group.members if member != index]
        keys = (other.shown.key for other in others if request.stored(other.shown) is NOT_ASKED)
        if needed := tuple(keys):
            return reason.RECORDS_NEEDED, needed
        for other in others:
            if isinstance(request.stored(other.shown), Record):
                note(stored=other)
                return reason.GROUP_STORED_ELSEWHERE, ()
    eligible = _eligible(settings, group, index, request)
    winner = group.winner(eligible, request.user_id)
    note(eligible=eligible, winner=winner)
    return (None if winner == index else reason.GROUP_NOT_WON), ()


def _eligible(settings: Settings, group: Group, index: int, request: Request) -> tuple[int, ...]:
    """The members of a group that the user takes part in, with the campaign of the call.

    A group may have thousands of members, so nothing is computed twice.
    """
    if group.takes_everybody:
        return group.members
    buckets: dict[str, int] = {}

    def has_traffic(campaign: Campaign) -> bool:
        bucket = buckets.get(campaign.user_seed)
        if bucket is None:
            hash_ = hash_seed_string(campaign.user_seed + request.user_id)
            bucket = buckets[campaign.user_seed] = traffic_bucket(hash_)
        return bucket <= campaign.percent_traffic

    def is_eligible(member: int) -> bool:
        campaign = settings.campaigns[member]
        return campaign.takes_everybody or (
            _is_targeted(settings, campaign, request, silent) and has_traffic(campaign)
        )

    return tuple(member for member in group.members if member == index or is_eligible(member))


def _bucketed(campaign: Campaign, request: Request, trace: Trace) -> Variation | None:
    """The variation whose range holds the user's bucket."""
    if campaign.variation_seed is None:
        hash_ = hash_seed_string(campaign.user_seed + request.user_id)
        bucket = stretched_bucket(hash_, campaign.percent_traffic)
    else:
        hash_ = hash_seed_string(campaign.variation_seed + request.user_id)
        bucket = variation_bucket(hash_)
    index = owner(campaign.allocation, bucket)
    variation = None if index is None else campaign.variations[index]
    trace(
        lambda: {
            "step": "range",
            "hash": hash_,
            "bucket": bucket,
            "variation": variation.shown.name if variation else None,
        }
    )
    return variation
