"""Settings documents for tests, made of the parts that a test is about."""

from __future__ import annotations

from typing import Any


def variation(id: int, name: str, weight: float = 50, **extra: Any) -> dict[str, Any]:  # noqa: A002
    return {"id": id, "name": name, "weight": weight, **extra}


def goal(id: int, identifier: str, type: str = "CUSTOM_GOAL", **extra: Any) -> dict[str, Any]:  # noqa: A002
    return {"id": id, "identifier": identifier, "type": type, **extra}


def revenue_goal(id: int, identifier: str, **extra: Any) -> dict[str, Any]:  # noqa: A002
    return goal(id, identifier, "REVENUE_TRACKING", **extra)


def campaign(id: int = 1, key: str = "checkout", **extra: Any) -> dict[str, Any]:  # noqa: A002
    """A running A/B test for everybody, with a goal, half control and half not."""
    return {
        "id": id,
        "key": key,
        "name": f"Campaign {id}",
        "type": "VISUAL_AB",
        "status": "RUNNING",
        "percentTraffic": 100,
        "variations": [variation(1, "Control"), variation(2, "One page")],
        "goals": [goal(11, "purchase")],
        **extra,
    }


def settings(*campaigns: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """A document of these campaigns, or of one of the default kind."""
    return {
        "version": 1,
        "accountId": 604812,
        "sdkKey": "0123456789abcdef",
        "campaigns": list(campaigns) or [campaign()],
        **extra,
    }
