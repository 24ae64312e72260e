"""The platform's requests: for settings, for events and for batches.

Source: VWO spec, sections 1 and 9; pinned by the requests in ``vwo/scenarios.jsonl``.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sortition._http.transport import Request
from sortition._version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sortition._engine.vwo import (
        Campaign,
        Decision,
        Goal,
        Identifier,
        Outcome,
        Settings,
        Variation,
    )
    from sortition._vwo.arguments import Revenue
    from sortition._vwo.credentials import Credentials

CLIENT_NAME: Final = "sortition"
"""The client's name on the wire."""

# Its own source, so that the service's seeded random numbers are not disturbed.
_RANDOM: Final = random.SystemRandom()
_RESERVED_PROPERTIES: Final = frozenset({"vwoMeta", "isCustomEvent"})


@dataclass(slots=True)
class Visitor:
    """The data of a user that events contain.

    Attributes:
        user_id: The user's id, which is never sent.
        user_agent: The User-Agent of the user's browser.
        ip_address: The user's IP address.
    """

    user_id: str = field(repr=False)
    user_agent: str | None = field(repr=False)
    ip_address: str | None = field(repr=False)


def settings_request(
    base_url: str, credentials: Credentials, *, is_via_webhook: bool = False
) -> Request:
    """The request for an account's settings."""
    path = "/server-side/pull" if is_via_webhook else "/server-side/settings"
    return Request(
        "GET",
        base_url + path,
        query={
            "a": credentials.account_id,
            "i": credentials.sdk_key,
            "r": _RANDOM.random(),
            "platform": "server",
            "api-version": 1,
            "sdk": CLIENT_NAME,
            "sdk-v": VERSION,
        },
        headers={"User-Agent": CLIENT_NAME},
    )


class Events:
    """Makes the requests for the account of one settings document."""

    def __init__(
        self,
        settings: Settings,
        base_url: str,
        usage: Mapping[str, int],
        encode_batch: Callable[[Sequence[bytes]], bytes],
    ) -> None:
        self._settings = settings
        prefix = settings.collection_prefix
        # Other characters must not end the path or begin a query.
        self._base_url = base_url if prefix is None else f"{base_url}/{quote(prefix)}"
        self._usage = usage
        self._batch = encode_batch

    def impression(
        self,
        visitor: Visitor,
        decision: Decision,
        custom_properties: Mapping[str, object] | None,
    ) -> Request:
        """The request for an impression: a user saw a variation."""
        campaign, variation = _arm_of(decision)
        if self._settings.is_event_arch_enabled:
            properties: dict[str, object] = {
                "id": campaign.id,
                "variation": variation.id,
                "isFirst": 1,
            }
            if custom_properties is not None:
                properties["vwoMeta"] = dict(custom_properties)
            name = "vwo_variationShown"
            return self._event(visitor, name, properties, query=self._usage)
        return self._classic(
            visitor,
            "/server-side/track-user",
            experiment_id=campaign.id,
            combination=variation.id,
            ed='{"p": "server"}',
            **self._usage,
        )

    def conversions(
        self,
        visitor: Visitor,
        goal_identifier: str,
        credited: Sequence[Outcome],
        revenue: Revenue,
        event_properties: Mapping[str, object] | None,
    ) -> list[tuple[Request, int]]:
        """The requests for a conversion: one for all campaigns, or one for each.

        Returns:
            Each request with its number of conversions, in order.
        """
        if self._settings.is_event_arch_enabled:
            if not credited:
                return []
            decisions = [one.decision for one in credited]
            properties = _conversion_properties(decisions, revenue, event_properties)
            return [(self._event(visitor, goal_identifier, properties), len(credited))]
        return [(self._classic_conversion(visitor, one, revenue), 1) for one in credited]

    def pushes(self, visitor: Visitor, dimensions: Mapping[str, str]) -> list[tuple[Request, int]]:
        """The requests for custom dimensions: one for all, or one for each.

        Returns:
            Each request with its number of dimensions.
        """
        if self._settings.is_event_arch_enabled:
            name = "vwo_syncVisitorProp"
            event = self._event(
                visitor, name, {"isCustomEvent": True}, visitor_properties=dimensions
            )
            return [(event, len(dimensions))]
        return [
            (self._classic(visitor, "/server-side/push", tags=json.dumps({"u": {key: value}})), 1)
            for key, value in dimensions.items()
        ]

    def batch(self, events: Sequence[bytes]) -> Request:
        """The request for a batch of encoded events."""
        key = self._settings.sdk_key
        return Request(
            "POST",
            f"{self._base_url}/server-side/batch-events",
            query={
                "a": self._settings.account_id,
                "sdk": CLIENT_NAME,
                "sdk-v": VERSION,
                "env": key,
                **self._usage,
            },
            headers={
                "Authorization": key or "",
                "User-Agent": CLIENT_NAME,
                "Content-Type": "application/json",
            },
            body=self._batch(events),
        )

    def _classic_conversion(self, visitor: Visitor, outcome: Outcome, revenue: Revenue) -> Request:
        campaign, variation = _arm_of(outcome.decision)
        carried = {} if outcome.revenue is None else {"r": revenue}
        return self._classic(
            visitor,
            "/server-side/track-goal",
            experiment_id=campaign.id,
            combination=variation.id,
            goal_id=_goal_of(outcome.decision).id,
            **carried,
        )

    def _classic(self, visitor: Visitor, path: str, **fields: Identifier | None) -> Request:
        return Request(
            "GET",
            self._base_url + path,
            query={
                "random": _RANDOM.random(),
                "sdk": CLIENT_NAME,
                "sdk-v": VERSION,
                "ap": "server",
                "sId": int(time.time()),
                "u": self._settings.visitor_id(visitor.user_id),
                "account_id": self._settings.account_id,
                "env": self._settings.sdk_key,
                "visitor_ua": visitor.user_agent or "",
                "visitor_ip": visitor.ip_address or "",
                **fields,
            },
            headers=_headers(visitor),
        )

    def _event(
        self,
        visitor: Visitor,
        name: str,
        properties: Mapping[str, object],
        *,
        query: Mapping[str, int] | None = None,
        visitor_properties: Mapping[str, object] | None = None,
    ) -> Request:
        settings = self._settings
        visitor_id = settings.visitor_id(visitor.user_id)
        now_s = time.time()
        now_ms = int(now_s * 1000)
        content = {
            "d": {
                "msgId": f"{visitor_id}-{now_ms}",
                "visId": visitor_id,
                "sessionId": int(now_s),
                "event": {
                    "props": {
                        "vwo_sdkName": CLIENT_NAME,
                        "vwo_sdkVersion": VERSION,
                        "vwo_envKey": settings.sdk_key,
                        **properties,
                    },
                    "name": name,
                    "time": now_ms,
                },
                "visitor": {
                    "props": {
                        "vwo_fs_environment": settings.sdk_key,
                        **(visitor_properties or {}),
                    }
                },
            }
        }
        return Request(
            "POST",
            f"{self._base_url}/events/t",
            query={
                "en": name,
                "a": settings.account_id,
                "env": settings.sdk_key,
                "eTime": now_ms,
                "random": _RANDOM.random(),
                "p": "FS",
                "visitor_ua": visitor.user_agent or "",
                "visitor_ip": visitor.ip_address or "",
                **(query or {}),
            },
            headers={"Content-Type": "application/json", **_headers(visitor)},
            body=json.dumps(content, allow_nan=False).encode(),
        )


