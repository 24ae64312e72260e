"""The reasons of a decision; this list is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sortition._engine.vwo import Call, Remark

WHITELISTED: Final = "whitelisted"
"""The user has the variation that a targeting rule chose."""
STORED: Final = "stored"
"""The user has the variation that was stored."""
BUCKETED: Final = "bucketed"
"""The user has the variation whose range holds the bucket."""
CAMPAIGN_UNKNOWN: Final = "campaign_unknown"
"""The settings have no campaign of this key."""
CAMPAIGN_SET_ASIDE: Final = "campaign_set_aside"
"""The campaign of this key is broken and was set aside when the settings were compiled."""
CAMPAIGN_NOT_RUNNING: Final = "campaign_not_running"
"""The campaign is not running."""
WRONG_CAMPAIGN_TYPE: Final = "wrong_campaign_type"
"""The call is not meant for campaigns of this type."""
USER_STORAGE_NEEDED: Final = "user_storage_needed"
"""The campaign requires a user storage, but the client has none."""
GOAL_UNKNOWN: Final = "goal_unknown"
"""The campaign does not have this goal."""
GOAL_TYPE_NOT_TRACKED: Final = "goal_type_not_tracked"
"""The call does not track goals of this type."""
REVENUE_MISSING: Final = "revenue_missing"
"""The goal counts revenue, but the call gives no revenue."""
NOT_ACTIVATED: Final = "not_activated"
"""A user storage is configured and holds no record: the user was not activated before."""
GOAL_ALREADY_TRACKED: Final = "goal_already_tracked"
"""The goal was already tracked for this user."""
SEGMENT_NOT_MATCHED: Final = "segment_not_matched"
"""The user does not match the campaign's segments."""
OUTSIDE_TRAFFIC: Final = "outside_traffic"
"""The user's bucket lies outside the campaign's traffic."""
GROUP_WHITELISTED_ELSEWHERE: Final = "group_whitelisted_elsewhere"
"""Another campaign of the group has the user by whitelisting."""
GROUP_STORED_ELSEWHERE: Final = "group_stored_elsewhere"
"""Another campaign of the group has the user by a stored record."""
GROUP_NOT_WON: Final = "group_not_won"
"""Another campaign of the group won the user, or no campaign did."""
NO_RANGE: Final = "no_range"
"""The user's bucket lies outside the ranges of all variations."""
RECORDS_NEEDED: Final = "records_needed"
"""Nothing is decided yet: the engine needs records of the user storage first."""

REASONS: Final = (
    WHITELISTED,
    STORED,
    BUCKETED,
    CAMPAIGN_UNKNOWN,
    CAMPAIGN_SET_ASIDE,
    CAMPAIGN_NOT_RUNNING,
    WRONG_CAMPAIGN_TYPE,
    USER_STORAGE_NEEDED,
    GOAL_UNKNOWN,
    GOAL_TYPE_NOT_TRACKED,
    REVENUE_MISSING,
    NOT_ACTIVATED,
    GOAL_ALREADY_TRACKED,
    SEGMENT_NOT_MATCHED,
    OUTSIDE_TRAFFIC,
    GROUP_WHITELISTED_ELSEWHERE,
    GROUP_STORED_ELSEWHERE,
    GROUP_NOT_WON,
    NO_RANGE,
    RECORDS_NEEDED,
)
"""Every reason."""

_MISTAKES: Final = frozenset(
    {
        CAMPAIGN_UNKNOWN,
        CAMPAIGN_SET_ASIDE,
        CAMPAIGN_NOT_RUNNING,
        WRONG_CAMPAIGN_TYPE,
        USER_STORAGE_NEEDED,
        GOAL_UNKNOWN,
        REVENUE_MISSING,
    }
)
_REFUSALS: Final = {
    CAMPAIGN_UNKNOWN: "unknown_campaign",
    CAMPAIGN_SET_ASIDE: "broken_campaign",
    CAMPAIGN_NOT_RUNNING: "not_running",
    WRONG_CAMPAIGN_TYPE: "wrong_campaign_type",
    USER_STORAGE_NEEDED: "no_user_storage",
    GOAL_UNKNOWN: "unknown_goal",
    GOAL_TYPE_NOT_TRACKED: "goal_type_not_tracked",
    REVENUE_MISSING: "no_revenue",
    NOT_ACTIVATED: "not_activated",
    GOAL_ALREADY_TRACKED: "already_tracked",
    SEGMENT_NOT_MATCHED: "not_in_campaign",
    OUTSIDE_TRAFFIC: "not_in_campaign",
    GROUP_WHITELISTED_ELSEWHERE: "not_in_campaign",
    GROUP_STORED_ELSEWHERE: "not_in_campaign",
    GROUP_NOT_WON: "not_in_campaign",
    NO_RANGE: "not_in_campaign",
}


def remark_of(reason: str, call: Call) -> Remark:
    """The level at which to log a reason: not at all, as debug, or as a mistake."""
    if reason == RECORDS_NEEDED:
        return "silent"
    # Not always the caller's mistake: a storage that lost its records has the same effect.
    if reason in _MISTAKES or (reason == NOT_ACTIVATED and call == "track"):
        return "mistake"
    return "ordinary"


def refusal_of(reason: str) -> str | None:
    """The name under which `stats` counts the events that this reason refuses, or None."""
    return _REFUSALS.get(reason)
