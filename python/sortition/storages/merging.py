"""What is kept if another process wrote the same record in the meantime.

Two processes may read a user's record, each add the goal that it tracked, and write the record. If
the second simply replaced the first, a goal would be lost, and counted again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEPARATOR: Final = "_vwo_"
_SAME: Final = ("userId", "campaignKey", "variationName")


def merged_record(stored: object, record: Mapping[str, Any]) -> dict[str, Any]:
    """The record to keep: the new one, with the goals that only the stored one has.

    A stored record of another variation is replaced as it is: its variation is gone, and its goals
    were counted for that one.

    Args:
        stored: What is stored. Anything that is no record of this user, campaign and variation
            counts as nothing.
        record: The new record.
    """
    if not isinstance(stored, dict) or any(stored.get(one) != record.get(one) for one in _SAME):
        return dict(record)
    merged = {**stored, **record}
    goals = dict.fromkeys([*goals_of(stored), *goals_of(record)])
    if goals:
        merged["goalIdentifiers"] = _SEPARATOR.join(goals)
    return merged


def goals_of(record: Mapping[str, Any]) -> list[str]:
    """The goals that a record marks as reached."""
    goals = record.get("goalIdentifiers")
    return goals.split(_SEPARATOR) if isinstance(goals, str) and goals else []


def merged_profile(stored: object, profile: str) -> str:
    """The PageSense profile to keep, as JSON text.

    That is the new one, with the assignments that only the stored one has, in front.

    Args:
        stored: The text that is stored. Anything that is no profile counts as nothing, and an
            assignment that cannot be read is left out.
        profile: The text of the new one.
    """
    known, new = _experiments_of(stored), _experiments_of(profile)
    keys = [one["experiment_key"] for one in new]
    missing = [one for one in known if one["experiment_key"] not in keys]
    if not missing:
        return profile
    user_id = json.loads(profile)["user_id"]
    return json.dumps({"user_id": user_id, "experiments": [*missing, *new]})


def _experiments_of(text: object) -> list[dict[str, Any]]:
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return []
    experiments = found.get("experiments") if isinstance(found, dict) else None
    if not isinstance(experiments, list):
        return []
    return [
        one
        for one in experiments
        if isinstance(one, dict) and one.get("experiment_key") and one.get("variation_key")
    ]


def copied(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record that its caller may change, and so its ``metaData``."""
    copy = dict(record)
    if isinstance(copy.get("metaData"), dict):
        copy["metaData"] = dict(copy["metaData"])
    return copy
