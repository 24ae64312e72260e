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


def arm(key: str, share: float = 50, **extra: Any) -> dict[str, Any]:
    """A variation of an experiment of PageSense."""
    return {
        "variation_key": key,
        "variation_name": f"Variation {key}",
        "variation_link_name": f"variation-{key}",
        "traffic_distribution": share,
        "is_original": False,
        **extra,
    }


def audience(link_name: str, tree: object) -> dict[str, Any]:
    return {
        "audience_name": f"Audience {link_name}",
        "audience_link_name": link_name,
        "audience_condition_json": tree,
    }


def experiment(number: int = 1, **extra: Any) -> dict[str, Any]:
    """A running A/B test for everybody, with a goal and two variations of the same share."""
    return {
        "experiment_key": f"e{number}",
        "experiment_name": f"Test {number}",
        "experiment_link_name": f"test-{number}",
        "experiment_type": 14,
        "experiment_status": 2,
        "permitted_traffic": 100,
        "is_development_mode": False,
        "environment_key": "env-key-1",
        "environment_name": "Production",
        "language_key": 5,
        "language_name": "Python",
        "variations": [arm("v1"), arm("v2")],
        "audiences": [{"audience_link_name": "all"}],
        "goals": [{"goal_link_name": "signup", "is_primary_goal": True}],
        **extra,
    }


def project(*experiments: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """A PageSense document of these experiments, or of one of the default kind."""
    project = {
        "project_key": "projkey1",
        "project_name": "Project One",
        "project_link_name": "project-one",
        "portal_name": "portal1",
        "sdk_account_id": "acct1",
        "sdk_key": "0123456789abcdef",
        "sdk_version": "1.0.0",
        "sdk_language": "Python",
        "sdk_environment": "Production",
        "audiences": [audience("all", {})],
        "goals": [{"goal_name": "Signup", "goal_link_name": "signup", "goal_type": 10}],
        "experiments": list(experiments) or [experiment()],
        **extra,
    }
    return {"projectsettings": [project]}


def mangle(document: Any, path: list[int], replacement: Any) -> Any:
    """The document with one value somewhere inside replaced."""
    if not path or not isinstance(document, dict | list) or not document:
        return replacement
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    key = keys[path[0] % len(keys)]
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[key] = mangle(document[key], path[1:], replacement)
    return copy
