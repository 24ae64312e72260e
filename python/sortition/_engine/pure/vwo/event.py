"""Encodes events for a batch.

The engine encodes an event once, when it creates it. So its size is known from then on, and a retry
carries the same bytes.

Source: VWO spec, section 9; pinned by the batches in ``vwo/scenarios.jsonl``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._engine import vwo as model


@dataclass(frozen=True, slots=True)
class Visitor:
    """The user of an event, as far as the event tells of them.

    Attributes:
        id: The id that stands for the user.
        at_s: When the event happened, in seconds since 1970.
        user_agent: The User-Agent of the user's browser; empty if it is unknown.
        ip_address: The user's IP address; empty if it is unknown.
    """

    id: str
    at_s: int
    user_agent: str
    ip_address: str

    def fields(self) -> dict[str, model.Json]:
        """The fields that every event starts with."""
        return {
            "u": self.id,
            "sId": self.at_s,
            "visitor_ua": self.user_agent,
            "visitor_ip": self.ip_address,
        }


def impression(visitor: Visitor, campaign: model.Campaign, variation: model.Variation) -> str:
    """A user saw a variation."""
    return json.dumps({**visitor.fields(), "c": variation.id, "e": campaign.id, "eT": 1})


def conversion(
    visitor: Visitor,
    campaign: model.Campaign,
    variation: model.Variation,
    goal: model.Goal,
    revenue: str | None,
) -> str:
    """A user reached a goal; the revenue is JSON."""
    event = json.dumps(
        {**visitor.fields(), "c": variation.id, "e": campaign.id, "g": goal.id, "eT": 2}
    )
    return event if revenue is None else f'{event[:-1]}, "r": {revenue}}}'


def push(visitor: Visitor, key: str, value: str) -> str:
    """A user has a value of a custom dimension."""
    # JSON within JSON: the platform expects it as text.
    tags = json.dumps({"u": {key: value}})
    return json.dumps({**visitor.fields(), "t": tags, "eT": 3})


def batch(events: Sequence[bytes]) -> bytes:
    """A batch of encoded events."""
    return b'{"ev": [' + b", ".join(events) + b"]}"
