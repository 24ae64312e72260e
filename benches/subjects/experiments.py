"""The experiment that every subject is given, each in its own words.

One test of two variations, half of the users each, for everybody or for those who meet five
conditions over five attributes. Only the standard library; see `serving`.
"""

from __future__ import annotations

import json
from typing import Any

KEY = "checkout"
GOAL = "purchase"
NAMES = ("Control", "One page")
ATTRIBUTES: dict[str, Any] = {
    "country": "DE",
    "basket": 49.9,
    "browser": "Firefox 144",
    "visits": 12,
    "is_member": True,
}
CONDITIONS = {
    "and": [
        {"custom_variable": {"country": "lower(de)"}},
        {"custom_variable": {"basket": "gte(20)"}},
        {"not": {"custom_variable": {"browser": "wildcard(*bot*)"}}},
        {"custom_variable": {"visits": "gt(10)"}},
        {"custom_variable": {"is_member": "true"}},
    ]
}
ACCOUNT = 604812


def campaign(
    segments: dict[str, Any] | None = None,
    *,
    number: int = 228,
    key: str = KEY,
    whitelists: bool = False,
) -> dict[str, Any]:
    """A campaign of VWO."""
    arms: list[dict[str, Any]] = [
        {"id": index + 1, "name": name, "weight": 50} for index, name in enumerate(NAMES)
    ]
    for arm in arms if whitelists else []:
        listed = {"custom_variable": {"plan": f"variation {arm['id']}"}}
        arm["segments"] = {"or": [listed, {"custom_variable": {"tester": "true"}}]}
    return {
        "id": number,
        "key": key,
        "name": key,
        "type": "VISUAL_AB",
        "status": "RUNNING",
        "percentTraffic": 100,
        "isForcedVariationEnabled": whitelists,
        "variations": arms,
        "goals": [{"id": 7, "identifier": GOAL, "type": "CUSTOM_GOAL"}],
        "segments": {} if segments is None else segments,
    }


def document(*campaigns: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A settings document of VWO."""
    return {
        "sdkKey": "loopback-only",
        "version": 1,
        "accountId": ACCOUNT,
        "campaigns": list(campaigns),
        "campaignGroups": {},
        "groups": {},
        **more,
    }


def among(count: int, segments: dict[str, Any] | None = None) -> dict[str, Any]:
    """So many campaigns, the one that is asked for in their middle."""
    others = [
        campaign(segments, number=1000 + index, key=f"campaign-{index}")
        for index in range(count - 1)
    ]
    middle = len(others) // 2
    return document(*others[:middle], campaign(segments), *others[middle:])


def grouped() -> dict[str, Any]:
    """Two campaigns of which a user takes part in one; every user is eligible for both."""
    return document(
        campaign(),
        campaign(number=229, key="pricing"),
        campaignGroups={"228": 1, "229": 1},
        groups={"1": {"name": "one of two", "campaigns": [228, 229]}},
    )


TEXTS = {
    "country": "DE",
    "plan": "yearly",
    "browser": "Firefox 144",
    "language": "de",
    "member": "yes",
}
"""The attributes in PageSense, which compares text only."""
_PAGESENSE_CONDITIONS = (
    ("country", 1, ["DE", "AT"]),
    ("plan", 3, ["yearly and monthly"]),
    ("browser", 4, ["bot"]),
    ("language", 2, ["fr", "it"]),
    ("member", 1, ["yes"]),
)


def project(count: int = 1, *, is_targeted: bool = False) -> dict[str, Any]:
    """A settings document of PageSense with so many experiments."""
    leaves = [
        {"attribute_name": name, "operator": operator, "values": values, "type": "text"}
        for name, operator, values in _PAGESENSE_CONDITIONS
    ]
    tree = {"condition_type": 1, "conditions": [{"condition_type": 1, "conditions": leaves}]}
    names = [KEY, *(f"campaign-{index}" for index in range(count - 1))]
    return {
        "projectsettings": [
            {
                "project_key": "31",
                "project_name": "Shop",
                "project_link_name": "shop",
                "portal_name": "shop",
                "sdk_account_id": "1-US",
                "sdk_key": "loopback-only",
                "sdk_version": "1.0.0",
                "sdk_language": "Python",
                "sdk_environment": "Test",
                "audiences": [
                    _audience("all", {}),
                    _audience("five", tree),
                ],
                "goals": [{"goal_name": GOAL, "goal_link_name": GOAL, "goal_type": 10}],
                "experiments": [
                    _pagesense_experiment(name, number, "five" if is_targeted else "all")
                    for number, name in enumerate(names)
                ],
            }
        ]
    }


def _audience(name: str, tree: dict[str, Any]) -> dict[str, Any]:
    return {
        "audience_name": name,
        "audience_link_name": name,
        "audience_condition_json": tree,
    }


def _pagesense_experiment(name: str, number: int, audience: str) -> dict[str, Any]:
    return {
        "experiment_key": f"31{number:06}",
        "experiment_name": name,
        "experiment_link_name": name,
        "experiment_type": 14,
        "experiment_status": 2,
        "permitted_traffic": 100,
        "is_development_mode": False,
        "environment_key": "test",
        "environment_name": "Test",
        "language_key": 5,
        "language_name": "Python",
        "variations": [
            {
                "variation_key": f"31{number:06}{index}",
                "variation_name": variation,
                "variation_link_name": variation,
                "traffic_distribution": 50,
                "is_original": not index,
            }
            for index, variation in enumerate(NAMES)
        ],
        "audiences": [{"audience_link_name": audience}],
        "goals": [{"goal_link_name": GOAL, "is_primary_goal": True}],
    }


def text(content: dict[str, Any]) -> str:
    """A document as JSON."""
    return json.dumps(content)