def _arm_of(decision: Decision) -> tuple[Campaign, Variation]:
    """The campaign and the variation that a decision assigned."""
    if decision.campaign is None or decision.variation is None:
        raise ValueError("decision: it assigned no variation")
    return decision.campaign, decision.variation


def _goal_of(decision: Decision) -> Goal:
    """The goal that a decision credits."""
    if decision.goal is None:
        raise ValueError("decision: it credits no goal")
    return decision.goal


def _conversion_properties(
    decisions: Sequence[Decision],
    revenue: Revenue,
    event_properties: Mapping[str, object] | None,
) -> dict[str, object]:
    meta: dict[str, object] = {}
    metric: dict[str, list[str]] = {}
    for decision in decisions:
        campaign, goal = _arm_of(decision)[0], _goal_of(decision)
        metric[f"id_{campaign.id}"] = [f"g_{goal.id}"]
        if goal.revenue_prop and revenue:
            meta[goal.revenue_prop] = revenue
    # The caller's properties never replace those that the platform reads.
    extra = {
        name: value
        for name, value in (event_properties or {}).items()
        if name not in _RESERVED_PROPERTIES and not str(name).startswith("vwo_")
    }
    return {"vwoMeta": {"metric": metric, **meta}, "isCustomEvent": True, **extra}


def _headers(visitor: Visitor) -> dict[str, str]:
    headers = {"User-Agent": CLIENT_NAME}
    if visitor.user_agent and _is_sendable(visitor.user_agent):
        headers["X-Device-User-Agent"] = visitor.user_agent
    if visitor.ip_address and _is_sendable(visitor.ip_address):
        headers["VWO-X-Forwarded-For"] = visitor.ip_address
    return headers


def _is_sendable(value: str) -> bool:
    """Whether the value is valid in a header; the query can carry any value, so nothing is lost."""
    return value.isprintable() and value.isascii() and not value.startswith(" ")
