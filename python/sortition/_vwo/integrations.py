"""The data of a decision for the integrations callback.

Source: VWO spec, section 4.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from sortition._version import VERSION

if TYPE_CHECKING:
    from sortition._engine.vwo import Campaign, Decision, Json, Variation


class Integrations(Protocol):
    """An object that is called for decisions."""

    def callback(self, properties: dict[str, Any], /) -> object:
        """Receive a decision that assigned a variation; see VWO spec, section 4."""


def properties_of(
    decision: Decision,
    campaign: Campaign,
    variation: Variation,
    *,
    call: str,
    user_id: str,
    visitor_id: str,
    custom_variables: dict[str, object] | None,
    variation_targeting_variables: dict[str, object] | None,
    goal_identifier: str | None,
) -> dict[str, object]:
    """The dictionary for the callback."""
    properties: dict[str, object] = {
        "campaign_id": campaign.id,
        "campaign_name": campaign.name,
        "campaign_key": campaign.key,
        "campaign_type": campaign.type,
        "custom_variables": _copy(custom_variables),
        "event": "CAMPAIGN_DECISION",
        "goal_identifier": goal_identifier,
        "is_forced_variation_enabled": _forced(campaign),
        "sdk_version": VERSION,
        "source": call,
        "user_id": user_id,
        "variation_targeting_variables": _copy(variation_targeting_variables),
        "vwo_user_id": visitor_id,
        "from_user_storage_service": decision.reason == "stored",
        "is_user_whitelisted": decision.reason == "whitelisted",
    }
    if campaign.group is not None:
        properties["group_id"] = campaign.group.id
        properties["group_name"] = campaign.group.name
        properties["group_algo"] = campaign.group.algorithm
    if campaign.type == "FEATURE_ROLLOUT":
        properties["is_feature_enabled"] = True
        return properties
    if campaign.type == "FEATURE_TEST":
        properties["is_feature_enabled"] = variation.is_feature_enabled
    properties["variation_id"] = variation.id
    properties["variation_name"] = variation.name
    return properties


def _copy(variables: dict[str, object] | None) -> dict[str, object] | None:
    """A copy that the callback may change."""
    return None if variables is None else dict(variables)


def _forced(campaign: Campaign) -> Json:
    """The raw field; None also for a number that Python cannot read."""
    if campaign.is_forced_variation_enabled is None:
        return None
    try:
        value: Json = json.loads(campaign.is_forced_variation_enabled)
    except ValueError:
        return None
    return value
