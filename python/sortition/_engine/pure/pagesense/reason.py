"""The reasons of a decision; this list is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sortition._engine.pagesense import Remark

STORED: Final = "stored"
"""The user has the variation that was stored."""
BUCKETED: Final = "bucketed"
"""The user has the variation whose range holds the bucket."""
ONLY_VARIATION: Final = "only_variation"
"""The user has the experiment's only variation, for any bucket and traffic."""
EXPERIMENT_UNKNOWN: Final = "experiment_unknown"
"""The settings have no experiment of this name."""
EXPERIMENT_SET_ASIDE: Final = "experiment_set_aside"
"""The experiment of this name is broken and was set aside when the settings were compiled."""
EXPERIMENT_NOT_RUNNING: Final = "experiment_not_running"
"""The experiment is not running."""
WRONG_EXPERIMENT_TYPE: Final = "wrong_experiment_type"
"""The experiment is not an A/B test."""
GOAL_UNKNOWN: Final = "goal_unknown"
"""The project has no goal of this name."""
GOAL_NOT_MAPPED: Final = "goal_not_mapped"
"""The experiment does not count this goal."""
ATTRIBUTES_MISSING: Final = "attributes_missing"
"""There are no attributes, or one has an empty name or value: no audience is evaluated."""
AUDIENCE_NOT_MATCHED: Final = "audience_not_matched"
"""The user is not in every audience of the experiment."""
OUTSIDE_TRAFFIC: Final = "outside_traffic"
"""The user's bucket lies outside the permitted traffic."""
NO_RANGE: Final = "no_range"
"""The user's bucket lies within the permitted traffic, but in no variation's range."""
PROFILE_NEEDED: Final = "profile_needed"
"""Nothing is decided yet: the engine needs the user's profile first."""

REASONS: Final = (
    STORED,
    BUCKETED,
    ONLY_VARIATION,
    EXPERIMENT_UNKNOWN,
    EXPERIMENT_SET_ASIDE,
    EXPERIMENT_NOT_RUNNING,
    WRONG_EXPERIMENT_TYPE,
    GOAL_UNKNOWN,
    GOAL_NOT_MAPPED,
    ATTRIBUTES_MISSING,
    AUDIENCE_NOT_MATCHED,
    OUTSIDE_TRAFFIC,
    NO_RANGE,
    PROFILE_NEEDED,
)
"""Every reason."""

_MISTAKES: Final = frozenset(
    {
        EXPERIMENT_UNKNOWN,
        EXPERIMENT_SET_ASIDE,
        WRONG_EXPERIMENT_TYPE,
        GOAL_UNKNOWN,
        GOAL_NOT_MAPPED,
    }
)
_REFUSALS: Final = {
    EXPERIMENT_UNKNOWN: "unknown_campaign",
    EXPERIMENT_SET_ASIDE: "broken_campaign",
    EXPERIMENT_NOT_RUNNING: "not_running",
    WRONG_EXPERIMENT_TYPE: "wrong_campaign_type",
    GOAL_UNKNOWN: "unknown_goal",
    GOAL_NOT_MAPPED: "goal_not_in_campaign",
    ATTRIBUTES_MISSING: "not_in_campaign",
    AUDIENCE_NOT_MATCHED: "not_in_campaign",
    OUTSIDE_TRAFFIC: "not_in_campaign",
    NO_RANGE: "not_in_campaign",
}


def remark_of(reason: str, *, tracks_goal: bool) -> Remark:
    """The level at which to log a reason: not at all, as debug, or as a mistake."""
    if reason == PROFILE_NEEDED:
        return "silent"
    # Pausing an experiment is not a mistake; tracking its goal is one, by the specification.
    if reason in _MISTAKES or (reason == EXPERIMENT_NOT_RUNNING and tracks_goal):
        return "mistake"
    return "ordinary"


def refusal_of(reason: str) -> str | None:
    """The name under which `stats` counts the events that this reason refuses, or None."""
    return _REFUSALS.get(reason)
